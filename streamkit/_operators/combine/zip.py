"""
`zip`: one item of each stream at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from anyio import Event

from streamkit._core.algebra import Stream
from streamkit._core.checks import flag
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.runtime.fairness import let_others_run_until
from streamkit._core.runtime.reader_group import ReaderGroup
from streamkit._core.source import Opened
from streamkit._operators.combine.combined_source import CombinedSource, begin_all

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable

    from streamkit._core.runtime.context import Context

__all__ = ["zip"]

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")


@overload
def zip(a: AsyncIterable[A], /, *, strict: bool = True) -> Stream[tuple[A]]: ...  # noqa: A001
@overload
def zip(  # noqa: A001
    a: AsyncIterable[A], b: AsyncIterable[B], /, *, strict: bool = True
) -> Stream[tuple[A, B]]: ...
@overload
def zip(  # noqa: A001
    a: AsyncIterable[A], b: AsyncIterable[B], c: AsyncIterable[C], /, *, strict: bool = True
) -> Stream[tuple[A, B, C]]: ...
@overload
def zip(  # noqa: A001
    a: AsyncIterable[A],
    b: AsyncIterable[B],
    c: AsyncIterable[C],
    d: AsyncIterable[D],
    /,
    *,
    strict: bool = True,
) -> Stream[tuple[A, B, C, D]]: ...
@overload
def zip(  # noqa: A001
    a: AsyncIterable[A],
    b: AsyncIterable[B],
    c: AsyncIterable[C],
    d: AsyncIterable[D],
    e: AsyncIterable[E],
    /,
    *,
    strict: bool = True,
) -> Stream[tuple[A, B, C, D, E]]: ...
@overload
def zip(  # noqa: A001
    a: AsyncIterable[A],
    b: AsyncIterable[B],
    c: AsyncIterable[C],
    d: AsyncIterable[D],
    e: AsyncIterable[E],
    f: AsyncIterable[F],
    /,
    *,
    strict: bool = True,
) -> Stream[tuple[A, B, C, D, E, F]]: ...
@overload
def zip(*streams: AsyncIterable[A], strict: bool = True) -> Stream[tuple[A, ...]]: ...  # noqa: A001
@keyword_hints
def zip(*streams: AsyncIterable[Any], strict: bool = True) -> Stream[Any]:  # noqa: A001 -- the field's standard name
    """
    Tuples with one item of each stream.

    In each round, all streams are asked for one item at the same time. If one of them fails, its error is raised at once. If
    one of them ends, the others are waited for, so an error takes precedence over an end in the same round; with `strict=False`
    nobody is waited for then.

    Args:
        streams: Streams, or other async iterables; at least one.
        strict: Whether the streams must be of equal length. Otherwise the result ends with the shortest.

    Raises:
        TypeError: No stream is given, or one is not an async iterable.
        ValueError: While running, one is shorter than the others, and `strict` is on.

        a--b---|
        -c---d-|
        zip(a, b)
        -A---B-|

        A = ("a", "c")
        B = ("b", "d")

    Emits: a tuple when every stream has given an item.
    Backpressure: asks each stream for one item when it is asked for a tuple.
    Completes: when the streams end in the same round; with `strict=False`, when one of them ends.
    Fails: with the first stream that fails, the others cancelled at once; or with the `ValueError`.
    Cancels: at once, closing every stream.
    Memory: one item of each stream.
    """
    flag("zip", "strict", strict)
    return Stream(_Zip(streams, strict=strict))


class _Zip(CombinedSource):
    memory = "1 item of each"

    def __init__(self, streams: tuple[object, ...], *, strict: bool) -> None:
        super().__init__("zip", streams, **({} if strict else {"strict": False}))
        self.strict = strict

    def open(self, context: Context) -> Opened:
        return Opened("async", _Zipping(self.streams, context, strict=self.strict).items())


_UNKNOWN: Any = object()
_END: Any = object()


class _Zipping:
    """
    One run. A stream that has given its item, or has ended, waits for the next round.
    """

    def __init__(self, streams: list[Stream[Any]], context: Context, *, strict: bool) -> None:
        self._streams = streams
        self._context = context
        self._strict = strict
        self._readers = ReaderGroup(context)
        self._begin_round()

    def _begin_round(self) -> None:
        self._answers: list[Any] = [_UNKNOWN] * len(self._streams)
        self._unanswered = len(self._streams)
        self._next_round = Event()
        self._ended = False

    async def items(self) -> AsyncIterator[Any]:
        readers = self._readers
        try:
            contexts = [self._context.child() for _ in self._streams]
            for number, chain in enumerate(await begin_all(self._streams, contexts)):
                readers.start(chain, self._arrived(number), self._over(number))
            while True:
                while self._unanswered and readers.failure is None and not (self._ended and not self._strict):
                    await readers.wakeup.wait()
                if self._ended and not self._strict:
                    # An error of the same moment takes precedence.
                    await let_others_run_until(lambda: readers.failure is not None)
                if readers.failure is not None or self._ended:
                    break
                answers, next_round = tuple(self._answers), self._next_round
                yield answers
                self._begin_round()
                next_round.set()
        finally:
            await readers.stop()
        if readers.failure is not None:
            raise readers.failure
        if self._strict:
            _check_lengths([answer is _END for answer in self._answers])

    def _arrived(self, number: int) -> Callable[[Any], Awaitable[None]]:
        def arrived(item: Any) -> Awaitable[None]:
            self._answer(number, item)
            return self._next_round.wait()

        return arrived

    def _over(self, number: int) -> Callable[[BaseException | None], None]:
        def over(error: BaseException | None) -> None:
            if error is None:
                self._ended = True
                self._answer(number, _END)
            else:
                self._readers.fail(error)

        return over

    def _answer(self, number: int, answer: Any) -> None:
        self._answers[number] = answer
        self._unanswered -= 1
        if not self._unanswered or (answer is _END and not self._strict):
            self._readers.wakeup.wake()


def _check_lengths(ended: list[bool]) -> None:
    """
    Raises:
        ValueError: Some streams have ended and others have not. The message is that of the builtin `zip`.
    """
    first = ended.index(True)
    if first:
        raise ValueError(f"zip() argument {first + 1} is shorter than {_arguments(first)}")
    if not all(ended):
        longer = ended.index(False)
        raise ValueError(f"zip() argument {longer + 1} is longer than {_arguments(longer)}")


def _arguments(n: int) -> str:
    return "argument 1" if n == 1 else f"arguments 1-{n}"
