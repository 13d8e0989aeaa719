"""
The names of one kind as attributes: `ops.redact`.
"""

from __future__ import annotations

from typing import Any, Final

from streamkit.plugins._kinds import OPERATOR, SINK, SOURCE, Kind
from streamkit.plugins._registry import registry

__all__ = ["Namespace", "ops", "sinks", "sources"]


class Namespace:
    """
    What comes with streamkit and what plugins offer, by name; each is imported when it is used.

    A name is an operator (source, sink) or makes one. Its type is not known here: import it from the plugin's own package
    where it matters.
    """

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # what Python itself and notebooks ask of any object
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return registry().find(self._kind, name)

    def __dir__(self) -> list[str]:
        return sorted(registry().names(self._kind))

    def __repr__(self) -> str:
        return f"<{self._kind.word}s by name>"


ops: Final = Namespace(OPERATOR)
sources: Final = Namespace(SOURCE)
sinks: Final = Namespace(SINK)
