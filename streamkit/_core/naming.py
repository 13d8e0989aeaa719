"""
Names and texts for functions, arguments and calls: a `repr` reads like the source that made it.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

__all__ = [
    "call_text",
    "did_you_mean",
    "free_name",
    "gives_async_items",
    "gives_awaitable",
    "name_of",
    "nested_text",
    "printable",
    "private_text",
    "signature_of",
    "value_text",
]

_LONGEST = 40
"""Characters of a string that are shown."""

_DEEPEST = 8
"""Pipelines and calls in one another that are shown."""

_depth: ContextVar[int] = ContextVar("depth", default=0)
"""In how many of them the text stands that is being made."""


def name_of(fn: object) -> str:
    """
    The name by which a person knows a function or an object.
    """
    if isinstance(fn, functools.partial):
        return name_of(fn.func)
    name = getattr(fn, "__name__", None)
    if not isinstance(name, str):
        return type(fn).__name__
    return "lambda" if name == "<lambda>" else name


def gives_awaitable(fn: object) -> bool:
    """
    Whether `fn` is a coroutine function, or a partial or a callable object made of one.
    """
    return any(map(inspect.iscoroutinefunction, _forms(fn)))


def gives_async_items(fn: object) -> bool:
    """
    Whether `fn` is an async generator function, or a partial or a callable object made of one.
    """
    return any(map(inspect.isasyncgenfunction, _forms(fn)))


def _forms(fn: object) -> tuple[object, object]:
    called = getattr(fn, "func", fn)  # of a partial
    return called, getattr(called, "__call__", None)  # noqa: B004 -- the method is looked at, not called


def signature_of(fn: Callable[..., object]) -> inspect.Signature:
    """
    The parameters of `fn`, also where its annotations name what is imported for checkers only.

    Python 3.14 evaluates annotations when it is asked for a signature, unless it is asked for one that leaves unknown names as
    they are (https://docs.python.org/3.14/library/inspect.html#inspect.signature).

    Raises:
        TypeError: `fn` cannot be called.
        ValueError: It is a builtin that does not tell.
    """
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        return inspect.signature(fn, annotation_format=Format.FORWARDREF)
    return inspect.signature(fn)


def value_text(value: object) -> str:
    """
    A short text for one argument: plain values as they are, everything else by its name.
    """
    match value:
        case str() | bytes() if len(value) > _LONGEST:
            return f"{value[:_LONGEST]!r}…"
        case None | bool() | int() | float() | complex() | str() | bytes():
            return repr(value)
        case type():
            return value.__name__
        case re.Pattern(pattern=str() | bytes() as pattern):
            return f"re.compile({value_text(pattern)})"
        case list() | tuple() | set() | frozenset() | dict():
            return "[…]" if value else f"{value!r}"
        case _ if getattr(type(value), "__reads_as_source__", False):
            return nested_text(value)
        case _ if callable(value):
            return name_of(value)
        case _:
            return f"<{type(value).__name__}>"


def nested_text(value: object) -> str:
    """
    The `repr` of what stands in another pipeline or call; "…" for what stands too deep. A program may put streams in streams
    thousands of times, or one stream in two places, again and again.
    """
    depth = _depth.get()
    if depth == _DEEPEST:
        return "…"
    before = _depth.set(depth + 1)
    try:
        return repr(value)
    finally:
        _depth.reset(before)


def private_text(value: object) -> str:
    """
    A short text for an argument that may be a person's own words: strings and bytes are left out.
    """
    return (
        "'…'"
        if isinstance(value, str)
        else "b'…'"
        if isinstance(value, bytes | bytearray)
        else value_text(value)
    )


def call_text(name: str, *args: Any, **kwargs: Any) -> str:
    """
    `name(arg, keyword=arg)`, for the arguments given.
    """
    given = [value_text(arg) for arg in args]
    given += [f"{key}={value_text(value)}" for key, value in kwargs.items()]
    return f"{name}({', '.join(given)})"


def free_name(name: str, taken: Container[str]) -> str:
    """
    `name`, or `name-2`, `name-3`, … where it is taken.
    """
    if name not in taken:
        return name
    # Names are given out in order, so the first one that is free is found by doubling and halving.
    last = 1
    while f"{name}-{2 * last}" in taken:
        last *= 2
    free = 2 * last
    while free - last > 1:
        middle = (last + free) // 2
        if f"{name}-{middle}" in taken:
            last = middle
        else:
            free = middle
    return f"{name}-{free}"


def printable(text: str) -> str:
    """
    A text of others as it can be shown in a terminal: control characters, which could move its cursor, are escaped.
    """
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def did_you_mean(name: str, known: Iterable[str], *, most: int = 1) -> str:
    """
    What an error adds to a name that nobody knows; empty where none of `known` is near.

    Args:
        name: The name.
        known: The names that there are.
        most: How many of them it suggests at most.
    """
    from difflib import get_close_matches  # for errors alone

    near = get_close_matches(name, known, n=most)
    return f"; did you mean {' or '.join(near)}?" if near else ""
