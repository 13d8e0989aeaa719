"""
What is said where a function is called with an argument that has to have a name and has none, or with a name that it does not
know. Python counts the arguments, and does not say how to write them.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, TypeVar, cast

from streamkit._core.checks import known_names
from streamkit._core.naming import did_you_mean, private_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["keyword_hints"]

F = TypeVar("F", bound="Callable[..., Any]")


def keyword_hints(fn: F) -> F:
    """
    `fn`, with a `TypeError` that says what to write where an argument lacks its name, or has one that `fn` does not know.
    """
    code: Any = cast("Any", fn).__code__
    names: tuple[str, ...] = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    known, named_only = names[code.co_posonlyargcount :], names[code.co_argcount :]
    takes_more = bool(code.co_flags & inspect.CO_VARARGS) or not named_only
    takes_any_name = bool(code.co_flags & inspect.CO_VARKEYWORDS)
    defaults: dict[str, object] = cast("Any", fn).__kwdefaults__ or {}

    @functools.wraps(fn)
    def hinting(*args: Any, **kwargs: Any) -> Any:
        try:
            return fn(*args, **kwargs)
        except TypeError:
            # Python has counted the arguments, or the function has refused one of them.
            if len(args) > code.co_argcount and not takes_more:
                value = args[code.co_argcount]
                free = [name for name in named_only if name not in kwargs]
                if takes_any_name:
                    free = [name for name in free if _is_list(defaults.get(name)) and _is_list(value)] or [
                        "name"
                    ]
                raise _without_name(fn.__name__, code.co_argcount, value, free) from None
            if not takes_any_name:
                for name in kwargs.keys() - known:
                    known_names(
                        fn.__name__, (name,), known, called="arguments", hint=did_you_mean(name, known)
                    )
            raise

    return cast("F", hinting)


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _without_name(made: str, places: int, value: object, names: Sequence[str]) -> TypeError:
    """
    The error of `value`, which stands behind the arguments that need no name.
    """
    text = private_text(value)
    many = f"{places or 'no'} argument{'s' * (places > 1)}"
    if not names:
        return TypeError(f"{made}() takes {many} without a name, and {text} is one too many")
    before = "…, " if places else ""
    *most, last = [f"{made}({before}{name}={text})" for name in names]
    ways = f"{', '.join(most)} or {last}" if most else last
    return TypeError(f"{made}() takes {many} without a name, and {text} needs its name: write {ways}")
