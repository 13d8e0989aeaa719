"""
Usage: the running usage of each message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from streamkit._claude.protocol.message import MessageBuilder
from streamkit._claude.protocol.progress import Progress
from streamkit._claude.protocol.reading import not_an_event
from streamkit._core.algebra import Operator, Transducer
from streamkit._core.stage import pure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamkit._claude.protocol.events import AnyEvent
    from streamkit._claude.protocol.usage import Usage

__all__ = ["usage"]


def usage() -> Operator[AnyEvent, Usage]:
    """
    The usage of the message so far, each time the API tells it. Counts are totals, not increments.

    In the diagram each character of the upper line is an event: `M` begins the message, `D` ends it.

        MTa-bE-DS|
        usage()
        A------B-|

        A = TotalUsage(input_tokens=5, output_tokens=1)
        B = TotalUsage(input_tokens=5, output_tokens=9)

    Emits: the usage after `message_start` and after each `message_delta` that carries one: what it has
        replaces what was there, what it leaves out stays. A new message starts from nothing.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream, or with a `GrammarError` where a message begins inside another.
    Cancels: at once.
    Memory: the usage of one message.
    """
    return Operator(pure("usage", RunningUsage))


class RunningUsage(Transducer[Any, Any]):
    takes: ClassVar[str] = "events"
    gives: ClassVar[str] = "usages"
    expands = False
    passes_restarts = False
    memory = "the usage of one message"

    def __init__(self) -> None:
        self.reset()

    def feed(self, item: Any) -> Iterable[Any]:
        try:
            kind = item.type
        except AttributeError:
            raise not_an_event(item, "usage") from None
        if kind == "content_block_delta":
            return ()
        if not self.progress.follow(item):
            return ()
        if kind == "message_start":
            self._begin_message()
            carrier = getattr(item, "message", None)
        elif kind == "message_delta":
            carrier = item
        else:
            return ()
        self.message.add(item)
        told = getattr(carrier, "usage", None)
        return (self.message.usage,) if told and not isinstance(told, str | int | float | list) else ()

    def reset(self) -> None:
        self.progress: Progress = Progress()
        self._begin_message()

    def _begin_message(self) -> None:
        self.message: MessageBuilder = MessageBuilder()
