"""
Plugins: operators, sources and sinks of other distributions, by name.

A distribution offers them as entry points in the groups `streamkit.operators`, `streamkit.sources` and
`streamkit.sinks`. They are looked for at the first use of a name, and imported when their own name is used; one that is
broken harms only whoever uses it, with a `PluginError`.
"""

from .errors import PluginError
from .namespace import Namespace, ops, sinks, sources
from .plugin import API_VERSION, Plugin
from .reading import read_operators
from .registry import Registry, registry, rescan

__all__ = [
    "API_VERSION",
    "Namespace",
    "Plugin",
    "PluginError",
    "Registry",
    "ops",
    "read_operators",
    "registry",
    "rescan",
    "sinks",
    "sources",
]
