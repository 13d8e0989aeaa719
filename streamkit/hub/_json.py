"""
JSON, also of texts with half of a surrogate pair, as a piece of a longer text may end with one.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

__all__ = ["from_json", "to_json"]

_strict = msgspec.json.Encoder().encode


def to_json(value: object) -> bytes:
    """
    A value of plain objects and structs as JSON.
    """
    try:
        return _strict(value)
    except UnicodeEncodeError:
        # UTF-8 cannot encode it, but JSON can escape it.
        return json.dumps(msgspec.to_builtins(value), separators=(",", ":")).encode("ascii")


def from_json(data: bytes) -> Any:
    """
    What such JSON says, as plain objects.
    """
    try:
        return msgspec.json.decode(data)
    except ValueError:
        return json.loads(data)
