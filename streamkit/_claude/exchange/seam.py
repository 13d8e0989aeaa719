"""
Seams: how much of the beginning of a text repeats the end of the text that it goes on from.
"""

from __future__ import annotations

__all__ = ["LONGEST", "SHORTEST", "regained_space", "repeated_tail"]

_MOST_SPACE = 100
"""Characters of white space that are worth waiting for."""

SHORTEST, LONGEST = 8, 40
"""Characters of a repetition. A shorter one is as likely to be meant, and to a longer one nobody could be made to wait."""


def repeated_tail(before: str, begun: str, *, final: bool) -> int | None:
    """
    For a model that was shown `before` and asked to go on: how many characters of `begun` are its tail once more.

    The longest repetition counts. Where the text repeats itself anyway ("ha ha ha ", the rows of a table), nobody can tell how
    much of that is meant; then as little as possible is taken for a repetition, and nothing if it goes on in step: better twice
    than lost. A phrase repeats itself if it stands there three times, on both sides of the end together.

    Args:
        before: The text so far.
        begun: The beginning of what follows.
        final: Whether no more of it comes.

    Returns:
        The number; None while more has to come to know.
    """
    for size in range(min(LONGEST, len(before)), SHORTEST - 1, -1):
        tail = before[-size:]
        if begun.startswith(tail):
            return _meant(before, begun, size, final=final)
        if not final and tail.startswith(begun):
            return None
    return 0


def regained_space(trimmed: str, begun: str, *, final: bool) -> int | None:
    """
    For a model that goes on exactly where a text ends whose white space was trimmed: how much of that comes once more.

    Args:
        trimmed: The white space.
        begun: The beginning of what follows.
        final: Whether no more of it comes.

    Returns:
        The number of characters; None while more has to come to know.
    """
    trimmed = trimmed[:_MOST_SPACE]
    if not final and len(begun) < len(trimmed) and trimmed.startswith(begun):
        return None
    same = 0
    while same < min(len(trimmed), len(begun)) and trimmed[same] == begun[same]:
        same += 1
    return same


def _meant(before: str, begun: str, size: int, *, final: bool) -> int | None:
    """
    How much of a repetition is one, and not the text's own way; None while more has to come to know.
    """
    tail = before[-size:]
    period = next(length for length in range(1, size + 1) if tail[length:] == tail[: size - length])
    if period <= size // 2:
        in_step = not size % period
        return 0 if in_step else size - (size - SHORTEST) // period * period
    behind = _run(before[::-1], size)
    ahead = _run(begun, size)
    if behind + ahead >= 3 * size:
        return 0
    return None if ahead == len(begun) and not final else size


def _run(text: str, period: int) -> int:
    """
    How far a text repeats its beginning, at most three times.
    """
    end = min(len(text), 3 * period)
    return next((at for at in range(period, end) if text[at] != text[at - period]), end)
