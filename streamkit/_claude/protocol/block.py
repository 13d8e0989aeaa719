"""
A content block that its deltas are added to, one after another.

What each field of a delta adds is in `kinds.DELTAS`. A delta of an unknown type, and the unknown fields of a known one, are kept
in the block's `unknown_deltas`.
"""

from __future__ import annotations

from collections import defaultdict
from io import StringIO
from typing import TYPE_CHECKING, Any, cast

import msgspec

from streamkit._claude.protocol.events import to_dict
from streamkit._claude.protocol.kinds import DELTAS
from streamkit._claude.protocol.tool_json import partial_object, read_object
from streamkit._partial_json.surrogates import join_surrogates

if TYPE_CHECKING:
    from streamkit._claude.protocol.kinds import Adds
    from streamkit._claude.protocol.tool_call import Flaw

__all__ = ["Block", "unknown_fields"]


class Block:
    """
    A content block as far as it has come.

    Attributes:
        index: Its index on the wire.
        type: Its type on the wire.
        closed: Whether it got its `content_block_stop`.
        continues: Whether it came with a request that continued the message, and so had another conversation before it.
        texts: What deltas have appended, by the block's field. That of `input` is the JSON text of a tool's input.
    """

    __slots__ = ("_fields", "_items", "_unknown", "closed", "continues", "index", "texts", "type")

    def __init__(self, index: int, fields: dict[str, Any]) -> None:
        self.index: int = index
        self.type: str = fields.get("type", "unknown")
        self.closed: bool = False
        self.continues: bool = False
        # A StringIO joins as it grows: its memory is the text's, however small the pieces.
        self.texts: defaultdict[str, StringIO] = defaultdict(StringIO)
        self._fields = fields
        self._items: defaultdict[str, list[Any]] = defaultdict(list)
        self._unknown: list[dict[str, Any]] = []

    @property
    def raw(self) -> str:
        """
        The JSON text of a tool's input so far; empty where the block came whole.
        """
        return _whole(self.texts["input"]) if "input" in self.texts else ""

    def input(self) -> dict[str, Any] | Flaw:
        """
        A tool's input, parsed now, or why it cannot be executed.
        """
        raw, whole = self.raw, self._fields.get("input")
        if raw or not whole:
            return read_object(raw, closed=self.closed)
        return cast("dict[str, Any]", msgspec.to_builtins(whole)) if isinstance(whole, dict) else "not_object"

    def to_dict(self) -> dict[str, Any]:
        """
        The block as a message that is not streamed has it.

        Where a tool's JSON text is not a whole object, `input` is what the SDK makes of it: the whole members of one that was
        cut, and empty for any other. The text itself is in `raw`.
        """
        block = cast("dict[str, Any]", msgspec.to_builtins(self._fields))
        for field, text in self.texts.items():
            if field != "input":
                block[field] = (block.get(field) or "") + _whole(text)
        if raw := self.raw:
            value = self.input()
            cut = partial_object(raw) if value == "truncated" else {}
            block["input"] = value if isinstance(value, dict) else cut
        for field, items in self._items.items():
            block[field] = [*(block.get(field) or []), *items]
        if self._unknown:
            block["unknown_deltas"] = list(self._unknown)
        return block

    def add(self, delta: Any) -> None:
        """
        Take one delta, of any kind: this library's, or the SDK's.
        """
        kind = DELTAS.get(delta.type)
        if kind is None:
            self._unknown.append(to_dict(delta))
            return
        for name, adds in kind.fields.items():
            self._add(adds, getattr(delta, name, None))
        if extra := unknown_fields(delta, kind.cls):
            self._unknown.append({"type": delta.type, **extra})

    def _add(self, adds: Adds, value: Any) -> None:
        """
        Take the value of one field of a delta; None or `UNSET` where the wire has none.
        """
        if value is None or value is msgspec.UNSET:
            if adds.how == "value":
                self._fields.setdefault(adds.into, None)  # as the SDK's helper has it
            return
        match adds.how:
            case "text" | "json":
                self.texts[adds.into].write(value)
            case "value":
                self._fields[adds.into] = value
            case "item":
                self._items[adds.into].append(to_dict(value))
            case "count":
                pass


def unknown_fields(part: Any, known: type[msgspec.Struct]) -> dict[str, Any]:
    """
    What an event or a delta has beyond its class here.
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
