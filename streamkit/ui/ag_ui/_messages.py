"""
The messages that a client keeps of one message of Claude's: thoughts, and assistant messages with a text and the calls after it.

    thinking, text, tool_use, tool_use          ->  reasoning, assistant (text, two calls)
    text, server_tool_use, its result, text     ->  assistant (text, call), tool, assistant (text)

In an assistant message the calls stand behind the text, so a text behind a call begins another one, and so do a thought and a
result. Their order is the order of Claude's blocks, which `params` needs: a thought is signed for what was before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from streamkit.ui.ag_ui._wire import note

if TYPE_CHECKING:
    from streamkit._claude.protocol.names import Names
    from streamkit.ui.ag_ui._calls import Calls
    from streamkit.ui.ag_ui._wire import WireEvent

__all__ = ["Messages"]


class Spoken(Protocol):
    """
    A block of text that is part of a message.
    """

    id: str
    flowing: bool
    length: int

    @property
    def citations(self) -> list[Any]:
        """
        What it cites.
        """
        ...


class Messages:
    """
    Tells which message each block belongs to, and gives the events with which messages begin and end.

    Args:
        name: What the ids of its messages begin with.
        names: The ids that are taken.
        calls: The calls of the run.
        thought: The id of a thought that is void, to be used again.

    Attributes:
        name: As given.
        calls: As given.
        thoughts: The ids of its thoughts.
        free_thought: As given, until it is used.
    """

    def __init__(self, name: str, names: Names, calls: Calls, *, thought: str | None = None) -> None:
        self.name = name
        self.calls = calls
        self.thoughts: list[str] = []
        self.free_thought: str | None = thought
        self._names = names
        self._count = 0
        self._carrier: str | None = None  # the assistant message that takes further calls
        self._is_open = False  # whether that takes more text, too
        self._texts: list[Spoken] = []  # of the message whose text is open
        self._facts: dict[str, Any] = {}  # what that message has been told to keep
        self._held: list[dict[str, Any]] = []

    def speak(self, text: Spoken) -> list[WireEvent]:
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

    def close_held(self) -> list[WireEvent]:
        """
        A message for the blocks that wait for one, where none follows.
        """
        return [*self._open(), *self.close_text()] if self._held else []


def _cuts(texts: list[Spoken]) -> list[dict[str, Any]]:
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
