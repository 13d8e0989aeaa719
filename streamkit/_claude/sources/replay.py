"""
Bytes that were kept: a response's body, a recorded file.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyio import sleep

from streamkit._claude.protocol.record import Record
from streamkit._claude.protocol.sse import EventDecoder
from streamkit._claude.sources.cassette import recorded
from streamkit._claude.transport.sdk import broken_connection, connection_failures
from streamkit._core.naming import call_text, value_text
from streamkit._core.runtime.chain import Chain
from streamkit._core.source import IterableSource, Opened, Source, one_by_one
from streamkit._core.stream import Stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from os import PathLike

    from streamkit._claude.protocol.events import Event
    from streamkit._core.runtime.context import Context

__all__ = ["from_sse", "replay"]


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
        StreamError: While running, the body is no whole message.

    Emits: each event, in order, unknown ones too.
    Backpressure: takes a chunk when asked for events.
    Completes: with the bytes, if the last message is complete.
    Fails: with a `StreamError`, after everything that has arrived; with the error of `chunks`.
    Cancels: at once, closing `chunks`.
    Memory: the frame begun, at most 64 MiB; the outcome keeps the text of the messages.
    """
    if isinstance(chunks, str):
        raise TypeError("from_sse() takes bytes, and got str: encode it")
    return Stream(_Sse(bytes(chunks) if isinstance(chunks, bytearray | memoryview) else chunks))


class _Sse(Source):
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
        return Opened("batched", _Reading(chunks, context))


def replay(path: str | PathLike[str], *, speed: float | None = None) -> Stream[Event]:
    """
    A recorded stream: a cassette, with its timing, the raw body of a response, or the events that `sinks.jsonl` has kept.

    A cassette is what `streamkit.testing.record` writes, as lines of JSON:

    * a head, `{"streamkit": "cassette", "version": 1}`, which may tell more about the request and the response;
    * for each network read `{"at": seconds, "data": "…"}`, counted from the request; where the bytes are no UTF-8 by
      themselves, because a character is cut, `{"at": seconds, "base64": "…"}`;
    * at the end `{"at": seconds, "end": "closed"}`, or `"dropped"` where the connection broke. Without this line the body
      ends with its last read.

    Fields that are not known are passed over.

    Args:
        path: The file.
        speed: 1.0 plays at the recorded pace, 2.0 twice as fast; None as fast as it can be read. A raw body and kept
            events have no timing: they are played 20 ms apart.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: `speed` is not above 0.
        StreamError: While running, the recording is no whole message; where the connection broke, with the type
            `"transport"`. A `GrammarError`, if it is no cassette, names the line.

    Emits: each event, in order.
    Backpressure: as `from_sse`; a slow consumer delays what follows.
    Completes: with the recording.
    Fails: with a `StreamError`, after everything that was recorded.
    Cancels: at once.
    Memory: the file.
    """
    file = Path(path)
    if file.is_dir():
        raise IsADirectoryError(f"replay() plays a file, and {str(file)!r} is a directory")
    if not file.is_file():
        raise FileNotFoundError(f"replay() found no file at {str(file)!r}")
    if speed is not None and not 0 < speed < float("inf"):
        raise ValueError(f"replay(speed=…) must be above 0, or None for as fast as possible, not {speed!r}")
    return Stream(_Replay(file, speed))


class _Replay(Source):
    memory = "the file, and the messages' text for the outcome"

    def __init__(self, path: Path, speed: float | None) -> None:
        self._path = path
        self._speed = speed

    def __repr__(self) -> str:
        return call_text("replay", str(self._path), **({} if self._speed is None else {"speed": self._speed}))

    def open(self, context: Context) -> Opened:
        # At once and not in a thread, for which virtual time does not wait.
        return Opened("batched", _Reading(self._chunks(self._path.read_bytes()), context))

    async def _chunks(self, data: bytes) -> AsyncIterator[bytes]:
        played = 0.0
        for at, chunk, end in recorded(data):
            if self._speed is not None and at > played:
                await sleep((at - played) / self._speed)
                played = at
            if end == "dropped":
                raise ConnectionError("the connection broke when this was recorded")
            if end is None:
                yield chunk


class _Reading:
    """
    The chunks as events, in one run; they are closed at its end even if they were never read.
    """

    def __init__(self, chunks: AsyncIterator[bytes], context: Context) -> None:
        record = Record()
        context.contribute(record)
        self._chunks = Chain(chunks)
        self._batches = _batches(chunks, record)

    def __aiter__(self) -> AsyncIterator[list[Event]]:
        return self._batches

    async def aclose(self) -> None:
        await self._batches.aclose()
        await self._chunks.aclose()


async def _batches(chunks: AsyncIterator[bytes], record: Record) -> AsyncGenerator[list[Event], None]:
    decoder = EventDecoder()
    broken = None
    try:
        async for chunk in chunks:
            if not isinstance(chunk, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"from_sse() takes chunks of bytes, and got {type(chunk).__name__}")
            events = decoder.feed(chunk)
            record.add(events)
            yield events
            if decoder.error is not None:
                break
    except connection_failures() as error:
        broken = broken_connection(error)
    decoder.end(broken)
    if decoder.error is not None:
        raise record.completed(decoder.error)
