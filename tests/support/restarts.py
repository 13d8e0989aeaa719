"""
A restart that has nothing to do with Claude.
"""

from __future__ import annotations


class Restart:
    """
    To operators, the end of what came before and a new beginning.
    """

    __restart__ = True
