"""
Frames that the API should never send in the body of a message. The folder's docstring has the other kinds of fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from streamkit.testing._fake_claude.frames import dumps, event

__all__ = ["GARBAGE", "error_frame", "huge"]


DELTA: Final = b"event: content_block_delta\ndata: %b\n\n"

DEEP: Final = 100_000
"""How deeply JSON is nested that no parser's stack can hold."""

GARBAGE: Final[Mapping[str, bytes]] = MappingProxyType(
    {
        "not-json": DELTA % b"{not json",
        "half-an-object": DELTA % b'{"type":"content_block_delta","index":0,"delta":{"type":"te',
        "two-objects": DELTA % b'{"type":"ping"}{"type":"ping"}',
        "array": DELTA % b'["content_block_delta",0]',
        "string": DELTA % b'"content_block_delta"',
        "number": DELTA % b"529",
        "null": DELTA % b"null",
        "no-type": b'data: {"index":0}\n\n',
        "type-not-a-string": b'data: {"type":1}\n\n',
        "wrong-field": DELTA
        % b'{"type":"content_block_delta","index":"zero","delta":{"type":"text_delta","text":"x"}}',
        "missing-field": DELTA % b'{"type":"content_block_delta","index":0}',
        "invalid-utf8": DELTA
        % b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\xff\xfe"}}',
        "too-deep": DELTA
        % b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":%b%b}}'
        % (b"[" * DEEP, b"]" * DEEP),
        "noise": b"\x00\x8f\xc3\x28\xf5\x1b\n\n",
    }
)
"""
Frames that are not events, by name; put them into a reply with `Reply.insert`.

`"noise"` has no colon, so by the rules of server-sent events it is an unknown field, which is skipped.
"""


def error_frame(document: object, name: str | None = None) -> bytes:
    """
    A frame in which others than the API tell an error; put it into a reply with `Reply.cut` or between deltas.

    Args:
        document: What it says, as JSON, such as `{"error": {"code": 502, "message": "…"}}`.
        name: The event that it names; None leaves the line out, as many do.
    """
    line = b"" if name is None else b"event: %b\n" % name.encode()
    return b"%bdata: %b\n\n" % (line, dumps(document))


def huge(size: int) -> bytes:
    """
    One `text_delta` of block 0 of any size; put it into a reply with `Reply.insert`.

    Args:
        size: Characters of its text.

    Raises:
        ValueError: `size` is negative.
    """
    if size < 0:
        raise ValueError(f"huge({size!r}): give a number of characters >= 0")
    delta = {"type": "text_delta", "text": "x" * size}
    return event({"type": "content_block_delta", "index": 0, "delta": delta})
