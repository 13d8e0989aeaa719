"""
What arguments must be, said where an operator is made.
"""

from __future__ import annotations

import math

from streamkit._core.naming import gives_async_items, gives_awaitable, name_of, value_text

__all__ = ["above_zero", "flag", "plain_function", "seconds", "whole_number"]


def whole_number(operator: str, value: object, *, least: int) -> int:
    """
    `value`, if it is an int of at least `least`.

    Raises:
        TypeError: It is no int.
        ValueError: It is too small.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{operator}() needs a whole number, not {value!r}")
    if value < least:
        raise ValueError(f"{operator}() needs a whole number of at least {least}, not {value}")
    return value


def seconds(operator: str, value: object, *, of: str | None = None) -> float:
    """
    `value`, if it is a positive and finite number of seconds.

    Args:
        operator: Whose argument it is.
        value: The argument.
        of: Its name, where the operator has several such arguments.

    Raises:
        TypeError: It is no number.
        ValueError: It is not above 0, or not finite.
    """
    return above_zero(operator, value, "a number of seconds", of=of)


def above_zero(operator: str, value: object, what: str, *, of: str | None = None) -> float:
    """
    `value`, if it is a positive and finite number.

    Args:
        operator: Whose argument it is.
        value: The argument.
        what: What it should be, in words.
        of: Its name, where the operator has several such arguments.

    Raises:
        TypeError: It is no number.
        ValueError: It is not above 0, or not finite.
    """
    place = "" if of is None else f" for {of}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{operator}() needs {what}{place}, not {value!r}")
    try:
        number = float(value)
    except OverflowError:  # of an int with hundreds of digits
        number = math.inf
    if not 0 < number < math.inf:
        raise ValueError(f"{operator}() needs {what} above 0{place}, not {value_text(value)}")
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


def plain_function(operator: str, name: str, value: object) -> None:
    """
    Refuse what cannot be called for each item, without awaiting it.

    Raises:
        TypeError: `value` is no function, or a coroutine function.
    """
    if not callable(value):
        raise TypeError(f"{operator}() needs a function of one item for {name}, not {value!r}")
    if gives_awaitable(value) or gives_async_items(value):
        raise TypeError(
            f"{operator}() calls {name}={name_of(value)} without awaiting it: give a plain function"
        )
