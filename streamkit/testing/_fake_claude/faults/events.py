"""
Faults in the body of a message: the API's own `error` event, and frames that it should never send.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from streamkit.testing._fake_claude.faults.wire import Step, WireFault
from streamkit.testing._fake_claude.frames import event

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["GARBAGE", "ErrorEvent", "Fault", "check_order", "huge", "is_end"]


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """
    An `event: error` inside a response that had begun well; the body ends after it.

    Attributes:
        type: The API's name of the error.
        message: The text for people.
        request_id: The request's id, which the API gives with the error; None leaves it out.
    """

    type: str = "overloaded_error"
    message: str = "Overloaded"
    request_id: str | None = None

    @property
    def frame(self) -> bytes:
        """
        The event's bytes.
        """
        named = {} if self.request_id is None else {"request_id": self.request_id}
        return event({"type": "error", "error": {"type": self.type, "message": self.message}, **named})


Fault: TypeAlias = Step | ErrorEvent
"""
What may stand between two deltas or two blocks: raw bytes (`PING`, `event({...})`, anything), a wait, an end.
"""


def is_end(part: object) -> bool:
    """
    Whether nothing can be sent after this part of a reply.
    """
    return isinstance(part, ErrorEvent) or (isinstance(part, WireFault) and part.ends)


def check_order(parts: Iterable[object]) -> None:
    """
    Reject parts that follow an end.

    Raises:
        ValueError: Something follows `Stall()`, `Drop()`, endless `Pings` or `ErrorEvent()`.
    """
    end: object = None
    for part in parts:
        if end is not None:
            raise ValueError(f"{part!r} comes after {end!r}, so it would never be sent")
        if is_end(part):
            end = part


DELTA: Final = b"event: content_block_delta\ndata: %b\n\n"

DEEP: Final = 100_000
"""How deeply JSON is nested that no parser's stack can hold."""

GARBAGE: Final[Mapping[str, bytes]] = MappingProxyType(
    {
        "not-json": DELTA % b"{not json",
        "half-an-object": DELTA % b'{"type":"content_block_delta","index":0,"delta":{"type":"te',
        "two-objects": DELTA % b'{"type":"ping"}{"type":"ping"}',
        "array": DELTA % b'["content_block_delta",0]',
        "string": DELTA % b'"content_block_delta"',
        "number": DELTA % b"529",
        "null": DELTA % b"null",
        "no-type": b'data: {"index":0}\n\n',
        "type-not-a-string": b'data: {"type":1}\n\n',
        "wrong-field": DELTA
        % b'{"type":"content_block_delta","index":"zero","delta":{"type":"text_delta","text":"x"}}',
        "missing-field": DELTA % b'{"type":"content_block_delta","index":0}',
        "invalid-utf8": DELTA
        % b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\xff\xfe"}}',
        "too-deep": DELTA
        % b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":%b%b}}'
        % (b"[" * DEEP, b"]" * DEEP),
        "noise": b"\x00\x8f\xc3\x28\xf5\x1b\n\n",
    }
)
"""
Frames that are not events, by name; put them into a reply with `Reply.insert`.

`"noise"` has no colon, so by the rules of server-sent events it is an unknown field, which is skipped.
"""


def huge(size: int) -> bytes:
    """
    One `text_delta` of block 0 of any size; put it into a reply with `Reply.insert`.

    Args:
        size: Characters of its text.

    Raises:
        ValueError: `size` is negative.
    """
    if size < 0:
        raise ValueError(f"huge({size!r}): give a number of characters >= 0")
    delta = {"type": "text_delta", "text": "x" * size}
    return event({"type": "content_block_delta", "index": 0, "delta": delta})
