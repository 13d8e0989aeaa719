"""
Framing: how a run is written as the bytes of a response.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from streamkit._operators.time.heartbeat import heartbeat
from streamkit._serving.http_status import is_bug

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from streamkit._core.algebra import Stream
    from streamkit._core.outcome import Outcome

__all__ = ["Framing", "frames"]

_SILENCE: Any = object()


class Framing(ABC):
    """
    Writes one run. Each run has an instance of its own, so it may keep state. What a method gives may be several frames, or
    empty.

    Attributes:
        media_type: The content type of the response.
        headers: Further headers, with names in lower case.
        keep_alive: What is sent where nothing comes for a while.
    """

    media_type: ClassVar[str] = "text/event-stream; charset=utf-8"
    headers: ClassVar[Mapping[str, str]] = {}
    keep_alive: ClassVar[bytes] = b": keep-alive\n\n"

    def begin(self) -> bytes:
        """
        What comes first.
        """
        return b""

    @abstractmethod
    def item(self, item: Any) -> bytes:
        """
        An item of the run.
        """

    @abstractmethod
    def end(self, outcome: Outcome) -> bytes:
        """
        What comes last, where the run has not failed; it may have been stopped.
        """

    @abstractmethod
    def failure(self, error: Exception, outcome: Outcome) -> bytes:
        """
        What comes last, where the run has failed.
        """


async def frames(stream: Stream[Any], framing: Framing, silence: float | None) -> AsyncGenerator[bytes, None]:
    """
    A run as bytes, for whatever reads an async generator. An error of the stream is the last frame.

    Args:
        stream: What to run.
        framing: How it is written.
        silence: Seconds without an item after which to keep the connection alive; None for never.

    Raises:
        Exception: A bug of this program, after the frame that tells of it.
    """
    beating = stream if silence is None else stream | heartbeat(silence, _SILENCE)
    run = beating.open()
    try:
        async with run:
            if first := framing.begin():
                yield first  # noqa: ASYNC119 -- a run in a generator may be left anywhere
            async for item in run:
                # Nothing empty: some frameworks end a response with it.
                if frame := framing.keep_alive if item is _SILENCE else framing.item(item):
                    yield frame  # noqa: ASYNC119
    except Exception as error:
        if run.outcome.kind == "cancelled":  # somebody has stopped what is shown
            yield framing.end(run.outcome)
            return
        yield framing.failure(error, run.outcome)
        if is_bug(error):
            raise
    else:
        yield framing.end(run.outcome)
