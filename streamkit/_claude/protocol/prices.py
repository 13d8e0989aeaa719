"""
What tokens and requests cost, at prices that the caller gives.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from streamkit._core.checks import as_number

__all__ = ["PRICED", "cost_at"]

PRICED: Final[Mapping[str, str]] = {
    "input": "input",
    "output": "output",
    "cache_read": "cache_read",
    "cache_write": "cache_write",
    "cache_write_5m": "cache_write",
    "cache_write_1h": "cache_write_1h",
    "web_search": "web_search",
    "input_tokens": "input",
    "output_tokens": "output",
    "cache_read_input_tokens": "cache_read",
    "cache_creation_input_tokens": "cache_write",
    "web_search_requests": "web_search",
}
"""The names under which a price may be given, and what it is the price of."""

_UNITS: Final = {"web_search": 1_000}
_TOKENS: Final = 1_000_000


def cost_at(prices: object, used: Mapping[str, int], *, argument: str = "prices") -> float:
    """
    What has been used costs at these prices.

    Args:
        prices: What the caller has given, a mapping of names of `PRICED` to prices.
        used: How many tokens or requests of each kind.
        argument: The name of the caller's argument.

    Raises:
        TypeError: The prices are not a mapping.
        ValueError: A price is unknown, is given twice, is not a number of at least 0, or is missing for what was used.
    """
    given = _read(prices, argument)
    if missing := [name for name, number in used.items() if number and name not in given]:
        raise ValueError(
            f"cost() needs a price for {', '.join(map(repr, missing))} in {argument}, because "
            f"{', '.join(f'{used[name]} {_counted(name)}' for name in missing)} were used"
        )
    return sum(number * given[name] / _UNITS.get(name, _TOKENS) for name, number in used.items() if number)


def _read(prices: object, argument: str) -> dict[str, float]:
    if not isinstance(prices, Mapping):
        raise TypeError(
            f'cost() needs {argument} as a mapping, such as {{"input": 3, "output": 15}}, not {prices!r}'
        )
    given: dict[str, float] = {}
    names: dict[str, object] = {}
    for name, price in prices.items():  # pyright: ignore[reportUnknownVariableType]
        number = as_number(price)  # pyright: ignore[reportUnknownArgumentType]
        if not isinstance(name, str) or name not in PRICED:
            raise ValueError(f"cost() does not know the price {name!r}: give {', '.join(map(repr, PRICED))}")
        kind = PRICED[name]
        if kind in names:
            raise ValueError(
                f"cost() got two prices for the same {_counted(kind)}, {names[kind]!r} and {name!r}: give one of them"
            )
        if number is None or not 0 <= number < math.inf:
            raise ValueError(f"cost() needs the price of {_unit(kind)} for {name!r}, not {price!r}")
        given[kind], names[kind] = number, name
    return given


def _counted(kind: str) -> str:
    return "requests" if kind in _UNITS else "tokens"


def _unit(kind: str) -> str:
    return "a thousand requests" if kind in _UNITS else "a million tokens"
