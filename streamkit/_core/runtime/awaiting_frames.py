"""
Who awaits whom on this stack: frames of coroutines and generators, up to the task.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["awaiting_frames", "is_async_generator"]

_AWAITS = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_GENERATOR


def awaiting_frames(frame: FrameType | None, above: int) -> Iterator[FrameType]:
    """
    The frame that is so many calls above this one, and those that await it, the innermost first.
    """
    for _ in range(above):
        frame = None if frame is None else frame.f_back
    while frame is not None and frame.f_code.co_flags & _AWAITS:
        yield frame
        frame = frame.f_back


def is_async_generator(frame: FrameType) -> bool:
    """
    Whether this is the frame of an `async def` with a `yield`.
    """
    return bool(frame.f_code.co_flags & inspect.CO_ASYNC_GENERATOR)
