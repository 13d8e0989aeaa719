"""
Decorators that make operators, sinks and sources of functions.
"""

from __future__ import annotations

import functools
import inspect
import operator as operator_module
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, cast, overload

from streamkit._core.algebra import Operator, Same, Sink, Stream
from streamkit._core.naming import name_of, signature_of
from streamkit._core.runtime.overflow_queue import check_buffer
from streamkit._core.source import CallSource, TaskSource
from streamkit._core.stage import AsyncStage

__all__ = ["operator", "passthrough", "sink", "source"]

A = TypeVar("A")
B = TypeVar("B")
P = ParamSpec("P")
R = TypeVar("R")

_Items = AsyncIterator[Any]


class _Decorated:
    """
    A function whose name stands for what a decorator has made of it. It pickles by that name, so that pipelines do.
    """

    def __init__(self, fn: Callable[..., Any], make: Callable[..., Any]) -> None:
        self.__name__ = name_of(fn)
        self._fn = fn
        self._make = make
        make.__decorated__ = self  # type: ignore[attr-defined]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._fn(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return operator_module.attrgetter("__decorated__"), (self._make,)

    def __deepcopy__(self, memo: object) -> _Decorated:
        return self  # as a function is


def operator(
    fn: Callable[Concatenate[AsyncIterator[A], P], AsyncIterator[B]], /
) -> Callable[P, Operator[A, B]]:
    """
    Make an operator of an async generator function whose first parameter is the items that come in.

        @operator
        async def shout(items: AsyncIterator[str], mark: str = "!") -> AsyncIterator[str]:
            async for item in items:
                yield item.upper() + mark

    used as `shout(mark="?")`. There must be no `yield` inside a task group or a cancel scope (PEP 789).

    Raises:
        TypeError: `fn` is not an async generator function; or, when the operator is made, the arguments do not fit.
    """
    return cast("Callable[P, Operator[A, B]]", _stage_maker(fn, "operator", Operator))


def passthrough(fn: Callable[Concatenate[_Items, P], _Items], /) -> Callable[P, Same]:
    """
    Make an operator that hands on items of whatever type it is given, of an async generator function like that of `@operator`.

    Raises:
        TypeError: `fn` is not an async generator function; or, when the operator is made, the arguments do not fit.
    """
    return cast("Callable[P, Same]", _stage_maker(fn, "passthrough", Same))


def sink(fn: Callable[Concatenate[AsyncIterator[A], P], Awaitable[R]], /) -> Callable[P, Sink[A, R]]:
    """
    Make a sink of a coroutine function whose first parameter is the items.

    Raises:
        TypeError: `fn` is not a coroutine function; or, when the sink is made, the arguments do not fit.
    """
    if not inspect.iscoroutinefunction(fn):
        raise TypeError(
            f"@sink needs a coroutine function (`async def` without yield), and {name_of(fn)} is not one"
        )
    signature = signature_of(fn)

    @functools.wraps(fn)
    def make(*args: P.args, **kwargs: P.kwargs) -> Sink[A, R]:
        _check(signature, name_of(fn), None, *args, **kwargs)
        return Sink(name_of(fn), decorated, args, kwargs)

    decorated = _Decorated(fn, make)
    return _without_first(make, signature)


@overload
def source(fn: Callable[P, AsyncIterator[A]], /) -> Callable[P, Stream[A]]: ...
@overload
def source(
    *, task: bool = False, buffer: int = 16
) -> Callable[[Callable[P, AsyncIterator[A]]], Callable[P, Stream[A]]]: ...
def source(fn: Callable[..., Any] | None = None, /, *, task: bool = False, buffer: int = 16) -> Any:
    """
    Make a source of an async generator function: each call gives a repeatable stream.

    Args:
        fn: The function.
        task: Run the generator as a task of its own, behind a queue of `buffer` items, so that it may open other streams
            and hold scopes around its yields.
        buffer: The bound of that queue, in items.

    Raises:
        TypeError: `fn` is not an async generator function; or, when the stream is made, the arguments do not fit.
        ValueError: `buffer` is not an int, or is below 1.
    """
    buffer = check_buffer(buffer)
    if fn is None:
        return functools.partial(_source, task=task, buffer=buffer)
    return _source(fn, task=task, buffer=buffer)


def _source(fn: Callable[P, AsyncIterator[A]], *, task: bool, buffer: int) -> Callable[P, Stream[A]]:
    _need_generator(fn, "source")
    signature = signature_of(fn)

    @functools.wraps(fn)
    def make(*args: P.args, **kwargs: P.kwargs) -> Stream[A]:
        _check(signature, name_of(fn), *args, **kwargs)
        if task:
            return Stream(TaskSource(decorated, args, kwargs, buffer=buffer))
        return Stream(CallSource(decorated, args, kwargs))

    decorated = _Decorated(fn, make)
    return make


def _stage_maker(
    fn: Callable[..., Any], decorator: str, kind: type[Operator[Any, Any]]
) -> Callable[..., Any]:
    _need_generator(fn, decorator)
    signature = signature_of(fn)

    @functools.wraps(fn)
    def make(*args: Any, **kwargs: Any) -> Operator[Any, Any]:
        _check(signature, name_of(fn), None, *args, **kwargs)
        return kind((AsyncStage(name_of(fn), decorated, args, kwargs),))

    decorated = _Decorated(fn, make)
    return _without_first(make, signature)


def _without_first(make: Callable[P, R], signature: inspect.Signature) -> Callable[P, R]:
    parameters = list(signature.parameters.values())[1:]
    make.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    make.__makes_stage__ = True  # type: ignore[attr-defined]
    return make


def _need_generator(fn: object, decorator: str) -> None:
    if not inspect.isasyncgenfunction(fn):
        raise TypeError(
            f"@{decorator} needs an async generator function (`async def` with yield), and {name_of(fn)} is not one"
        )


def _check(signature: inspect.Signature, name: str, *args: Any, **kwargs: Any) -> None:
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
