"""
The sink of Claude's events: `message`, which returns the finished message.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal, overload

from streamkit._claude.protocol.errors import StreamTruncated
from streamkit._claude.protocol.message import MessageBuilder
from streamkit._claude.protocol.progress import Progress
from streamkit._core.algebra import Sink
from streamkit._core.items import is_restart
from streamkit._core.keyword_hints import keyword_hints

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anthropic.types import Message
    from anthropic.types.beta import BetaMessage

    from streamkit._claude.protocol.events import AnyEvent

__all__ = ["message"]


@overload
def message(*, beta: Literal[True]) -> Sink[AnyEvent, BetaMessage]: ...
@overload
def message(*, beta: Literal[False]) -> Sink[AnyEvent, Message]: ...
@overload
def message(*, beta: bool | None = None) -> Sink[AnyEvent, Message | BetaMessage]: ...
@keyword_hints
def message(*, beta: bool | None = None) -> Sink[AnyEvent, Any]:
    """
    A sink that returns the finished message, as the SDK's type; the last one where the stream has several.

    Args:
        beta: Whether it is a `BetaMessage`; by default where something in it is known to that type only.

    Raises:
        GrammarError: While running: a message begins inside another.
        StreamTruncated: While running: the stream ended inside a message, which is its `partial`, or before
            any.
    """
    if beta is not None and not isinstance(beta, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"message() needs beta=True, False or None, not {beta!r}")
    return Sink("message", _consume, (), {} if beta is None else {"beta": beta})


async def _consume(events: AsyncIterator[Any], *, beta: bool | None = None) -> Any:
    progress, built = Progress(), MessageBuilder()
    async for event in events:
        if is_restart(event):
            progress, built = Progress(), MessageBuilder()
            continue
        if not progress.follow(event):
            continue
        if event.type == "message_start":
            built = MessageBuilder()
        built.add(event)
    failure = progress.failure()
    if failure is None:
        return built.build(beta)
    if built.started and isinstance(failure, StreamTruncated):
        failure = failure.with_context(partial=partial(built.build, beta))
    raise failure
