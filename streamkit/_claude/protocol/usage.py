"""
The usage of a message, and what several requests have used together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import UNSET, UnsetType

from streamkit._claude.protocol.codec import Reader, Unknown
from streamkit._claude.protocol.structs import ABSENT, WireObject

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Usage", "total", "updated", "usage_of"]


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


_READER: Reader[Usage] = Reader(Usage)


def usage_of(fields: dict[str, Any]) -> Usage:
    """
    The usage with these fields, also with some that this version does not know. A value that does not fit says nothing, but a
    whole float is a count.
    """
    misfits: list[str] = []
    fields = {name: _count(value) for name, value in fields.items()}
    usage = _READER.convert(fields, misfits.append)
    if isinstance(usage, Unknown):
        names = {place.removeprefix("usage.").partition(".")[0].removesuffix("[]") for place in misfits}
        usage = _READER.convert({name: value for name, value in fields.items() if name not in names})
    return cast("Usage", usage)


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


def total(usages: Iterable[Usage]) -> Usage:
    """
    The sum of several usages: counts are added up, also those inside objects, and lists are joined; anything else is the last
    one's.
    """
    given = list(usages)
    if len(given) == 1:
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
