"""
Tool input: the arguments of a call, while they are being written.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload

from streamkit._claude.protocol.deltas import InputJSONDelta
from streamkit._claude.protocol.errors import ToolInputError
from streamkit._claude.protocol.events import ContentBlockDelta
from streamkit._claude.protocol.kinds import APPLICATION_TOOLS, TOOLS
from streamkit._claude.protocol.reading import input_text, text_of_field, type_of
from streamkit._claude.protocol.told_types import NOT_INPUT, is_input
from streamkit._claude.protocol.tool_blocks import ToolBlocks, call_in
from streamkit._claude.protocol.tool_call import BrokenToolCall
from streamkit._core.algebra import Operator, Transducer
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.stage import pure
from streamkit._partial_json import Extractor, ParseError, Selector

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamkit._claude.protocol.block import Block
    from streamkit._claude.protocol.events import AnyEvent
    from streamkit._partial_json import Partial

__all__ = ["tool_input"]

M = TypeVar("M")


@overload
def tool_input(
    name: str | None = None, path: None = None, *, model: None = None
) -> Operator[AnyEvent, Partial]: ...
@overload
def tool_input(
    name: str | None = None, path: str | None = None, *, model: type[M]
) -> Operator[AnyEvent, M]: ...
@overload
def tool_input(
    name: str | None = None, path: str | None = None, *, model: Any = None
) -> Operator[AnyEvent, Any]: ...
@keyword_hints
def tool_input(name: str | None = None, path: str | None = None, *, model: Any = None) -> Operator[Any, Any]:
    """
    The input of tool calls while it is being written: a preview, never a call. What can be executed is a `ToolCall`.

    Each delta is read once, so the cost of one does not grow with the input. Without a path the whole input is shown as far as
    it has come, in a `Partial` for each delta that changed it. With one, only what the path selects: the text of a string piece
    by piece, decoded, as in `"$.body"`; anything else when it is complete. A path with `[*]` gives whole values only, as in
    `"$.items[*]"` and `"$.items[*].title"`.

    In the diagram each character of the upper line is an event: `i` and `j` are deltas of a tool's input, `{"n": ` and `1}`.

        MUi-jE-DS|
        tool_input(path="$.n")
        ----A----|

        A = 1

    Args:
        name: Only calls of this tool, also of one that Anthropic or an MCP server runs; None for all of the caller's own tools.
        path: What to show: `$`, `.name`, `['name']`, `[0]` and `[*]` of JSONPath (RFC 9535); None for the whole, as it grows.
        model: What complete values are made into: a pydantic model, or a type that msgspec converts to. Without a path, that
            is the whole input.

    Raises:
        TypeError: `name` or `path` is not a string, or `model` is not a model.
        ValueError: The path cannot be followed while the text is being written; the message says why.

    Emits: a `Partial` for each delta that changed the input; with a path, pieces of text and complete values; with a model,
        its instances.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream; with a `ToolInputError`, which has the place in its `offset`, where the input is not a JSON object,
        after what came before that; with the model's own error; with a `GrammarError` where events are out of order.
    Cancels: at once.
    Memory: the text of one message's calls, and the value so far, or what the path selects, one at a time.
    """
    given = {"path": path, "model": model}
    changed = {name: value for name, value in given.items() if value is not None}
    return Operator(pure("tool_input", ToolInput, *([] if name is None else [name]), **changed))


class ToolInput(Transducer[Any, Any]):
    takes: ClassVar[str] = "events"
    gives: ClassVar[str] = "parts of a tool's input"
    passes_restarts = False

    def __init__(self, name: str | None = None, path: str | None = None, model: Any = None) -> None:
        if name is not None and (not name or not isinstance(name, str)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"tool_input() needs the name of a tool, or None for all, not {name!r}")
        if name is not None and name.startswith("$"):
            raise ValueError(
                f"tool_input() takes the name of a tool first, and {name!r} is a path: write path={name!r}"
            )
        self.name = name
        self.selector: Selector = Selector(path, model)
        self.memory: str = f"the text of the input, and {self.selector.memory}"
        self.reset()

    @property
    def _hides_restarts(self) -> bool:
        # A live view is shown again from the beginning, which replaces the one that is void.
        return not self.selector.repeats

    def feed(self, item: Any) -> Iterable[Any]:
        if item.__class__ is ContentBlockDelta:  # nearly always, and then its class tells
            delta: Any = item.delta
            if delta.__class__ in NOT_INPUT:
                return ()
        elif item.type == "content_block_delta":
            delta = getattr(item, "delta", None)
        else:
            ended = self.blocks.follow(item)
            return self._ended(ended) if ended else ()
        if delta.__class__ is not InputJSONDelta and not is_input(delta):
            return ()
        if (block := self.blocks.write(item)) is None:
            return ()
        extractor = self.extractors.get(block) or self._extractor(block)
        piece: Any = getattr(delta, "partial_json", None)
        try:
            extractor.feed(piece if piece.__class__ is str else input_text(delta))
        except ParseError as error:
            return self._broken(block, extractor, error)
        return extractor.take()

    def flush(self) -> Iterable[Any]:
        return self._ended(self.blocks.end())

    def reset(self) -> None:
        # Not a method, which would make a cycle that only the garbage collector ends.
        self.blocks: ToolBlocks = ToolBlocks(partial(_calls, self.name))
        self.extractors: dict[Block, Extractor] = {}

    def _extractor(self, block: Block) -> Extractor:
        extractor = self.extractors.get(block)
        if extractor is None:
            extractor = self.extractors[block] = Extractor(self.selector, skips_empty=True)
        return extractor

    def _ended(self, blocks: Iterable[Block]) -> Iterable[Any]:
        for block in blocks:
            yield from self._end(block)

    def _end(self, block: Block) -> Iterable[Any]:
        extractor, call = self._extractor(block), call_in(block)
        del self.extractors[block]
        try:
            if not block.raw.strip() and isinstance(value := block.input(), dict):
                extractor.feed(json.dumps(value))  # it has come whole, or is a call without arguments
            extractor.end()
        except ParseError as error:
            yield from self._broken(block, extractor, error)
        yield from extractor.take()
        if isinstance(call, BrokenToolCall):
            raise ToolInputError(call, why=self.blocks.why(call))

    def _broken(self, block: Block, extractor: Extractor, error: ParseError) -> Iterable[Any]:
        yield from extractor.take()
        call = BrokenToolCall(block.id, block.name, block.raw, error.reason, block.index)
        raise ToolInputError(call, why=self.blocks.why(call, str(error)), offset=error.offset)


def _calls(name: str | None, block: Any) -> bool:
    """
    Whether a block calls the tool of this name; without a name, any tool of the application's own.
    """
    if name is None:
        return type_of(block) in APPLICATION_TOOLS
    return type_of(block) in TOOLS and text_of_field(block, "name") == name
