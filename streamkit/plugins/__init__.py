"""
Plugins: operators, sources and sinks of other distributions, by name.

A distribution offers them as entry points in the groups `streamkit.operators`, `streamkit.sources` and
`streamkit.sinks`. They are looked for at the first use of a name, and imported when their own name is used; one that is
broken harms only whoever uses it, with a `PluginError`.
"""

from streamkit._core.naming import publish
from streamkit.plugins.errors import PluginError
from streamkit.plugins.namespace import Namespace, ops, sinks, sources
from streamkit.plugins.plugin import API_VERSION, Plugin
from streamkit.plugins.reading import read_operators
from streamkit.plugins.registry import Registry, registry, rescan

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

publish(__name__, globals())
