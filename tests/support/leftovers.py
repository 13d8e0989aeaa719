"""
What a program still holds, for tests that say that nothing is left.
"""

from __future__ import annotations

import gc
import socket

__all__ = ["sockets_open"]


def sockets_open() -> int:
    """
    How many sockets of this process are open, whoever holds them.
    """
    # `type`, because isinstance() asks proxies for their class, and some of them are expired.
    return sum(issubclass(type(each), socket.socket) and each.fileno() >= 0 for each in gc.get_objects())
