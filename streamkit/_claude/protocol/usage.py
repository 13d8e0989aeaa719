"""
The usage of a message, and what several requests have used together.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import UNSET, UnsetType

from streamkit._claude.protocol.codec import Reader, Unknown
from streamkit._claude.protocol.prices import cost_at
from streamkit._claude.protocol.structs import ABSENT, WireObject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["TotalUsage", "Usage", "total", "updated", "usage_of"]


class Usage(WireObject, frozen=True):
    """
    Tokens billed so far. In `message_delta` the counts are totals, not increments.

    Usages of different messages can be added, with `+` and `sum`, which gives a `TotalUsage`: counts are added up, also those
    inside objects. Of one message only its last usage counts, because it is a total already.
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

    def __add__(self, other: object) -> TotalUsage:
        return total([self, other]) if isinstance(other, Usage) else NotImplemented

    def __radd__(self, other: object) -> TotalUsage:
        return total([self]) if other == 0 else NotImplemented  # where `sum` begins


class TotalUsage(Usage, frozen=True):
    """
    What messages have used: the counts that the API has told, 0 where it has told none.
    """

    input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    output_tokens: int = 0

    def cost(self, prices: Mapping[str, float], *, advisor: Mapping[str, float] | None = None) -> float:
        """
        What that costs, in the currency of the prices.

        Input tokens are those that are neither read from the cache nor written to it, as the API counts them. What the API
        has used to compact the conversation is in no other count, and is billed too. The prices are those of one model, tier and
        place: where several models have answered, or a request was sent again, `outcome.usage_by_model` has what each has used.
        What the API does not tell, such as the hours of code execution, is not in it.

        Args:
            prices: The price of a million tokens: `"input"`, `"output"`, `"cache_read"`, `"cache_write"`, and
                `"cache_write_1h"` for what is kept for an hour; and of a thousand searches, `"web_search"`. The API's own names
                of the counts, such as `"input_tokens"`, are understood too.
            advisor: The prices of the model that the advisor tool has asked, whose tokens are in no other count either.

        Raises:
            TypeError: The prices are not a mapping.
            ValueError: A price is unknown, is given under two names, is not a number of at least 0, or is missing for what was
                used. A count is not a whole number of at least 0.
        """
        own = _billed([self, *_steps(self.iterations, "compaction")])
        asked = _billed(_steps(self.iterations, "advisor_message"))
        searches = _told(self.server_tool_use, "web_search_requests")
        cost = cost_at(prices, {**own, "web_search": searches})
        if advisor is None and not any(asked.values()):
            return cost
        return cost + cost_at({} if advisor is None else advisor, asked, argument="advisor")


def _steps(iterations: object, kind: str) -> list[object]:
    steps = cast("list[object]", iterations) if isinstance(iterations, list) else []
    return [step for step in steps if _part(step, "type") == kind]


def _billed(parts: Iterable[object]) -> dict[str, int]:
    """
    How many tokens of each price there are in usages, or in iterations of one.
    """
    billed: Counter[str] = Counter()
    for part in parts:
        writes = _part(part, "cache_creation")
        hour = _told(writes, "ephemeral_1h_input_tokens")
        # Where the total and its parts differ, the larger one: a gateway may tell only one of them.
        all_writes = max(
            _told(part, "cache_creation_input_tokens"), hour + _told(writes, "ephemeral_5m_input_tokens")
        )
        billed["input"] += _told(part, "input_tokens")
        billed["output"] += _told(part, "output_tokens")
        billed["cache_read"] += _told(part, "cache_read_input_tokens")
        billed["cache_write"] += all_writes - hour
        billed["cache_write_1h"] += hour
    return billed


def _part(whole: object, name: str) -> object:
    if isinstance(whole, dict):
        return cast("dict[str, object]", whole).get(name)
    return getattr(whole, name, None)


def _told(part: object, name: str) -> int:
    """
    A count, 0 where nothing was said.

    Raises:
        ValueError: It is not a whole number of at least 0.
    """
    value = _count(_part(part, name))
    if value is None or value is UNSET:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"cost() needs {name} as a whole number of at least 0, and the usage has {value!r}")
    return value


_READER: Reader[TotalUsage] = Reader(TotalUsage)


def usage_of(fields: dict[str, Any]) -> TotalUsage:
    """
    The usage with these fields, also with some that this version does not know. A value that does not fit says nothing, but a
    whole float is a count.
    """
    if (told := _READER.fitting(fields)) is not None:  # nearly always
        return told
    fields = {name: _count(value) for name, value in fields.items()}
    misfits: list[str] = []
    usage = _READER.convert(fields, misfits.append)
    if isinstance(usage, Unknown):
        names = {place.partition(".")[2].partition(".")[0].removesuffix("[]") for place in misfits}
        usage = _READER.convert({name: value for name, value in fields.items() if name not in names})
    return cast("TotalUsage", usage)


def updated(usage: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """
    A usage with what an event says of it: totals, of which nothing but a total says more where one is known.
    """
    merged = dict(usage)
    for name, value in changes.items():
        if _is_total(merged.get(name)):
            if _is_total(value):
                merged[name] = value
        elif isinstance(value, dict):
            known, told = merged.get(name), cast("dict[str, Any]", value)
            merged[name] = updated(cast("dict[str, Any]", known), told) if isinstance(known, dict) else told
        elif value is not None or name not in merged:
            merged[name] = value
    return merged


def _is_total(value: object) -> bool:
    if type(value) is int:  # nearly always
        return value != 0
    return _is_count(value) and isinstance(_count(value), int) and value != 0


def _is_count(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


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
        fields = _sum(fields, _with_all_writes(msgspec.to_builtins(usage)))
    return usage_of(fields)


def _with_all_writes(fields: dict[str, Any]) -> dict[str, Any]:
    """
    The fields, with the writes to the cache all told where only their parts were: a sum with another usage would lose them.
    """
    writes = fields.get("cache_creation")
    if fields.get("cache_creation_input_tokens") or not isinstance(writes, dict):
        return fields
    parts = [
        _count(value) for name, value in cast("dict[str, Any]", writes).items() if name.endswith("_tokens")
    ]
    known = sum(part for part in parts if _is_count(part))
    return {**fields, "cache_creation_input_tokens": known} if known else fields


def _sum(first: Any, second: Any) -> Any:
    if _is_count(first):
        return first + second if _is_count(second) else first
    json_type = type(first).__name__
    if json_type != type(second).__name__:
        return first if second is None else second
    if json_type == "dict":
        return {name: _sum(first.get(name), second.get(name)) for name in first | second}
    return first + second if json_type == "list" else second
