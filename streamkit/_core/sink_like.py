"""
What may stand where a sink is expected, such as in `tee`: a sink, an async function of one item, or an anyio send stream.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from anyio.abc import ObjectSendStream

from streamkit._core.algebra import Operator, Sink
from streamkit._core.checks import refuse_uncalled
from streamkit._core.naming import name_of, value_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["SinkLike", "as_sink", "call_each", "send_to"]

SinkLike: TypeAlias = Sink[Any, Any] | Callable[[Any], Awaitable[object]] | ObjectSendStream[Any]
"""What `as_sink()` makes a sink of."""


def as_sink(target: object) -> Sink[Any, Any]:
    """
    The sink that `target` is, or stands for: an async callable, which is called for each item, or an anyio send stream.

    Raises:
        TypeError: `target` is not one of these.
    """
    if isinstance(target, Sink):
        return cast("Sink[Any, object]", target)
    if isinstance(target, ObjectSendStream):
        return Sink("send", send_to, (cast("ObjectSendStream[object]", target),))
    if isinstance(target, Operator):
        raise TypeError(f"{target!r} is an operator, which only hands items on: put a sink behind it with |")
    if callable(target) and not isinstance(target, type):
        refuse_uncalled(target)
        return _BareFunction(name_of(target), call_each, (target,))
    raise TypeError(
        "a sink, an async function of one item, or an anyio send stream is needed, not "
        f"{type(target).__name__}: {value_text(target)}{_instead(target)}"
    )


def _instead(target: object) -> str:
    """
    What to write instead, where somebody has given the place to which a sink writes.
    """
    match target:
        case str() | os.PathLike():
            path = os.fspath(cast("str | os.PathLike[str]", target))
            return (
                f"; write sk.sinks.jsonl({path!r}) to keep items as lines of JSON, or sk.sinks.write(file), with an open text "
                "file, for text"
            )
        case list():
            return "; write sk.sinks.collect(), whose result is a list"
        case _ if hasattr(target, "write"):
            return "; write sk.sinks.write(file), for text"
        case _ if inspect.iscoroutinefunction(getattr(target, "put", None)):
            return "; write the function alone, queue.put"
        case _:
            return ""


class _BareFunction(Sink[Any, None]):
    """
    A function in the place of a sink. Its `repr` is the name of the function, as it was given.
    """

    def __repr__(self) -> str:
        return self.name


async def call_each(items: AsyncIterator[Any], fn: Callable[[Any], Any]) -> None:
    """
    Call `fn` with each item, and await it if it is asynchronous.
    """
    async for item in items:
        result = fn(item)
        if inspect.isawaitable(result):
            await result


async def send_to(items: AsyncIterator[Any], target: ObjectSendStream[Any]) -> None:
    """
    Send each item to an anyio stream, and close that at the end.
    """
    async with target:
        async for item in items:
            await target.send(item)
