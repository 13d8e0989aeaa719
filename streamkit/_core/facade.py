"""
Façades: packages whose public names are listed once, in their `_api.py`, and load when the first one is used.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

__all__ = ["lazy_names", "publish"]

_PUBLIC = frozenset(
    {"streamkit", *(f"streamkit.{room}" for room in ("events", "plugins", "sinks", "testing"))}
)


def publish(module: str, namespace: Mapping[str, object]) -> list[str]:
    """
    Have public classes and functions say that they are from `module`, so that tracebacks, pickles and a `repr` name what
    users import.

    Args:
        module: The public module.
        namespace: Its names.

    Returns:
        The public names, for `__all__`.
    """
    names = [  # pytest, where it rewrites a module, adds names that are not identifiers
        name
        for name in namespace
        if name.isidentifier() and not name.startswith("_") and name not in {"annotations", "publish"}
    ]
    for thing in map(namespace.__getitem__, names):
        if isinstance(thing, type | FunctionType) and thing.__module__ not in _PUBLIC:
            if isinstance(thing, type):
                _evaluate_annotations(thing)
            thing.__module__ = module
    return names


def _evaluate_annotations(kind: type) -> None:
    """
    Evaluate the annotations of a class while its `__module__` is still the one that knows their names.
    """
    import inspect  # not with the façade: it takes as long as all the rest of it

    if "__annotations__" in vars(kind):
        with suppress(NameError):  # a name that is imported for checkers only stays a string
            kind.__annotations__ = inspect.get_annotations(kind, eval_str=True)


def lazy_names(
    namespace: dict[str, Any], rooms: tuple[str, ...], *others: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """
    What a façade needs as its `__getattr__` and its `__dir__`.

    Args:
        namespace: The façade's own `globals()`.
        rooms: Its public modules, each of which loads when it is used.
        others: More public names, which are in it already.
    """
    package: str = namespace["__name__"]

    def published() -> ModuleType:
        return import_module(f"{package}._api")

    def load(name: str) -> Any:
        value: Any
        if name in rooms:
            value = import_module(f"{package}.{name}")
        elif name == "__all__":
            value = sorted([*published().__all__, *rooms, *others])
        elif not name.startswith("_") and name in published().__all__:
            value = getattr(published(), name)
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        namespace[name] = value
        return value

    def names() -> list[str]:
        return list(namespace.get("__all__") or load("__all__"))

    return load, names
