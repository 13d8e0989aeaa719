"""
One message of Claude's on its way to the screen: the blocks that are written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._claude.protocol.kinds import THINKING, TOOLS
from streamkit.ui.ag_ui._messages import Messages
from streamkit.ui.ag_ui._parts import Call, Other, Text, Thought

if TYPE_CHECKING:
    from streamkit._claude.protocol.block import Block
    from streamkit._claude.protocol.names import Names
    from streamkit.ui.ag_ui._calls import Calls
    from streamkit.ui.ag_ui._parts import Part
    from streamkit.ui.ag_ui._wire import WireEvent

__all__ = ["Turn"]


class Turn(Messages):
    """
    What has come of one message.

    Args:
        name: What the ids of its messages begin with.
        names: The ids that are taken.
        calls: The calls of the run.
        thought: The id of a thought that is void, to be used again.

    Attributes:
        parts: The parts that are still written, by their block.
        call_ids: The ids of its calls, on the wire.
    """

    def __init__(self, name: str, names: Names, calls: Calls, *, thought: str | None = None) -> None:
        super().__init__(name, names, calls, thought=thought)
        self.parts: dict[Block, Part] = {}
        self.call_ids: set[str] = set()

    def begin(self, block: Block) -> list[WireEvent]:
        """
        The events with which a block begins.
        """
        part = self._part_for(block)
        self.parts[block] = part
        events = [] if isinstance(part, Text) else self.close_text()
        return events + part.begin()

    def end(self, block: Block, *, cut: bool = False) -> list[WireEvent]:
        """
        The events with which it ends.
        """
        part = self.parts.pop(block, None)
        return [] if part is None else part.end(cut=cut)

    def close(self, *, cut: bool) -> list[WireEvent]:
        """
        End all that is open.

        Args:
            cut: Whether that is because nothing more comes.
        """
        events = [event for block in [*self.parts] for event in self.end(block, cut=cut)]
        events += self.close_text()
        return events if cut else events + self.close_held()

    def _part_for(self, block: Block) -> Part:
        if block.type == "text":
            return Text(self, block)
        if block.type in THINKING:
            return Thought(self, block)
        if block.type in TOOLS:
            waits = not block.id or block.id in self.call_ids
            self.call_ids.add(block.id)
            return Call(self, block, waits=waits)
        return Other(self, block)
