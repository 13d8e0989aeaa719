"""
Builds a whole value while it is being written.
"""

from __future__ import annotations

from typing import Any, TypeAlias

__all__ = ["Tree"]

Container: TypeAlias = dict[str, Any] | list[Any]


class Tree:
    """
    A parser's builder that makes plain dicts and lists, in place: a string is there from its first quote on, a number when it is
    complete.

    Attributes:
        top: The value, alone in a list that is empty before it begins.
        changed: Whether it has grown since somebody set this to False.
    """

    def __init__(self) -> None:
        self.top: list[Any] = []
        self.changed: bool = False
        self._around: list[tuple[Container, str]] = []
        self._container: Container = self.top
        self._name = ""

    def begin(self, container: Container, /) -> None:
        self._put(container)
        self._around.append((self._container, self._name))
        self._container = container

    def key(self, name: str, /) -> None:
        self._name = name

    def end(self) -> None:
        self._container, self._name = self._around.pop()
        self._closed()

    def scalar(self, value: object, /) -> None:
        self._put(value)

    def begin_text(self) -> None:
        self._put("")

    def text(self, more: str, /) -> None:
        # Python appends to a string in place only if nobody else holds it, so the container lets go of it first.
        container: Any = self._container
        place = self._name if isinstance(self._container, dict) else -1
        whole = container[place]
        container[place] = None
        whole += more
        container[place] = whole
        self.changed = True

    def end_text(self) -> None:
        self._closed()

    def _closed(self) -> None:
        # The end of a part changes nothing that can be seen; that of the whole does.
        self.changed = self.changed or not self._around

    def _put(self, value: object) -> None:
        if isinstance(self._container, dict):
            self._container[self._name] = value
        else:
            self._container.append(value)
        self.changed = True
