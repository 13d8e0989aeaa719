"""
A reply whose events are left out, swapped or numbered otherwise, or cut by another one's. The folder's docstring has the other
kinds of fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streamkit.testing._fake_claude.reply import Reply  # noqa: TC001 -- get_type_hints() looks for it here

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["reindexed", "spliced", "swapped", "without"]


def without(reply: Reply, type: str, nth: int = 0) -> Reply:  # noqa: A002 -- the API's own word for it
    """
    The reply without one of its events.

    Args:
        reply: The reply.
        type: The event's type, such as `"content_block_stop"`.
        nth: Which one of that type: 0, 1, …; negative counts from the end.

    Raises:
        ValueError: The reply has no such event, or cannot be edited.
        TypeError: `nth` is not a number.
    """

    if not isinstance(nth, int):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"without() leaves out one event, and nth is its number, not {nth!r}: call it once for each type"
        )

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
    The reply with two of its events in each other's place.

    Args:
        reply: The reply.
        first: The number of an event: 0, 1, …; negative counts from the end.
        second: The number of another.

    Raises:
        ValueError: The reply has no such event, or cannot be edited.
    """

    def edit(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for number in (first, second):
            if not -len(events) <= number < len(events):
                raise ValueError(f"the reply has {len(events)} events, and so none with number {number!r}")
        events[first], events[second] = events[second], events[first]
        return events

    return reply.edited(edit)


def spliced(reply: Reply, events: int, other: Reply) -> Reply:
    """
    The beginning of a reply, and all of another one behind it, in one response.

    So it comes from a gateway that has lost its upstream in the middle of an answer, and asked again.

    Args:
        reply: The reply that is cut.
        events: How many of its writes to keep; negative counts from the end.
        other: The reply that follows, with another message.

    Raises:
        ValueError: One of the two is not a stream of events.
    """
    for each in (reply, other):
        if not each.is_events:
            raise ValueError(f"spliced() needs replies of events, not one with {each.headers or each.status}")
    return reply.cut(events, *other.steps)


def reindexed(reply: Reply, indices: Mapping[int, int]) -> Reply:
    """
    The reply with other numbers for its blocks, so that an index is missing, or stands for two blocks.

    Args:
        reply: The reply.
        indices: The new index for each of the blocks that get one.

    Raises:
        ValueError: The reply has no block with one of the indices, or cannot be edited.
    """

    def edit(events: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        missing = set(indices) - {item.get("index") for item in events}
        if missing:
            raise ValueError(f"the reply has no block with index {min(missing)}")
        for item in events:
            yield {**item, "index": indices.get(item["index"], item["index"])} if "index" in item else item

    return reply.edited(edit)
