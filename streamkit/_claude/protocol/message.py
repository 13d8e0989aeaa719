"""
The message that a stream's events add up to, at any time.

How a delta adds to its block: `text`, `thinking` and a compaction's `content` are appended; a `signature`
and `encrypted_content` (opaque, sent whole) replace what was there; citations form a list; a tool's JSON is
kept as text and parsed when it is asked for. Usage counts are totals: what is not null replaces what was.

What this version does not know is kept where it belongs. A delta of an unknown type, and the unknown fields
of a known one, are in its block's `unknown_deltas`; so are events in the message's `unknown_events`. Unknown
fields of `message_delta` and of its `delta` become fields of the message.
"""

from __future__ import annotations

from collections import defaultdict
from io import StringIO
from typing import TYPE_CHECKING, Any, cast

import msgspec

from streamkit._claude.protocol.errors import GrammarError
from streamkit._claude.protocol.events import (
    CitationsDelta,
    CompactionDelta,
    ContentBlockDelta,
    ContentBlockStart,
    ContentBlockStop,
    InputJSONDelta,
    MessageStart,
    MessageStop,
    Ping,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    to_dict,
)
from streamkit._claude.protocol.tool_json import partial_object, read_object
from streamkit._claude.protocol.usage import usage_of
from streamkit._partial_json.surrogates import join_surrogates

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from anthropic.types import Message
    from anthropic.types.beta import BetaMessage

    from streamkit._claude.protocol.events import Usage
    from streamkit._claude.protocol.tool_json import Flaw

__all__ = ["FILLED_BY_DELTAS", "FITS", "TEXT_FIELDS", "Block", "MessageBuilder"]

# The deltas that are pieces of text, and the field that has it in the delta; in its block too, but for
# `partial_json`, which is the text of `input`.
TEXT_FIELDS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
_TOOLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
# The blocks that each kind of delta fits. Blocks of other kinds that are known arrive whole in their start.
FITS = {
    "text_delta": frozenset({"text"}),
    "citations_delta": frozenset({"text"}),
    "input_json_delta": _TOOLS,
    "thinking_delta": frozenset({"thinking"}),
    "signature_delta": frozenset({"thinking"}),
    "compaction_delta": frozenset({"compaction"}),
}
FILLED_BY_DELTAS = frozenset[str]().union(*FITS.values())
_DELTAS: dict[str, type[msgspec.Struct]] = {
    "text_delta": TextDelta,
    "input_json_delta": InputJSONDelta,
    "thinking_delta": ThinkingDelta,
    "signature_delta": SignatureDelta,
    "citations_delta": CitationsDelta,
    "compaction_delta": CompactionDelta,
}
# What a gateway that leaves out `content_block_start` must have meant; a tool call without a name is none.
_IMPLIED: dict[str, dict[str, Any]] = {
    "text_delta": {"type": "text", "text": ""},
    "citations_delta": {"type": "text", "text": ""},
    "thinking_delta": {"type": "thinking", "thinking": ""},
    "signature_delta": {"type": "thinking", "thinking": ""},
    "compaction_delta": {"type": "compaction"},
}


