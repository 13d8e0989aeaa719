"""
The usage of a message, and what several requests have used together.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import UNSET, UnsetType

from streamkit._claude.protocol.codec import Reader, Unknown
from streamkit._claude.protocol.structs import ABSENT, WireObject
from streamkit._core.checks import as_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["TotalUsage", "Usage", "total", "updated", "usage_of"]


class Usage(WireObject, frozen=True):
    """
    Tokens billed so far. In `message_delta` the counts are totals, not increments.
    """

    input_tokens: int | UnsetType | None = UNSET
    cache_creation_input_tokens: int | UnsetType | None = UNSET
    cache_read_input_tokens: int | UnsetType | None = UNSET
    cache_creation: Unknown | UnsetType | None = UNSET
    output_tokens: int | None = ABSENT
    output_tokens_details: Unknown | UnsetType | None = UNSET
    server_tool_use: Unknown | UnsetType | None = UNSET
    service_tier: str | UnsetType | None = UNSET
    inference_geo: str | UnsetType | None = UNSET
    speed: str | UnsetType | None = UNSET
    iterations: list[Unknown] | UnsetType | None = UNSET
    fallback_credit: Unknown | UnsetType | None = UNSET


class TotalUsage(Usage, frozen=True):
    """
    What messages have used: the counts that the API has told, 0 where it has told none.

    Usages can be added, with `+` and `sum`: counts are added up, also those inside objects.
    """

    input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: object) -> TotalUsage:
        return total([self, other]) if isinstance(other, Usage) else NotImplemented

    def __radd__(self, other: object) -> TotalUsage:
        return self if other == 0 else NotImplemented  # where `sum` begins

    def cost(self, prices: Mapping[str, float]) -> float:
        """
        What that costs, in the currency of the prices.

        Input tokens are those that are neither read from the cache nor written to it, as the API counts them.

        Args:
            prices: The price of a million tokens: `"input"`, `"output"`, `"cache_read"`, `"cache_write"`, and
                `"cache_write_1h"` for what is kept for an hour, where it is another one. The API's own names of the counts,
                such as `"input_tokens"`, are understood too.

        Raises:
            ValueError: A price is unknown, is not a number of at least 0, or is missing for tokens that were used.
        """
        given = _prices(prices)
        writes = self.cache_creation_input_tokens
        hour = 0
        if "cache_write_1h" in given:
            hour = min(writes, _told(self.cache_creation, "ephemeral_1h_input_tokens"))
        used = {
            "input": self.input_tokens,
            "output": self.output_tokens,
            "cache_read": self.cache_read_input_tokens,
            "cache_write": writes - hour,
            "cache_write_1h": hour,
        }
        if missing := [name for name, tokens in used.items() if tokens and name not in given]:
            raise ValueError(
                f"cost() needs a price for {', '.join(map(repr, missing))}, of which tokens were used"
            )
        return sum(tokens * given[name] for name, tokens in used.items() if tokens) / 1_000_000


_PRICED = {
    "input": "input",
    "output": "output",
    "cache_read": "cache_read",
    "cache_write": "cache_write",
    "cache_write_5m": "cache_write",
    "cache_write_1h": "cache_write_1h",
    "input_tokens": "input",
    "output_tokens": "output",
    "cache_read_input_tokens": "cache_read",
    "cache_creation_input_tokens": "cache_write",
}


def _prices(prices: Mapping[str, float]) -> dict[str, float]:
    given: dict[str, float] = {}
    for name, price in prices.items():
        number = as_number(price)
        if name not in _PRICED:
            raise ValueError(f"cost() does not know the price {name!r}: give {', '.join(map(repr, _PRICED))}")
        if number is None or not 0 <= number < math.inf:
            raise ValueError(f"cost() needs the price of a million tokens for {name!r}, not {price!r}")
        given[_PRICED[name]] = number
    return given


def _told(part: object, name: str) -> int:
    value: object = getattr(part, name, 0)
    return value if isinstance(value, int) else 0


_READER: Reader[TotalUsage] = Reader(TotalUsage)


def usage_of(fields: dict[str, Any]) -> TotalUsage:
    """
    The usage with these fields, also with some that this version does not know. A value that does not fit says nothing, but a
    whole float is a count.
    """
    misfits: list[str] = []
    fields = {name: _count(value) for name, value in fields.items()}
    usage = _READER.convert(fields, misfits.append)
    if isinstance(usage, Unknown):
        names = {place.partition(".")[2].partition(".")[0].removesuffix("[]") for place in misfits}
        usage = _READER.convert({name: value for name, value in fields.items() if name not in names})
    return cast("TotalUsage", usage)


def updated(usage: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """
    A usage with what an event says of it: totals, of which null and zero say nothing where more is known.
    """
    merged = dict(usage)
    for name, value in changes.items():
        known = merged.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            merged[name] = updated(cast("dict[str, Any]", known), cast("dict[str, Any]", value))
        elif name not in merged or not (value is None or (_is_count(value) and not value and known)):
            merged[name] = value
    return merged


def _is_count(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def total(usages: Iterable[Usage]) -> TotalUsage:
    """
    The sum of several usages: counts are added up, also those inside objects, and lists are joined; anything else is the last
    one's.
    """
    given = list(usages)
    if len(given) == 1 and isinstance(given[0], TotalUsage):
        return given[0]
    fields: dict[str, Any] = {"input_tokens": 0, "output_tokens": 0}
    for usage in given:
        fields = _sum(fields, msgspec.to_builtins(usage))
    return usage_of(fields)


def _sum(first: Any, second: Any) -> Any:
    json_type = type(first).__name__
    if json_type != type(second).__name__:
        return first if second is None else second
    if json_type == "dict":
        return {name: _sum(first.get(name), second.get(name)) for name in first | second}
    return first + second if json_type in {"int", "float", "list"} else second
