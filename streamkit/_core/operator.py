"""
Operators: what stands between a source and its consumer.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from streamkit._core.naming import name_of
from streamkit._core.runtime.fusion import Hooks, fuse, guarded, loops
from streamkit._core.stage import CallableStage, PureStage

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable, Iterator

    from streamkit._core.sink import GenericSink, Job, Sink
    from streamkit._core.stage import Stage
    from streamkit._core.stream import Stream

__all__ = ["A_contra", "B_co", "GenericOperator", "Operator", "Same", "refuse_right"]

A_contra = TypeVar("A_contra", contravariant=True)
B_co = TypeVar("B_co", covariant=True)
C = TypeVar("C")
R = TypeVar("R")
G = TypeVar("G", bound="GenericOperator[Any]")
S = TypeVar("S", bound="GenericSink")
T = TypeVar("T")


class Operator(Generic[A_contra, B_co]):
    """
    Turns a stream of `A` into a stream of `B`; an immutable description, to be used as often as you like.

    `operator | operator` is an operator, `operator | sink` a sink, `stream | operator` and `operator(aiterable)` a stream.
    """

    __reads_as_source__ = True

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
    def __or__(
        self, right: Callable[[AsyncIterable[B_co]], AsyncIterable[C]], /
    ) -> Operator[A_contra, C]: ...
    @overload
    def __or__(self, right: Callable[[AsyncIterable[B_co]], Job[R]], /) -> Sink[A_contra, R]: ...
    def __or__(self, right: Any, /) -> Any:
        return self._followed_by(right)

    def _followed_by(self, right: Any) -> Any:
        if isinstance(right, Operator):
            kind: type[Operator[Any, Any]] = Operator
            if isinstance(self, Same) and isinstance(right, GenericOperator):
                kind = type(cast("GenericOperator[object]", right))
            return kind(self.stages + right.stages)
        if isinstance(right, sink.Sink):
            return cast("Sink[Any, object]", right).after(self.stages)
        if refuse_right(right):
            return NotImplemented
        made: Operator[Any, Any] = Operator((*self.stages, CallableStage(right)))
        return made

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
            raise TypeError(
                f"over() takes a plain iterable, not {type(items).__name__}; behind | it may be async"
            )
        built = [stage.build(None) for stage in self.stages if isinstance(stage, PureStage)]
        result: Any = items
        for group in loops(built, lambda stage: stage):
            failure: list[Exception] = []
            close = _once(getattr(result, "close", _nothing))
            result = guarded("over", group, result, failure) or result
            result = fuse(
                "over", group, result, Hooks(_nothing, close, _nothing, _nothing, _nothing, failure)
            )
        return cast("Iterator[B_co]", result)

    def explain(self) -> None:
        """
        Print each stage with its kind, what it holds at most, and what is fused.
        """
        print("\n".join(explanation(self.stages)))  # noqa: T201 -- printing is its purpose


class GenericOperator(Operator[Any, B_co]):
    """
    The base of operators whose type depends on the type of the items; they overload `__call__`.

    They are generic where they are used, not where they are made, so that a value such as `k = take(3)` has a type.
    """


class Same(GenericOperator[Any]):
    """
    An operator that hands on items of whatever type it is given.
    """

    def __call__(self, source: AsyncIterable[T], /) -> Stream[T]:
        return super().__call__(source)

    @overload  # type: ignore[override]
    def __or__(self, right: G, /) -> G: ...
    @overload
    def __or__(self, right: S, /) -> S: ...
    @overload
    def __or__(self, right: Callable[[AsyncIterable[T]], AsyncIterable[C]], /) -> Operator[T, C]: ...
    @overload
    def __or__(self, right: Callable[[AsyncIterable[T]], Job[R]], /) -> Sink[T, R]: ...
    def __or__(self, right: Any, /) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._followed_by(right)

    @overload  # type: ignore[override]
    def pipe(self, right: G, /) -> G: ...
    @overload
    def pipe(self, right: S, /) -> S: ...
    @overload
    def pipe(self, right: Callable[[AsyncIterable[T]], AsyncIterable[C]], /) -> Operator[T, C]: ...
    @overload
    def pipe(self, right: Callable[[AsyncIterable[T]], Job[R]], /) -> Sink[T, R]: ...
    def pipe(self, right: Any, /) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self | right

    def map(self, fn: Callable[[T], C], /) -> Operator[T, C]:
        return super().map(fn)

    def filter(self, keep: Callable[[T], object], /) -> Operator[T, T]:
        return super().filter(keep)

    def tap(self, fn: Callable[[T], object], /) -> Operator[T, T]:
        return super().tap(fn)

    def scan(self, fn: Callable[[C, T], C], initial: C, /) -> Operator[T, C]:
        return super().scan(fn, initial)

    def flat_map(self, fn: Callable[[T], Iterable[C]], /) -> Operator[T, C]:
        return super().flat_map(fn)

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
    name = name_of(right)
    if inspect.iscoroutinefunction(right) or inspect.iscoroutinefunction(right.__call__):
        raise TypeError(
            f"{name} is a coroutine function, which cannot stand behind |: write sinks.call({name}) to consume each item "
            f"with it, or map_async({name}) to transform each item"
        )
    refuse_uncalled(right)
    if isinstance(right, type) and not hasattr(right, "__aiter__"):
        raise TypeError(
            f"{name} cannot stand behind |: its instances are no async iterables; use map({name})"
        )
    try:
        inspect.signature(right).bind(None)
    except TypeError as error:
        raise TypeError(
            f"{name} cannot stand behind |: called with the stream alone, it says {error}"
        ) from None
    except ValueError:
        pass  # a builtin without a signature
    return False


def refuse_uncalled(target: object) -> None:
    """
    Refuse what makes an operator or a sink, where one is needed.

    Raises:
        TypeError: It is one that nobody has called, or an operator in place of a sink.
    """
    name = name_of(target)
    if getattr(target, "__makes_stage__", False) or _is_operator_class(target) or _is_ours(target):
        raise TypeError(f"{name} makes an operator or a sink, and was not called: write {name}(…)")


def _is_ours(target: object) -> bool:
    """
    Whether it is one of this package's public functions, all of which make something.
    """
    if not inspect.isfunction(target):
        return False
    home = sys.modules.get(target.__module__)
    return (
        home is not None
        and home.__name__.partition(".")[0] == __name__.partition(".")[0]
        and target.__name__ in getattr(home, "__all__", ())
    )


def _is_operator_class(right: object) -> bool:
    return isinstance(right, type) and issubclass(right, Operator)


def _nothing(*_: object) -> None: ...


def _once(close: Callable[[], object]) -> Callable[[], None]:
    left = [close]

    def close_once() -> None:
        if left:
            left.pop()()

    return close_once


# The algebra is recursive: operators make streams and sinks, which are made of operators.
from streamkit._core import elementary, sink, stream  # noqa: E402
from streamkit._core.explain import explanation  # noqa: E402
