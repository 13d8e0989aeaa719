"""
Plugins: operators, sources and sinks of other distributions, by name.

A distribution offers them as entry points in the groups `streamkit.operators`, `streamkit.sources` and
`streamkit.sinks`. streamkit looks for them when the first name is used, and imports a plugin when its own name is used.
A plugin that is broken harms only whoever uses it, with a `PluginError`.
"""

from streamkit._core.facade import publish
from streamkit.plugins._errors import PluginError as PluginError
from streamkit.plugins._expression import read_operators as read_operators
from streamkit.plugins._namespace import (
    Namespace as Namespace,
    ops as ops,
    sinks as sinks,
    sources as sources,
)
from streamkit.plugins._plugin import API_VERSION as API_VERSION, Plugin as Plugin
from streamkit.plugins._registry import Registry as Registry, registry as registry, rescan as rescan

# Not assigned by name, because a checker would take a list that is made at run time for an empty one.
globals()["__all__"] = publish(__name__, globals())
