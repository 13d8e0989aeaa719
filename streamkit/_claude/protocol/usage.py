"""
What several requests cost together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from streamkit._claude.protocol.codec import Reader
from streamkit._claude.protocol.events import Usage, to_dict

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["total", "usage_of"]

_USAGE: Reader[Usage] = Reader(Usage)


def usage_of(fields: dict[str, Any]) -> Usage:
    """
    The usage with these fields, also with such as this version does not know.
    """
    return cast("Usage", _USAGE.convert(fields))


def total(usages: Iterable[Usage]) -> Usage:
    """
    Counts are added up, also those inside of objects, and lists are joined; anything else is the last one's.
    """
    given = list(usages)
    if len(given) == 1:
        return given[0]
    fields: dict[str, Any] = {"input_tokens": 0, "output_tokens": 0}
    for usage in given:
        fields = _sum(fields, to_dict(usage))
    return usage_of(fields)


def _sum(first: Any, second: Any) -> Any:
    name_of_kind = first.__class__.__name__
    if name_of_kind != second.__class__.__name__:
        return first if second is None else second
    if name_of_kind == "dict":
        return {name: _sum(first.get(name), second.get(name)) for name in first | second}
    return first + second if name_of_kind in {"int", "list"} else second
