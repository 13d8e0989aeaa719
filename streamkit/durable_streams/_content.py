"""
What the records of a run are to its clients: messages of JSON, a text, or bytes.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from base64 import b64encode
from typing import TYPE_CHECKING, Any, ClassVar, Final

from streamkit._core.errors import StreamError
from streamkit._core.items import is_named, is_restart
from streamkit._serving.ending import json_for
from streamkit._surrogates import cut_half, legal, plain_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamkit.hub import Record

__all__ = ["Content", "content_of"]

_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(?:\s*;[\x20-\x7e]*)?", re.ASCII)
_LINE_END: Final = re.compile("\r\n?")
_JSON: Final = json_for("durable_streams")


class Content(ABC):
    """
    How records are written, in one response.

    Attributes:
        media_type: The content type.
        sse_encoding: How their bytes are encoded where they are sent as server-sent events; empty for not at all.
    """

    sse_encoding: ClassVar[str] = ""

    def __init__(self, media_type: str) -> None:
        self.media_type = media_type

    @abstractmethod
    def body(self, records: Sequence[Record]) -> bytes:
        """
        Records as the body of a response.

        Raises:
            TypeError: One of them is of another type.
            StreamError: The stream starts over, and this type of content cannot tell it.
        """

    @abstractmethod
    def lines(self, records: Sequence[Record]) -> list[bytes]:
        """
        Records as the lines of one server-sent event. Errors are those of `body`.
        """

    def whole(self, records: Sequence[Record]) -> int:
        """
        How many of the records can be told before the next one has come.
        """
        return len(records)


class Messages(Content):
    """
    Each record as a message of JSON.
    """

    def body(self, records: Sequence[Record]) -> bytes:
        return b"[" + b",".join(_JSON.encode(_message(record.data)) for record in records) + b"]"

    def lines(self, records: Sequence[Record]) -> list[bytes]:
        return [self.body(records)]


class Text(Content):
    """
    The records as one text.
    """

    def __init__(self, media_type: str) -> None:
        super().__init__(media_type)
        self._returned = False  # whether the last event has ended with CR, which an LF may follow

    def body(self, records: Sequence[Record]) -> bytes:
        return self._text(records).encode()

    def lines(self, records: Sequence[Record]) -> list[bytes]:
        # Which of CR, LF or both a line ends with cannot be said in an event.
        text = self._text(records)
        if self._returned:
            text = text.removeprefix("\n")
        self._returned = text.endswith("\r")
        return _LINE_END.sub("\n", text).encode().split(b"\n")

    def whole(self, records: Sequence[Record]) -> int:
        count = len(records)
        while count and isinstance(text := records[count - 1].data, str) and cut_half(text)[1]:
            count -= 1
        return count

    def _text(self, records: Sequence[Record]) -> str:
        return legal("".join(plain_text(_checked(record, str, self.media_type)) for record in records))


class Bytes(Content):
    """
    The records as bytes behind each other.
    """

    sse_encoding = "base64"

    def body(self, records: Sequence[Record]) -> bytes:
        return b"".join(_checked(record, bytes, self.media_type) for record in records)

    def lines(self, records: Sequence[Record]) -> list[bytes]:
        return [b64encode(self.body(records))]


def content_of(name: str, media_type: object) -> Content:
    """
    How records are written as a content type.

    Args:
        name: What it was given to.
        media_type: The content type.

    Raises:
        TypeError: It is not a string.
        ValueError: It is not a content type.
    """
    if not isinstance(media_type, str):
        raise TypeError(f"{name}() needs a text for media_type, not {type(media_type).__name__}")
    if not _TYPE.fullmatch(media_type):
        raise ValueError(
            f"{name}() needs a content type for media_type, such as 'application/json', not {media_type!r}"
        )
    kind = media_type.partition(";")[0].strip().lower()
    if kind == "application/json":
        return Messages(media_type)
    return Text(media_type) if kind.startswith("text/") else Bytes(media_type)


def _message(item: Any) -> Any:
    return item[1] if is_named(item) and is_restart(item[1]) else item


def _checked(record: Record, kind: type[Any], media_type: str) -> Any:
    item = record.data
    if isinstance(item, kind):
        return item
    if is_restart(item) or (is_named(item) and is_restart(item[1])):
        raise StreamError(
            f"the run starts over with record {record.id}, which no {media_type} can tell its clients: leave media_type at "
            "'application/json'",
            type="restarted",
        )
    raise TypeError(
        f"durable_streams sends {media_type} of records that are {kind.__name__}, and record {record.id} is "
        f"{type(item).__name__}: leave media_type at 'application/json', or put map(…) behind the stream that is published"
    )
