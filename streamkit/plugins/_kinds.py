"""
The kinds of plugins (operators, sources and sinks), and what comes with streamkit of each kind.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from streamkit._core.algebra import Operator, Sink, Stream

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KINDS", "OPERATOR", "SINK", "SOURCE", "Kind"]


@dataclass(frozen=True)
class Kind:
    """
    A kind of plugin, with an entry-point group of its own.

    Attributes:
        word: Its name, which is also that of the decorator that makes one: `"operator"`.
        makes: The class that a plugin of this kind is an instance of, or makes an instance of when it is called.
        home: The module that has the built-in ones among its public functions.
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
        The built-in ones by name. This imports all of them.
        """
        names: list[str] = import_module(self.home).__all__
        return {name: value for name in names if (value := self.find_built_in(name)) is not None}

    def find_built_in(self, name: str) -> object | None:
        """
        The built-in one of this name, or None. This imports nothing else.
        """
        home = import_module(self.home)
        value = getattr(home, name) if name in home.__all__ else None
        return value if _makes(value, self.makes) else None


def _makes(value: object, kind: type[Any]) -> bool:
    """
    Whether `value` is a function of streamkit whose annotation says that it returns such a thing.
    """
    if not inspect.isfunction(value):
        return False
    returned = str(value.__annotations__.get("return", "")).partition("[")[0]
    made = inspect.unwrap(value).__globals__.get(returned)
    return isinstance(made, type) and issubclass(made, kind)


OPERATOR: Final = Kind("operator", Operator, "streamkit")
SOURCE: Final = Kind("source", Stream, "streamkit")
SINK: Final = Kind("sink", Sink, "streamkit.sinks")
KINDS: Final = (OPERATOR, SOURCE, SINK)
