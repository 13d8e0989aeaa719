"""
The protocols that front-ends speak: each room here turns a stream into one of them, and its requests into parameters.

A room loads when it is used: `sk.ui.ag_ui` needs no import of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamkit.ui import ag_ui as ag_ui, ai_sdk as ai_sdk
else:

    def __getattr__(name: str) -> object:
        from importlib import import_module
        from importlib.util import find_spec

        if name.startswith("_") or find_spec(f"{__name__}.{name}") is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return import_module(f"{__name__}.{name}")
