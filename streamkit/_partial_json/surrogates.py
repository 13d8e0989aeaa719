"""
Joins surrogate pairs, which a stream may cut in two: JSON can say each half alone, and Python keeps it so.
"""

from __future__ import annotations

__all__ = ["join_surrogates"]


def join_surrogates(text: str) -> str:
    """
    The text with the two halves of each pair made one character; a half without the other stays.
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
