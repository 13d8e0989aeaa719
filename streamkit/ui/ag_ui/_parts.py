"""
The parts of a turn while they are written: a block of text, a thought, a call.

Each takes its pieces by `write`, and gives the events for them. While its next piece is just one more event, it is `flowing`, and
`Run.feed` makes that event itself.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Final

from streamkit._claude.protocol.deltas import InputJSONDelta, TextDelta, ThinkingDelta
from streamkit._claude.protocol.reading import as_list, json_text
from streamkit._claude.protocol.tool_blocks import call_in
from streamkit._claude.protocol.tool_call import BrokenToolCall
from streamkit._surrogates import WholeCharacters, legal
from streamkit.ui.ag_ui._wire import note

if TYPE_CHECKING:
    from streamkit._claude.protocol.block import Block
    from streamkit.ui.ag_ui._messages import Messages
    from streamkit.ui.ag_ui._wire import WireEvent

__all__ = ["Call", "Other", "Part", "Text", "Thought"]

# What may stand before the input itself: an empty object, which some gateways send first.
_STRAY: Final = re.compile(r"(?:\s*\{\s*\})*(?:\s*\{)?\s*").fullmatch
_STRAYS: Final = re.compile(r"(?:\s*\{\s*\})+\s*(?=\{)").match


class Part(ABC):
    """
    One content block on its way to the screen.

    Attributes:
        delta: The class of delta that has more of it.
        field: Where such a delta has it.
        event: The type of the event for one piece.
        named: The field of that event with the id.
        into: The block's field that such a delta adds to.
        keeps: Whether the block has to keep it, because it is read as a whole at its end.
        id: The id that the events for its pieces have.
        flowing: Whether its next piece is one more event, whatever it is, if it ends with a whole character.
        length: How many characters it has so far.
        is_plain: Whether it has come in pieces alone, so that there is nothing else to look for in its block.
        block: The block.
    """

    __slots__ = ("_whole", "block", "flowing", "id", "is_plain", "length", "messages")

    delta: ClassVar[type]
    field: ClassVar[str]
    event: ClassVar[str]
    named: ClassVar[str] = "messageId"
    into: ClassVar[str]
    keeps: ClassVar[bool] = False

    def __init__(self, messages: Messages, block: Block) -> None:
        self.messages = messages
        self.block = block
        self.id: str = ""
        self.flowing: bool = False
        self.length: int = 0
        self.is_plain: bool = True
        self._whole = WholeCharacters()

    def begin(self) -> list[WireEvent]:
        """
        The events with which it begins.
        """
        return []

    def write(self, piece: str) -> list[WireEvent]:
        """
        The events for one more piece. Half of a character waits for the other half.
        """
        if self._whole.half or not piece.isascii():
            piece = legal(self._whole.feed(piece))
        events = self._add(piece) if piece else []
        if self._whole.half:
            self.flowing = False
        return events

    def end(self, *, cut: bool) -> list[WireEvent]:
        """
        The events with which it ends.

        Args:
            cut: Whether it ends because nothing more comes, and not because it is whole.
        """
        events = self._add(legal(self._whole.take())) if self._whole.half else []
        self.flowing = False
        return events + self._end(cut=cut)

    @abstractmethod
    def _add(self, piece: str) -> list[WireEvent]: ...

    @abstractmethod
    def _end(self, *, cut: bool) -> list[WireEvent]: ...

    def _piece(self, piece: str) -> WireEvent:
        self.length += len(piece)
        return {"type": self.event, self.named: self.id, "delta": piece}


class Text(Part):
    """
    A block of text. Blocks of text that follow one another are one message on the screen.
    """

    __slots__ = ("_blank",)

    delta = TextDelta
    field = into = "text"
    event = "TEXT_MESSAGE_CONTENT"

    def __init__(self, messages: Messages, block: Block) -> None:
        super().__init__(messages, block)
        self._blank = ""

    def _add(self, piece: str) -> list[WireEvent]:
        if self.block.stray and not self.length:  # white space that was sent for another block is not a text
            if piece.isspace():
                self._blank += piece
                return []
            piece = self._blank + piece
        events = self.messages.speak(self)
        self.flowing = True
        return [*events, self._piece(piece)]

    def _end(self, *, cut: bool) -> list[WireEvent]:
        return []

    @property
    def citations(self) -> list[Any]:
        """
        What it cites.
        """
        return [] if self.is_plain else as_list(self.block.told("citations")) or []


class Thought(Part):
    """
    A block of thinking, whose signature follows it. Of one that is redacted there is nothing to read.
    """

    __slots__ = ()

    delta = ThinkingDelta
    field = into = "thinking"
    event = "REASONING_MESSAGE_CONTENT"

    def begin(self) -> list[WireEvent]:
        self.id = self.messages.think()
        self.flowing = True
        facts = self.messages.take_facts()
        if self.block.type != "thinking":
            facts["type"] = self.block.type
        return [
            {"type": "REASONING_START", "messageId": self.id},
            {
                "type": "REASONING_MESSAGE_START",
                "messageId": self.id,
                "role": "reasoning",
                **note(facts),
            },
        ]

    def _add(self, piece: str) -> list[WireEvent]:
        self.flowing = True
        return [self._piece(piece)]

    def _end(self, *, cut: bool) -> list[WireEvent]:
        events: list[WireEvent] = [{"type": "REASONING_MESSAGE_END", "messageId": self.id}]
        signed = self.block.told("signature" if self.block.type == "thinking" else "data")
        if isinstance(signed, str) and signed and not cut:
            events.append(
                {
                    "type": "REASONING_ENCRYPTED_VALUE",
                    "subtype": "message",
                    "entityId": self.id,
                    "encryptedValue": signed,
                }
            )
        return [*events, {"type": "REASONING_END", "messageId": self.id}]


class Call(Part):
    """
    A tool call, the application's or the API's. Its input goes out as it comes.

    A call that has the id of another one in its message may be that call said again, and one without an id gets one. Its end
    tells, and it waits until then.
    """

    __slots__ = ("_facts", "_held", "_waits")

    delta = InputJSONDelta
    field = "partial_json"
    event = "TOOL_CALL_ARGS"
    named = "toolCallId"
    into = "input"
    keeps = True

    def __init__(self, messages: Messages, block: Block, *, waits: bool) -> None:
        super().__init__(messages, block)
        self._waits = waits
        self._held = ""
        self._facts: dict[str, Any] = {}

    def begin(self) -> list[WireEvent]:
        return [] if self._waits else self._start()

    def _start(self) -> list[WireEvent]:
        events, parent = self.messages.call()
        is_own = self.block.type == "tool_use"
        self.id = self.messages.calls.begin(self.block.id, is_own=is_own)
        fields = self.block.to_dict()
        if not is_own:
            self._facts["type"] = self.block.type
        self._facts |= {
            name: value for name, value in fields.items() if name not in _OF_EVERY_CALL and value is not None
        }
        start = {
            "type": "TOOL_CALL_START",
            "toolCallId": self.id,
            "toolCallName": self.block.name,
            "parentMessageId": parent,
            **note(self._facts),
        }
        return [*events, start]

    def _add(self, piece: str) -> list[WireEvent]:
        if self._waits:  # the block keeps it
            return []
        self._held += piece
        if _STRAY(self._held):
            self._held = _shortest(self._held)
            return []
        piece, self._held = _without_strays(self._held), ""
        self.flowing = True
        return [self._piece(piece)]

    def _end(self, *, cut: bool) -> list[WireEvent]:
        call = call_in(self.block)
        if self._waits and self.block.repeats:
            return []
        events = self._start() if self._waits else []
        held = self.block.raw if self._waits else self._held
        if isinstance(call, BrokenToolCall):
            self._facts["broken"] = call.reason
            rest = held
        else:
            said = "" if _STRAY(held) else _without_strays(held)
            rest = "" if self.length else said or json_text(call.input)
        if rest:
            events.append(self._piece(rest))
        broken = note(self._facts) if "broken" in self._facts else {}
        return [*events, {"type": "TOOL_CALL_END", "toolCallId": self.id, **broken}]


class Other(Part):
    """
    A block that the protocol has no word for, such as a compaction. It goes along with the message that follows it.
    """

    __slots__ = ()

    delta = type(None)
    field = into = event = ""

    def _add(self, piece: str) -> list[WireEvent]:
        return []

    def _end(self, *, cut: bool) -> list[WireEvent]:
        if not cut:
            self.messages.hold(self.block.to_dict())
        return []


_OF_EVERY_CALL: Final = frozenset({"type", "id", "name", "input", "unknown_deltas"})


def _shortest(text: str) -> str:
    """
    What is worth keeping of what may stand before the input: however much comes, it is two characters.
    """
    bare = "".join(text.split())
    return "{" if bare.endswith("{") else bare[:2]


def _without_strays(text: str) -> str:
    strays = _STRAYS(text)
    return text if strays is None else text[strays.end() :]
