"""
Blocks: each content block, when it is finished.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from streamkit._claude.protocol.block_table import BlockTable
from streamkit._claude.protocol.content import content_of, stop_reason_told
from streamkit._claude.protocol.events import ContentBlockDelta
from streamkit._claude.protocol.progress import Progress
from streamkit._claude.protocol.reading import as_object, plain, text_of_field
from streamkit._claude.protocol.sdk_message import sdk_message
from streamkit._core.algebra import Operator, Transducer
from streamkit._core.stage import pure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from anthropic.types import ContentBlock
    from anthropic.types.beta import BetaContentBlock

    from streamkit._claude.protocol.block import Block
    from streamkit._claude.protocol.events import AnyEvent

__all__ = ["blocks"]


def blocks() -> Operator[AnyEvent, ContentBlock | BetaContentBlock]:
    """
    Each content block when it is finished, as the SDK's type: a beta type only where no other has it.

    A block is finished by its `content_block_stop`, or else by another block at its index or the end of its
    message: the stop reason or `message_stop`. That of a tool without input is finished by what follows it. A
    block that the end of the stream cuts is not handed on. What the SDK has no type for comes
    as an object with the same fields.

    In the diagram each character of the upper line is an event: `T` begins a block and `E` ends it.

        MTa-bE-DS|
        blocks()
        -----A---|

        A = TextBlock(type="text", text="ab")

    Emits: each finished block, in the order in which they finish.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream, or with a `GrammarError` where a message begins inside another.
    Cancels: at once.
    Memory: the open blocks, and one message's calls.
    """
    return Operator(pure("blocks", Blocks))


class Blocks(Transducer[Any, Any]):
    takes: ClassVar[str] = "events"
    gives: ClassVar[str] = "content blocks"
    passes_restarts = False
    memory = "the open blocks, and one message's calls"

    def __init__(self) -> None:
        self.reset()

    def feed(self, item: Any) -> Iterable[Any]:
        kind = item.type
        if kind == "content_block_delta":
            self._add(item)
            return ()
        if not self.progress.follow(item):
            return ()
        match kind:
            case "content_block_start":
                fields = as_object(plain(getattr(item, "content_block", None))) or {}
                return self._finished(self.table.begin(item, fields)[1])
            case "content_block_stop":
                return self._finished(self.table.close(item))
            case "message_start":
                return self._begin_message(item)
            case "message_delta":
                return self._stop(item)
            case "message_stop":
                return self._finished(self.table.end())
            case _:
                return ()

    def reset(self) -> None:
        self.progress: Progress = Progress()
        self.table: BlockTable = BlockTable(forgets=True)

    def _add(self, event: Any) -> None:
        # Nearly all deltas are pieces of text for a block that is open.
        if (
            event.__class__ is ContentBlockDelta
            and (block := self.table.by_index.get(event.index)) is not None
        ):
            delta = event.delta
            if (piece := block.pieces.get(delta.__class__)) is not None:
                if not block.ended:
                    block.texts[piece[1]].write(getattr(delta, piece[0]))
                return
        block = self.table.find(event)
        if block is not None and not block.ended:
            block.add(event.delta)

    def _begin_message(self, event: Any) -> Iterable[Any]:
        message: object = getattr(event, "message", None)
        self.table = BlockTable(forgets=True, message_id=text_of_field(message, "id"))
        ended: list[Block] = []
        for index, block in enumerate(content_of(message)):
            ended += self.table.take_whole(index, as_object(plain(block)) or {})[1]
        return [*self._finished(ended), *self._stop(event)]

    def _stop(self, event: Any) -> Iterable[Any]:
        return self._finished(self.table.end()) if stop_reason_told(event) else ()

    def _finished(self, blocks: Iterable[Block]) -> Iterable[Any]:
        for block in sorted(blocks, key=lambda block: block.index):
            if not (block.repeats or (block.stray and block.is_blank)):
                yield sdk_message({**_SHELL, "content": [block.to_dict()]}).content[0]


# The SDK's type of a block is decided inside a message, which must be a valid one.
_SHELL: dict[str, Any] = {
    "id": "",
    "type": "message",
    "role": "assistant",
    "model": "",
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 0, "output_tokens": 0},
}
