"""
`Plugin`: what is known of a plugin before its import, and how it is loaded and checked.
"""

from __future__ import annotations

import functools
import inspect
import keyword
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from streamkit._core.algebra import Operator, Sink
from streamkit._core.naming import name_of, printable, signature_of
from streamkit.plugins._errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.metadata import EntryPoint

    from streamkit.plugins._kinds import Kind

__all__ = ["API_VERSION", "Plugin", "State"]

API_VERSION: Final = 1
"""
The version of the plugin API. A plugin asks for one with `__streamkit_api__ = 1` on the object that it offers, or in the
module of that object; a plugin that does not say gets this one.
"""

_DESCRIPTIONS: Final[tuple[type, ...]] = (Operator, Sink)  # instances can be called, but make something else

State = Literal["found", "deselected", "conflict"]


@dataclass(frozen=True)
class Plugin:
    """
    A plugin: a name that a distribution offers. It is not imported until it is loaded.

    Attributes:
        name: The name.
        kind: Its kind, according to its entry-point group.
        distribution: The name of the distribution, as it spells it.
        version: The distribution's version.
        entry_point: Where the object is: `package.module:attribute`.
        selected: Whether `STREAMKIT_PLUGINS` lets its distribution take part.
        conflict: Why its name cannot be used, or means something else; None without a conflict.
        rivals: The other distributions that offer the name.
    """

    name: str
    kind: Kind
    distribution: str
    version: str
    entry_point: EntryPoint
    selected: bool = True
    conflict: str | None = None
    rivals: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        """
        What is known of it without importing it.
        """
        return "deselected" if not self.selected else "conflict" if self.conflict is not None else "found"

    def error(self, problem: str) -> PluginError:
        """
        An error that says what is wrong with this plugin.
        """
        return PluginError(
            printable(
                f"{self.distribution} {self.version}: {self.kind.word} {self.name!r} ({self.entry_point.value}) {problem}"
            ),
            distribution=self.distribution,
            name=self.name,
            group=self.kind.group,
        )

    def _broken(self, problem: str, error: BaseException) -> PluginError:
        """
        The error of a plugin that fails with `error`, whatever that is.
        """
        try:
            why = str(error)
        except BaseException:
            why = "its error cannot be shown"
        return self.error(f"{problem}: {type(error).__name__}: {why}")

    def conflict_error(self) -> PluginError:
        """
        The error of using a name that several distributions offer.
        """
        return PluginError(
            f"{self.kind.word} {self.name!r}: {self.conflict}",
            distribution=", ".join(sorted((self.distribution, *self.rivals))),
            name=self.name,
            group=self.kind.group,
        )

    @functools.cache  # noqa: B019 -- plugins are few, and live as long as the process
    def load(self) -> Any:
        """
        Import it, the first time only.

        Returns:
            An operator, stream or sink; or what makes one: a class, or a function whose results are checked.

        Raises:
            PluginError: It cannot be imported, needs another plugin API, is of another kind, or its name is not an identifier.
        """
        if not self.name.isidentifier() or keyword.iskeyword(self.name) or self.name.startswith("_"):
            raise self.error("has a name that cannot be written as an attribute in Python")
        try:
            target: object = self.entry_point.load()
        except KeyboardInterrupt:  # Ctrl-C is not the plugin's
            raise
        except BaseException as error:
            raise self._broken("cannot be imported", error) from error
        try:
            module = sys.modules.get(self.entry_point.module)
            asked = getattr(target, "__streamkit_api__", getattr(module, "__streamkit_api__", API_VERSION))
            if asked != API_VERSION:
                raise self.error(
                    f"asks for version {asked!r} of the plugin API, and this streamkit has {API_VERSION}"
                )
            return self._checked(target)
        except (PluginError, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise self._broken("cannot be looked at", error) from error

    def check(self) -> PluginError | None:
        """
        The error that importing it shows or, if it can be called without arguments, calling it; None if all is well.
        """
        if self.conflict is not None:
            return self.conflict_error()
        try:
            target = self.load()
            if not isinstance(target, self.kind.makes) and _needs_nothing(target):
                self._try(target)
        except PluginError as error:
            return error
        except Exception as error:
            return self._broken("cannot be looked at", error)
        return None

    def _try(self, function: Callable[[], object]) -> None:
        try:
            function()
        except (PluginError, KeyboardInterrupt):
            raise
        except BaseException:  # it may need an optional argument, or something in its environment
            return

    def _checked(self, target: object) -> object:
        makes, given = self.kind.makes, type(target).__name__
        if isinstance(target, makes) or (isinstance(target, type) and issubclass(target, makes)):
            return target
        if isinstance(target, type):
            raise self.error(
                f"is not of type {makes.__name__}, and does not make one: it is the class {target.__name__}"
            )
        if isinstance(target, _DESCRIPTIONS) or not callable(target):
            raise self.error(f"is not of type {makes.__name__}, and does not make one: it is of type {given}")
        if inspect.isasyncgenfunction(target) or inspect.iscoroutinefunction(target):
            raise self.error(f"is a bare asynchronous function: decorate it with @sk.{self.kind.word}")
        return self._checking(target)

    def _checking(self, function: Callable[..., object]) -> Callable[..., object]:
        makes = self.kind.makes

        @functools.wraps(function)
        def make(*args: Any, **kwargs: Any) -> object:
            made = function(*args, **kwargs)
            if isinstance(made, makes):
                return made
            if inspect.iscoroutine(made):
                made.close()
            raise self.error(
                f"did not make an object of type {makes.__name__} when it was called: its result is of type {type(made).__name__}"
            )

        make.__name__ = name_of(function)
        if self.kind.word != "source":
            make.__makes_stage__ = True  # type: ignore[attr-defined]
        return make


def _needs_nothing(function: Callable[..., object]) -> bool:
    try:
        signature_of(function).bind()
    except (TypeError, ValueError):
        return False
    return True
