"""
Counts what a response had in it that does not fit, and that was forgiven.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ODDITIES", "Oddities"]

ODDITIES: Final = {
    "after_end": "something unreadable, an error, content, or the mere beginning of a message, behind a whole one",
    "call_id": "a call without an id, or under an id that another call of its message or of an earlier turn has",
    "cut_frame": "a frame that was cut, behind which another message began",
    "joined_frames": "a frame with several events in it, without the blank lines between them",
    "late_start": "a `message_start` behind the first content of its message",
    "missing_start": "a message without `message_start`",
    "number": "an event with a number that JSON does not have, such as NaN",
    "repeated_start": "the `message_start` of the open message again, which is not handed on",
    "skipped_frame": "a frame that is not an event, such as OpenAI's `[DONE]`",
}
"""What is counted besides values that do not fit, which are counted by their place: `"content_block_delta.delta.text"`."""


class Oddities(Counter[str]):
    """
    How often each kind of oddity has come.

    The number of kinds is bounded: they are those of `ODDITIES`, and the places of fields that this version knows.
    """

    def count(self, kind: str) -> None:
        """
        Count one.
        """
        self[kind] += 1

    @classmethod
    def of(cls, each: Iterable[Oddities]) -> Oddities:
        """
        All of them together.
        """
        together = cls()
        for counted in each:
            together.update(counted)
        return together
