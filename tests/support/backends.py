"""
The event loops that everything runs on.
"""

from __future__ import annotations

from typing import Final

import pytest

BACKENDS: Final = ("asyncio", "trio")

on_both_backends: Final = pytest.mark.parametrize("backend", BACKENDS)
"""For a test that is not a coroutine function itself; those run on both by the fixture `anyio_backend`."""
