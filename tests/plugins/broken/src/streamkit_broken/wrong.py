"""
What it offers is no operator, one at first sight, the other when it is called.
"""

from __future__ import annotations

WRONG = 42


def turns_out_wrong(size: int = 3) -> list[int]:
    """
    Looks like a function that makes an operator.
    """
    return [size]
