"""
Validate: checks that events are a legal Claude sequence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from streamkit._claude.protocol.content import blocks_in, stop_reason_told
from streamkit._claude.protocol.errors import GrammarError, StreamSpliced
from streamkit._claude.protocol.kinds import DELTAS, FILLED_BY_DELTAS
from streamkit._claude.protocol.progress import Progress
from streamkit._claude.protocol.reading import index_of, type_of
from streamkit._core.algebra import Same
from streamkit._core.items import is_restart
from streamkit._core.runtime.loop_spec import LoopSpec
from streamkit._core.stage import pure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamkit._core.runtime.context import Context


__all__ = ["validate"]

_FITS = {name: kind.fits for name, kind in DELTAS.items()}


def validate() -> Same:
    """
    The events as they are, as long as they are a legal Claude sequence.

    A message is `message_start`, its blocks one after another with indices from 0 on and without a gap, one
    or more `message_delta`, and `message_stop`. As on the wire, the last block may lack its
    `content_block_stop`, a message that has told its stop reason may lack its `message_stop`, one that is
    whole in its `message_start` has no `message_delta`, and several messages may follow one another. Pings
    and what this version does not know are legal anywhere.

    In the diagram each character of the upper line is an event: `T` begins a block, the second time inside another.

        MTa-T-b-E-DS|
        validate()
        MTa-#

    Emits: each event, unchanged.
    Backpressure: none of its own.
    Completes: with its upstream, if its last message is complete.
    Fails: with its upstream; with a `GrammarError` instead of the first event that is out of place; with
        `StreamTruncated` where the end comes inside a message, or before any.
    Cancels: at once.
    Memory: nothing.
    """
    return Same(pure("validate", Validate))


class Validate:
    """
    Where in the grammar one stream is.
    """

    takes: ClassVar[str] = "events"
    gives: ClassVar[str] = "events"

    def __init__(self) -> None:
        self.number: int = 0
        self.block: str = ""
        self.index: int | None = None
        self.reset()

    def __loop_spec__(self, name: str, context: Context | None, /) -> LoopSpec:
        return LoopSpec(name, "tap", self.check, flush=self.end, takes_restarts=True)

    def end(self) -> Iterable[Any]:
        """
        The stream has ended.

        Raises:
            StreamError: It was inside a message, or there was none.
        """
        if (failure := self.progress.failure()) is not None:
            raise failure
        return ()

    def reset(self) -> None:
        """
        The stream begins, or starts over.
        """
        self.progress: Progress = Progress()
        self._begin_message(blocks=0, ending=False)

    def _begin_message(self, *, blocks: int, ending: bool) -> None:
        self.next_index: int = blocks
        self.ending: bool = ending
        self.index = None

    def check(self, event: Any) -> None:
        """
        Take the next event.

        Raises:
            GrammarError: It is out of place.
        """
        self.number += 1
        match event.type:
            case "content_block_delta":
                try:
                    self._check_delta(event.index, event.delta.type)
                except (AttributeError, TypeError):
                    raise self._error("content_block_delta without its index or its type") from None
            case "content_block_start":
                block = getattr(event, "content_block", None)
                self._check_block_start(self._index(event), type_of(block))
            case "content_block_stop":
                index = self._index(event)
                if index != self.index:
                    raise self._error(f"content_block_stop for block {index}, which is not open")
                self.index = None
            case "message_start":
                if not self._follow(event):
                    raise self._error("message_start a second time")
                ending = bool(stop_reason_told(event))
                self._begin_message(blocks=len(blocks_in(event)), ending=ending)
            case "message_delta" | "message_stop" as kind:
                self._check_message_end(kind)
                self._follow(event)
            case _ if is_restart(event):
                self.reset()
            case _:
                pass

    def _check_message_end(self, kind: str) -> None:
        if not self.progress.open:
            raise self._error(f"{kind} outside of a message")
        if kind == "message_delta":
            self.index, self.ending = None, True
        elif not self.ending:
            raise self._error("message_stop without a message_delta before it")

    def _check_block_start(self, index: int, block: str) -> None:
        if not self.progress.open:
            raise self._error("content_block_start outside of a message")
        if self.ending:
            raise self._error("content_block_start after the message_delta that ends the message")
        if self.index is not None:
            raise self._error(f"content_block_start for block {index} while block {self.index} is open")
        if index != self.next_index:
            raise self._error(f"content_block_start for block {index} where block {self.next_index} is due")
        self.index, self.block = index, block
        self.next_index += 1

    def _check_delta(self, index: int | None, delta: str) -> None:
        if index != self.index or index is None:
            raise self._error(f"{delta} for block {index}, which is not open")
        # What fits is known only of a known delta, and only of blocks that some known delta fits.
        if self.block not in _FITS.get(delta, FILLED_BY_DELTAS) and self.block in FILLED_BY_DELTAS:
            raise self._error(f"{delta} in block {index}, which is of type {self.block}")

    def _index(self, event: Any) -> int:
        index = index_of(event)
        if index is None:
            raise self._error(f"{event.type} without the index of its block")
        return index

    def _follow(self, event: Any) -> bool:
        try:
            return self.progress.follow(event)
        except StreamSpliced as error:
            raise StreamSpliced(f"event {self.number}: {error}") from None

    def _error(self, reason: str) -> GrammarError:
        return GrammarError(f"event {self.number}: {reason}")
