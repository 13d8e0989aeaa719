"""
Seams: how much of the beginning of a text repeats the end of the text that it goes on from.
"""

from __future__ import annotations

__all__ = ["LONGEST", "SHORTEST", "regained_space", "repeated_tail"]

SHORTEST, LONGEST = 8, 40
"""Characters of a repetition. A shorter one is as likely to be meant, and to a longer one nobody could be made to wait."""


def repeated_tail(before: str, begun: str, *, final: bool) -> int | None:
    """
    For a model that was shown `before` and asked to go on: how many characters of `begun` are its tail once more.

    The longest repetition counts. Where the text repeats itself anyway ("ha ha ha "), nobody can tell how much of that is
    meant; then as little as possible is taken for a repetition, and nothing if it goes on in step: better twice than lost.

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
            return _least(before, tail)
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
    same = 0
    while same < min(len(trimmed), len(begun)) and trimmed[same] == begun[same]:
        same += 1
    return None if same == len(begun) < len(trimmed) and not final else same


def _least(before: str, tail: str) -> int:
    """
    How little of a repeated tail is enough to explain it, if `before` repeats itself at its end.
    """
    size = len(tail)
    period = next(length for length in range(1, size + 1) if tail[length:] == tail[: size - length])
    if period <= size // 2:
        in_step = not size % period
        return 0 if in_step else size - (size - SHORTEST) // period * period
    return 0 if before.endswith(tail * 2) else size
