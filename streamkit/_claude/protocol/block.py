"""
A content block that its deltas are added to, one after another.

What each field of a delta adds is in `kinds.DELTAS`. A delta of an unknown type, the unknown fields of a known one, and values
that do not fit are kept in the block's `unknown_deltas`. Null says nothing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import msgspec

from streamkit._claude.protocol.codec import Unknown
from streamkit._claude.protocol.growing_text import GrowingText
from streamkit._claude.protocol.kinds import BLOCKS, DELTAS, fields_for, start_of
from streamkit._claude.protocol.pieces import PIECES
from streamkit._claude.protocol.reading import json_text, plain
from streamkit._claude.protocol.told_types import type_of_block, type_of_delta
from streamkit._claude.protocol.tool_json import partial_object, read_object
from streamkit._surrogates import join_surrogates

if TYPE_CHECKING:
    from streamkit._claude.protocol.kinds import Adds
    from streamkit._claude.protocol.tool_call import Flaw

__all__ = ["Block", "unknown_fields"]


class Block:
    """
    A content block as far as it has come.

    Args:
        index: Its index on the wire.
        fields: What it begins with.
        stray: Whether it was begun for deltas that were sent for a block which they do not fit.

    Attributes:
        index: Its index on the wire; of a stray one, that of the block that its deltas were sent for.
        type: Its type on the wire; empty if it does not tell one.
        closed: Whether it got its `content_block_stop`.
        ended: Whether its message can say nothing more of it. A tool's block without input ends when what follows it is known.
        cut: Whether the model was stopped before it had written any input, though the block was closed.
        stray: As given.
        repeats: Whether it calls what another block has called, under the same id and with the same input: it is that call, said
            again.
        continues: Whether it came with a request that continued the message, and so had another conversation before it.
        texts: What deltas have appended, by the block's field. That of `input` is the JSON text of a tool's input.
        pieces: For each class of delta that only adds text to such a block: its field with the text, and the block's field.
            Empty for a tool's block that was closed, where more input is not just added.
    """

    __slots__ = (
        "_fields",
        "_items",
        "_unknown",
        "closed",
        "continues",
        "cut",
        "ended",
        "index",
        "pieces",
        "repeats",
        "stray",
        "texts",
        "type",
    )

    def __init__(self, index: int, fields: dict[str, Any], *, stray: bool = False) -> None:
        self.index: int = index
        self.closed: bool = False
        self.ended: bool = False
        self.cut: bool = False
        self.stray: bool = stray
        self.repeats: bool = False
        self.continues: bool = False
        self.texts: defaultdict[str, GrowingText] = defaultdict(GrowingText)
        self._items: dict[str, list[Any]] = {}
        self._unknown: list[Any] = []
        self._begin(fields)

    def _begin(self, fields: dict[str, Any]) -> None:
        kind = fields.get("type")
        if not isinstance(kind, str) and (kind := type_of_block(Unknown(fields))):
            fields["type"] = kind
        self.type: str = kind or ""
        self.pieces: dict[type, tuple[str, str]]
        self.take_pieces()
        self._fields: dict[str, Any] = fields
        for name, empty in _EMPTY.get(self.type, ()):
            value = fields.get(name)
            if isinstance(empty, str):
                if not isinstance(value, str):
                    self._keep_odd(self.type, name, value)
                    fields[name] = empty
            elif not value:
                fields[name] = empty
            elif isinstance(value, str):
                fields[name] = _said_by(value)
        for name in _APPENDED.get(self.type, ()):
            if (value := fields.get(name)) is not None and not isinstance(value, str):
                self._keep_odd(self.type, name, value)
                fields[name] = None
        citations = fields.get("citations")
        if citations is not None and not _is_list_of_objects(citations):
            self._keep_odd(self.type, "citations", citations)
            fields["citations"] = None

    @property
    def raw(self) -> str:
        """
        The JSON text of a tool's input so far; empty where it came whole.
        """
        text = _whole(self.texts["input"]) if "input" in self.texts else ""
        given = self._fields.get("input")
        return given if isinstance(given, str) and not text.strip() else text

    @property
    def id(self) -> str:
        """
        The id of a tool's call; empty without one.
        """
        return self._text_of("id")

    def rename(self, call_id: str) -> None:
        """
        Give a tool's call another id, because two calls must not have the same.
        """
        self._fields["id"] = call_id

    @property
    def name(self) -> str:
        """
        The name of a tool; empty without one.
        """
        return self._text_of("name")

    @property
    def has_input(self) -> bool:
        """
        Whether anything has come of a tool's input.
        """
        if self._fields.get("input"):
            return True
        text = self.texts["input"].getvalue() if "input" in self.texts else ""
        return bool(text) and not text.isspace()

    @property
    def is_blank(self) -> bool:
        """
        Whether it is a text block with nothing but white space in it, which the API refuses.
        """
        return self.type == "text" and not (self._text_of("text") + _whole(self.texts["text"])).strip()

    def take_pieces(self) -> None:
        """
        Have more text just added, as for any block that is open.
        """
        self.pieces = _PIECES.get(self.type, {})

    def lacks(self, field: str) -> bool:
        """
        Whether nothing has come of a field.
        """
        return not self._fields.get(field)

    def restated(self, fields: dict[str, Any]) -> bool:
        """
        Whether another start is this block's own, said again: it calls the same tool with the same id, or both are empty. One of
        the two may lack the name, or the id where nothing has come between them.

        Args:
            fields: What it says.
        """
        untouched = not (self.texts or self._items or self._unknown)
        told, own = (fields.get("id"), fields.get("name")), (self.id, self.name)
        same_call = bool(own[0]) and own[0] == told[0] and (own[1] == told[1] or not (own[1] and told[1]))
        same_call = same_call or (
            untouched and bool(own[1]) and own[1] == told[1] and bool(own[0]) != bool(told[0])
        )
        if same_call:
            names = {name: fields.get(name) or self._fields.get(name) for name in ("id", "name")}
            if untouched:
                self._begin({**fields, **names})  # it may say more than the first
            self._fields.update(names)
        return same_call or (
            untouched and _is_empty(fields) and _is_empty(self._fields) and fields.get("type") == self.type
        )

    def call(self) -> tuple[str, str]:
        """
        The tool that it calls, and its input as text: the same for the same call, however it was sent.
        """
        value = self.input()
        return self.name, json.dumps(value, sort_keys=True) if isinstance(value, dict) else self.raw

    def input(self) -> dict[str, Any] | Flaw:
        """
        A tool's input, parsed now, or why it cannot be executed.
        """
        raw, whole = self.raw, self._fields.get("input")
        if raw or not whole:
            return read_object(raw, closed=self.closed and not self.cut)
        return cast("dict[str, Any]", msgspec.to_builtins(whole)) if isinstance(whole, dict) else "not_object"

    def told(self, field: str) -> Any:
        """
        What `to_dict` has in a field that is neither a tool's input nor a text that deltas append to; None without it.
        """
        given, items = self._fields.get(field), self._items.get(field)
        return [*(given or []), *items] if items else given

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
            block["unknown_deltas"] = [*(block.get("unknown_deltas") or []), *self._unknown]
        return block

    def add(self, delta: Any) -> None:
        """
        Take one delta, of any kind: this library's, or the SDK's.
        """
        kind = DELTAS.get(type_of_delta(delta))
        if kind is None:
            self._unknown.append(plain(delta))
            return
        if not self.type and (start := start_of(kind.name)) is not None:
            self._begin(
                {**start, **self._fields, "type": start["type"]}
            )  # the delta tells what the block does not
        for name, adds in kind.fields.items():
            self._add(delta, kind.name, name, adds)
        if extra := unknown_fields(delta, kind.cls):
            for name, adds in fields_for(self.type).items():
                if name in extra:
                    del extra[name]
                    self._add(delta, kind.name, name, adds)
        if extra:
            self._unknown.append({"type": kind.name, **extra})

    def _add(self, delta: Any, kind: str, name: str, adds: Adds) -> None:
        """
        Take the value of one field of a delta.
        """
        value: Any = getattr(delta, name, None)
        if value is None or value is msgspec.UNSET:
            if adds.how == "value":
                self._fields.setdefault(adds.into, None)  # as the SDK's helper has it
        elif adds.how == "item":
            if isinstance(item := plain(value), dict):
                self._items.setdefault(adds.into, []).append(item)
            else:
                self._keep_odd(kind, name, item)
        elif adds.how == "json":
            self.texts[adds.into].write(json_text(value))
        elif adds.how != "count" and not isinstance(value, str):
            self._keep_odd(kind, name, plain(value))
        elif adds.how == "value":
            self._fields[adds.into] = value
        elif adds.how != "count":
            self.texts[adds.into].write(value)

    def _text_of(self, field: str) -> str:
        value = self._fields.get(field)
        return value if isinstance(value, str) else ""

    def _keep_odd(self, kind: str, name: str, value: Any) -> None:
        if value is not None:
            self._unknown.append({"type": kind, name: value})


_PIECES: dict[str, dict[type, tuple[str, str]]] = {
    block: {
        piece.cls: (piece.field, piece.into) for name, piece in PIECES.items() if block in DELTAS[name].fits
    }
    for block in BLOCKS
}

_EMPTY: dict[str, tuple[tuple[str, Any], ...]] = {
    name: tuple(kind.empty.items()) for name, kind in BLOCKS.items() if kind.empty
}
"""For each type of block, what its fields are as it begins."""


_APPENDED = {
    block: [adds.into for adds in fields_for(block).values() if adds.how == "text"] for block in BLOCKS
}
"""The fields of each type of block that deltas append text to."""


def _said_by(text: str) -> Any:
    """
    The input that a gateway has put into a block's start as JSON text; the text itself where it is not a whole object.
    """
    value = read_object(text, closed=True)
    return value if isinstance(value, dict) else text


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in cast("list[object]", value))


def _is_empty(fields: dict[str, Any]) -> bool:
    return not any(value for name, value in fields.items() if name != "type")


def unknown_fields(part: Any, known: type[msgspec.Struct]) -> dict[str, Any]:
    """
    What an event or a delta has beyond its class here.
    """
    if type(part) is known:
        return {}
    names = {"type", *known.__struct_fields__}
    is_ours = isinstance(part, msgspec.Struct | Mapping)
    if not is_ours and names.issuperset({*part.model_fields_set, *(part.model_extra or ())}):
        return {}  # the SDK's, with nothing new: not worth a dump of it
    return {name: value for name, value in plain(part).items() if name not in names}


def _whole(pieces: GrowingText) -> str:
    """
    The text of all pieces, with the surrogate pairs joined that were cut between two of them.
    """
    text = pieces.getvalue()
    try:
        text.encode()
    except UnicodeEncodeError:
        return join_surrogates(text)
    return text
