"""
One message of Claude's as the messages that a client keeps: thoughts, and assistant messages with a text and the calls after it.

    thinking, text, tool_use, tool_use          ->  reasoning, assistant (text, two calls)
    text, server_tool_use, its result, text     ->  assistant (text, call), tool, assistant (text)

In an assistant message the calls stand behind the text, so a text behind a call begins another one, and so do a thought and a
result. Their order is the order of Claude's blocks, which `params` needs: a thought is signed for what was before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._claude.protocol.kinds import THINKING, TOOLS
from streamkit.ui.ag_ui._parts import Call, Other, Text, Thought
from streamkit.ui.ag_ui._wire import note

if TYPE_CHECKING:
    from streamkit._claude.protocol.block import Block
    from streamkit.ui.ag_ui._calls import Calls
    from streamkit.ui.ag_ui._names import Names
    from streamkit.ui.ag_ui._parts import Part
    from streamkit.ui.ag_ui._wire import WireEvent

__all__ = ["Turn"]


class Turn:
    """
    What has come of one message.

    Args:
        name: What the ids of its messages begin with.
        names: The ids that are taken.
        calls: The calls of the run.
        thought: The id of a thought that is void, to be used again.

    Attributes:
        name: As given.
        calls: As given.
        parts: The parts that are still written, by their block.
        call_ids: The ids of its calls, on the wire.
        thoughts: The ids of its thoughts.
        free_thought: As given, until it is used.
    """

    def __init__(self, name: str, names: Names, calls: Calls, *, thought: str | None = None) -> None:
        self.calls = calls
        self.parts: dict[Block, Part] = {}
        self.thoughts: list[str] = []
        self.name = name
        self._names = names
        self.free_thought: str | None = thought
        self._count = 0
        self._carrier: str | None = None  # the assistant message that takes further calls
        self._is_open = False  # whether that takes more text, too
        self._texts: list[Text] = []  # of the message whose text is open
        self._facts: dict[str, Any] = {}  # what that message has been told to keep
        self._held: list[dict[str, Any]] = []
        self.call_ids: set[str] = set()

    # -- blocks ---------------------------------------------------------------------------------------------

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
        if self._held and not cut:
            events += [*self._open(), *self.close_text()]
        return events

    def _part_for(self, block: Block) -> Part:
        if block.type == "text":
            return Text(self, block)
        if block.type in THINKING:
            return Thought(self, block)
        if block.type in TOOLS:
            waits = block.id in self.call_ids
            self.call_ids.add(block.id)
            return Call(self, block, waits=waits)
        return Other(self, block)

    # -- what parts ask of it -------------------------------------------------------------------------------

    def speak(self, text: Text) -> list[WireEvent]:
        """
        Have a message open that takes this text.
        """
        events = [] if self._is_open else self._open()
        if not self._texts or self._texts[-1] is not text:
            if self._texts:
                self._texts[-1].flowing = False
            self._texts.append(text)
            text.id = self._carrier or ""
        return events

    def think(self) -> str:
        """
        The id of a thought that begins.
        """
        self._carrier = None
        name, self.free_thought = self.free_thought or self._next(), None
        self.thoughts.append(name)
        return name

    def call(self) -> tuple[list[WireEvent], str]:
        """
        What has to come before a call, and the message that it belongs to.
        """
        events = self.close_text()
        if self._held:
            events += [*self._open(), *self.close_text()]
        if self._carrier is None:
            self._carrier = self._next()
        return events, self._carrier

    def hold(self, block: dict[str, Any]) -> None:
        """
        Keep a block for the message that follows.
        """
        self._held.append(block)

    def take_facts(self) -> dict[str, Any]:
        """
        What the message that begins has to keep.
        """
        held, self._held = self._held, []
        return {"before": held} if held else {}

    # -- messages -------------------------------------------------------------------------------------------

    def close_text(self) -> list[WireEvent]:
        """
        End the text that is open.
        """
        if not self._is_open:
            return []
        self._is_open = False
        texts, self._texts = self._texts, []
        for text in texts:
            text.flowing = False
        facts = self._facts
        if cuts := _cuts(texts):
            facts = {**facts, "texts": cuts}
        return [{"type": "TEXT_MESSAGE_END", "messageId": self._carrier, **(note(facts) if cuts else {})}]

    def interrupt(self) -> list[WireEvent]:
        """
        Have what follows begin a message of its own, because a result stands between.
        """
        events = self.close_text()
        self._carrier = None
        return events

    def _open(self) -> list[WireEvent]:
        self._carrier, self._is_open = self._next(), True
        self._facts = self.take_facts()
        return [
            {
                "type": "TEXT_MESSAGE_START",
                "messageId": self._carrier,
                "role": "assistant",
                **note(self._facts),
            }
        ]

    def _next(self) -> str:
        name = self._names.free(f"{self.name}:{self._count}")
        self._count += 1
        return name


def _cuts(texts: list[Text]) -> list[dict[str, Any]]:
    """
    Where the blocks of a text begin and what they cite; nothing where it is one block that cites nothing.
    """
    if len(set(texts)) < len(texts):  # they were written by turns
        return []
    cuts: list[dict[str, Any]] = []
    for text in texts:
        cited = text.citations
        cuts.append({"length": text.length, **({"citations": cited} if cited else {})})
    return cuts if len(cuts) > 1 or any("citations" in cut for cut in cuts) else []
