"""
A kit for testing code that streams: a scripted Messages API that can fail, recordings, virtual time, marble diagrams, and
a suite of tests for operators.

    async with FakeClaude(reply(text("Hello"))) as server:
        stream = sk.messages(server.client(), model="claude-sonnet-5", max_tokens=64, messages=[...])
        assert await (stream | sk.text() | sk.sinks.join()) == "Hello"

Names load when the first one is used, because pytest imports this package in every run, for its plugin. They are listed in
`streamkit/testing/_api.py`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from streamkit.testing import marbles as marbles
    from streamkit.testing._api import *

_ROOMS = ("marbles",)

if not TYPE_CHECKING:  # a checker would take it as a promise that every name exists

    def __getattr__(name: str) -> object:
        if name in _ROOMS:
            value = import_module(f"{__name__}.{name}")
        elif name == "__all__":
            value = sorted([*_published().__all__, *_ROOMS])
        elif not name.startswith("_") and name in _published().__all__:
            value = getattr(_published(), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value

    def _published() -> ModuleType:
        return import_module(f"{__name__}._api")

    def __dir__() -> list[str]:
        return __getattr__("__all__")
