"""
The source that decodes server-sent events from bytes.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any

from streamkit._claude.protocol.record import Record
from streamkit._claude.protocol.splicing import Opening, taken_over
from streamkit._claude.protocol.sse import EventDecoder
from streamkit._claude.transport.failures import broken_connection, connection_failures
from streamkit._core.algebra import Stream
from streamkit._core.naming import value_text
from streamkit._core.runtime.chain import Chain
from streamkit._core.source import IterableSource, Opened, Source, one_by_one

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from streamkit._claude.protocol.events import Event
    from streamkit._core.runtime.context import Context

    _Decode = Callable[[AsyncIterator[bytes], Record], AsyncGenerator[list[Any], None]]

__all__ = ["DecodedChunks", "from_sse"]


def from_sse(
    chunks: bytes
    | bytearray
    | memoryview
    | AsyncIterable[bytes]
    | Iterable[bytes]
    | Callable[[], AsyncIterable[bytes] | Iterable[bytes]],
    /,
) -> Stream[Event]:
    """
    The events of a response body, given as bytes cut anywhere.

    Args:
        chunks: Bytes, an iterable of bytes, asynchronous or not, or a function without arguments that makes one.

    Raises:
        TypeError: `chunks` cannot be iterated; while running, a chunk is not bytes.
        RuntimeError: While running, an iterator is opened a second time.
        StreamError: While running, the body is not a whole message.

    Emits: each event, in order, unknown ones too. Those before the first content of the first message are held until it comes,
        because another message may still take its place.
    Backpressure: takes a chunk when asked for events.
    Completes: with the bytes, if the last message is complete.
    Fails: with a `StreamError`, after everything that has arrived; with the error of `chunks`.
    Cancels: at once, closing `chunks`.
    Memory: the frame begun, at most 64 MiB; the outcome keeps the text of the messages.
    """
    if isinstance(chunks, str):
        raise TypeError("from_sse() takes bytes, and got str: encode it")
    if not (callable(chunks) or isinstance(chunks, AsyncIterable | Iterable)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"from_sse() takes the bytes of a response, as bytes or an iterable of them, not {type(chunks).__name__}: for a "
            "stream of the SDK write from_sdk(…)"
        )
    return Stream(_SseSource(bytes(chunks) if isinstance(chunks, bytearray | memoryview) else chunks))


class _SseSource(Source):
    memory = "the frame begun, and the messages' text for the outcome"

    def __init__(self, chunks: Any) -> None:
        self._text = f"from_sse({'<bytes>' if isinstance(chunks, bytes) else value_text(chunks)})"
        self._chunks = IterableSource([chunks] if isinstance(chunks, bytes) else chunks)
        self.repeatable: bool = self._chunks.repeatable

    def __repr__(self) -> str:
        return self._text

    def open(self, context: Context) -> Opened:
        opened = self._chunks.open(context)
        chunks = one_by_one(opened.iterator) if opened.feed == "sync" else opened.iterator
        return Opened("batched", DecodedChunks(chunks, context))


class DecodedChunks:
    """
    The events in chunks of bytes, for one run. The chunks are closed at its end even if they were never read.

    Args:
        chunks: The bytes, cut anywhere.
        context: The run, whose outcome gets what has arrived.
        decode: What reads them, for the record; by default as the body of a response.
    """

    def __init__(self, chunks: AsyncIterator[bytes], context: Context, decode: _Decode | None = None) -> None:
        record = Record()
        context.contribute(record)
        self._record = record
        self._run_id = context.run_id
        self._chunks = Chain(chunks)
        self._batches = (decode or _decoded)(chunks, record)

    def __aiter__(self) -> AsyncIterator[list[Event]]:
        return self._batches

    async def aclose(self) -> None:
        """
        Close the decoding and then the chunks, each once.
        """
        await self._batches.aclose()
        self._record.log_oddities(self._run_id)
        await self._chunks.aclose()


async def _decoded(chunks: AsyncIterator[bytes], record: Record) -> AsyncGenerator[list[Event], None]:
    decoder = EventDecoder(oddities=record.oddities)
    opening = Opening()
    broken = None
    try:
        async for chunk in chunks:
            if not isinstance(chunk, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"from_sse() takes chunks of bytes, and got {type(chunk).__name__}")
            events = decoder.feed(chunk)
            record.add(events)
            yield events if opening.over else opening.admit(events)
            if decoder.over:
                while decoder.spliced:
                    opening = taken_over(opening, record)
                    events = decoder.read_on()
                    record.add(events)
                    yield opening.admit(events)
                if decoder.error is not None:
                    break
    except connection_failures() as error:
        broken = broken_connection(error)
    except Exception:
        if held := opening.withheld():
            yield held
        raise
    rest = opening.withheld()
    if whole := decoder.end(broken):
        record.add([*whole])
        rest += whole
    if rest:
        yield rest
    if decoder.error is not None:
        raise record.completed(decoder.error)
