"""
Which HTTP status an error deserves that comes before the first byte of a response.

What is wrong with our own request, such as its key, is not the client's fault, and what has failed behind us is not ours.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from streamkit._claude.protocol.retriable import retry_after
from streamkit._core.adapters import adapter_of
from streamkit._core.errors import BufferOverflow, StreamError
from streamkit._core.foreign_objects import attribute_of, type_of
from streamkit._serving.bad_request import BadRequest

__all__ = ["HTTPStatus", "http_status", "is_bug"]

_TIMED_OUT = {"timeout_error", "stalled"}

_OF_A_RUN = {"gone": 410, "gap": 410, "diverged": 409}
"""What is wrong with a run of a hub that somebody wants to follow."""


class HTTPStatus(NamedTuple):
    """
    The status of a response, and what goes with it.

    Attributes:
        code: The status.
        retry_after: Whole seconds after which to try again, for the header `retry-after`; None if nobody has asked for a wait.
    """

    code: int
    retry_after: int | None = None


def is_bug(error: BaseException) -> bool:
    """
    Whether it is a bug of this program, which its developers want to see, and not a client's request that cannot be understood,
    or how a service behind this one fails.
    """
    if isinstance(error, BufferOverflow):
        return True
    expected = StreamError | TimeoutError | ConnectionError | BadRequest
    return not isinstance(error, expected) and adapter_of(error) is None


def http_status(error: BaseException) -> HTTPStatus:
    """
    The status for an error:

    429 where there were too many requests and 503 where the service is overloaded, both with its `retry-after`; 400 for a
    request that cannot be understood or was refused as invalid, 410 for a run of a hub that is not there any more and 409 for one
    that was begun anew, 413 for one that was too large; 504 for whatever took too long;
    502 for all else that has failed upstream, a refused key of our own too; 500 for a bug.
    """
    if is_bug(error):
        return HTTPStatus(500)
    if isinstance(error, BadRequest):
        return HTTPStatus(error.status)
    code = _code(error)
    return HTTPStatus(code, _wait(error) if code in (429, 503) else None)


def _code(error: BaseException) -> int:
    kind, status = type_of(error), attribute_of(error, "status_code")
    if kind in _OF_A_RUN:
        return _OF_A_RUN[kind]
    if kind in _TIMED_OUT or status in (408, 504) or _took_too_long(error):
        return 504
    if kind == "rate_limit_error" or status == 429:
        return 429
    if kind == "overloaded_error" or status in (503, 529):
        return 503
    if kind == "request_too_large" or status == 413:
        return 413
    if kind == "invalid_request_error" or status in (400, 422):
        return 400
    return 502


def _took_too_long(error: BaseException) -> bool:
    # By its name, because a class of the SDK would have to be imported.
    return isinstance(error, TimeoutError) or type(error).__name__ == "APITimeoutError"


def _wait(error: BaseException) -> int | None:
    for each in (error, error.__cause__):
        if isinstance(each, Exception) and (seconds := retry_after(each)) is not None:
            return math.ceil(seconds)
    return None
