"""
How long a test waits for what must happen, before it gives up instead of hanging.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

PATIENCE: Final = 120.0
"""Seconds; far more than anything takes on the busiest machine, because nothing is measured by it."""


def patience() -> AbstractContextManager[anyio.CancelScope]:
    """
    Fail what is inside, instead of hanging, when it does not end.
    """
    return anyio.fail_after(PATIENCE)
