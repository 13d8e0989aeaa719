"""
What one frame of server-sent events has in it: its fields, and what kind of data that is.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

from streamkit._claude.protocol.error_forms import is_error, read_error
from streamkit._claude.protocol.errors import GrammarError
from streamkit._claude.protocol.json_text import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = [
    "NO_NAME",
    "bare_value",
    "begun_inside",
    "data_lines",
    "fields_of",
    "is_cut",
    "is_json",
    "is_typed",
    "objects_in",
    "unseparated",
    "with_odd_number",
    "wrapped_in",
]

NO_NAME = frozenset({b"", b"message"})
"""Names of frames that have none: the latter is what they are called then."""

_OBJECTS = re.compile(rb'\{\s*"(?:type|error|errors|message|detail|code|object)"').finditer
_MOST_BEGINNINGS = 16
"""Places in an unreadable frame where JSON may begin, the last ones."""
_WHERE_ERRORS_BEGIN = 64 * 1024
"""Bytes at the end of an unreadable frame that are looked through."""

_TELLING = ("content", "stop_reason", "error", "base_resp")
"""Fields of which a whole message has one, whatever it says."""

_WRAPPERS = ("data", "message", "response", "result", "body", "output")
"""Fields in which servers put what they answer."""

_NEXT_NAME = re.compile(rb"event: ?\w*\s*\Z")
_WORDS = ("true", "false", "null", "-")
_skip_space = re.compile(r"[ \t\r\n]*").match
_decoder = json.JSONDecoder()

_EVENT = b"event: "
_LINES = re.compile(rb"[^\n]+").finditer


def wrapped_in(value: object, name: bytes = b"", *, is_first: bool) -> Sequence[dict[str, Any]]:
    """
    The events in JSON that is a whole message; none if it is not.

    Args:
        value: The JSON value.
        name: The event that its frame names.
        is_first: Whether no message has begun yet. Another one that is whole is none of the stream's.

    Raises:
        StreamError: It is an error.
    """
    if isinstance(value, list) and value:  # some wrap an error so
        value = cast("list[object]", value)[0]
    if not isinstance(value, dict):
        return ()
    obj = cast("dict[str, Any]", value)
    if is_first and name in NO_NAME and (whole := _whole_message_in(obj)) is not None:
        return ({"type": "message_start", "message": whole}, {"type": "message_stop"})
    named = name.decode("utf-8", "replace")
    if is_error(obj, named):
        raise read_error(obj, name=named)
    return ()


def _whole_message_in(obj: Mapping[str, Any]) -> dict[str, Any] | None:
    """
    The message that a JSON object is, as a request without `stream=True` gets it, or that some server has put into an object of
    its own; None if there is none.
    """
    if _is_message(obj):
        return dict(obj)
    if isinstance(obj.get("type"), str):
        return None
    for name in _WRAPPERS:
        inner = obj.get(name)
        # One without anything in it may be the beginning of a stream.
        if isinstance(inner, dict) and _is_message(wrapped := cast("dict[str, Any]", inner)):
            return wrapped if wrapped.get("content") or wrapped.get("stop_reason") else None
    return None


def _is_message(obj: Mapping[str, Any]) -> bool:
    is_named = obj.get("type") == "message" or (obj.get("type") is None and obj.get("role") == "assistant")
    content = obj.get("content", 0)
    if isinstance(content, list):
        return is_named
    # Other APIs begin their streams with an empty text of that role.
    return is_named and isinstance(content, str | None) and any(map(obj.get, _TELLING))


def is_cut(body: bytes) -> bool:
    """
    Whether a text begins as a JSON document, and ends inside it. The name of the next event may stand right behind the cut.
    """
    text = _NEXT_NAME.sub(b"", body).strip().decode("utf-8", "replace")
    if not text.startswith("{"):
        return not text
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        rest = text[error.pos :]
        is_escape = "escape" in error.msg and len(rest) < len(r"\uXXXX")
        return (
            is_escape or error.msg.startswith("Unterminated") or any(word.startswith(rest) for word in _WORDS)
        )
    except (ValueError, RecursionError):  # the former: a number with more digits than Python converts
        pass
    return False


def with_odd_number(body: bytes) -> object:
    """
    The value of data that is JSON but for a number, such as NaN or one of thousands of digits; None if it is not.
    """
    try:
        return parse(body, any_number=True)
    except GrammarError:
        return None


def objects_in(body: bytes) -> list[dict[str, Any]]:
    """
    Several events that stand one behind another in the data of a frame; none if anything else stands there.
    """
    if not body.rstrip().endswith(b"}"):
        return []
    objects: list[dict[str, Any]] = []
    try:
        text = body.decode()
        at = 0
        while at < len(text):
            value, at = _decoder.raw_decode(text, at)
            if not isinstance(value, dict) or not isinstance(cast("dict[str, Any]", value).get("type"), str):
                return []
            objects.append(cast("dict[str, Any]", value))
            at = cast("re.Match[str]", _skip_space(text, at)).end()
    except (ValueError, RecursionError):
        return []
    return objects if len(objects) > 1 else []


def unseparated(text: bytes) -> list[bytes]:
    """
    What is at the end of a body, as one frame, where the whole lines of it are several events: somebody writes no blank lines.
    """
    lines = text.rpartition(b"\n")[0]
    return [lines] if sum(is_typed(line) for _, line in data_lines(lines)) > 1 else []


def begun_inside(body: bytes) -> dict[str, Any] | None:
    """
    The error, or the beginning of another message, that somebody has written behind an event which was cut.

    Args:
        body: The data of a frame, which is not JSON.

    Returns:
        The object, to the end of the data; None if there is none.
    """
    if not body.rstrip().endswith(b"}"):
        return None
    first = max(1, len(body) - _WHERE_ERRORS_BEGIN)
    beginnings = [match.start() for match in _OBJECTS(body, first)]
    for at in beginnings[-_MOST_BEGINNINGS:]:
        try:
            value = parse(body[at:])
        except GrammarError:
            continue
        if isinstance(value, dict):
            obj = cast("dict[str, Any]", value)
            # Where a value is due, the object may be a part of the event that was cut, such as a tool's input.
            may_be_part = body[:at].rstrip().endswith((b":", b",", b"["))
            begins = obj.get("type") in (
                "message_start",
                "error",
            )  # the type may be anything, also unhashable
            if begins or (is_error(obj) and not may_be_part):
                return {"type": "error", **obj}
    return None


def bare_value(text: bytes) -> object:
    """
    The object or array that text without any framing is; None if it is something else.
    """
    if not text.lstrip().startswith((b"{", b"[")):
        return None
    try:
        return parse(text)
    except GrammarError:
        return None


def is_json(body: bytes) -> bool:
    """
    Whether data is JSON.
    """
    try:
        parse(body)
    except GrammarError:
        return False
    return True


def is_typed(line: bytes) -> bool:
    """
    Whether a line of data is a whole event by itself.
    """
    try:
        value = parse(line)
    except GrammarError:
        return False
    return isinstance(value, dict) and isinstance(cast("dict[str, object]", value).get("type"), str)


def fields_of(frame: bytes) -> tuple[bytes, bytes]:
    """
    A frame's event name and data; either may be empty, as in a comment that keeps the connection alive.
    """
    # Nearly every frame has these two lines and no other.
    head, _, body = frame.partition(b"\ndata: ")
    if head.startswith(_EVENT) and b"\n" not in head and b"\n" not in body:
        return head[len(_EVENT) :], body
    name = b""
    data: bytearray | None = None
    # One by one, because a list of short lines would be many times as large as the frame.
    for line in _LINES(frame):
        field, _, value = line[0].partition(b":")
        if field == b"data":
            if data is None:
                data = bytearray()
            else:
                data += b"\n"
            data += value.removeprefix(b" ")
        elif field == b"event":
            name = value.removeprefix(b" ")
    return name, bytes(data or b"")


def data_lines(frame: bytes) -> Iterator[tuple[bytes, bytes]]:
    """
    Each line of a frame's data, with the name that stands before it.
    """
    name = b""
    for line in _LINES(frame):
        field, _, value = line[0].partition(b":")
        if field == b"data":
            yield name, value.removeprefix(b" ")
            name = b""
        elif field == b"event":
            name = value.removeprefix(b" ")
