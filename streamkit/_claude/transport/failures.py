"""
What the SDK and its HTTP client raise, and the `StreamError` that each of it becomes.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeVar, cast

from streamkit._claude.protocol.error_forms import read_error
from streamkit._claude.protocol.errors import GrammarError, StreamStalled, StreamTruncated
from streamkit._claude.protocol.retriable import can_retry, is_retriable
from streamkit._claude.transport.http_client import client_limit
from streamkit._core.errors import StreamError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "broken_connection",
    "connection_failures",
    "failed_follow_up",
    "failed_stream",
    "stream_failures",
]

E = TypeVar("E", bound=StreamError)

_BEGUN = 200
"""The HTTP status of a response whose stream has begun."""


def connection_failures() -> tuple[type[Exception], ...]:
    """
    What is raised when a connection breaks.

    Nothing is imported for it: where `httpx2` has not been loaded, nothing of it can be raised.
    """
    httpx2 = sys.modules.get("httpx2")
    return (
        (ConnectionError,) if httpx2 is None else (ConnectionError, httpx2.RequestError, httpx2.StreamError)
    )


def broken_connection(error: Exception) -> StreamError:
    """
    The `StreamError` for one of `connection_failures`.
    """
    import httpx2

    name = type(error).__name__
    if isinstance(error, httpx2.TimeoutException):
        limit, seconds = client_limit(error)
        stalled = StreamStalled(f"nothing arrived in time: {name}", limit=limit, seconds=seconds)
        return _caused_by(error, stalled)
    if isinstance(error, httpx2.TransportError | ConnectionError):
        return _caused_by(error, StreamTruncated(f"the connection broke: {name}", type="transport"))
    message = f"the response could not be read: {name}"
    return _caused_by(error, StreamError(message, type="transport", retriable=is_retriable("transport")))


def stream_failures() -> tuple[type[Exception], ...]:
    """
    What else a stream of the SDK raises once it has begun.

    The built-in exceptions among them are how its decoding and its helpers fail on data that is not an event, or that does
    not fit into a message.
    """
    import anthropic

    own = (ValueError, TypeError, LookupError, AttributeError, AssertionError)
    return (StreamError, anthropic.APIError, *own, *_amazon_failures())


def _amazon_failures() -> tuple[type[Exception], ...]:
    """
    What botocore raises, with which the SDK decodes Amazon's framing; nothing where it has not been loaded.
    """
    names = (("botocore.eventstream", "ParserError"), ("botocore.parsers", "ResponseParserError"))
    loaded = ((sys.modules.get(module), name) for module, name in names)
    return tuple(getattr(module, name) for module, name in loaded if hasattr(module, name))


def failed_stream(error: Exception) -> Exception:
    """
    The `StreamError` for one of `stream_failures`; an error from before a stream stays what it is.
    """
    import anthropic

    if isinstance(error, StreamError):
        return error
    if not isinstance(error, anthropic.APIError):
        name = type(error).__name__
        return _caused_by(error, GrammarError(f"the SDK could not read the stream: {name}"))
    if not isinstance(error, anthropic.APIStatusError) or error.status_code != _BEGUN:
        return error
    body = error.body  # the JSON of the frame, or its text where that is not JSON
    data = cast("Mapping[str, object] | str", body if isinstance(body, dict | str) else {})
    return _caused_by(error, read_error(data, request_id=error.request_id))


def failed_follow_up(error: Exception) -> Exception:
    """
    The `StreamError` for what the SDK raises for a request that follows another one; other errors as they are.

    Such a request restarts or continues an answer of which the consumer has seen something. For the consumer the stream has
    begun, so what ends it is an error of the stream.
    """
    import anthropic

    if isinstance(error, anthropic.APITimeoutError):
        limit, seconds = client_limit(error.__cause__)
        message = "a follow-up request got no response in time"
        return _caused_by(error, StreamStalled(message, limit=limit, seconds=seconds))
    if isinstance(error, anthropic.APIConnectionError):
        message = "a follow-up request could not connect"
        return _caused_by(error, StreamError(message, type="transport", retriable=can_retry(error)))
    if not isinstance(error, anthropic.APIStatusError):
        return error
    made = StreamError(
        f"a follow-up request was refused: {error.message}",
        type=error.type or "unknown_error",
        status_code=error.status_code,
        retriable=can_retry(error),
        request_id=error.request_id,
    )
    return _caused_by(error, made)


def _caused_by(cause: Exception, error: E) -> E:
    # It is returned and raised elsewhere, so that `raise … from` cannot say it.
    error.__cause__ = cause
    return error
