"""
streamkit: composable pipelines for Claude message streams.

    async with (sk.messages(client, ...) | sk.text()).open() as run:
        async for piece in run:
            print(piece, end="", flush=True)

Names load when the first one is used: importing this imports none of anthropic, pydantic and httpx2. They are listed in
`streamkit/_api.py`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from streamkit._core.adapters import adapt
from streamkit._version import __version__ as __version__

if TYPE_CHECKING:
    from types import ModuleType

    from streamkit import events as events, plugins as plugins, sinks as sinks, testing as testing
    from streamkit._api import *

_ROOMS = ("events", "plugins", "sinks", "testing")

adapt("anthropic", "streamkit._claude.sdk_adapter")

if not TYPE_CHECKING:  # a checker would take it as a promise that every name exists

    def __getattr__(name: str) -> object:
        if name in _ROOMS:
            value = import_module(f"{__name__}.{name}")
        elif name == "__all__":
            value = sorted([*_published().__all__, *_ROOMS, "__version__"])
        elif name in _published().__all__:
            value = getattr(_published(), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value

    def _published() -> ModuleType:
        return import_module(f"{__name__}._api")

    def __dir__() -> list[str]:
        return __getattr__("__all__")
