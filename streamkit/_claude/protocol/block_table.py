"""
The content blocks of one message, as their events arrive: which block each delta belongs to, and when each block has ended.

The message, its tool calls and the operators that read blocks are all made from this table, so that they cannot disagree.

    content_block_start ──► open ──► content_block_stop ──► closed ──► ended
                             ▲                                │
                             └──── input of a call that had none

A block that was closed has ended at once, unless it calls a tool and has no input. Then it may be a call without arguments, or
the model was stopped before it wrote any; what follows tells: another block, or the stop reason.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from streamkit._claude.protocol.block import Block
from streamkit._claude.protocol.call_ids import CallIds
from streamkit._claude.protocol.kinds import (
    APPLICATION_TOOLS,
    BLOCKS,
    DELTAS,
    FILLED_BY_DELTAS,
    TOOLS,
    fits,
    start_of,
)
from streamkit._claude.protocol.reading import Places, input_text, is_input_unread
from streamkit._claude.protocol.told_types import type_of_delta

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["BlockTable"]

_INPUT: Final = "input_json_delta"


class BlockTable:
    """
    The blocks of one message.

    Args:
        forgets: Whether blocks are dropped once they have ended. By default all of them are kept.
        message_id: The id of the message; empty where it is not known.

    Attributes:
        blocks: All blocks that are kept, in the order in which they began.
        by_index: The newest block of each index.
        lost_input: Whether input has come that belongs to none of them, or cannot be read. Then a block without any may not be a
            call without arguments.
        continued: Whether what comes is from another request, which continues the message.
    """

    def __init__(self, *, forgets: bool = False, message_id: str = "") -> None:
        self.message_id: str = message_id
        self.blocks: list[Block] = []
        self.by_index: dict[int, Block] = {}
        self.lost_input: bool = False
        self.continued: bool = False
        self._places = Places()
        self._forgets = forgets
        self._unended: dict[Block, None] = {}  # in the order in which they began
        self._undecided: dict[Block, None] = {}  # closed without input
        self._strays: dict[tuple[int, str], Block] = {}
        # For each delta that finds its block though it was sent for another: the blocks that lack it.
        self._lacking: defaultdict[str, dict[Block, None]] = defaultdict(dict)
        self._call_ids: CallIds | None = None  # once a call has ended
        self._forgotten: dict[str, Block] = {}  # of each type that nobody knows, what stands for all of it

    def begin(self, event: Any, fields: dict[str, Any]) -> tuple[Block, list[Block]]:
        """
        Take a `content_block_start`. A block that is open at the same index is closed, because its stop was left out.

        Args:
            event: The event.
            fields: What the block begins with.

        Returns:
            The block, which is the old one where its start has only been said again; and the blocks that have ended with this.
        """
        return self._begin(self._places.begin(event), fields)

    @property
    def odd_calls(self) -> int:
        """
        How many calls have come under an id that another one has, or under none.
        """
        return 0 if self._call_ids is None else self._call_ids.odd

    @property
    def is_untouched(self) -> bool:
        """
        Whether nothing has been said of any block.
        """
        return not (self.by_index or self._strays or self.lost_input)

    def pass_by(self, event: Any, block_type: str) -> list[Block]:
        """
        Take a `content_block_start` of a block of which nothing is to be kept but that it was there.

        Args:
            event: The event.
            block_type: The type of the block, which is not a tool's.

        Returns:
            The blocks that have ended with it.
        """
        index = self._places.begin(event)
        before = self.by_index.get(index)
        ended = [] if before is None else self._close(before)
        if self._undecided:
            ended += self._end_undecided()
        self.by_index[index] = self._rest_of(block_type)
        return ended

    def take_whole(self, index: int, fields: dict[str, Any]) -> tuple[Block, list[Block]]:
        """
        Take a block that came whole in its `message_start`; the same as for `begin`.
        """
        block, ended = self._begin(self._places.take(index), fields)
        return block, ended + self._close(block)

    def close(self, event: Any) -> list[Block]:
        """
        Take a `content_block_stop`.

        Returns:
            The blocks that have ended with it.
        """
        index = self._places.of(event)
        block = None if index is None else self.by_index.get(index)
        return [] if block is None else self._close(block)

    def end(self, *, cut: bool = False) -> list[Block]:
        """
        End all blocks, because their message has ended.

        Args:
            cut: Whether the model was stopped in the middle, or nobody knows.

        Returns:
            The blocks that have ended with it.
        """
        for block in self._undecided:
            block.cut = cut or self.lost_input
        return self._ended(self._unended) if self._unended else []

    def find(self, event: Any) -> Block | None:
        """
        The block that a delta belongs to. One that was left out is begun, where the delta tells what it is.

        Args:
            event: The `content_block_delta`.

        Returns:
            The block; None where the delta belongs to none of them.
        """
        delta: object = getattr(event, "delta", None)
        kind = type_of_delta(delta)
        index = self._places.of(event)
        block = None if index is None else self.by_index.get(index)
        if delta is None:
            return None
        if block is None and (start := start_of(kind)) is not None:
            return self._new(Block(self._places.begin_untold(event), start))
        empty = kind == _INPUT and not input_text(delta)
        if empty:
            self.note_unread(delta)
        if block is None or index is None or not fits(kind, block.type):
            return None if empty else self._elsewhere(index, kind)
        if block.type in TOOLS and kind in DELTAS:
            # An empty one says nothing, and so does not open a block again.
            return None if block.ended or (block.closed and empty) else self._reopened(block)
        if kind in _FINDS_ITS_BLOCK:
            self._lacking[kind].pop(block, None)
        return block

    def note_unread(self, delta: object) -> None:
        """
        Note a delta of a tool's input that has no text of it.
        """
        self.lost_input = self.lost_input or is_input_unread(delta)

    def lose(self, event: Any) -> None:
        """
        Note that a delta belongs to no block.
        """
        delta: object = getattr(event, "delta", None)
        if type_of_delta(delta) == _INPUT and input_text(delta) and not self.is_made(event):
            self.lost_input = True

    def _new(self, block: Block) -> Block:
        block.continues = self.continued
        # What a delta alone has begun does not decide whether the call before it is cut: not all that read this table see it.
        if not self._forgets:
            self.blocks.append(block)
        self._unended[block] = None
        if block.stray:
            self._strays[block.index, block.type] = block
        else:
            self.by_index[block.index] = block
        for name, fields in _LACKED.get(block.type, ()):
            if all(map(block.lacks, fields)):
                self._lacking[name][block] = None
        return block

    def _begin(self, index: int, fields: dict[str, Any]) -> tuple[Block, list[Block]]:
        before = self.by_index.get(index)
        if before is None and not self._undecided:  # nearly always
            return self._new(Block(index, fields)), []
        ended: list[Block] = []
        if before is not None and not before.ended and before.restated(fields):
            block = self._reopened(before)
        else:
            if before is not None:
                ended += self._close(before)
            block = None
        ended += self._end_undecided()
        return (self._new(Block(index, fields)) if block is None else block), ended

    def _end_undecided(self) -> list[Block]:
        """
        End the calls without input that another block stands behind.
        """
        for block in self._undecided:
            block.cut = self.lost_input
        return self._ended(self._undecided)

    def _close(self, block: Block) -> list[Block]:
        # What its message's end has made of a call, a stop that comes later does not change: it may have been told already.
        if block.closed or (block.ended and block.type in TOOLS):
            return []
        block.closed = True
        if block.type not in TOOLS:
            return self._ended([block])
        block.pieces = {}
        if block.has_input:
            return self._ended([block])
        self._undecided[block] = None
        return []

    def _elsewhere(self, index: int | None, delta_type: str) -> Block | None:
        match DELTAS[delta_type].misplaced if delta_type in DELTAS else "kept":
            case "lacking" if len(self._lacking[delta_type]) == 1:
                [block] = self._lacking[delta_type]
                if block.type in TOOLS:
                    return self._reopened(block)
                del self._lacking[delta_type][block]
                return block
            case "own" if index is not None and (start := start_of(delta_type)) is not None:
                stray = self._strays.get((index, start["type"]))
                return self._new(Block(index, start, stray=True)) if stray is None else stray
            case _:
                return None

    def place(self, event: Any) -> int | None:
        """
        The index of the block that an event speaks of; None if nobody can tell.
        """
        return self._places.of(event)

    def is_made(self, event: Any) -> bool:
        """
        Whether a delta was sent for a call that has been made, so that more input comes too late.
        """
        index = self._places.of(event)
        block = None if index is None else self.by_index.get(index)
        return block is not None and block.ended and block.type in TOOLS

    def _reopened(self, block: Block) -> Block:
        """
        A tool's block for which more input has come; where it was closed, that was too early.
        """
        if block.closed:
            del self._undecided[block]
            block.closed = False
            block.take_pieces()
        return block

    def _ended(self, blocks: Iterable[Block]) -> list[Block]:
        ended = list(blocks)
        for block in ended:
            block.ended = True
            self._unended.pop(block, None)
            self._undecided.pop(block, None)
            if block.type in TOOLS:
                block.pieces = {}
                self._lacks_nothing(block)
            if block.type in APPLICATION_TOOLS:
                if self._call_ids is None:
                    self._call_ids = CallIds()
                self._call_ids.settle(block, self.message_id)
            if self._forgets:
                self._forget(block)
        return ended

    def _forget(self, block: Block) -> None:
        """
        Keep of a block only that it was there.
        """
        if block.stray:
            self._strays.pop((block.index, block.type), None)
        elif self.by_index.get(block.index) is block:
            self.by_index[block.index] = self._rest_of(block.type)
        self._lacks_nothing(block)

    def _rest_of(self, block_type: str) -> Block:
        """
        What stands for all blocks of a type of which nothing is kept.
        """
        rest = _RESTS.get(block_type) or self._forgotten.get(block_type)
        if rest is None:
            rest = self._forgotten[block_type] = _rest(block_type)
        return rest

    def _lacks_nothing(self, block: Block) -> None:
        for name, _ in _LACKED.get(block.type, ()):
            self._lacking[name].pop(block, None)


def _rest(block_type: str) -> Block:
    rest = Block(0, {"type": block_type})
    rest.closed = rest.ended = True
    rest.pieces = {}
    return rest


_RESTS = {name: _rest(name) for name in BLOCKS}
"""For each known type, what stands for the blocks of all tables of which nothing is kept. Nothing changes them."""

_FINDS_ITS_BLOCK = [name for name, kind in DELTAS.items() if kind.misplaced == "lacking"]

_LACKED: dict[str, list[tuple[str, list[str]]]] = {
    block_type: [
        (name, [adds.into for adds in DELTAS[name].fields.values()])
        for name in _FINDS_ITS_BLOCK
        if block_type in DELTAS[name].fits
    ]
    for block_type in FILLED_BY_DELTAS
}
"""For each type of block: the deltas that find such a block which lacks them, and the fields that they fill."""
