"""
What a program still holds, for tests that say that nothing is left.
"""

from __future__ import annotations

import asyncio
import gc
import socket

import anyio

__all__ = ["sockets_open", "tasks_alive"]


def tasks_alive() -> int:
    """
    How many tasks the running loop has, also those that belong to no task group.
    """
    if anyio.get_cancelled_exc_class() is asyncio.CancelledError:
        return len(asyncio.all_tasks())
    import trio

    return trio.lowlevel.current_statistics().tasks_living


def sockets_open() -> int:
    """
    How many sockets of this process are open, whoever holds them.
    """
    # `type`, because isinstance() asks proxies for their class, and some of them are expired.
    return sum(issubclass(type(each), socket.socket) and each.fileno() >= 0 for each in gc.get_objects())
