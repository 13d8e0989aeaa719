"""
Inputs of tools as the API sends them: JSON in small deltas, in two shapes and any size.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any

from .frames import frame, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["ITEMS", "TEXT", "Shape", "Written"]

_CUTS = (6, 18)
"""The least and the most characters of a delta: 12 on average, wherever that cuts."""
_LINE = 'def naïve_{n}(x: str) -> "list[str]":\n    """Splits “x”: at each \\\\ and \\n."""\n\treturn x.split("\\n")\n\n'


@dataclass(frozen=True)
class Shape:
    """
    A kind of input.

    Attributes:
        title: What it is like.
        tool: Whose input it is.
        path: To what there is much of in it, for `tool_input`.
        prefix: The same, for ijson.
        value: Makes one of about so many characters of JSON.
        parts: What the path leads to in a value.
        joined: What all of those that were found add up to.
    """

    title: str
    tool: str
    path: str
    prefix: str
    value: Callable[[int], dict[str, Any]]
    parts: Callable[[Any], list[Any]]
    joined: Callable[[Sequence[Any]], object]


@dataclass(frozen=True)
class Written:
    """
    A message with calls of one tool, all with the same input.

    Attributes:
        shape: The kind of input.
        pieces: The deltas of one call. The first one is empty, as on the wire.
        calls: How many calls there are.
        value: The input.
    """

    shape: Shape
    pieces: list[str]
    calls: int
    value: dict[str, Any]

    @classmethod
    def of(cls, shape: Shape, size: int, calls: int = 1) -> Written:
        """
        Inputs of about `size` characters.
        """
        value = shape.value(size)
        return cls(shape, ["", *_cut(json.dumps(value, ensure_ascii=False))], calls, value)

    def in_fewer(self, deltas: int) -> Written:
        """
        One such call in so many equal deltas, behind the empty one.

        What reads everything again at each of them, has on average as much to read as with all the small ones: half of it.
        """
        text = "".join(self.pieces)
        ends = [len(text) * number // deltas for number in range(deltas + 1)]
        pieces = [text[begin:end] for begin, end in pairwise(ends)]
        return Written(self.shape, ["", *pieces], 1, self.value)

    @property
    def deltas(self) -> int:
        """
        How many there are in all.
        """
        return len(self.pieces) * self.calls

    @property
    def total(self) -> object:
        """
        What all of the calls' inputs add up to.
        """
        return self.add_up([self.value] * self.calls)

    def add_up(self, values: Sequence[Any]) -> object:
        """
        What these inputs add up to.
        """
        return self.shape.joined([part for value in values for part in self.shape.parts(value)])

    def frames(self) -> list[bytes]:
        """
        The message's events, each as its bytes.
        """
        return message((each for index in range(self.calls) for each in self._block(index)), "tool_use")

    def _block(self, index: int) -> Iterator[bytes]:
        block: dict[str, Any] = {
            "type": "tool_use",
            "id": f"toolu_{index}",
            "name": self.shape.tool,
            "input": {},
        }
        yield frame("content_block_start", index=index, content_block=block)
        for piece in self.pieces:
            delta = {"type": "input_json_delta", "partial_json": piece}
            yield frame("content_block_delta", index=index, delta=delta)
        yield frame("content_block_stop", index=index)


def _cut(text: str) -> Iterator[str]:
    chance, at = Random(0), 0
    while at < len(text):
        end = at + chance.randint(*_CUTS)
        yield text[at:end]
        at = end


def _of_size(size: int, part: Callable[[int], Any]) -> list[Any]:
    parts: list[Any] = []
    while size > 0:
        parts.append(part(len(parts)))
        size -= len(json.dumps(parts[-1], ensure_ascii=False))
    return parts


def _file(size: int) -> dict[str, Any]:
    lines = _of_size(size, lambda number: _LINE.replace("{n}", str(number)))
    return {"path": "src/naïve.py", "new_text": "".join(lines)}


def _items(size: int) -> dict[str, Any]:
    def item(number: int) -> dict[str, Any]:
        return {"title": f"Item {number}: a “small” one", "n": number, "ok": number % 3 == 0}

    return {"items": _of_size(size, item)}


TEXT = Shape(
    "one large string",
    "edit_file",
    "$.new_text",
    "new_text",
    _file,
    lambda value: [value["new_text"]],
    "".join,
)
ITEMS = Shape(
    "many small objects", "add_items", "$.items[*]", "items.item", _items, lambda value: value["items"], list
)
