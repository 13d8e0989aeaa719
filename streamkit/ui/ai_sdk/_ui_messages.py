"""
The messages of a page, and their parts: what is there, and where it stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._claude.protocol.reading import as_list, as_object
from streamkit._serving.bad_request import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["messages_in", "parts_in", "text_in", "void_messages"]


def messages_in(request: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """
    The messages of a request, each with its place.
    """
    messages = as_list(request.get("messages"))
    if not messages:
        raise BadRequest("the request has no messages")
    for number, message in enumerate(messages):
        fields = as_object(message)
        if fields is None:
            raise BadRequest(f"messages[{number}] is not an object")
        yield f"messages[{number}]", fields


def parts_in(message: dict[str, Any], place: str) -> list[tuple[str, dict[str, Any]]]:
    """
    The parts of a message, each with its place. What a restart has made void is not among them.
    """
    parts = as_list(message.get("parts"))
    if parts is None:
        raise BadRequest(f"{place} has no parts")
    found: list[tuple[str, dict[str, Any]]] = []
    for number, part in enumerate(parts):
        fields = as_object(part)
        if fields is None or not isinstance(fields.get("type"), str):
            raise BadRequest(f"{place}.parts[{number}] is not an object with a type")
        if fields["type"] == "data-restarted":
            found.clear()
        found.append((f"{place}.parts[{number}]", fields))
    return found


def text_in(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def void_messages(request: Mapping[str, Any]) -> set[str]:
    """
    The ids of the messages in whose place another has come.
    """
    return {
        text_in(as_object(part.get("data")) or {}, "void")
        for _, message in messages_in(request)
        for each in as_list(message.get("parts")) or ()
        if (part := as_object(each)) and part.get("type") == "data-restarted"
    } - {""}
