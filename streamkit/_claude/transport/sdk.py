"""
What streamkit needs of the anthropic SDK beyond its public calls. This is the one file that touches its private parts.
"""

from __future__ import annotations

from contextlib import suppress
from copy import copy
from functools import lru_cache
from types import FunctionType, MappingProxyType, MethodType
from typing import TYPE_CHECKING, Any, Literal, Protocol

from streamkit._claude.protocol.error_forms import is_error, read_error
from streamkit._claude.protocol.events import READER, to_dict
from streamkit._claude.protocol.kinds import MADE_UP, MADE_UP_FIELDS
from streamkit._claude.protocol.reading import as_object
from streamkit._core.errors import StreamError
from streamkit._core.naming import did_you_mean, signature_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from streamkit._claude.protocol.events import Event
    from streamkit._claude.protocol.oddities import Oddities

__all__ = [
    "Tracing",
    "check_accepts",
    "could_not_convert",
    "from_sdk_event",
    "is_asynchronous",
    "is_plain_sse",
    "under_helpers",
    "without_retries",
]

_FOR_THE_SPAN = frozenset({"message_start", "content_block_start", "message_delta", "message_stop"})


class _Observer(Protocol):
    def begin(self) -> None: ...
    def item(self, item: object, /) -> None: ...
    def end(self, how: Literal["read", "closed", "failed"], error: BaseException | None = None) -> None: ...


class Tracing:
    """
    Tells the SDK's own span of the call what its `AsyncStream` would have told it.

    The SDK makes one client span for each call and completes it while its stream is read. Code that reads the bytes instead
    has to report the structural events: otherwise the span ends without usage, stop reason and time to first chunk.
    """

    __slots__ = ("_content", "_observer", "_stream")

    def __init__(self, stream: Any) -> None:
        body = getattr(stream.response, "stream", None)
        self._observer: _Observer | None = getattr(body, "stream_observer", None)
        self._stream: Any = None if self._observer is None else stream
        self._content = False

    def begin(self) -> None:
        """
        Report that the body is going to be read.
        """
        if self._observer is not None:
            self._observer.begin()

    def events(self, events: Iterable[Event]) -> None:
        """
        Report events that have arrived.
        """
        if self._observer is None:
            return
        for event in events:
            if event.type in _FOR_THE_SPAN:
                # The SDK's own stream fails where the span cannot read what has come. Here the span goes without it.
                with suppress(AttributeError, TypeError, ValueError, LookupError, RuntimeError):
                    self._observer.item(self._sdk_event(event))
            elif event.type == "content_block_delta" and not self._content:
                self._content = True  # the span only wants to know when the first one came
                self._observer.item({"type": event.type})

    def end(self, error: StreamError | None) -> None:
        """
        Report that the body has been read to its end, or has failed.
        """
        if self._observer is None:
            return
        if error is None:
            self._observer.end("read")
        else:
            self._observer.end("failed", self._sdk_error(error))

    def _sdk_event(self, event: Event) -> object:
        stream = self._stream
        made: object = stream._client._process_response_data(
            data=to_dict(event), cast_to=stream._cast_to, response=stream.response
        )
        return made

    def _sdk_error(self, error: StreamError) -> Exception:
        if type(error) is not StreamError or error.type == "unknown_error":
            return error  # the API has no name for it
        import anthropic

        body = {"type": "error", "error": {"type": error.type}}
        return anthropic.APIStatusError(str(error), response=self._stream.response, body=body)


def from_sdk_event(item: Any, oddities: Oddities) -> Event | None:
    """
    The event of the wire that one of the SDK's events stands for; None for those that its stream helpers make up, and where the
    JSON that it was made of is not an event.

    Args:
        item: What the SDK gives.
        oddities: Where to count what does not fit.

    Raises:
        StreamError: It is JSON without a type that says an error.
    """
    kind: object = getattr(item, "type", None)
    if not isinstance(kind, str):
        if is_error(untyped := _fields_of(item)):
            raise read_error(untyped)
        oddities.count("skipped_frame")
        return None
    if kind in MADE_UP:
        return None
    fields = to_dict(item)
    if kind in MADE_UP_FIELDS:
        fields.pop(MADE_UP_FIELDS[kind], None)
    return READER.convert(fields, oddities.count)


def could_not_convert(error: RuntimeError) -> bool:
    """
    Whether this is how the SDK fails to make an event of some JSON: of one with a field that it takes for a parameter of its own.
    """
    return str(error).startswith("Could not convert data")


def _fields_of(item: Any) -> dict[str, Any]:
    """
    The fields of something without a type; none if it is not a JSON object.
    """
    with suppress(AttributeError, TypeError, ValueError):
        return as_object(to_dict(item)) or {}
    return {}


def is_plain_sse(stream: Any) -> bool:
    """
    Whether the stream does nothing but decode server-sent events, and has not begun.

    Helpers do more than that. Bedrock's InvokeModel has a framing of its own, which its client decodes.
    """
    from anthropic._streaming import AsyncStream, SSEDecoder

    if type(stream) is not AsyncStream or "_iterator" in vars(stream):
        return False
    return isinstance(stream._decoder, SSEDecoder)  # pyright: ignore[reportPrivateUsage]


def under_helpers(stream: Any) -> AsyncIterator[object] | None:
    """
    What one of the SDK's streams reads from, or None. Reading on there calls no tool and adds to no message, unlike the
    stream itself.
    """
    found: AsyncIterator[object] | None = getattr(getattr(stream, "_raw_stream", stream), "_iterator", None)
    return found


def is_asynchronous(client: Any) -> bool:
    """
    Whether a client of the SDK is an asynchronous one, on whatever platform.
    """
    from anthropic.resources import Messages

    return not isinstance(client.messages, Messages)


def without_retries(api: Any) -> Any:
    """
    A copy of `client.messages` whose requests the SDK does not repeat. It works through the same client.

    What is not a resource of the SDK, such as a stand-in, is returned as it is.
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


def check_accepts(name: str, method: Any, params: Mapping[str, Any], own: Iterable[str] = ()) -> None:
    """
    Check the parameters of a call to `create` before it is made.

    Args:
        name: The function that was given them.
        method: The method of the SDK.
        params: The parameters.
        own: What the function takes itself, to be named where a parameter is near one of these.

    Raises:
        TypeError: A parameter is unknown, or one that every message needs is missing.
    """
    _refuse_unknown(name, method, params, own)
    missing = [param for param in ("model", "max_tokens", "messages") if param not in params]
    if missing:
        raise TypeError(f"{name}() needs {', '.join(f'{param}=' for param in missing)}")


def _refuse_unknown(called: str, method: Any, params: Mapping[str, Any], own: Iterable[str]) -> None:
    # Reading a signature takes a third of what a request costs here, and the SDK's own functions do not change.
    is_plain = type(method) is MethodType and type(method.__func__) is FunctionType
    known = _parameters_once(method.__func__) if is_plain else _parameters(method)
    if known is None:
        return
    for name in params:
        if name not in known:
            raise TypeError(
                f"{called}(): client.messages.create() got an unexpected keyword argument {name!r}"
                f"{did_you_mean(name, [*own, *known])}"
            )


def _parameters(function: Any) -> tuple[str, ...] | None:
    """
    The names of a function's parameters; None where it takes any, or does not tell.
    """
    try:
        parameters = signature_of(function).parameters
    except ValueError:  # a stand-in without a signature
        return None
    takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    return None if takes_any else tuple(parameters)


_parameters_once = lru_cache(maxsize=16)(_parameters)
