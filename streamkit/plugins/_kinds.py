"""
The kinds of things that plugins offer, and which of them come with streamkit.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from streamkit._core.operator import Operator
from streamkit._core.sink import Sink
from streamkit._core.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KINDS", "OPERATOR", "SINK", "SOURCE", "Kind"]


@dataclass(frozen=True)
class Kind:
    """
    One kind, with an entry-point group of its own.

    Attributes:
        word: What it is called, and the decorator that makes one: `"operator"`.
        makes: The class of what a plugin of this kind is, or makes when it is called.
        home: The module whose public functions are the built-in ones, as far as they make such things.
    """

    word: str
    makes: type[Any]
    home: str

    @property
    def group(self) -> str:
        """
        The entry-point group.
        """
        return f"streamkit.{self.word}s"

    @property
    def built_in(self) -> Mapping[str, object]:
        """
        What comes with streamkit, by name. This imports all of it.
        """
        names: list[str] = import_module(self.home).__all__
        return {name: value for name in names if (value := self.find_built_in(name)) is not None}

    def find_built_in(self, name: str) -> object | None:
        """
        What comes with streamkit under this name, or None; nothing else is imported.
        """
        home = import_module(self.home)
        value = getattr(home, name) if name in home.__all__ else None
        return value if _makes(value, self.makes) else None


def _makes(value: object, kind: type[Any]) -> bool:
    """
    Whether a function of this package says of itself that it makes one of that kind.
    """
    if not inspect.isfunction(value):
        return False
    returned = str(value.__annotations__.get("return", "")).partition("[")[0]
    made = value.__globals__.get(returned)
    return isinstance(made, type) and issubclass(made, kind)


OPERATOR: Final = Kind("operator", Operator, "streamkit")
SOURCE: Final = Kind("source", Stream, "streamkit")
SINK: Final = Kind("sink", Sink, "streamkit.sinks")
KINDS: Final = (OPERATOR, SOURCE, SINK)
