"""
How the end of a run is told to strangers, such as the visitors of a web page.

An error's own message may quote what a model or a user has said, a key, or an address inside: none of it is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._core.adapters import adapter_of
from streamkit._core.errors import StreamError
from streamkit._core.foreign_objects import attribute_of
from streamkit._core.json_text import JSONText
from streamkit._core.log import error_fields
from streamkit._serving.bad_request import BadRequest
from streamkit._serving.http_status import http_status

if TYPE_CHECKING:
    from streamkit._core.outcome import Outcome

__all__ = ["describe_end", "describe_error", "json_for"]

_OWN_FAULTS = {401, 402, 403}
"""Statuses of upstream that speak of this program's key and account."""

_TYPES = {
    400: "invalid_request_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}

_MESSAGES = {
    400: "the request was refused as invalid",
    409: "this is another answer than before: load it from the beginning",
    410: "this answer is not there any more",
    413: "the request is too large",
    429: "there are too many requests at the moment: try again later",
    500: "something went wrong",
    502: "the service that answers has failed",
    503: "the service that answers is overloaded at the moment: try again later",
    504: "the answer took too long",
}


def describe_end(outcome: Outcome) -> dict[str, Any]:
    """
    How a run has ended, as plain JSON objects: `kind`, `stop_reason` and `usage`. The last two are None where no source of the
    run knows of them.
    """
    usage = getattr(outcome, "usage", None)
    return {
        "kind": outcome.kind,
        "stop_reason": getattr(outcome, "stop_reason", None),
        "usage": None if usage is None else usage.to_dict(),
    }


def describe_error(error: BaseException) -> dict[str, Any]:
    """
    What may be told of an error: `type`, which is the API's own word or one of streamkit's, `retriable`, and a `message` in
    words that do not depend on what was said.
    """
    return {
        "type": _type_of(error),
        "retriable": _may_pass(error),
        "message": str(error) if isinstance(error, BadRequest) else _MESSAGES[http_status(error).code],
    }


def json_for(writer: str) -> JSONText:
    """
    Items as JSON for a client, in which errors are described as above.

    Args:
        writer: What writes them, for errors.
    """
    return JSONText(writer, describe_error)


def _type_of(error: BaseException) -> str:
    code = http_status(error).code
    if code == 500:
        return "internal_error"
    if attribute_of(error, "status_code") in _OWN_FAULTS:
        return "upstream_error"
    word = error_fields(error).get("error_type")
    if isinstance(word, str):
        return word
    return _TYPES.get(code, "upstream_error")


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, StreamError):
        return error.retriable
    if isinstance(error, TimeoutError | ConnectionError):
        return True
    adapter = adapter_of(error)
    advice = adapter.retry_advice(error) if adapter is not None and isinstance(error, Exception) else None
    return advice is not None and advice.retriable
