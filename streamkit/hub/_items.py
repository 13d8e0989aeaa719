"""
Items of a run as the bytes of a record, and back.

A record begins with a letter that says what the rest is. Texts are themselves, values are JSON, Claude's events are what they
were on the wire, and a tuple is its items, each with its length before it. What comes back is what went in: a pair is a pair,
an event is typed. Only models of the SDK come back as the same objects of `streamkit.events`, which have the same fields.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

from streamkit._claude.protocol.codec import Reader, Unknown, as_unknown
from streamkit._claude.protocol.events import CLASSES, READER
from streamkit._claude.protocol.kinds import BLOCKS, DELTAS, KnownBlock, KnownDelta
from streamkit._claude.protocol.tool_call import BrokenToolCall, ToolCall
from streamkit._claude.protocol.tool_result import ServerToolResult, ToolResult
from streamkit._claude.protocol.usage import TotalUsage, Usage, usage_of
from streamkit._core.adapters import adapter_of
from streamkit._core.items import Restarted
from streamkit._core.naming import name_of
from streamkit.hub._json import from_json, to_json
from streamkit.hub._told_error import error_told, tell_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["decode_item", "encode_item"]

_BLOCK_READER: Reader[Any] = Reader(KnownBlock)
_DELTA_READER: Reader[Any] = Reader(KnownDelta)


def encode_item(item: object) -> bytes:
    """
    An item as bytes.

    Raises:
        TypeError: It is nothing that can be kept.
    """
    kind: Any = item.__class__
    encode = _ENCODERS.get(kind)
    if encode is not None:
        return encode(item)
    return _encode_other(item)


def decode_item(data: bytes) -> Any:
    """
    The item that bytes were made of.
    """
    return _DECODERS[data[:1]](data[1:])


# -- encoding -----------------------------------------------------------------------------------------------


def _encode_text(text: str) -> bytes:
    # Half of a surrogate pair may stand at the end of a piece.
    return b"s" + text.encode("utf-8", "surrogatepass")


def _encode_tuple(items: tuple[object, ...]) -> bytes:
    parts = [encode_item(item) for item in items]
    return b"(" + b"".join(b"%d:%b" % (len(part), part) for part in parts)


def _encode_event(event: object) -> bytes:
    return b"e" + to_json(event)


def _encode_value(value: object) -> bytes:
    _check_value(value, value)
    return b"j" + to_json(value)


def _encode_restart(item: Restarted) -> bytes:
    return b"r" + to_json({"attempt": item.attempt, "error": tell_error(item.error)})


def _encode_server_result(item: ServerToolResult) -> bytes:
    return b"w" + _encode_tuple((item.call, item.block, item.index))


def _encode_other(item: object) -> bytes:
    """
    What is not of exactly one of the classes below: an event with fields that this version does not know, a model of the SDK, a
    subclass.
    """
    if isinstance(item, Struct) and (kind := _wire_kind(getattr(item, "type", None))):
        return kind + to_json(item)
    if adapter_of(item) is not None and hasattr(type(item), "to_dict"):
        fields: dict[str, Any] = cast("Any", item).to_dict(mode="json", warnings=False)
        return (_wire_kind(fields.get("type")) or b"o") + to_json(fields)
    if isinstance(item, str):
        return _encode_text(str.__str__(item))
    raise _refused(item)


def _wire_kind(name: object) -> bytes:
    """
    The letter of the events, blocks or deltas that an object with this `type` belongs to; empty for none.
    """
    return b"e" if name in CLASSES else b"k" if name in BLOCKS else b"d" if name in DELTAS else b""


def _check_value(value: object, item: object) -> None:
    """
    Refuse what JSON would change: it has to come back as it is.
    """
    match value:
        case None | bool() | int() | str():
            pass
        case float():
            if not math.isfinite(value):
                raise _refused(item, f"{value} in it is no number of JSON")
        case list():
            for each in cast("list[object]", value):
                _check_value(each, item)
        case dict():
            for name, each in cast("dict[object, object]", value).items():
                if not isinstance(name, str):
                    raise _refused(item, f"it has a key of type {type(name).__name__}")
                _check_value(each, item)
        case _:
            raise _refused(item, f"it has a {type(value).__name__} in it")


def _refused(item: object, why: str | None = None) -> TypeError:
    because = "" if why is None else f": {why}"
    return TypeError(
        f"a hub cannot keep an item of type {name_of(type(item))}{because}. It keeps texts, JSON values, pairs and other tuples "
        "of them, Claude's events, and tool calls and their results: put map(…) behind the stream, which makes one of these of it"
    )


_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    str: _encode_text,
    bytes: lambda data: b"x" + data,
    tuple: _encode_tuple,
    **dict.fromkeys((int, float, bool, type(None), list, dict), _encode_value),
    **dict.fromkeys(CLASSES.values(), _encode_event),
    Unknown: lambda value: b"o" + to_json(value),
    Restarted: _encode_restart,
    ToolCall: lambda call: b"c" + to_json(call),
    BrokenToolCall: lambda call: b"b" + to_json(call),
    ToolResult: lambda result: b"u" + to_json(result),
    ServerToolResult: _encode_server_result,
    Usage: lambda usage: b"n" + to_json(usage),
    TotalUsage: lambda usage: b"n" + to_json(usage),
}


# -- decoding -----------------------------------------------------------------------------------------------


def _fields(data: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = from_json(data)
    fields.pop("type", None)
    return fields


def _decode_tuple(data: bytes) -> tuple[Any, ...]:
    return tuple(map(decode_item, _parts(data)))


def _parts(data: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        colon = data.index(b":", start)
        end = colon + 1 + int(data[start:colon])
        yield data[colon + 1 : end]
        start = end


def _decode_restart(data: bytes) -> Restarted:
    fields = from_json(data)
    return Restarted(fields["attempt"], error_told(fields["error"]))


_DECODERS: dict[bytes, Callable[[bytes], Any]] = {
    b"s": lambda data: data.decode("utf-8", "surrogatepass"),
    b"x": bytes,
    b"(": _decode_tuple,
    b"j": from_json,
    b"e": READER.decode,
    b"k": _BLOCK_READER.decode,
    b"d": _DELTA_READER.decode,
    b"o": lambda data: as_unknown(from_json(data)),
    b"r": _decode_restart,
    b"c": lambda data: ToolCall(**_fields(data)),
    b"b": lambda data: BrokenToolCall(**_fields(data)),
    b"u": lambda data: ToolResult(**_fields(data)),
    b"w": lambda data: ServerToolResult(*decode_item(data)),
    b"n": lambda data: usage_of(_fields(data)),
}
