"""
What arguments must be, said where an operator is made.
"""

from __future__ import annotations

__all__ = ["seconds", "whole_number"]


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


def seconds(operator: str, value: object) -> float:
    """
    `value`, if it is a positive and finite number of seconds.

    Raises:
        TypeError: It is no number.
        ValueError: It is not above 0, or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{operator}() needs a number of seconds, not {value!r}")
    if not 0 < value < float("inf"):
        raise ValueError(f"{operator}() needs a number of seconds above 0, not {value!r}")
    return float(value)
