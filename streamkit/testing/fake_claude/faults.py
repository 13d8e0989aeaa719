"""
What a Messages API should never send, and what gateways send in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from streamkit.testing.fake_claude.frames import event
from streamkit.testing.fake_claude.replies import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["GARBAGE", "huge", "page", "redirect", "reindexed", "swapped", "without"]

REDIRECTS: Final = (301, 302, 303, 307, 308)

DELTA: Final = b"event: content_block_delta\ndata: %b\n\n"

DEEP: Final = 100_000
"""Nested so deeply, JSON is more than any parser's stack holds."""

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
Frames that are no events, by name; put them into a reply with `Reply.insert`.

`"noise"` has no colon: by the rules of server-sent events it is a field that nobody knows, to be skipped.
"""


def without(reply: Reply, type: str, nth: int = 0) -> Reply:  # noqa: A002 -- the API's own word for it
    """
    Leave out one event.

    Args:
        reply: The reply.
        type: The event's type, such as `"content_block_stop"`.
        nth: Which one of that type: 0, 1, …; negative counts from the end.

    Raises:
        ValueError: There is no such event, or the reply cannot be edited.
    """

    def edit(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        places = [place for place, item in enumerate(events) if item["type"] == type]
        if not -len(places) <= nth < len(places):
            raise ValueError(
                f"the reply has {len(places)} events of type {type!r}, and so none with nth={nth!r}"
            )
        del events[places[nth]]
        return events

    return reply.edited(edit)


def swapped(reply: Reply, first: int, second: int) -> Reply:
    """
    Send two events each in the place of the other.

    Args:
        reply: The reply.
        first: The number of an event: 0, 1, …; negative counts from the end.
        second: The number of another.

    Raises:
        ValueError: There is no such event, or the reply cannot be edited.
    """

    def edit(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for number in (first, second):
            if not -len(events) <= number < len(events):
                raise ValueError(f"the reply has {len(events)} events, and so none with number {number!r}")
        events[first], events[second] = events[second], events[first]
        return events

    return reply.edited(edit)


def reindexed(reply: Reply, indices: Mapping[int, int]) -> Reply:
    """
    Number blocks otherwise, so that an index is missing, or stands for two blocks.

    Args:
        reply: The reply.
        indices: The new index for each of the blocks that get one.

    Raises:
        ValueError: There is no block with one of the indices, or the reply cannot be edited.
    """

    def edit(events: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        missing = set(indices) - {item.get("index") for item in events}
        if missing:
            raise ValueError(f"the reply has no block with index {min(missing)}")
        for item in events:
            yield {**item, "index": indices.get(item["index"], item["index"])} if "index" in item else item

    return reply.edited(edit)


def huge(size: int) -> bytes:
    """
    One `text_delta` of block 0, as large as you like; put it into a reply with `Reply.insert`.

    Args:
        size: Characters of its text.

    Raises:
        ValueError: `size` is negative.
    """
    if size < 0:
        raise ValueError(f"huge({size!r}): give a number of characters >= 0")
    delta = {"type": "text_delta", "text": "x" * size}
    return event({"type": "content_block_delta", "index": 0, "delta": delta})


def redirect(location: str = "/v1/messages", status: int = 307) -> Reply:
    """
    Send the client elsewhere. The SDK follows.

    Args:
        location: Where to: a path, or a URL.
        status: The HTTP status; after 301, 302 and 303 clients ask with GET.

    Raises:
        ValueError: `status` is no redirect.
    """
    if status not in REDIRECTS:
        raise ValueError(f"redirect(status={status!r}): give one of {', '.join(map(str, REDIRECTS))}")
    headers = {"location": location, "content-type": "text/plain", "content-length": "0"}
    return Reply((), status, headers)


def page(status: int = 200, title: str = "Bad gateway") -> Reply:
    """
    A gateway's page for people, where events were asked for.

    Args:
        status: The HTTP status: 200, as some gateways say even then, or an error.
        title: What the page says.

    Raises:
        ValueError: `status` is neither.
    """
    if status != 200 and not 400 <= status <= 599:
        raise ValueError(f"page(status={status!r}): give 200, or an HTTP error status, 400 to 599")
    words = escape(title)
    html = f"<!DOCTYPE html>\n<html>\n<head><title>{words}</title></head>\n<body><h1>{words}</h1></body>\n</html>\n"
    body = html.encode()
    return Reply(
        [body], status, {"content-type": "text/html; charset=utf-8", "content-length": str(len(body))}
    )
