"""
Façades: packages whose public names are listed once, in their `_api.py`, each of which loads when it is used.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["lazy_names", "publish"]

_PUBLIC = frozenset(
    {
        "streamkit",
        *(
            f"streamkit.{room}"
            for room in (
                "durable_streams",
                "events",
                "hub",
                "plugins",
                "sinks",
                "sse",
                "testing",
                "ui.ag_ui",
                "ui.ai_sdk",
            )
        ),
    }
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
    for name in names:
        _move(namespace[name], module)
    return names


def _move(thing: object, module: str) -> None:
    """
    Have a class or function say that it is from `module`, unless it says so of another public module already.
    """
    if isinstance(thing, type | FunctionType) and thing.__module__ not in _PUBLIC:
        if isinstance(thing, type):
            _evaluate_annotations(thing)
        thing.__module__ = module


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
    homes: dict[str, str] = {}

    def listed() -> dict[str, str]:
        if not homes:
            homes.update(_imports_of(f"{package}._api"))
        return homes

    def load(name: str) -> Any:
        value: Any
        if name in rooms:
            value = import_module(f"{package}.{name}")
        elif name == "__all__":
            value = sorted([*listed(), *rooms, *others])
        elif not name.startswith("_") and name in listed():
            value = getattr(import_module(homes[name]), name)
            move()
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}{hint(name)}")
        namespace[name] = value
        return value

    def hint(name: str) -> str:
        if name.startswith("_"):  # Python and others ask for those, and mean nothing else
            return ""
        from streamkit._core.naming import did_you_mean

        return did_you_mean(name, [*listed(), *rooms, *others])

    def move() -> None:
        """
        Publish what has been loaded so far, also what the name that was asked for has imported.
        """
        for name, home in homes.items():
            if home in sys.modules:  # to import it again waits for a thread that has only begun to
                _move(getattr(import_module(home), name, None), package)

    def names() -> list[str]:
        return list(namespace.get("__all__") or load("__all__"))

    return load, names


def _imports_of(name: str) -> dict[str, str]:
    """
    What a module imports from where, found by running it with an `__import__` that notes and imports nothing.

    Python's import statement calls the `__import__` among the builtins that a module has:
    https://docs.python.org/3/reference/simple_stmts.html#the-import-statement
    """
    from importlib.util import find_spec, module_from_spec

    homes: dict[str, str] = {}

    def note(origin: str, *rest: Any) -> object:
        homes.update(dict.fromkeys(rest[2] or (), origin))
        return _Anything()

    spec: Any = find_spec(name)
    module = module_from_spec(spec)
    vars(module)["__builtins__"] = {"__import__": note}
    spec.loader.exec_module(module)
    return homes


class _Anything:
    """
    Has every attribute.
    """

    def __getattr__(self, name: str) -> _Anything:
        return self
