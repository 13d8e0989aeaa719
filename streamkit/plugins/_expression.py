"""
Reads operators that a person has written in one line: `take(3), redact`.
"""

from __future__ import annotations

import ast
import warnings
from functools import reduce
from typing import TYPE_CHECKING, Any, NoReturn

from streamkit._core.algebra import Operator
from streamkit.plugins._namespace import ops

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["read_operators"]


def read_operators(text: str) -> Operator[Any, Any]:
    """
    The operators that `text` names, one after another, as one operator. Arguments are literals; nothing is evaluated.

    Args:
        text: Names, separated by commas, each with or without arguments: `"take(3), throttle(0.1, leading=False), redact"`.

    Raises:
        ValueError: `text` has another form, names an unknown operator, or an operator does not take its arguments.
        PluginError: A plugin cannot be used.
    """
    return reduce(lambda before, after: before | after, _operators(text))


def _operators(text: str) -> Iterator[Operator[Any, Any]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about '\d', which a person means literally
            tree = ast.parse(f"[{text}]", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        _refuse(text)
    if not isinstance(tree, ast.List) or not tree.elts:
        _refuse(text)
    for node in tree.elts:
        match node:
            case ast.Name(id=name):
                yield _made(name, [], {}, called=False)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
                try:
                    positional = [ast.literal_eval(arg) for arg in args]
                    named = {_keyword(keyword): ast.literal_eval(keyword.value) for keyword in keywords}
                except (ValueError, TypeError):
                    raise ValueError(
                        f"the arguments of {name} must be plain values, such as 3, 0.5, 'word' or True"
                    ) from None
                yield _made(name, positional, named, called=True)
            case _:
                _refuse(text)


def _keyword(keyword: ast.keyword) -> str:
    if keyword.arg is None:
        raise ValueError("**")
    return keyword.arg


def _refuse(text: str) -> NoReturn:
    raise ValueError(
        f"{text!r} does not read like redact, or take(3), or several of these, separated by commas"
    ) from None


def _made(name: str, args: list[Any], kwargs: dict[str, Any], *, called: bool) -> Operator[Any, Any]:
    try:
        target = getattr(ops, name)
    except AttributeError as error:
        raise ValueError(str(error)) from None
    if isinstance(target, Operator):
        if called:
            raise ValueError(f"{name} is an operator already: write it without parentheses")
        return target  # pyright: ignore[reportUnknownVariableType]
    try:
        made: Operator[Any, Any] = target(*args, **kwargs)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error
    return made
