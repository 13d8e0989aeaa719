"""
Adapters: how items and errors of other libraries are understood, which know nothing of streamkit.

An adapter is a module such as `_claude/anthropic_adapter.py`. `streamkit/__init__.py` names it with `adapt()`, beside the library
whose objects it knows. It is imported when the first such object is met, so nothing depends on what has been imported before.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple, Protocol, cast

__all__ = ["Adapter", "RetryAdvice", "adapt", "adapter_of"]


class RetryAdvice(NamedTuple):
    """
    What is known of an error.

    Attributes:
        retriable: Whether another try may succeed.
        after: Seconds to wait before it, if the server has said so.
    """

    retriable: bool
    after: float | None = None


class Adapter(Protocol):
    """
    What an adapter module has to define. The first five functions are those of `items.py`, for an item of its library.
    """

    def can_wait(self, item: Any, /) -> bool: ...
    def merged(self, held: Any, item: Any, /) -> Any: ...
    def text_of(self, item: Any, /) -> str | None: ...
    def with_text(self, item: Any, text: str, /) -> Any: ...
    def stands_aside(self, item: Any, /) -> bool: ...

    def retry_advice(self, error: Exception, /) -> RetryAdvice | None:
        """
        What is known of an error of its library; None if nothing is.
        """
        ...


_modules: dict[str, str] = {}


def adapt(library: str, module: str) -> None:
    """
    Name the adapter for another library.

    Args:
        library: Its top-level package.
        module: The module that is the adapter; imported when the first object of the library is met.
    """
    _modules[library] = module


def adapter_of(thing: object) -> Adapter | None:
    """
    The adapter for an item or an error; None for one of our own, and for one of a library without an adapter.
    """
    kind: Any = type(thing)  # mypy does not take a type for hashable
    return _adapter_of_type(kind)


@lru_cache(maxsize=256)
def _adapter_of_type(kind: Any) -> Adapter | None:
    for each in kind.__mro__:
        module = _modules.get(each.__module__.partition(".")[0])
        if module is not None:
            return cast("Adapter", import_module(module))
    return None
