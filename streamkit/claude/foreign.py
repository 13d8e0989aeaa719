"""
The SDK's raw events, as far as operators have to know how they join: by their `type`, as everywhere.
"""

from __future__ import annotations

from typing import Any

from streamkit.core.merging import Joining, join_foreign
from streamkit.operators.time.throttle import throttle

from .accumulate import TEXT_FIELDS

__all__ = ["throttle"]


def _can_wait(item: Any) -> bool:
    if getattr(item, "type", None) != "content_block_delta" or not hasattr(item, "model_copy"):
        return False
    # Fields that are not known here cannot be joined.
    delta = item.delta
    return delta.type in TEXT_FIELDS and not delta.model_extra and not item.model_extra


def _merged(held: Any, item: Any) -> Any:
    kind = held.delta.type
    if not _can_wait(item) or item.index != held.index or item.delta.type != kind:
        return None
    field = TEXT_FIELDS[kind]
    joined = held.delta.model_copy(update={field: getattr(held.delta, field) + getattr(item.delta, field)})
    return held.model_copy(update={"delta": joined})


join_foreign(Joining(_can_wait, _merged))
