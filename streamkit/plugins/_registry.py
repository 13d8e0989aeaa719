"""
The registry of installed plugins: it looks for entry points once, when the first name is used.
"""

from __future__ import annotations

import functools
import os
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from importlib import invalidate_caches
from typing import TYPE_CHECKING, Any, Final

from streamkit._core.naming import did_you_mean
from streamkit.plugins._kinds import KINDS
from streamkit.plugins._plugin import Plugin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib import metadata

    from streamkit.plugins._kinds import Kind

__all__ = ["SELECTION", "Registry", "registry", "rescan"]

SELECTION: Final = "STREAMKIT_PLUGINS"
"""The environment variable that selects distributions by name, separated by commas. Unset selects all, empty none."""

_GROUPS: Final = {kind.group: kind for kind in KINDS}


@dataclass(frozen=True)
class Registry:
    """
    The plugins that are installed.

    Attributes:
        plugins: All of them, whether they can be used or not.
        problems: Problems that do not belong to one plugin.
    """

    plugins: tuple[Plugin, ...]
    problems: tuple[str, ...]

    def find(self, kind: Kind, name: str) -> Any:
        """
        What a name means: the built-in one, else the plugin of that name.

        Raises:
            AttributeError: The name is unknown.
            PluginError: Several distributions offer it, or the plugin cannot be used.
        """
        if (built_in := kind.find_built_in(name)) is not None:
            return built_in
        offered = [plugin for plugin in self.plugins if (plugin.kind, plugin.name) == (kind, name)]
        for plugin in offered:
            if plugin.selected:
                if plugin.conflict is not None:
                    raise plugin.conflict_error()
                return plugin.load()
        hint = self._hint(kind, name, offered)
        # With both a name and an object Python would add a suggestion of its own.
        raise AttributeError(f"there is no {kind.word} {name!r}{hint}", obj=kind if hint else None)

    def names(self, kind: Kind) -> set[str]:
        """
        Every name of this kind.
        """
        return set(kind.built_in) | {
            plugin.name for plugin in self.plugins if plugin.kind == kind and plugin.selected
        }

    def _hint(self, kind: Kind, name: str, deselected: list[Plugin]) -> str:
        if deselected:
            offerers = ", ".join(sorted(plugin.distribution for plugin in deselected))
            return f": {offerers} has one, and {SELECTION} leaves that out"
        return did_you_mean(name, self.names(kind), most=3)


@functools.cache
def registry() -> Registry:
    """
    The plugins of this environment.
    """
    return _scanned(os.environ.get(SELECTION))


def rescan() -> None:
    """
    Forget the plugins: the next use of a name looks for entry points again, and reads `STREAMKIT_PLUGINS` again.

    Modules that were imported stay imported.
    """
    invalidate_caches()
    registry.cache_clear()
    Plugin.load.cache_clear()


def _scanned(selection: str | None) -> Registry:
    # Looking for plugins takes an eighth of what importing the whole library takes, and most programs have none.
    from importlib.metadata import distributions

    wanted = None if selection is None else {_normal(name) for name in selection.split(",") if name.strip()}
    found: list[Plugin] = []
    problems: list[str] = []
    seen: set[str] = set()
    for distribution in distributions():
        name = _offerer(distribution)
        if (
            name is None or (key := _normal(name)) in seen
        ):  # if it is installed twice, Python imports the first
            continue
        seen.add(key)
        try:
            found += _offered(distribution, name, selected=wanted is None or key in wanted)
        except Exception as error:  # a broken file must not hide the other plugins
            problems.append(f"{name}: its entry points cannot be read: {type(error).__name__}: {error}")
    problems += [
        f"{SELECTION} names {name!r}, and no installed distribution of that name offers anything"
        for name in sorted((wanted or set()) - seen)
    ]
    return Registry(tuple(_with_conflicts(found)), tuple(problems))


def _offerer(distribution: metadata.Distribution) -> str | None:
    """
    The name of a distribution, or None if it cannot offer plugins.
    """
    try:
        if "streamkit." not in (distribution.read_text("entry_points.txt") or ""):
            return None
        about = distribution.metadata
        return about["Name"] if "Name" in about else None  # noqa: SIM401 -- it promises no get()
    except Exception:  # without readable metadata, it is the remnant of an installation
        return None


def _normal(name: str) -> str:
    """
    The name of a distribution in the form in which PEP 503 compares names.
    """
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _offered(distribution: metadata.Distribution, name: str, *, selected: bool) -> list[Plugin]:
    return [
        Plugin(
            name=entry_point.name,
            kind=_GROUPS[entry_point.group],
            distribution=name,
            version=distribution.version,
            entry_point=entry_point,
            selected=selected,
        )
        for entry_point in dict.fromkeys(distribution.entry_points)
        if entry_point.group in _GROUPS
    ]


def _with_conflicts(plugins: Iterable[Plugin]) -> Iterator[Plugin]:
    """
    The plugins in order of their names, with their conflicts.
    """
    rivals: dict[tuple[str, str], list[Plugin]] = defaultdict(list)
    for plugin in plugins:
        rivals[plugin.kind.group, plugin.name].append(plugin)
    for _, same in sorted(rivals.items(), key=lambda item: item[0]):
        taking_part = [plugin for plugin in same if plugin.selected]
        for plugin in same:
            others = [other for other in taking_part if other is not plugin]
            if not plugin.selected or (conflict := _conflict(plugin, others)) is None:
                yield plugin
            else:
                yield replace(plugin, conflict=conflict, rivals=tuple(other.distribution for other in others))


def _conflict(plugin: Plugin, others: list[Plugin]) -> str | None:
    if plugin.kind.find_built_in(plugin.name) is not None:
        return f"{plugin.distribution} offers it, and streamkit's own wins: the plugin needs another name"
    if others:
        offerers = " and ".join(sorted(f"{each.distribution} {each.version}" for each in (plugin, *others)))
        return f"{offerers} both offer it: uninstall one, or list in {SELECTION} the distributions to use"
    return None
