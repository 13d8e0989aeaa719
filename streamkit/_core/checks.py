"""
Checks of arguments, made where an operator or a sink is made or put behind `|`.

Each gives the checked value, or refuses with an error that names the value and the remedy. Checks of whole pipelines, made
when they are opened, stand in `pipeline_checks.py`.
"""

from __future__ import annotations

import inspect
import math
import operator
import sys
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, SupportsFloat, SupportsIndex, cast

from streamkit._core.naming import gives_async_items, gives_awaitable, name_of, signature_of, value_text

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "above_zero",
    "as_number",
    "as_whole",
    "check_plain",
    "choice",
    "flag",
    "known_names",
    "not_a_stream",
    "plain_function",
    "refuse_right",
    "refuse_uncalled",
    "seconds",
    "seconds_from_zero",
    "whole_number",
]


# -- numbers ------------------------------------------------------------------------------------------------


def as_number(value: object) -> float | None:
    """
    `value` as a float; None if it is not a number, which True and False are not. One of another library, such as numpy's, is.
    """
    # Python's own first: to ask a protocol takes microseconds.
    if isinstance(value, bool) or not isinstance(value, int | float | SupportsFloat | SupportsIndex):
        return None
    try:
        return float(value)
    except OverflowError:  # an int or a fraction with hundreds of digits
        return math.inf if cast("float", value) > 0 else -math.inf
    except (TypeError, ValueError):
        return None


def as_whole(value: object) -> int | None:
    """
    `value` as an int; None if it is not a whole number, as True and False are not. One of another library is.
    """
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        return None
    try:
        return operator.index(value)
    except TypeError:  # an array of several, which has the method all the same
        return None


def whole_number(name: str, value: object, *, least: int, of: str | None = None) -> int:
    """
    `value` as an int, if it is a whole number of at least `least`; one of another library, such as numpy's, too.

    Args:
        name: The operator whose argument it is.
        value: The argument.
        least: The least that it may be.
        of: Which of its arguments it is, if it has several.

    Raises:
        TypeError: It is not a whole number.
        ValueError: It is too small.
    """
    number = as_whole(value)
    which = "" if of is None else f" for {of}"
    if number is None:
        raise TypeError(f"{name}() needs a whole number{which}, not {value!r}")
    if number < least:
        raise ValueError(f"{name}() needs a whole number of at least {least}{which}, not {value}")
    return number


def seconds(name: str, value: object, *, of: str | None = None) -> float:
    """
    `value`, if it is a positive and finite number of seconds; at least a nanosecond.

    Args:
        name: The operator whose argument it is.
        value: The argument.
        of: The argument's name, where the operator has several such arguments.

    Raises:
        TypeError: It is not a number.
        ValueError: It is not above 0, or not finite.
    """
    return max(above_zero(name, value, "a number of seconds", of=of), _MOMENT)


def seconds_from_zero(name: str, value: object, *, of: str) -> float:
    """
    `value`, if it is a number of seconds that may be 0, or infinite.

    Args:
        name: The function whose argument it is.
        value: The argument.
        of: The argument's name.

    Raises:
        TypeError: It is not a number.
        ValueError: It is below 0.
    """
    number = as_number(value)
    if number is None:
        raise TypeError(f"{name}() needs a number of seconds for {of}, not {value!r}")
    if not number >= 0:
        raise ValueError(
            f"{name}() needs a number of seconds of at least 0 for {of}, not {value_text(value)}"
        )
    return number


_MOMENT = 1e-9
"""Seconds that no event loop tells from none. Less would be lost, or too much, where times are divided."""


def above_zero(name: str, value: object, what: str, *, of: str | None = None) -> float:
    """
    `value`, if it is a positive and finite number.

    Args:
        name: The operator whose argument it is.
        value: The argument.
        what: What it should be, in words.
        of: The argument's name, where the operator has several such arguments.

    Raises:
        TypeError: It is not a number.
        ValueError: It is not above 0, or not finite.
    """
    place = "" if of is None else f" for {of}"
    number = as_number(value)
    if number is None:
        raise TypeError(f"{name}() needs {what}{place}, not {value!r}")
    if not 0 < number < math.inf:
        raise ValueError(f"{name}() needs {what} above 0{place}, not {value_text(value)}")
    return number


def flag(operator: str, name: str, value: object) -> bool:
    """
    `value`, if it is True or False.

    Raises:
        TypeError: It is neither.
    """
    if not isinstance(value, bool):
        raise TypeError(f"{operator}({name}=…) must be True or False, not {value!r}")
    return value


