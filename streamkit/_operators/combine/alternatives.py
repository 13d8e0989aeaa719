"""
The types of `merge`, `concat` and `race`: a stream whose items come from any of several streams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable

    from streamkit._core.algebra import Stream

__all__ = ["Alternatives", "alternatives"]

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")


class Alternatives(Protocol):
    """
    A function of streams that returns a stream of the union of their types; checkers need an overload for each number.
    """

    @overload
    def __call__(self, a: AsyncIterable[A], /) -> Stream[A]: ...
    @overload
    def __call__(self, a: AsyncIterable[A], b: AsyncIterable[B], /) -> Stream[A | B]: ...
    @overload
    def __call__(
        self, a: AsyncIterable[A], b: AsyncIterable[B], c: AsyncIterable[C], /
    ) -> Stream[A | B | C]: ...
    @overload
    def __call__(
        self, a: AsyncIterable[A], b: AsyncIterable[B], c: AsyncIterable[C], d: AsyncIterable[D], /
    ) -> Stream[A | B | C | D]: ...
    @overload
    def __call__(
        self,
        a: AsyncIterable[A],
        b: AsyncIterable[B],
        c: AsyncIterable[C],
        d: AsyncIterable[D],
        e: AsyncIterable[E],
        /,
    ) -> Stream[A | B | C | D | E]: ...
    @overload
    def __call__(
        self,
        a: AsyncIterable[A],
        b: AsyncIterable[B],
        c: AsyncIterable[C],
        d: AsyncIterable[D],
        e: AsyncIterable[E],
        f: AsyncIterable[F],
        /,
    ) -> Stream[A | B | C | D | E | F]: ...
    @overload
    def __call__(self, *streams: AsyncIterable[A]) -> Stream[A]: ...


def alternatives(function: Callable[..., Stream[Any]]) -> Alternatives:
    """
    Type a function so. It is returned as it is.
    """
    return function