class Block:
    """
    A content block as far as it has come.

    Attributes:
        index: Its index on the wire.
        type: Its type on the wire.
        closed: Whether it got its `content_block_stop`.
        texts: What deltas have appended, by field; `partial_json` is the text of `input`.
    """

    __slots__ = ("_citations", "_fields", "_unknown", "closed", "index", "texts", "type")

    def __init__(self, index: int, fields: dict[str, Any]) -> None:
        self.index: int = index
        self.type: str = fields.get("type", "unknown")
        self.closed: bool = False
        # A StringIO joins as it grows: its memory is the text's, however small the pieces.
        self.texts: defaultdict[str, StringIO] = defaultdict(StringIO)
        self._fields = fields
        self._citations: list[dict[str, Any]] = []
        self._unknown: list[dict[str, Any]] = []

    @property
    def raw(self) -> str:
        """
        The JSON text of a tool's input so far; empty where the block came whole.
        """
        return _whole(self.texts["partial_json"]) if "partial_json" in self.texts else ""

    def input(self) -> dict[str, Any] | Flaw:
        """
        A tool's input, parsed now, or why it cannot be executed.
        """
        raw, whole = self.raw, self._fields.get("input")
        if whole and not raw:
            return (
                cast("dict[str, Any]", msgspec.to_builtins(whole))
                if isinstance(whole, dict)
                else "not_object"
            )
        return read_object(raw, closed=self.closed)

    def to_dict(self) -> dict[str, Any]:
        """
        The block as a message that is not streamed has it.

        Where a tool's JSON text is no whole object, `input` is what the SDK makes of it: the whole members of
        one that was cut, and empty for any other. The text itself is in `raw`.
        """
        block = cast("dict[str, Any]", msgspec.to_builtins(self._fields))
        for field, text in self.texts.items():
            if field != "partial_json":
                block[field] = (block.get(field) or "") + _whole(text)
        if raw := self.raw:
            value = self.input()
            cut = partial_object(raw) if value == "truncated" else {}
            block["input"] = value if isinstance(value, dict) else cut
        if self._citations:
            block["citations"] = [*(block.get("citations") or []), *self._citations]
        if self._unknown:
            block["unknown_deltas"] = list(self._unknown)
        return block

    def add(self, delta: Any) -> None:
        """
        Take one delta, of any kind.
        """
        kind: str = delta.type
        if kind not in _DELTAS:
            self._unknown.append(to_dict(delta))
            return
        if kind in TEXT_FIELDS:
            self.texts[TEXT_FIELDS[kind]].write(getattr(delta, TEXT_FIELDS[kind]))
        elif kind == "citations_delta":
            self._citations.append(to_dict(delta.citation))
        elif kind == "signature_delta":
            self._fields["signature"] = delta.signature
        else:
            if isinstance(content := getattr(delta, "content", None), str):
                self.texts["content"].write(content)
            if isinstance(encrypted := getattr(delta, "encrypted_content", None), str):
                self._fields["encrypted_content"] = encrypted
            self._fields.setdefault("encrypted_content", None)  # the SDK's helper has it in any case
        if extra := _unknown_fields(delta, _DELTAS[kind]):
            self._unknown.append({"type": kind, **extra})


