"""
Whether a block stands in an async generator, whose reader may leave it at a `yield`.
"""

from __future__ import annotations

import inspect
from opcode import opmap
from typing import TYPE_CHECKING

from streamkit._core.runtime.awaiting_frames import awaiting_frames, is_async_generator

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["in_generator"]

_GET_AWAITABLE = opmap["GET_AWAITABLE"]
_OF_AENTER = 1
"""What this instruction says where it stands behind `__aenter__`: https://docs.python.org/3/library/dis.html"""
_LOOK_BACK = 8
"""Bytes of code in which it is looked for: `SEND` and a constant stand between it and the place of the call."""


def in_generator() -> bool:
    """
    Whether the block that the caller's `__aenter__` begins may be left by an async generator, or by the `__anext__` of a class,
    which is left in the same ways. Whoever calls `__aenter__` as a function, such as an exit stack, hands the block on to what
    awaits it. A coroutine with an `async with` has left its block when it returns, whatever awaits it.
    """
    frames = awaiting_frames(inspect.currentframe(), above=2)  # those behind the caller's `__aenter__`
    for distance, frame in enumerate(frames):
        if is_async_generator(frame):
            return True
        if not distance and _is_at_async_with(frame):
            return False
        if frame.f_code.co_name == "__anext__":
            return True
    return False


def _is_at_async_with(frame: FrameType) -> bool:
    """
    Whether `async with` itself has called, and not a function that was given the manager.
    """
    code = frame.f_code.co_code[max(0, frame.f_lasti - _LOOK_BACK) : frame.f_lasti]
    return any(code[at] == _GET_AWAITABLE and code[at + 1] == _OF_AENTER for at in range(0, len(code), 2))
