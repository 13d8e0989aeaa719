"""
`call` and `send`: sinks that forward each item, to a function or to another task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from anyio.abc import ObjectSendStream

from streamkit._core.algebra import Sink
from streamkit._core.sink_like import call_each, send_to

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["call", "send"]

T = TypeVar("T")


def call(fn: Callable[[T], object], /) -> Sink[T, None]:
    """
    A sink that calls `fn` with each item, one after another.

    Args:
        fn: A function of one item. If it is async, it is awaited.

    Raises:
        TypeError: `fn` cannot be called.
    """
    if not callable(fn):
        raise TypeError(f"call() needs a function of one item, not {fn!r}")
    return Sink("call", call_each, (fn,))


def send(stream: ObjectSendStream[T], /) -> Sink[T, None]:
    """
    A sink that sends each item to an anyio stream, and closes that stream when the items end for any reason.

    Args:
        stream: The sending end, such as that of `anyio.create_memory_object_stream()`. It serves one run, because it is closed.

    Raises:
        TypeError: `stream` is not the sending end of an anyio stream.
    """
    if not isinstance(stream, ObjectSendStream):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"send() needs the sending end of an anyio stream, not {stream!r}")
    return Sink("send", send_to, (stream,))
