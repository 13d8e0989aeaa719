"""
Closing: how long it may take unless somebody says otherwise, and what becomes of a chain that has failed already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._core.foreign_errors import note
from streamkit._core.log import error_fields, log_warning

if TYPE_CHECKING:
    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["CLOSE_TIMEOUT", "close_after", "closing_failed"]

CLOSE_TIMEOUT = 5.0
"""Seconds that closing may take, unless `open()` says otherwise."""


async def close_after(failure: Exception, chain: Chain, context: Context) -> None:
    """
    Close a chain that has failed with `failure`. Where closing fails too, that is noted on `failure` and logged, because what
    came first decides.
    """
    try:
        await context.closing(chain)
    except Exception as error:
        closing_failed(failure, error, context)


def closing_failed(failure: BaseException, error: BaseException, context: Context) -> None:
    """
    Note on `failure` that closing the stream has failed too, with `error`, and log that.
    """
    note(failure, f"closing the stream failed too, with {type(error).__name__}")
    log_warning("close_failed", context.run_id, **error_fields(error))
