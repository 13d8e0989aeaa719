"""
What an application may put into a message, as the plain JSON that a request sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import msgspec

from streamkit._claude.protocol.events import to_dict
from streamkit._surrogates import legal

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PlainMessages", "as_plain", "plain_messages"]


class PlainMessages(list[dict[str, Any]]):
    """
    A conversation that is plain JSON already, so that nobody has to look through all of it again for each of its turns.
    """


def plain_messages(messages: Iterable[Any]) -> list[dict[str, Any]]:
    """
    A conversation as plain JSON that nobody else has.
    """
    if isinstance(messages, PlainMessages):
        copied: list[dict[str, Any]] = msgspec.to_builtins(messages)
        return copied
    return [as_plain(message) for message in messages]


def as_plain(value: Any) -> Any:
    """
    The value as plain JSON: what an application may put into a message, the SDK's own objects too.
    """
    kind: type = type(cast("object", value))
    if kind is str:  # what nearly all of it is: a conversation is made plain for each of its turns
        return value if value.isascii() else legal(value)
    if kind is dict:
        return {
            name if name.isascii() else legal(name): as_plain(each)
            for name, each in cast("dict[str, Any]", value).items()
        }
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
