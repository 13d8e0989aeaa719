"""
Reading bytes as a stream to their end, and what must hold of the outcome whatever they are.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import streamkit as sk
from streamkit._claude.protocol.errors import StreamSpliced
from streamkit._claude.protocol.events import to_dict
from tests.support.patience import patience

CITED = {"type": "char_location", "cited_text": "tide", "document_index": 0}
BOM = b"\xef\xbb\xbf"


class Seen(NamedTuple):
    """
    What came of some bytes.
    """

    events: list[dict[str, Any]]
    kind: str
    error: str | None


async def see(stream: sk.Stream[Any]) -> Seen:
    """
    Read to the end. Whatever is raised that is not a `StreamError` comes out, and so does what the outcome raises.
    """
    run = stream.open()
    events: list[dict[str, Any]] = []
    caught: sk.StreamError | None = None
    with patience():
        try:
            async with run:
                async for item in run:
                    events.append(to_dict(item))
        except sk.StreamError as error:
            caught = error
    check_outcome(run.outcome, caught)
    return Seen(events, run.outcome.kind, None if caught is None else f"{type(caught).__name__}: {caught}")


def check_outcome(outcome: sk.Outcome, error: sk.StreamError | None) -> None:
    """
    All that an outcome tells can be asked for, and holds together, whatever has come.
    """
    failed = "truncated" if isinstance(error, sk.StreamTruncated) else "failed"
    assert (outcome.kind, outcome.error) == ("complete" if error is None else failed, error)
    dumped = [message.to_dict(warnings=False) for message in outcome.messages]
    last = outcome.message
    assert (last and last.to_dict(warnings=False)) == (dumped[-1] if dumped else None)
    assert error is None or error.partial == last
    assert all(isinstance(call.input, dict) for call in outcome.tool_calls)
    assert isinstance(to_dict(outcome.usage), dict)
    assert outcome.request_id is None
    # There are no requests. But a message may have taken the place of others, unseen.
    replaced = outcome.attempts[:-1]
    assert all(isinstance(attempt.error, StreamSpliced) for attempt in replaced)
    assert bool(replaced) == bool(outcome.attempts)
    if last is not None:
        assert last.stop_reason == outcome.stop_reason
