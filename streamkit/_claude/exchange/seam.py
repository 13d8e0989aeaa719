"""
Finds how much of the beginning of a text repeats the end of the text that it continues.
"""

from __future__ import annotations

__all__ = ["LONGEST", "SHORTEST", "regained_space", "repeated_tail"]

_MOST_SPACE = 100
"""Characters of white space that are worth waiting for."""

SHORTEST, LONGEST = 8, 40
"""
Characters of a repetition. A shorter one is as likely to be meant, and to look for a longer one would delay the text.
"""


def repeated_tail(before: str, beginning: str, /, *, final: bool) -> int | None:
    """
    For a model that was shown `before` and asked to continue: how much of `beginning` repeats the tail of that.

    The longest repetition counts. Where the text repeats itself anyway ("ha ha ha ", the rows of a table), it cannot be told
    how much of that is meant. Then as little as possible counts as a repetition, and nothing if the text continues in step:
    better twice than lost. A phrase repeats itself if it occurs three times, counted on both sides of the cut together.

    Args:
        before: The text so far.
        beginning: The beginning of what follows.
        final: Whether no more of it comes.

    Returns:
        The number of characters; None while more of the text is needed to tell.
    """
    for size in range(min(LONGEST, len(before)), SHORTEST - 1, -1):
        tail = before[-size:]
        if beginning.startswith(tail):
            return _repetition_length(before, beginning, size, final=final)
        if not final and tail.startswith(beginning):
            return None
    return 0


def regained_space(trimmed: str, beginning: str, /, *, final: bool) -> int | None:
    """
    For a model that continues a text whose white space at the end was trimmed: how much of that it writes again.

    Args:
        trimmed: The white space.
        beginning: The beginning of what follows.
        final: Whether no more of it comes.

    Returns:
        The number of characters; None while more of the text is needed to tell.
    """
    trimmed = trimmed[:_MOST_SPACE]
    if not final and len(beginning) < len(trimmed) and trimmed.startswith(beginning):
        return None
    same = 0
    while same < min(len(trimmed), len(beginning)) and trimmed[same] == beginning[same]:
        same += 1
    return same


def _repetition_length(before: str, beginning: str, size: int, *, final: bool) -> int | None:
    """
    How many of the `size` characters are a repetition, and not a text that repeats itself; None while it cannot be told.
    """
    tail = before[-size:]
    period = next(length for length in range(1, size + 1) if tail[length:] == tail[: size - length])
    if period <= size // 2:
        in_step = not size % period
        return 0 if in_step else size - (size - SHORTEST) // period * period
    behind = _run(before[::-1], size)
    ahead = _run(beginning, size)
    if behind + ahead >= 3 * size:
        return 0
    return None if ahead == len(beginning) and not final else size


def _run(text: str, period: int) -> int:
    """
    How far a text keeps repeating its first `period` characters, which count too; at most three times those.
    """
    end = min(len(text), 3 * period)
    return next((at for at in range(period, end) if text[at] != text[at - period]), end)
