"""
What an application may put into a message, as the plain JSON that a request sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from streamkit._claude.protocol.events import to_dict
from streamkit._surrogates import legal

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["as_plain"]


def as_plain(value: Any) -> Any:
    """
    The value as plain JSON: what an application may put into a message, the SDK's own objects too.
    """
    if isinstance(value, str):
        return legal(value)
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return {legal(name): as_plain(each) for name, each in fields.items()}
    if isinstance(value, list | tuple):
        return [as_plain(each) for each in cast("list[Any]", value)]
    if value is None or isinstance(value, bool | int | float):
        return value
    kept_back: Iterable[str] = (
        getattr(value, "__api_exclude__", None) or ()
    )  # what the SDK does not send either
    return as_plain({name: each for name, each in to_dict(value).items() if name not in kept_back})
