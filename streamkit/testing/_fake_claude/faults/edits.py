"""
Faults in the order of events: a reply whose events are left out, swapped or numbered otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streamkit.testing._fake_claude.reply import Reply

__all__ = ["reindexed", "swapped", "without"]


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