def choice(operator: str, name: str, value: object, known: tuple[str, ...]) -> None:
    """
    Refuse an argument that is none of the words in `known`.

    Raises:
        ValueError: It is another one.
    """
    if value not in known:
        *most, last = (f'"{word}"' for word in known)
        raise ValueError(f"{operator}({name}=…) must be {', '.join(most)} or {last}, not {value!r}")


def known_names(
    made: str, given: Iterable[str], known: Iterable[str], *, called: str, hint: str = ""
) -> None:
    """
    Refuse an argument whose name is not one of `known`.

    Args:
        made: What it was given to.
        given: The names of the arguments.
        known: The names that there are.
        called: What these are for people.
        hint: What else may help.

    Raises:
        TypeError: It has another name.
    """
    names = tuple(known)
    for name in given:
        if name not in names:
            raise TypeError(f"{made}({name}=…): the {called} are {', '.join(names)}{hint}")


# -- functions ----------------------------------------------------------------------------------------------


def plain_function(operator: str, name: str, value: object) -> None:
    """
    Refuse an argument that cannot be called for each item without being awaited.

    Raises:
        TypeError: `value` cannot be called, or is a coroutine function.
    """
    if not callable(value):
        raise TypeError(f"{operator}() needs a function of one item for {name}, not {value!r}")
    if gives_awaitable(value) or gives_async_items(value):
        raise TypeError(
            f"{operator}() calls {name}={name_of(value)} without awaiting it: give a plain function"
        )


def check_plain(fn: object) -> None:
    """
    Refuse what cannot be the function of `map`, `filter` and the like.

    Raises:
        TypeError: `fn` cannot be called, or is a coroutine function.
    """
    if not callable(fn):
        raise TypeError(f"a function is needed, not {fn!r}")
    if gives_async_items(fn):
        raise TypeError(f"{name_of(fn)} is an async generator function, which gives no value for an item")
    if gives_awaitable(fn):
        name = name_of(fn)
        raise TypeError(
            f"{name} is a coroutine function and would not be awaited here: use map_async({name}), "
            f"or sinks.call({name}) to consume the items with it"
        )


# -- what may stand behind | --------------------------------------------------------------------------------


def refuse_right(right: object) -> bool:
    """
    Whether nothing can be made of `right` behind `|`, so that Python may ask `right` itself.

    Raises:
        TypeError: It looks like a slip whose remedy is known.
    """
    if not callable(right):
        return True
    name = name_of(right)
    if isinstance(right, BuiltinFunctionType):
        raise TypeError(
            f"{name} cannot stand behind |: it is called with one item, so write tap({name}) to show it each item, "
            f"map({name}) to transform each, or sinks.call({name}) to consume them"
        )
    if inspect.iscoroutinefunction(right) or inspect.iscoroutinefunction(right.__call__):
        raise TypeError(
            f"{name} is a coroutine function, which cannot stand behind |: write sinks.call({name}) to consume each item "
            f"with it, or map_async({name}) to transform each item"
        )
    refuse_uncalled(right)
    if isinstance(right, type) and not hasattr(right, "__aiter__"):
        raise TypeError(
            f"{name} cannot stand behind |: its instances are not async iterables; use map({name})"
        )
    try:
        signature_of(right).bind(None)
    except TypeError as error:
        raise TypeError(
            f"{name} cannot stand behind |: called with the stream alone, it says {error}"
        ) from None
    except ValueError:
        pass  # a builtin without a signature
    return False


def not_a_stream(left: object, stage: object) -> TypeError:
    """
    The error of a pipeline that does not begin with a stream.
    """
    if hasattr(left, "outcome") and hasattr(left, "cancel"):
        return TypeError(
            f"a {type(left).__name__} is running already, so nothing can be put behind it: the whole pipeline is opened, "
            f"with `(stream | {stage!r}).open()`"
        )
    return TypeError(
        f"{type(left).__name__} is not a stream: write from_iterable(…) | {stage!r}, or from_sdk(…) | {stage!r} for a stream of "
        "the SDK"
    )


def refuse_uncalled(target: object) -> None:
    """
    Refuse a function or a class that makes an operator or a sink, where the operator or the sink itself is needed.

    Raises:
        TypeError: `target` is one that nobody has called.
    """
    name = name_of(target)
    # Set by the decorators on what they make, and by Operator on its subclasses.
    makes_stage = getattr(target, "__makes_stage__", False)
    if makes_stage or _is_public_function(target):
        raise TypeError(f"{name} makes an operator or a sink, and was not called: write {name}(…)")


def _is_public_function(target: object) -> bool:
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
