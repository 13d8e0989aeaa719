"""
The source that plays a recorded stream from a file.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, overload

from anyio import sleep

from streamkit._claude.sources.cassette import has_kept_events, has_restarts, parse_recording, read_recording
from streamkit._claude.sources.from_sse import DecodedChunks
from streamkit._claude.sources.kept_events import played
from streamkit._core.algebra import Stream
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.naming import call_text
from streamkit._core.source import Opened, Source

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from os import PathLike

    from streamkit._claude.protocol.events import Event
    from streamkit._core.runtime.context import Context

__all__ = ["replay"]


class KeepsRuns(Protocol):
    """
    A hub, which can play its runs again.
    """

    def replay(self, id: str, /, *, speed: float | None = None) -> Stream[Any]:  # noqa: A002 -- the word for it
        """
        What a run has published.
        """
        ...


@overload
def replay(path: str | PathLike[str], *, speed: float | None = None) -> Stream[Event]: ...
@overload
def replay(*, hub: KeepsRuns, id: str, speed: float | None = None) -> Stream[Any]: ...
@keyword_hints
def replay(
    path: str | PathLike[str] | None = None,
    *,
    hub: KeepsRuns | None = None,
    id: str | None = None,  # noqa: A002 -- the hub's word for it
    speed: float | None = None,
) -> Stream[Any]:
    """
    A recorded stream: a cassette, with its timing, the raw body of a response, the events that `sinks.jsonl` has kept, or a run
    of a hub.

    A cassette is what `streamkit.testing.record` writes, as lines of JSON:

    * a head, `{"streamkit": "cassette", "version": 1}`, which may tell more about the request and the response;
    * for each network read `{"at": seconds, "data": "…"}`, counted from the request; where the bytes are not UTF-8 by
      themselves, because a character is cut, `{"at": seconds, "base64": "…"}`;
    * at the end `{"at": seconds, "end": "closed"}`, or `"dropped"` where the connection broke. Without this line the body
      ends with its last read.

    Unknown fields are ignored.

    A run of a hub is what its writer has published, item by item, with its timing; `hub.replay` says more of it.

    Args:
        path: The file.
        hub: In place of a file, the hub that keeps the run.
        id: The run's id.
        speed: 1.0 plays at the recorded pace, 2.0 twice as fast; None as fast as it can be read. A raw body and kept
            events have no timing: they are played 20 ms apart.

    Raises:
        TypeError: Neither a file nor a run is given, or both are.
        FileNotFoundError: The file does not exist.
        IsADirectoryError: `path` is a directory.
        ValueError: `speed` is not above 0.
        StreamError: While running, the recording is not a whole message; where the connection broke, with the type
            `"transport"`. A `GrammarError`, if the file is not a cassette, names the line.

    Emits: each event, in order. Where the stream that was kept had started over, `Restarted`.
    Backpressure: as `from_sse`; a slow consumer delays what follows.
    Completes: with the recording.
    Fails: with a `StreamError`, after everything that was recorded.
    Cancels: at once.
    Memory: the file.
    """
    if path is None or hub is not None or id is not None:
        return _run_of(path, hub, id, speed)
    file = Path(path)
    if file.is_dir():
        raise IsADirectoryError(f"replay() plays a file, and {str(file)!r} is a directory")
    if not file.is_file():
        raise FileNotFoundError(f"replay() found no file at {str(file)!r}")
    if speed is not None and not 0 < speed < float("inf"):
        raise ValueError(f"replay(speed=…) must be above 0, or None for as fast as possible, not {speed!r}")
    return Stream(_Replay(file, speed))


def _run_of(path: object, hub: KeepsRuns | None, run: str | None, speed: float | None) -> Stream[Any]:
    if path is not None or hub is None or run is None:
        raise TypeError(
            'replay() plays a file, as in replay("run.jsonl"), or a run: replay(hub=hub, id="chat-42")'
        )
    return hub.replay(run, speed=speed)


class _Replay(Source):
    memory = "the file, and the messages' text for the outcome"

    def __init__(self, path: Path, speed: float | None) -> None:
        self._path = path
        self._speed = speed
        # It must be known before the file is opened for a run, because stages that would hide it are refused then.
        self.restarts: bool = has_restarts(read_recording(path))

    def __repr__(self) -> str:
        return call_text("replay", str(self._path), **({} if self._speed is None else {"speed": self._speed}))

    def open(self, context: Context) -> Opened:
        # The file is read at once and not in a thread, because virtual time does not wait for threads.
        data = read_recording(self._path)
        decode = partial(played, restarts=context.restarts) if has_kept_events(data) else None
        return Opened("batched", DecodedChunks(self._chunks(data), context, decode))

    async def _chunks(self, data: bytes) -> AsyncIterator[bytes]:
        played = 0.0
        for at, chunk, end in parse_recording(data):
            if self._speed is not None and at > played:
                await sleep((at - played) / self._speed)
                played = at
            if end == "dropped":
                raise ConnectionError("the connection broke when this was recorded")
            if end is None:
                yield chunk
