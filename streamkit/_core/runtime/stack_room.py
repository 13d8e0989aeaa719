"""
Room on Python's stack. Reading an item calls one iterator inside another, and so does closing. After 1,000 calls, or as many as
the program allows, Python raises a `RecursionError`, wherever that happens to be.

So no more iterators than there is room for are read by one task. What is upstream of them is read by another task of the run,
which has a stack of its own. Where there is no such task, a chain that needs more room is refused before it is read.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, ClassVar

from streamkit._core.runtime.awaiting_frames import awaiting_frames, is_async_generator
from streamkit._core.runtime.chain import Chain
from streamkit._core.runtime.requested_reads import RequestedReads

if TYPE_CHECKING:
    from streamkit._core.runtime.context import Context

__all__ = ["MOST", "NoRoomError", "cut_to_height", "with_room"]

MOST = 100
"""Iterators that are read one inside another, at most. Closing needs up to five calls for each; the rest is for the program."""

_TALL = MOST // 2
"""Iterators from which on the next one is read by another task, so that a stream and one around it fit on one stack."""


class NoRoomError(TypeError):
    """
    More iterators would be read one inside another than there is room for, and there is no task that could read some of them.
    """

    retriable: ClassVar[bool] = False


def cut_to_height(chain: Chain, context: Context) -> Chain:
    """
    The chain to build on: where it has become tall, one that another task reads.

    Raises:
        NoRoomError: It has, and there is no task, because the stream is iterated without `open()`.
    """
    return chain if chain.height < _TALL else _with_height(chain.height, chain, context)


def with_room(chain: Chain, context: Context) -> Chain:
    """
    A whole chain, for whoever awaits the caller to read it: by another task, where many iterators are on this stack already.

    Raises:
        NoRoomError: There are, and there is no task, because the stream is iterated without `open()`.
    """
    if _is_shallow(_TALL - chain.height):
        return chain
    return _with_height(chain.height + _generators_around(), chain, context)


def _with_height(height: int, chain: Chain, context: Context) -> Chain:
    if context.tasks is not None:
        return chain if height < _TALL else Chain(RequestedReads(chain, context))
    if height > MOST:
        raise NoRoomError(
            f"a bare `async for` has room for {MOST} iterators that are read one inside another, and here are more: use "
            "`async with stream.open() as run` and iterate the run, whose tasks have room of their own; where one generator "
            "reads another, make them @source(task=True)"
        )
    return chain


def _is_shallow(frames: int) -> bool:
    """
    Whether there are fewer frames on this stack. To look at one makes an object of it, which lives as long as the frame.
    """
    try:
        sys._getframe(max(0, frames))  # pyright: ignore[reportPrivateUsage] -- `inspect` has nothing like it
    except ValueError:
        return True
    return False


def _generators_around() -> int:
    """
    How many async generators are being read on this stack, up to the task.
    """
    count = 0
    for frame in awaiting_frames(inspect.currentframe(), above=2):
        count += is_async_generator(frame)
    return count
