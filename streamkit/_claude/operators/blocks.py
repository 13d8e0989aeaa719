"""
Blocks: each content block, when it is finished.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._claude.protocol.message import MessageBuilder
from streamkit._claude.protocol.progress import Progress
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

    A block is finished by its `content_block_stop`, or else by the end of its message: the stop reason or
    `message_stop`. A block that the end of the stream cuts is not handed on. What the SDK has no type for comes
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
    Memory: the message so far.
    """
    return Operator(pure("blocks", Blocks))


class Blocks(Transducer[Any, Any]):
    passes_restarts = False
    memory = "the message so far"

    def __init__(self) -> None:
        self.reset()

    def feed(self, item: Any) -> Iterable[Any]:
        kind = item.type
        if kind == "content_block_delta":
            self.message.add(item)
            return ()
        if not self.progress.follow(item):
            return ()
        if kind == "message_start":
            self._begin_message()
        self.message.add(item)
        if kind == "content_block_stop":
            block = self.message.block_of(item)
            return () if block is None else self._finish(block.index)
        if kind == "message_stop" or (kind.startswith("message_") and self.message.stop_reason):
            return self._finish()
        return ()

    def reset(self) -> None:
        self.progress: Progress = Progress()
        self._begin_message()

    def _begin_message(self) -> None:
        self.message: MessageBuilder = MessageBuilder()
        self.finished: set[Block] = set()

    def _finish(self, index: int | None = None) -> Iterable[Any]:
        for block in self.message.blocks:
            if block not in self.finished and index in {None, block.index}:
                self.finished.add(block)
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
