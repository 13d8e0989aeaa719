"""
What one frame of server-sent events has in it: its fields, and what kind of data that is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from streamkit._claude.protocol.codec import parse
from streamkit._claude.protocol.errors import GrammarError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["data_lines", "fields_of", "is_cut", "is_json", "is_typed", "is_whole_message"]

_LINES = re.compile(rb"[^\n]+").finditer


def is_whole_message(obj: Mapping[str, object]) -> bool:
    """
    Whether a JSON object is a message as a request without `stream=True` gets it.
    """
    return isinstance(obj.get("content"), list) and (
        obj.get("type") == "message" or obj.get("role") == "assistant"
    )


def is_cut(text: bytes) -> bool:
    """
    Whether a text begins as a JSON document, and does not end as one.
    """
    text = text.strip()
    return text.startswith(b"{") and not text.endswith(b"}")


def is_json(body: bytes) -> bool:
    """
    Whether data is JSON.
    """
    try:
        parse(body)
    except GrammarError:
        return False
    return True


def is_typed(line: bytes) -> bool:
    """
    Whether a line of data is a whole event by itself.
    """
    try:
        value = parse(line)
    except GrammarError:
        return False
    return isinstance(value, dict) and isinstance(cast("dict[str, object]", value).get("type"), str)


def fields_of(frame: bytes) -> tuple[bytes, bytes]:
    """
    A frame's event name and data; either may be empty, as in a comment that keeps the connection alive.
    """
    name = b""
    data: bytearray | None = None
    # One by one, because a list of short lines would be many times as large as the frame.
    for line in _LINES(frame):
        field, _, value = line[0].partition(b":")
        if field == b"data":
            if data is None:
                data = bytearray()
            else:
                data += b"\n"
            data += value.removeprefix(b" ")
        elif field == b"event":
            name = value.removeprefix(b" ")
    return name, bytes(data or b"")


def data_lines(frame: bytes) -> Iterator[tuple[bytes, bytes]]:
    """
    Each line of a frame's data, with the name that stands before it.
    """
    name = b""
    for line in _LINES(frame):
        field, _, value = line[0].partition(b":")
        if field == b"data":
            yield name, value.removeprefix(b" ")
            name = b""
        elif field == b"event":
            name = value.removeprefix(b" ")
