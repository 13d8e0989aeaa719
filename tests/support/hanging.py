"""
A test that hangs ends its process, which says where each thread stands.
"""

from __future__ import annotations

import faulthandler
import os
from time import monotonic
from typing import Final

import pytest

__all__ = ["Watch"]

LONG: Final = float(os.environ.get("STREAMKIT_HISTORY_SECONDS", 0))
"""Seconds for which somebody has asked that some tests take."""
PATIENCE: Final = 300.0 + LONG
"""Seconds that a test may take."""
STEP: Final = 30.0
"""Seconds by which it may be less."""


class Watch:
    """
    A plugin that does what pytest's `faulthandler_timeout` does, but for many tests at once: that one starts a thread for each
    test, and waits for its end, which on a busy machine takes longer than most of the tests.
    """

    def __init__(self) -> None:
        self._stderr = os.dup(2)  # which pytest takes away from the tests
        self._began = -STEP

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        if (now := monotonic()) - self._began >= STEP:
            faulthandler.dump_traceback_later(PATIENCE, exit=True, file=self._stderr)
            self._began = now

    def pytest_unconfigure(self) -> None:
        faulthandler.cancel_dump_traceback_later()
        os.close(self._stderr)
