"""
The error of whoever uses a plugin that cannot be used.
"""

from __future__ import annotations

__all__ = ["PluginError"]


class PluginError(Exception):
    """
    A plugin cannot be used: it fails to import, is of the wrong kind, asks for another API, or is one of two of its name.

    What went wrong in it, where something did, is `__cause__`.

    Attributes:
        distribution: The distribution that offers it; in a conflict all of them, with commas between.
        name: The name that it offers.
        group: The entry-point group in which it offers it, such as `"streamkit.operators"`.
    """

    def __init__(self, message: str, *, distribution: str, name: str, group: str) -> None:
        super().__init__(message)
        self.distribution = distribution
        self.name = name
        self.group = group
