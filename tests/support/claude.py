"""
The request that most tests make, the answer that most of them get, and what is read of it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import streamkit as sk
from streamkit._claude.protocol.sse import EventDecoder
from streamkit.events import from_dict
from streamkit.testing import reply, text
from tests.support.patience import patience

if TYPE_CHECKING:
    from streamkit.events import Event
    from streamkit.testing import Reply

ASK: Final[Any] = {
    "model": "claude-sonnet-5",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Hi"}],
}
"""The parameters of a request for which nothing but the answer matters."""

HELLO: Final = reply(text("Hello", " world"))

AT_ONCE: Final = sk.RetryPolicy(base=0)
"""The default policy without a wait between two attempts."""

RESTARTED: Final = sk.Restarted(2, ValueError("cut"))


def decoded(*replies: Reply) -> list[Event]:
    """
    The events of these answers, one after the other.
    """
    return [event for each in replies for event in EventDecoder().feed(each.body)]


def events_of(*blocks: Any, **settings: Any) -> list[Any]:
    """
    The events of an answer with these blocks.
    """
    return [from_dict(item) for item in reply(*blocks, **settings).events]


async def read_all(run: sk.Run[Any], into: list[Any] | None = None) -> list[Any]:
    """
    Open a run and read it to its end.

    Args:
        into: A list that gets the items, for when the end is an error.
    """
    items = [] if into is None else into
    async with run:
        async for item in run:
            items.append(item)
    return items


async def finished(stream: sk.Stream[Any], into: list[Any] | None = None) -> sk.Run[Any]:
    """
    The run of a stream that has been read to its end, as far as that is.
    """
    run = stream.open()
    with patience():
        await read_all(run, into)
    return run


async def outcome_of(stream: sk.Stream[Any], into: list[Any] | None = None) -> sk.Outcome:
    """
    What became of a stream that has been read to its end, be that an error.
    """
    run = stream.open()
    with patience(), suppress(sk.StreamError):
        await read_all(run, into)
    return run.outcome
