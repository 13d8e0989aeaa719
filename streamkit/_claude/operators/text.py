"""
Extract: what a consumer wants of the events, and nothing else.

The operators go by `type`, never by class: the SDK's own raw events are read like this library's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from streamkit._claude.protocol.message import MessageBuilder
from streamkit._claude.protocol.progress import Progress
from streamkit._core.elementary import FilterMap
from streamkit._core.operator import Operator
from streamkit._core.restart import is_restart
from streamkit._core.transducer import Transducer, pure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamkit._claude.protocol.codec import Unknown
    from streamkit._claude.protocol.events import AnyEvent, Restarted, Usage

__all__ = ["citations", "text", "text_of", "thinking", "usage"]


@overload
def text(*, restarts: Literal[False] = False) -> Operator[AnyEvent, str]: ...
@overload
def text(*, restarts: bool) -> Operator[AnyEvent, str | Restarted]: ...
def text(*, restarts: bool = False) -> Operator[AnyEvent, Any]:
    """
    The text of the message, piece by piece as it comes.

    In the diagram each character of the upper line is an event: `a` and `b` are deltas of text.

        MTa-bE-DS|
        text()
        --a-b----|

    Args:
        restarts: Whether a `Restarted` is handed on, in its place among the pieces: what came before it is
            void. Without it, a pipeline whose source may start over is refused when it is opened.

    Emits: a string for each piece of text, of every message in the stream.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream.
    Cancels: at once.
    Memory: nothing.
    """
    return Operator(pure("text", TextAndRestarts, restarts=True) if restarts else pure("text", Text))


def thinking() -> Operator[AnyEvent, str]:
    """
    The model's thinking, piece by piece as it comes; without signatures and what is redacted.

    In the diagram each character of the upper line is an event: `h` is a delta of thinking, `s` the signature.

        MHh-sE-DS|
        thinking()
        --h------|

    Emits: a string for each piece of thinking, of every message in the stream.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream.
    Cancels: at once.
    Memory: nothing.
    """
    return Operator(pure("thinking", Thinking))


def citations() -> Operator[AnyEvent, Unknown]:
    """
    Each citation of a text, as it came: a `char_location`, `page_location`, `web_search_result_location`, …

    In the diagram each character of the upper line is an event: `q` is a delta with a citation.

        MTa-q-bEDS|
        citations()
        ----A-----|

        A = q.delta.citation

    Emits: each citation, as soon as it is there.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream.
    Cancels: at once.
    Memory: nothing.
    """
    return Operator(pure("citations", Citations))


def usage() -> Operator[AnyEvent, Usage]:
    """
    The usage of the message so far, each time the API tells it. Counts are totals, not increments.

    In the diagram each character of the upper line is an event: `M` begins the message, `D` ends it.

        MTa-bE-DS|
        usage()
        A------B-|

        A = Usage(input_tokens=5, output_tokens=1)
        B = Usage(input_tokens=5, output_tokens=9)

    Emits: the usage after `message_start` and after each `message_delta` that carries one: what it has
        replaces what was there, what it leaves out stays. A new message starts from nothing.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream, or with a `GrammarError` where a message begins inside another.
    Cancels: at once.
    Memory: the usage of one message.
    """
    return Operator(pure("usage", RunningUsage))


def text_of(event: Any) -> str | None:
    """
    The piece of text in an event, or None.
    """
    if event.type == "content_block_delta":
        delta = event.delta
        return delta.text if delta.type == "text_delta" else None
    return _begun(event, "text", "text")


def _thinking_of(event: Any) -> str | None:
    if event.type == "content_block_delta":
        delta = event.delta
        return delta.thinking if delta.type == "thinking_delta" else None
    return _begun(event, "thinking", "thinking")


def _begun(event: Any, block_type: str, field: str) -> str | None:
    """
    What blocks of this type begin with: nearly always nothing, but a gateway may send all of it so.
    """
    return "".join(getattr(block, field) for block in whole_blocks(event) if block.type == block_type) or None


def whole_blocks(event: Any) -> Iterable[Any]:
    """
    The blocks that stand in an event, whole or as they begin.
    """
    kind = event.type
    if kind == "content_block_start":
        return (event.content_block,)
    return event.message.content or () if kind == "message_start" else ()


class _Pieces(FilterMap[Any, Any]):
    passes_restarts = False


class Text(_Pieces):
    restart_remedy = "text(restarts=True)"

    def __init__(self) -> None:
        super().__init__(text_of)


class Thinking(_Pieces):
    def __init__(self) -> None:
        super().__init__(_thinking_of)


class TextAndRestarts(FilterMap[Any, Any]):
    def __init__(self, *, restarts: bool) -> None:
        super().__init__(lambda event: event if is_restart(event) else text_of(event))


class Citations(Transducer[Any, Any]):
    passes_restarts = False
    memory = "nothing"

    def feed(self, item: Any) -> Iterable[Any]:
        kind = item.type
        if kind == "content_block_delta":
            return (item.delta.citation,) if item.delta.type == "citations_delta" else ()
        return [
            citation
            for block in whole_blocks(item)
            if block.type == "text"
            for citation in getattr(block, "citations", None) or ()
        ]


class RunningUsage(Transducer[Any, Any]):
    expands = False
    passes_restarts = False
    memory = "the usage of one message"

    def __init__(self) -> None:
        self.reset()

    def feed(self, item: Any) -> Iterable[Any]:
        kind = item.type
        if kind == "content_block_delta":
            return ()
        self.progress.follow(item)
        if kind == "message_start":
            self._begin_message()
            carrier = item.message
        elif kind == "message_delta":
            carrier = item
        else:
            return ()
        self.message.add(item)
        return (self.message.usage,) if getattr(carrier, "usage", None) else ()

    def reset(self) -> None:
        self.progress: Progress = Progress()
        self._begin_message()

    def _begin_message(self) -> None:
        self.message: MessageBuilder = MessageBuilder()
