"""
Content blocks of a reply: what starts each kind, and the deltas that fill it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamkit.testing._fake_claude.faults.ends import Fault, check_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Block", "text", "thinking", "tool_use"]

__tracebackhide__ = True  # pytest shows the lines of the test, and those of this file with --full-trace


@dataclass(frozen=True, slots=True)
class Block:
    """
    One content block of a reply; made by `text`, `thinking` and `tool_use`.

    Attributes:
        start: The block as `content_block_start` shows it.
        deltas: Its deltas, with faults between them.
        closed: Whether `content_block_stop` follows.
    """

    start: Mapping[str, object]
    deltas: tuple[Mapping[str, object] | Fault, ...] = ()
    closed: bool = True


def text(
    *parts: str | Fault,
    chunk: int | None = None,
    citations: Iterable[Mapping[str, object]] = (),
    closed: bool = True,
) -> Block:
    """
    A text block.

    Args:
        parts: The text; each string is a delta of its own, and faults may stand between them.
        chunk: Cut the strings into deltas of this many characters.
        citations: Citations, each sent as a `citations_delta` after the text.
        closed: False leaves out `content_block_stop`.

    Raises:
        ValueError: `chunk` is less than 1, or a part follows an end.
    """
    cited = list(citations)
    start: dict[str, object] = {"type": "text", "text": ""}
    if cited:
        start["citations"] = []
    return Block(
        start,
        (
            *deltas(parts, chunk, lambda piece: {"type": "text_delta", "text": piece}),
            *({"type": "citations_delta", "citation": citation} for citation in cited),
        ),
        closed,
    )


def thinking(
    *parts: str | Fault, signature: str = "c2lnbmF0dXJl", chunk: int | None = None, closed: bool = True
) -> Block:
    """
    A thinking block.

    Args:
        parts: The thinking; each string is a delta of its own, and faults may stand between them.
        signature: What the one `signature_delta` at the end carries; `""` sends none.
        chunk: Cut the strings into deltas of this many characters.
        closed: False leaves out `content_block_stop`.

    Raises:
        ValueError: `chunk` is less than 1, or a part follows an end.
    """
    return Block(
        {"type": "thinking", "thinking": "", "signature": ""},
        (
            *deltas(parts, chunk, lambda piece: {"type": "thinking_delta", "thinking": piece}),
            *([{"type": "signature_delta", "signature": signature}] if signature else []),
        ),
        closed,
    )


def tool_use(
    name: str,
    *parts: Mapping[str, object] | str | Fault,
    id: str | None = None,  # noqa: A002 -- the API's own word for it
    type: str = "tool_use",  # noqa: A002 -- the API's own word for it
    chunk: int | None = None,
    closed: bool = True,
    **fields: object,
) -> Block:
    """
    A tool call: of the application's tool, of the server's (`type="server_tool_use"`) or of MCP's.

    As on the wire, the first `input_json_delta` is empty.

    Args:
        name: The tool.
        parts: Its input: a mapping, sent as JSON, or strings that are sent as they are, so that an input can
            be broken or cut; faults may stand between them. Without any, the tool has no arguments.
        id: The call's id; by default one made from the reply's content.
        type: The block's type.
        chunk: Cut the JSON into deltas of this many characters.
        closed: False leaves out `content_block_stop`.
        fields: More fields of the block, such as `server_name`.

    Raises:
        ValueError: `chunk` is less than 1, or a part follows an end.
    """
    start: dict[str, object] = {"type": type, "id": id, "name": name, "input": {}, **fields}
    written = [part if isinstance(part, str | Fault) else json.dumps(part) for part in parts]
    pieces = deltas(["", *written], chunk, lambda piece: {"type": "input_json_delta", "partial_json": piece})
    return Block(start, tuple(pieces), closed)


def deltas(
    parts: Iterable[str | Fault], chunk: int | None, delta: Callable[[str], Mapping[str, object]]
) -> Iterator[Mapping[str, object] | Fault]:
    """
    Make a delta of each string, or of each `chunk` characters of it.
    """
    if chunk is not None and chunk < 1:
        raise ValueError(f"chunk={chunk!r}: give at least 1 character per delta")
    parts = tuple(parts)
    check_order(parts)
    for part in parts:
        if not isinstance(part, str):
            yield part
        elif chunk is None:
            yield delta(part)
        else:
            for start in range(0, len(part) or 1, chunk):
                yield delta(part[start : start + chunk])
