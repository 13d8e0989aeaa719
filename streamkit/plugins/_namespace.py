"""
Namespaces, in which the operators, sources and sinks are attributes: `ops.redact`.
"""

from __future__ import annotations

from typing import Any, Final

from streamkit.plugins._kinds import OPERATOR, SINK, SOURCE, Kind
from streamkit.plugins._registry import registry

__all__ = ["Namespace", "ops", "sinks", "sources"]


class Namespace:
    """
    The built-in operators (sources, sinks) and those of plugins, by name. Each is imported when it is used.

    An attribute is an operator (source, sink), or a function that makes one. Checkers do not know its type: where that
    matters, import it from the plugin's own package.
    """

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # Python itself and notebooks look for such names on any object
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return registry().find(self._kind, name)

    def __dir__(self) -> list[str]:
        return sorted(registry().names(self._kind))

    def __repr__(self) -> str:
        return f"<{self._kind.word}s by name>"


ops: Final = Namespace(OPERATOR)
sources: Final = Namespace(SOURCE)
sinks: Final = Namespace(SINK)
