"""
The anthropic SDK, as far as streamkit leans on more than its public calls. Nothing else touches its private parts.
"""

from __future__ import annotations

import inspect
import sys
from copy import copy
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from streamkit._claude.protocol.errors import GrammarError, StreamStalled, StreamTruncated, from_error_event
from streamkit._claude.protocol.events import from_dict, to_dict
from streamkit._core.errors import StreamError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from streamkit._claude.protocol.events import Event

__all__ = [
    "MADE_UP",
    "MADE_UP_FIELDS",
    "Tracing",
    "accepts",
    "as_stream_error",
    "broken_connection",
    "connection_failures",
    "from_sdk_event",
    "is_asynchronous",
    "is_plain_sse",
    "stream_failures",
    "translated",
    "under_helpers",
    "without_retries",
]

# What `messages.stream()` says besides the wire's events, which would double every token, and adds to two of them.
MADE_UP = frozenset({"text", "citation", "thinking", "signature", "input_json", "compaction"})
MADE_UP_FIELDS = {"content_block_stop": "content_block", "message_stop": "message"}

_FOR_THE_SPAN = frozenset({"message_start", "content_block_start", "message_delta", "message_stop"})


class _Observer(Protocol):
    def begin(self) -> None: ...
    def item(self, item: object, /) -> None: ...
    def end(self, how: Literal["read", "closed", "failed"], error: BaseException | None = None) -> None: ...


class Tracing:
    """
    Tells the SDK's own span of the call what its `AsyncStream` would have told it.

    The SDK makes one client span for each call and completes it while its stream is read. Whoever reads the bytes instead
    has to report the structural events, or the span ends without usage, stop reason and time to first chunk.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        body = getattr(stream.response, "stream", None)
        self._observer: _Observer | None = getattr(body, "stream_observer", None)
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
                self._observer.item(self._as_the_sdk_has_it(event))
            elif event.type == "content_block_delta" and not self._content:
                self._content = True  # only when the first one comes is of interest
                self._observer.item({"type": event.type})

    def end(self, error: StreamError | None) -> None:
        """
        The body has been read to its end, or has failed.
        """
        if self._observer is None:
            return
        if error is None:
            self._observer.end("read")
        else:
            self._observer.end("failed", self._as_the_sdk_says(error))

    def _as_the_sdk_has_it(self, event: Event) -> object:
        stream = self._stream
        made: object = stream._client._process_response_data(
            data=to_dict(event), cast_to=stream._cast_to, response=stream.response
        )
        return made

    def _as_the_sdk_says(self, error: StreamError) -> Exception:
        if type(error) is not StreamError or error.type == "unknown_error":
            return error  # not one that the API has a name for
        import anthropic

        body = {"type": "error", "error": {"type": error.type}}
        return anthropic.APIStatusError(str(error), response=self._stream.response, body=body)


def from_sdk_event(item: Any) -> Event | None:
    """
    The event of the wire that one of the SDK's stands for; None for what its stream helpers make up.

    Raises:
        GrammarError: It is none, because the JSON that it was made of is no object or has no type.
    """
    kind: object = getattr(item, "type", None)
    if not isinstance(kind, str):
        raise GrammarError(f"an event must be a JSON object with a type, not {type(item).__name__}")
    if kind in MADE_UP:
        return None
    fields = to_dict(item)
    if kind in MADE_UP_FIELDS:
        fields.pop(MADE_UP_FIELDS[kind], None)
    return from_dict(fields)


def is_plain_sse(stream: Any) -> bool:
    """
    Whether all that the stream does is to decode server-sent events, and it has not begun.

    Helpers do more. Bedrock's InvokeModel sends a framing of its own, which its client decodes.
    """
    from anthropic._streaming import AsyncStream, SSEDecoder

    if type(stream) is not AsyncStream or "_iterator" in vars(stream):
        return False
    return isinstance(stream._decoder, SSEDecoder)  # pyright: ignore[reportPrivateUsage]


def under_helpers(stream: Any) -> AsyncIterator[object] | None:
    """
    What one of the SDK's streams reads from: going on with that calls no tool and adds to no message, unlike the stream.
    """
    found: AsyncIterator[object] | None = getattr(getattr(stream, "_raw_stream", stream), "_iterator", None)
    return found


def connection_failures() -> tuple[type[Exception], ...]:
    """
    What a connection that breaks raises. Nothing is imported for it: where `httpx2` is not loaded, nothing of it is raised.
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
    made: StreamError
    if isinstance(error, httpx2.TimeoutException):
        made = StreamStalled(f"nothing arrived in time: {name}")
    elif isinstance(error, httpx2.TransportError | ConnectionError):
        made = StreamTruncated(f"the connection broke: {name}")
        made.type = "transport"
    else:
        made = StreamError(f"the response could not be read: {name}", type="transport", retriable=True)
    made.__cause__ = error
    return made


def stream_failures() -> tuple[type[Exception], ...]:
    """
    What else a stream of the SDK raises once it has begun.

    The last five are how its decoding and its helpers fail on what is no event, or fits into no message.
    """
    import anthropic

    own = (ValueError, TypeError, LookupError, AttributeError, AssertionError)
    return (StreamError, anthropic.APIError, *own)


def translated(error: Exception) -> Exception:
    """
    The `StreamError` for one of `stream_failures`; an error from before a stream stays what it is.
    """
    import anthropic

    if isinstance(error, StreamError):
        return error
    if isinstance(error, anthropic.APIError):
        if not isinstance(error, anthropic.APIStatusError) or error.status_code != 200:
            return error
        body: object = error.body  # the frame's JSON, or what it says instead
        made = from_error_event(cast("dict[str, object] | str", body) if isinstance(body, dict | str) else {})
        made.request_id = made.request_id or error.request_id
    else:
        made = GrammarError(f"the SDK could not read the stream: {type(error).__name__}")
    made.__cause__ = error
    return made


def as_stream_error(error: Exception, *, retriable: bool) -> Exception:
    """
    The `StreamError` for an error of the SDK that ends a stream which had begun, by a request to go on; others as they are.

    Args:
        error: The error.
        retriable: Whether the same request may succeed when sent again.
    """
    import anthropic

    made: StreamError
    if isinstance(error, anthropic.APITimeoutError):
        made = StreamStalled("a request to go on got no response in time")
    elif isinstance(error, anthropic.APIConnectionError):
        made = StreamError("a request to go on found no connection", type="transport", retriable=retriable)
    elif isinstance(error, anthropic.APIStatusError):
        made = StreamError(
            f"a request to go on was refused: {error.message}",
            type=error.type or "unknown_error",
            status_code=error.status_code,
            retriable=retriable,
            request_id=error.request_id,
        )
    else:
        return error
    made.__cause__ = error
    return made


def is_asynchronous(client: Any) -> bool:
    """
    Whether it is one of the SDK's asynchronous clients, of whatever platform.
    """
    from anthropic.resources import Messages

    return not isinstance(client.messages, Messages)


def without_retries(api: Any) -> Any:
    """
    The same `client.messages` whose requests the SDK does not repeat; its client goes on with all that it has and knows.

    Anything else than a resource of the SDK is given back as it is.
    """
    from anthropic._resource import AsyncAPIResource

    if not isinstance(api, AsyncAPIResource):
        return api
    post: Any = api._post  # pyright: ignore[reportPrivateUsage]

    async def post_once(path: str, *, options: Mapping[str, Any] = MappingProxyType({}), **rest: Any) -> Any:
        return await post(path, options={**options, "max_retries": 0}, **rest)

    single = copy(api)
    single._post = post_once  # pyright: ignore[reportPrivateUsage]
    return single


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
