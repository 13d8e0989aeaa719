"""
`PluginError`, the error of using a plugin that cannot be used.
"""

from __future__ import annotations

from typing import Any

from streamkit._core.errors import reduced

__all__ = ["PluginError"]


class PluginError(Exception):
    """
    A plugin cannot be used: its import fails, it is of the wrong kind, it needs another plugin API, or another plugin has the
    same name.

    If the plugin itself failed, its error is the `__cause__`.

    Attributes:
        distribution: The distribution that offers it; in a conflict all of them, separated by commas.
        name: The name that it offers.
        group: The entry-point group in which it offers it, such as `"streamkit.operators"`.
    """

    def __init__(self, message: str, *, distribution: str, name: str, group: str) -> None:
        super().__init__(message)
        self.distribution = distribution
        self.name = name
        self.group = group

    def __reduce__(self) -> tuple[Any, ...]:
        return reduced(self)
