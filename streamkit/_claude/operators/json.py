"""
JSON: the JSON in a message's text, while it is being written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, get_args, overload

from streamkit._claude.protocol.content import blocks_in, stop_reason_told, text_in
from streamkit._claude.protocol.errors import JSONError
from streamkit._claude.protocol.progress import Progress
from streamkit._claude.protocol.reading import text_of_field
from streamkit._claude.protocol.stop_reasons import stop_reason, why_cut
from streamkit._claude.protocol.told_types import type_of_block
from streamkit._core.algebra import Operator, Transducer
from streamkit._core.checks import choice
from streamkit._core.failed import Failed, OnError
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.stage import pure
from streamkit._partial_json import Extractor, ParseError, Selector, ValueFinder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamkit._claude.protocol.events import AnyEvent
    from streamkit._partial_json import Partial

__all__ = ["json"]

M = TypeVar("M")


@overload
def json(path: None = None, *, model: None = None) -> Operator[AnyEvent, Partial]: ...
@overload
def json(
    path: str | None = None, *, model: type[M], on_error: Literal["raise"] = "raise"
) -> Operator[AnyEvent, M]: ...
@overload
def json(
    path: str | None = None, *, model: type[M], on_error: Literal["emit"]
) -> Operator[AnyEvent, M | Failed[Any]]: ...
@overload
def json(
    path: str | None = None, *, model: Any = None, on_error: OnError = "raise"
) -> Operator[AnyEvent, Any]: ...
@keyword_hints
def json(path: str | None = None, *, model: Any = None, on_error: OnError = "raise") -> Operator[Any, Any]:
    """
    The JSON in a message's text, while it is being written: structured output, or an answer in a fenced block.

    It works as `tool_input` does, on the text of each message. A text that begins with JSON is read from there. Otherwise what
    comes first is prose, up to the first line that begins with `{` or `[`, or the first fenced block; each text block begins a
    line. One value is read, and what follows it is left alone. A message without any JSON is an error, unless it has called a
    tool, was paused or refused.

    In the diagram each character of the upper line is an event: `k` and `l` are deltas of text, `{"n": ` and `1}`.

        MTk-lE-DS|
        json("$.n")
        ----A----|

        A = 1

    Args:
        path: What to show: `$`, `.name`, `['name']`, `[0]` and `[*]` of JSONPath (RFC 9535); None for the whole, as it grows.
        model: What complete values are made into: a pydantic model, or a type that msgspec converts to. Without a path, that
            is the whole value.
        on_error: What happens with a value that the model refuses: `"raise"` fails, `"emit"` hands on a `Failed(value, error)` in
            its place and goes on behind it.

    Raises:
        TypeError: `path` is not a string, `model` is not a model, or `on_error` is given without one.
        ValueError: The path cannot be followed while the text is being written; the message says why. Or `on_error` is unknown.

    Emits: a `Partial` for each delta that changed the value; with a path, pieces of text and complete values; with a model, its
        instances, or a `Failed` in the place of one.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream; with a `JSONError`, which has the place in its `offset`, where the text is not JSON or ends too
        early, after what came before that, and which says so where `max_tokens` has cut it; with the model's own error.
    Cancels: at once.
    Memory: the value so far, or what the path selects, one at a time.
    """
    choice("json", "on_error", on_error, get_args(OnError))
    if model is None and on_error == "emit":
        raise TypeError('json(on_error="emit") needs a model=, which refuses a value')
    given = {"path": path, "model": model, "on_error": None if on_error == "raise" else on_error}
    changed = {name: value for name, value in given.items() if value is not None}
    return Operator(pure("json", JSON, **changed))


class JSON(Transducer[Any, Any]):
    takes: ClassVar[str] = "events"
    gives: ClassVar[str] = "parts of a JSON value"
    passes_restarts = False
    index: int | None
    """The text block that is read."""

    def __init__(self, path: str | None = None, model: Any = None, on_error: OnError = "raise") -> None:
        self.selector: Selector = Selector(path, model)
        if on_error == "emit" and (validate := self.selector.validate) is not None:
            self.selector.validate = _or_failed(validate)
        self.memory: str = self.selector.memory
        self.reset()

    @property
    def _hides_restarts(self) -> bool:
        # A live view is shown again from the beginning, which replaces the one that is void.
        return not self.selector.repeats

    def feed(self, item: Any) -> Iterable[Any]:
        kind = item.type
        if kind in {"message_start", "message_delta", "message_stop"}:
            return self._structure(kind, item)
        if kind == "content_block_start" and type_of_block(getattr(item, "content_block", None)) == "text":
            self.index = None  # what follows begins a line
        piece = text_in(item)
        if not piece:
            return ()
        if self.extractor is None and (index := getattr(item, "index", None)) != self.index:
            self.index = index
            self.finder.begin_line()
        return self._read(piece)

    def flush(self) -> Iterable[Any]:
        return self._end()

    def reset(self) -> None:
        self.progress: Progress = Progress()
        self._begin_message()

    def _begin_message(self) -> None:
        self.finder: ValueFinder = ValueFinder()
        self.extractor: Extractor | None = None  # once the value has begun
        self.index = None
        self.offset: int = 0  # where it begins in the text
        self.due: bool = False
        self.stop_reason: str | None = None

    def _structure(self, kind: str, event: Any) -> Iterable[Any]:
        if not self.progress.follow(event):
            return
        if kind == "message_start":
            yield from self._end()
            self._begin_message()
            self.due = True
            for block in blocks_in(event):
                if type_of_block(block) == "text" and (piece := text_of_field(block, "text")):
                    self.finder.begin_line()
                    yield from self._read(piece)
        else:
            self.stop_reason = self.stop_reason or stop_reason_told(event) or None
            if kind == "message_stop":
                yield from self._end()

    def _read(self, piece: str) -> Iterable[Any]:
        self.due = True
        if self.extractor is None:
            begun = self.finder.feed(piece)
            if begun is None:
                return ()
            self._begin()
            piece = begun
        return self._feed(piece)

    def _begin(self) -> None:
        self.extractor = Extractor(self.selector, lenient=True)
        self.offset = self.finder.passed

    def _feed(self, piece: str) -> Iterable[Any]:
        extractor = self.extractor
        if extractor is None:
            return ()
        try:
            extractor.feed(piece)
        except ParseError as error:
            return self._broken(extractor, error)
        return extractor.take()

    def _end(self) -> Iterable[Any]:
        """
        The message has ended.
        """
        if self.extractor is None and (scalar := self.finder.end()) is not None:
            self._begin()
            yield from self._feed(scalar)
        extractor, due, self.due = self.extractor, self.due, False
        if extractor is None:
            if due and not stop_reason(self.stop_reason).excuses_json:
                raise JSONError(
                    "there is no JSON in the text: it does not begin with any, no line does with { or [, and there is no fenced "
                    f"block{why_cut(self.stop_reason)}",
                    reason="missing",
                    offset=self.finder.read,
                )
            return
        try:
            extractor.end()
        except ParseError as error:
            yield from self._broken(extractor, error)
        yield from extractor.take()

    def _broken(self, extractor: Extractor, error: ParseError) -> Iterable[Any]:
        yield from extractor.take()
        is_truncated = error.reason == "truncated"
        cause = why_cut(self.stop_reason) if is_truncated else ""
        raise JSONError(
            f"the text is not JSON: {error.message} at character {self.offset + error.offset}{cause}",
            reason="truncated" if is_truncated else "invalid",
            offset=self.offset + error.offset,
        )


def _or_failed(validate: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def validated(value: Any) -> Any:
        try:
            return validate(value)
        except Exception as error:
            return Failed(value, error)

    return validated
