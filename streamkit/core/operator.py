"""
Operators: what stands between a source and its consumer.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from .calls import name_of
from .fusion import Hooks, fuse
from .stage import CallableStage, PureStage

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable, Iterator

    from .sink import Job, Sink
    from .stage import Stage
    from .stream import Stream

__all__ = ["A_contra", "B_co", "Operator", "Same", "refuse_right"]

A_contra = TypeVar("A_contra", contravariant=True)
B_co = TypeVar("B_co", covariant=True)
C = TypeVar("C")
R = TypeVar("R")
T = TypeVar("T")


class Operator(Generic[A_contra, B_co]):
    """
    Turns a stream of `A` into a stream of `B`; an immutable description, to be used as often as you like.

    `operator | operator` is an operator, `operator | sink` a sink, `stream | operator` and `operator(aiterable)` a stream.
    """

    stages: tuple[Stage, ...]

    def __init__(self, stages: tuple[Stage, ...]) -> None:
        self.stages = stages

    def __repr__(self) -> str:
        return " | ".join(map(repr, self.stages))

    def __call__(self, source: AsyncIterable[A_contra], /) -> Stream[B_co]:
        """
        The stream of `source` through this operator; `source` may be any async iterable.
        """
        return stream.stream_of(source, self.stages)

    @overload
    def __or__(self, right: Callable[[AsyncIterable[B_co]], AsyncIterable[C]], /) -> Operator[A_contra, C]: ...
    @overload
    def __or__(self, right: Callable[[AsyncIterable[B_co]], Job[R]], /) -> Sink[A_contra, R]: ...
    def __or__(self, right: Any, /) -> Any:
        if isinstance(right, Operator):
            kind = Same if isinstance(self, Same) and isinstance(right, Same) else Operator
            return kind(self.stages + right.stages)
        if isinstance(right, sink.Sink):
            return right.after(self.stages)
        if refuse_right(right):
            return NotImplemented
        return Operator((*self.stages, CallableStage(right)))

    @overload
    def pipe(self, right: Callable[[AsyncIterable[B_co]], AsyncIterable[C]], /) -> Operator[A_contra, C]: ...
    @overload
    def pipe(self, right: Callable[[AsyncIterable[B_co]], Job[R]], /) -> Sink[A_contra, R]: ...
    def pipe(self, right: Any, /) -> Any:
        """
        The same as `self | right`.
        """
        return self | right

    def map(self, fn: Callable[[B_co], C], /) -> Operator[A_contra, C]:
        """
        Followed by `map(fn)`.
        """
        return self | elementary.map(fn)

    def filter(self, keep: Callable[[B_co], object], /) -> Operator[A_contra, B_co]:
        """
        Followed by `filter(keep)`.
        """
        return self | elementary.filter(keep)

    def tap(self, fn: Callable[[B_co], object], /) -> Operator[A_contra, B_co]:
        """
        Followed by `tap(fn)`.
        """
        return self | elementary.tap(fn)

    def scan(self, fn: Callable[[C, B_co], C], initial: C, /) -> Operator[A_contra, C]:
        """
        Followed by `scan(fn, initial)`.
        """
        return self | elementary.scan(fn, initial)

    def flat_map(self, fn: Callable[[B_co], Iterable[C]], /) -> Operator[A_contra, C]:
        """
        Followed by `flat_map(fn)`.
        """
        return self | elementary.flat_map(fn)

    def over(self, items: Iterable[A_contra], /) -> Iterator[B_co]:
        """
        Run pure stages over a plain iterable: offline data, a notebook, the synchronous client.

        The iterable is closed with the iterator, where it has a `close`.

        Raises:
            TypeError: A stage needs an event loop, or `items` is not a plain iterable.
        """
        for stage in self.stages:
            if not isinstance(stage, PureStage):
                raise TypeError(
                    f"over() runs pure stages only, and {stage!r} is {stage.kind}: "
                    "use `async with (source | pipeline).open() as run`"
                )
        if not hasattr(items, "__iter__") and not hasattr(items, "__getitem__"):
            raise TypeError(f"over() takes a plain iterable, not {type(items).__name__}; behind | it may be async")
        built = [stage.build(None) for stage in self.stages if isinstance(stage, PureStage)]
        close: Callable[[], Any] = getattr(items, "close", _nothing)
        result: Iterator[B_co] = fuse("over", built, items, Hooks(_nothing, close, _nothing, _nothing, _nothing))
        return result

    def explain(self) -> None:
        """
        Print each stage with its kind, what it holds at most, and what is fused.
        """
        print("\n".join(explanation(self.stages)))  # noqa: T201 -- printing is its purpose


class Same(Operator[Any, Any]):
    """
    An operator that hands on items of whatever type it is given.

    It is generic where it is used, not where it is made, so that a value such as `k = take(3)` has a type.
    """

    def __call__(self, source: AsyncIterable[T], /) -> Stream[T]:
        return super().__call__(source)

    @overload  # type: ignore[override]
    def __or__(self, right: Same, /) -> Same: ...
    @overload
    def __or__(self, right: Callable[[AsyncIterable[T]], AsyncIterable[C]], /) -> Operator[T, C]: ...
    @overload
    def __or__(self, right: Callable[[AsyncIterable[T]], Job[R]], /) -> Sink[T, R]: ...
    def __or__(self, right: Any, /) -> Any:
        return super().__or__(right)

    @overload  # type: ignore[override]
    def pipe(self, right: Same, /) -> Same: ...
    @overload
    def pipe(self, right: Callable[[AsyncIterable[T]], AsyncIterable[C]], /) -> Operator[T, C]: ...
    @overload
    def pipe(self, right: Callable[[AsyncIterable[T]], Job[R]], /) -> Sink[T, R]: ...
    def pipe(self, right: Any, /) -> Any:
        return super().pipe(right)

    def over(self, items: Iterable[T], /) -> Iterator[T]:
        return super().over(items)


def refuse_right(right: object) -> bool:
    """
    Whether nothing can be made of `right` behind `|`.

    Raises:
        TypeError: It looks like a slip whose remedy is known.
    """
    if not callable(right):
        return True
    if inspect.iscoroutinefunction(right) or inspect.iscoroutinefunction(getattr(right, "__call__", None)):
        name = name_of(right)
        raise TypeError(
            f"{name} is a coroutine function, which cannot stand behind |: write sinks.call({name}) to consume each item "
            f"with it, or map_async({name}) to transform each item"
        )
    if getattr(right, "__makes_stage__", False) or (isinstance(right, type) and issubclass(right, Operator)):
        raise TypeError(f"{name_of(right)} makes an operator: write {name_of(right)}() behind |, with its arguments")
    try:
        inspect.signature(right).bind(None)
    except TypeError as error:
        raise TypeError(f"{name_of(right)} cannot stand behind |: called with the stream alone, it says {error}") from None
    except ValueError:
        pass  # a builtin without a signature
    return False


def _nothing(*_: object) -> None: ...


# The algebra is recursive: operators make streams and sinks, which are made of operators.
from . import elementary, sink, stream  # noqa: E402
from .explain import explanation  # noqa: E402