class MessageBuilder:
    """
    Accumulates the events of one message: this library's, or the SDK's raw ones.

    Attributes:
        started: Whether it has seen `message_start`.
        changed: Whether it has seen `message_delta`, after which no content comes.
        ended: Whether it has seen `message_stop`.
    """

    def __init__(self) -> None:
        self.started: bool = False
        self.changed: bool = False
        self.ended: bool = False
        self._message: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._blocks: list[Block] = []
        self._by_index: dict[int, Block] = {}
        self._unknown: list[dict[str, Any]] = []

    @property
    def blocks(self) -> list[Block]:
        """
        The content blocks so far, by index.
        """
        return sorted(self._blocks, key=lambda block: block.index)

    @property
    def usage(self) -> Usage:
        """
        The usage so far.
        """
        return usage_of(self._usage)

    @property
    def stop_reason(self) -> str | None:
        """
        Why the message ended, once it is known.
        """
        return cast("str | None", self._message.get("stop_reason"))

    def charge(self, usage: Usage) -> None:
        """
        Say what the message has cost so far, where its events do not tell all of it.
        """
        self._usage = to_dict(usage)

    def add_many(self, events: Iterable[object]) -> None:
        """
        Take events, in order.

        Raises:
            GrammarError: Another message begins.
        """
        if self.take(iter(events)) is not None:
            raise GrammarError("message_start inside another message")

    def take(self, events: Iterator[Any]) -> Any | None:
        """
        Take events, in order, up to one that begins another message, which is returned.
        """
        by_index = self._by_index
        for event in events:
            if event.__class__ is ContentBlockDelta and (block := by_index.get(event.index)) is not None:
                delta = event.delta
                if type(delta) is TextDelta:
                    block.texts["text"].write(delta.text)
                    continue
                if type(delta) is InputJSONDelta:
                    block.texts["partial_json"].write(delta.partial_json)
                    continue
                if type(delta) is ThinkingDelta:
                    block.texts["thinking"].write(delta.thinking)
                    continue
            elif self.started and event.type == "message_start":
                return event
            self.add(event)
        return None

    def add(self, event: Any) -> None:
        """
        Take one event.

        Raises:
            GrammarError: Another message begins.
        """
        match event.type:
            case "content_block_delta":
                self._delta(event)
            case "content_block_start":
                self._begin(event.index, to_dict(event.content_block))
                self._keep_unknown(event, ContentBlockStart)
            case "content_block_stop":
                if event.index in self._by_index:
                    self._by_index[event.index].closed = True
                self._keep_unknown(event, ContentBlockStop)
            case "message_start":
                self._start(event)
            case "message_delta":
                self._change(to_dict(event))
            case "message_stop":
                self.ended = True
                self._keep_unknown(event, MessageStop)
            case "ping":
                self._keep_unknown(event, Ping)
            case _:
                self._unknown.append(to_dict(event))

    def to_dict(self) -> dict[str, Any]:
        """
        The message so far, as it is when it is not streamed.
        """
        message = cast("dict[str, Any]", msgspec.to_builtins(self._message))
        message["content"] = [block.to_dict() for block in self.blocks]
        if self._usage:
            message["usage"] = msgspec.to_builtins(self._usage)
        if self._unknown:
            message["unknown_events"] = list(self._unknown)
        return message

    def build(self, beta: bool | None = None) -> Message | BetaMessage:
        """
        The message so far, as the SDK's type; what the SDK does not know survives in it.

        Args:
            beta: Whether it is a `BetaMessage`; by default where something in it is known to that type only.
        """
        from streamkit._claude.protocol.sdk_message import sdk_message

        return sdk_message(self.to_dict(), beta=beta)

    def _start(self, event: Any) -> None:
        if self.started:
            raise GrammarError("message_start inside another message")
        self.started = True
        self._message = to_dict(event.message)
        self._usage = self._message.pop("usage", None) or {}
        for index, block in enumerate(self._message.get("content") or []):
            self._begin(index, block).closed = True
        self._keep_unknown(event, MessageStart)

    def _begin(self, index: int, fields: dict[str, Any]) -> Block:
        block = self._by_index[index] = Block(index, fields)
        self._blocks.append(block)
        # A fallback names the model that goes on, as the message does when it is not streamed.
        if block.type == "fallback" and isinstance(to := fields.get("to"), dict) and "model" in to:
            self._message["model"] = to["model"]
        return block

    def _delta(self, event: Any) -> None:
        block = self._by_index.get(event.index)
        if block is None:
            implied = _IMPLIED.get(event.delta.type)
            if implied is None:
                self._unknown.append(to_dict(event))
                return
            block = self._begin(event.index, dict(implied))
        block.add(event.delta)
        self._keep_unknown(event, ContentBlockDelta)

    def _change(self, event: dict[str, Any]) -> None:
        self.changed = True
        _update(self._usage, event.pop("usage", None) or {})
        _update(self._message, event.pop("delta", None) or {})
        self._message.setdefault(
            "stop_details", None
        )  # as the SDK's helper leaves it, and the API's whole messages have it
        del event["type"]
        _update(self._message, event)

    def _keep_unknown(self, event: Any, known: type[msgspec.Struct]) -> None:
        if extra := _unknown_fields(event, known):
            index = {"index": event.index} if "index" in known.__struct_fields__ else {}
            self._unknown.append({"type": event.type, **index, **extra})


def _update(target: dict[str, Any], changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        if value is not None or name not in target:
            target[name] = value


def _unknown_fields(part: Any, known: type[msgspec.Struct]) -> dict[str, Any]:
    """
    What an event or delta has beyond its class here.
    """
    if type(part) is known:
        return {}
    names = {"type", *known.__struct_fields__}
    given = getattr(part, "model_fields_set", None)
    if given is not None and names.issuperset({*given, *(part.model_extra or ())}):
        return {}  # the SDK's, with nothing new: not worth a dump of it
    return {name: value for name, value in to_dict(part).items() if name not in names}


def _whole(pieces: StringIO) -> str:
    """
    The text of all pieces, with the surrogate pairs joined that were cut between two of them.
    """
    text = pieces.getvalue()
    try:
        text.encode()
    except UnicodeEncodeError:
        return join_surrogates(text)
    return text
