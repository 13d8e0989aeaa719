"""
The anthropic SDK, as far as streamkit leans on more than its public calls. Nothing else touches its private parts.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any, Literal, Protocol

from streamkit.core.errors import StreamError

from .errors import GrammarError, StreamStalled, StreamTruncated, from_error_event, is_retriable, status_of
from .events import from_dict, to_dict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .events import Event

__all__ = ["Tracing", "accepts", "connection_failures", "from_sdk_event", "has_raw_sse", "stream_failures", "translated"]

# What `messages.stream()` says besides the wire's events, which would double every token, and adds to two of them.
_MADE_UP = frozenset({"text", "citation", "thinking", "signature", "input_json", "compaction"})
_MADE_UP_FIELDS = {"content_block_stop": "content_block", "message_stop": "message"}

_FOR_THE_SPAN = frozenset({"message_start", "content_block_start", "message_delta", "message_stop"})


class _Observer(Protocol):
    def begin(self) -> None: ...
    def item(self, item: object, /) -> None: ...
    def end(self, how: Literal["read", "closed", "failed"], error: BaseException | None = None) -> None: ...


class Tracing:
    """
    Tells the SDK's own span of the call what its `AsyncStream` would have told it.

    The SDK makes one client span for each call and completes it while its stream is read. Whoever reads the bytes instead has
    to report the structural events, or the span ends without usage, stop reason and time to first chunk.
    """

    def __init__(self, response: Any, *, beta: bool) -> None:
        self._observer: _Observer | None = getattr(getattr(response, "stream", None), "stream_observer", None)
        self._beta = beta
        self._content = False
        if self._observer is not None:
            self._observer.begin()

    def events(self, events: Iterable[Event]) -> None:
        """
        What has arrived.
        """
        if self._observer is None:
            return
        for event in events:
            if event.type in _FOR_THE_SPAN:
                self._observer.item(_sdk_event(event, beta=self._beta))
            elif event.type == "content_block_delta" and not self._content:
                self._content = True
                self._observer.item(event)

    def end(self, error: BaseException | None) -> None:
        """
        The body has been read to its end, or has failed.
        """
        if self._observer is not None:
            self._observer.end("read" if error is None else "failed", error)


def _sdk_event(event: Event, *, beta: bool) -> object:
    from anthropic import types
    from anthropic.types import beta as beta_types

    if beta:
        classes: dict[str, Any] = {
            "message_start": beta_types.BetaRawMessageStartEvent,
            "content_block_start": beta_types.BetaRawContentBlockStartEvent,
            "message_delta": beta_types.BetaRawMessageDeltaEvent,
            "message_stop": beta_types.BetaRawMessageStopEvent,
        }
    else:
        classes = {
            "message_start": types.RawMessageStartEvent,
            "content_block_start": types.RawContentBlockStartEvent,
            "message_delta": types.RawMessageDeltaEvent,
            "message_stop": types.RawMessageStopEvent,
        }
    return classes[event.type].model_construct(**to_dict(event))


def from_sdk_event(item: Any) -> Event | None:
    """
    The event of the wire that one of the SDK's stands for; None for what its stream helpers make up.
    """
    kind = item.type
    if kind in _MADE_UP:
        return None
    fields = to_dict(item)
    if kind in _MADE_UP_FIELDS:
        fields.pop(_MADE_UP_FIELDS[kind], None)
    return from_dict(fields)


def has_raw_sse(stream: Any) -> bool:
    """
    Whether the response's bytes are server-sent events. Bedrock's InvokeModel sends a framing of its own instead, which its
    client decodes.
    """
    from anthropic._streaming import AsyncStream, SSEDecoder

    return isinstance(stream, AsyncStream) and isinstance(stream._decoder, SSEDecoder)  # pyright: ignore[reportPrivateUsage]


def stream_failures() -> tuple[type[Exception], ...]:
    """
    What the SDK and its HTTP client raise once a response has begun.

    The last three are how its stream helpers fail on events that they cannot accumulate.
    """
    import anthropic

    return (*connection_failures(), anthropic.APIError, ValueError, IndexError, AssertionError)


def connection_failures() -> tuple[type[Exception], ...]:
    """
    What a connection that breaks raises. Nothing is imported for it: where `httpx2` is not loaded, nothing of it is raised.
    """
    httpx2 = sys.modules.get("httpx2")
    return (OSError,) if httpx2 is None else (OSError, httpx2.RequestError, httpx2.StreamError)


def translated(error: Exception) -> Exception:
    """
    The `StreamError` for one of `stream_failures`; an error from before a stream stays what it is.
    """
    import anthropic
    import httpx2

    if isinstance(error, httpx2.TimeoutException):
        made: StreamError = StreamStalled(f"nothing arrived in time: {type(error).__name__}")
    elif isinstance(error, httpx2.TransportError | OSError):
        made = StreamTruncated(f"the connection broke: {type(error).__name__}")
        made.type = "transport"
    elif isinstance(error, httpx2.RequestError | httpx2.StreamError):
        made = StreamError(f"the response could not be read: {type(error).__name__}", type="transport", retriable=True)
    elif isinstance(error, anthropic.APIStatusError) and error.status_code == 200:
        made = _from_status_error(error)
    elif isinstance(error, anthropic.APIError):
        return error
    else:
        made = GrammarError(f"the SDK could not accumulate the stream: {type(error).__name__}")
    made.__cause__ = error
    return made


def _from_status_error(error: Any) -> StreamError:
    body: object = error.body
    if isinstance(body, dict | str | bytes):
        made = from_error_event(body)
    else:
        made = StreamError(str(error), type="unknown_error")
    if isinstance(error.type, str) and made.type != error.type:
        made.type = error.type
        made.status_code = status_of(error.type)
        made.retriable = is_retriable(error.type)
    made.request_id = made.request_id or error.request_id
    return made


def accepts(method: Any, params: dict[str, Any]) -> None:
    """
    Check the parameters of a call before it is made.

    Raises:
        TypeError: One is unknown, or one that every message needs is missing.
    """
    missing = [name for name in ("model", "max_tokens", "messages") if name not in params]
    if missing:
        raise TypeError(f"messages() needs {', '.join(f'{name}=' for name in missing)}")
    try:
        inspect.signature(method).bind_partial(**params)
    except ValueError:
        return  # a stand-in without a signature
    except TypeError as error:
        raise TypeError(f"messages(): client.messages.create() says {error}") from None
