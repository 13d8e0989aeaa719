"""
`gate`: text goes on only once it has been checked.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from streamkit._core.algebra import Same
from streamkit._core.checks import whole_number
from streamkit._core.items import is_named, is_restart, stands_aside, text_of, with_text
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.naming import gives_async_items, name_of, value_text
from streamkit._core.runtime.chain import Chain
from streamkit._core.stage import ConcurrentStage
from streamkit._operators.concurrent_calls import ConcurrentCalls
from streamkit._operators.text.cutter import Cutter, cut_rule

if TYPE_CHECKING:
    import re
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from streamkit._core.runtime.context import Context
    from streamkit._operators.text.cut_rule import CutRule

    Verdict = bool | str | tuple[bool, str]
    Check = Callable[[str, str], Awaitable[Verdict]]

__all__ = ["gate"]


@keyword_hints
def gate(
    check: Check,
    /,
    by: str | re.Pattern[str] = "sentence",
    ahead: int = 2,
    *,
    names: str | Iterable[str] | None = None,
) -> Same:
    """
    The text, each piece of it once `await check(piece, so_far)` has let it pass. Nothing behind a piece that was stopped goes on.

    The check of a piece begins as soon as the piece has come, while those before it are still being checked or waited for;
    the pieces go on in their order. Text is a string, the text or thinking in an event's delta, or either of these in a
    `(name, value)` pair. Anything else is not checked, and keeps its place among the pieces. Text of another block or name
    is another text: the piece before it ends there. What may come in the middle of a text, as a ping or a tool's result may,
    goes before the piece that it came in.

        -abcd|
        gate(lambda piece, so_far: from_iterable([piece != "c"]).first(), "grapheme")
        --ab|

    Args:
        check: An async function that is given the piece, and the text before it as it came: of the same block, or the same
            name. It returns True to let the piece pass; a string that goes on in its place, `""` for none; or False to end
            the stream before it. `(False, reason)` says why in `outcome.stopped_by`, which reads `"gate: <reason>"`, else
            `"gate"`.
        by: The pieces, as in `recut`: `"word"`, `"sentence"`, `"line"`, `"grapheme"` or a regex.
        ahead: The most checks at once, at least 1. One counts until its piece has been taken.
        names: Of `(name, value)` pairs, the names whose text is checked, as in `names="text"`; by default all of them.

    Raises:
        TypeError: An argument is of the wrong kind; while running, `check` returns something else than it may.
        ValueError: `by` is unknown, `ahead` is below 1, or `names` is empty.

    Emits: each piece that has passed, or what replaces it, as an item like the one that its text came in; and every other item.
    Backpressure: reads no further while `ahead` pieces are being checked or wait to be taken.
    Completes: with its upstream, after the last check; or before a piece that was stopped, after closing upstream.
    Fails: with its upstream, after what came before; or with what `check` raises, after the pieces before that one
        that have passed by then; the other checks are cancelled.
    Cancels: at once, first the checks; where the stream starts over, they are cancelled too, and what they check is dropped.
    Memory: `ahead` pieces and the one that is arriving, 64 other items, and each text so far.
    """
    return Same((_Gate(check, by, ahead, names),))


class _Gate(ConcurrentStage):
    def __init__(
        self, check: Check, by: str | re.Pattern[str], ahead: int, names: str | Iterable[str] | None
    ) -> None:
        _refuse_other(check)
        self._check = check
        self._rule = cut_rule("gate", by)
        self._ahead = whole_number("gate", ahead, least=1, of="ahead")
        self._names = _names(names)
        given = {"by": (by, "sentence"), "ahead": (ahead, 2), "names": (names, None)}
        super().__init__(
            "gate", (check,), {name: value for name, (value, usual) in given.items() if value != usual}
        )
        self.memory: str = (
            f"{self._ahead} pieces and the one that is arriving, 64 other items, and each text so far"
        )

    def bind(self, upstream: Chain, context: Context) -> AsyncIterator[Any]:
        pieces = _Pieces(self._rule, self._names)
        checked = ConcurrentCalls(
            _Checking(self._check),
            self._ahead,
            True,
            Chain(pieces.of(upstream.iterator), upstream),
            context,
            passes=_needs_no_check,
        )
        return _passed(checked, context)


class _Piece(NamedTuple):
    """
    A piece to be checked.

    Attributes:
        place: The item that its text came in, without the text.
        text: The piece.
        so_far: The text before it.
    """

    place: Any
    text: str
    so_far: str


class _Checked(NamedTuple):
    """
    What has become of a piece.

    Attributes:
        item: What goes on; None if nothing does.
        stopped_by: Who ends the stream before it; empty if nobody does.
    """

    item: Any = None
    stopped_by: str = ""


_NOWHERE: Any = object()


class _Pieces:
    """
    Cuts the text of items into pieces to be checked, and leaves every other item as it is.
    """

    def __init__(self, rule: Callable[[], CutRule], names: frozenset[str] | None) -> None:
        self._cutter = Cutter(rule)
        self._names = names
        self._place: Any = _NOWHERE  # the item whose text is held, without the text
        # For each name of a pair, and for what is not a pair: the place of the text, and the text so far.
        self._so_far: dict[str | None, tuple[Any, str]] = {}

    async def of(self, items: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """
        The pieces and the other items, in their order.
        """
        try:
            async for item in items:
                for each in self._feed(item):
                    yield each
        except Exception:
            for each in self._end():
                yield each
            raise
        for each in self._end():
            yield each

    def _feed(self, item: Any) -> Iterable[Any]:
        text = None if self._is_other(item) else text_of(item)
        if text is None:
            if is_restart(item):
                self._start_over()
            elif not stands_aside(item):
                yield from self._end()
                if not is_named(item):
                    self._so_far.pop(None, None)
            yield item
            return
        place = with_text(item, "")
        if place != self._place:
            yield from self._end()
            self._place = place
        for piece in self._cutter.feed(text):
            yield self._piece(piece)

    def _is_other(self, item: Any) -> bool:
        return self._names is not None and is_named(item) and item[0] not in self._names

    def _end(self) -> Iterable[_Piece]:
        if held := self._cutter.end():
            yield self._piece(held)
        self._cutter.restart()
        self._place = _NOWHERE

    def _piece(self, text: str) -> _Piece:
        name = self._place[0] if is_named(self._place) else None
        place, so_far = self._so_far.get(name, (_NOWHERE, ""))
        if place != self._place:
            so_far = ""
        self._so_far[name] = (self._place, so_far + text)
        return _Piece(self._place, text, so_far)

    def _start_over(self) -> None:
        self._cutter.restart()
        self._place = _NOWHERE
        self._so_far.clear()


class _Checking:
    """
    The check, whose verdict is read.
    """

    def __init__(self, check: Check) -> None:
        self._check = check

    async def __call__(self, piece: _Piece) -> _Checked:
        made: object = self._check(piece.text, piece.so_far)
        if not inspect.isawaitable(made):
            raise TypeError(
                f"gate({name_of(self._check)}): the function must return an awaitable, and returned {type(made).__name__}: "
                "make it `async def`"
            )
        match await made:
            case True:
                return _Checked(with_text(piece.place, piece.text))
            case str(other):
                return _Checked(with_text(piece.place, other) if other else None)
            case False:
                return _Checked(stopped_by="gate")
            case (False, str(reason)):
                return _Checked(stopped_by=f"gate: {reason}")
            case verdict:
                raise TypeError(
                    f"gate({name_of(self._check)}): the check must say True (it passes), a string (in its place), False or "
                    f"(False, reason) (the stream ends before it), and said {type(verdict).__name__}"
                )


def _needs_no_check(item: Any) -> bool:
    return not isinstance(item, _Piece)


async def _passed(checked: ConcurrentCalls, context: Context) -> AsyncGenerator[Any, None]:
    """
    What goes on of what was checked.
    """
    items = checked.items()
    try:
        async for item in items:
            if not isinstance(item, _Checked):
                yield item
            elif item.stopped_by:
                context.stopped(item.stopped_by)
                return
            elif item.item is not None:
                yield item.item
    finally:
        await items.aclose()


def _refuse_other(check: object) -> None:
    """
    Refuse what is not an async function, before anything runs.
    """
    if not callable(check):
        raise TypeError(
            f"gate() needs an async function that is given a piece and the text before it, not {value_text(check)}"
        )
    if gives_async_items(check):
        raise TypeError(f"gate() awaits one verdict, and {name_of(check)} is an async generator function")


def _names(names: str | Iterable[str] | None) -> frozenset[str] | None:
    if names is None:
        return None
    if isinstance(names, str):
        return frozenset({names})
    if not isinstance(names, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"gate(names=…) takes the names of pairs, not {value_text(names)}")
    given = frozenset(names)
    if not given:
        raise ValueError(
            "gate(names=…) must name a text that is checked, and names none: leave it out to check all"
        )
    for name in given:
        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"gate(names=…) takes strings, not {value_text(name)}")
    return given
