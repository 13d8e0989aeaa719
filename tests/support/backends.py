"""
The event loops that everything runs on.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import pytest

BACKENDS: Final = ("asyncio", "trio")


def _eager_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009 -- from Python 3.12 on
    return loop


LOOPS: Final[dict[str, dict[str, Any]]] = {
    "usual": {},
    "uvloop": {"use_uvloop": True},
    "eager": {"loop_factory": _eager_loop},
}
"""Other event loops of asyncio that applications use, as options of anyio's backend."""

on_both_backends: Final = pytest.mark.parametrize("backend", BACKENDS)
"""For a test that is not a coroutine function itself; those run on both by the fixture `anyio_backend`."""
