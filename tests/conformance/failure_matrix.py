"""
Every fault, at every place, under every way of resuming: what happens, seen over a real socket.

docs/failures.md has the result as tables, written by `python -m tests.conformance.failure_matrix`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import anyio

import streamkit as sk
from streamkit.testing import (
    GARBAGE,
    Drop,
    ErrorEvent,
    FakeClaude,
    Pings,
    Reply,
    Request,
    Stall,
    error_frame,
    error_reply,
    event,
    json_body,
    page,
    reply,
    spliced,
    text,
    thinking,
    tool_use,
)
from tests.support.idle_time import idle_time_skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PAGE: Final = Path(__file__).parents[2] / "docs" / "failures.md"
TABLE: Final = re.compile(r"(?<=<!-- matrix: )(\w+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)

Resume = Literal["never", "restart", "continue"]
RESUMES: Final[tuple[Resume, ...]] = get_args(Resume)

ASK: Final[dict[str, Any]] = {
    "model": "claude-sonnet-5",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Hi"}],
}
SAID: Final = "Let me look at the tides of tomorrow."
TOOL: Final = tool_use("tides", {"place": "Lindholm"}, id="toolu_1", chunk=5)
ANSWER: Final = reply(thinking("Hm, the tides."), text(SAID, chunk=8), TOOL)
AGAIN: Final = reply(thinking("Hm, the tides."), text(SAID, chunk=8), TOOL, id="msg_again")
TYPES: Final = [item["type"] for item in ANSWER.events]

SOME: Final = 5
"""Every so many of the faults in a stream are all faults, places and ways of resuming: it is prime to how many there are."""

LIMIT: Final = 1.0
"""Seconds until a stall is noticed; long enough for a good answer on a busy machine."""

PLACES: Final[dict[str, int]] = {
    "before the first content": 2,
    "in thinking": 3,
    "in text": TYPES.index("content_block_stop") + 4,
    "between blocks": [number for number, kind in enumerate(TYPES) if kind == "content_block_stop"][1] + 1,
    "in a tool's input": len(TYPES) - 5,
    "after the stop reason": len(TYPES) - 1,
}
"""How many events come before the fault."""

HALF_A_CHARACTER: Final = event(
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "🌊"}}
).partition("🌊".encode()[2:])[0]
"""An event as far as two bytes of the four of a wave."""


def size_of(at: int) -> int:
    """
    The bytes of the first `at` events.
    """
    return len(ANSWER.cut(at).body)


FAULTS: Final[dict[str, Callable[[int], Reply]]] = {
    "an `overloaded_error` event": lambda at: ANSWER.cut(at, ErrorEvent("overloaded_error")),
    "an `invalid_request_error` event": lambda at: ANSWER.cut(at, ErrorEvent("invalid_request_error")),
    "an error without an event line": lambda at: ANSWER.cut(
        at, error_frame({"error": {"code": 502, "message": "Gone"}})
    ),
    "an error that says only a text": lambda at: ANSWER.cut(at, error_frame({"error": "Gone"})),
    "an error beside the end of the message": lambda at: ANSWER.cut(
        at, event({**ANSWER.events[-2], "error": {"code": 502, "message": "Gone"}}), event(ANSWER.events[-1])
    ),
    "another answer begins": lambda at: spliced(ANSWER, at, AGAIN),
    "the connection breaks": lambda at: ANSWER.cut(at, Drop()),
    "the body ends": lambda at: ANSWER.cut(at),
    "it ends in an event's name": lambda at: ANSWER.cut_bytes(size_of(at) + 10),
    "it ends in an event's JSON": lambda at: ANSWER.cut_bytes(ANSWER.body.index(b"{", size_of(at)) + 10),
    "it ends in a character": lambda at: ANSWER.cut(at, HALF_A_CHARACTER),
    "it ends before a blank line": lambda at: ANSWER.cut_bytes(size_of(at + 1) - 1),
    "it breaks in a character": lambda at: ANSWER.cut(at, HALF_A_CHARACTER, Drop()),
    "nothing more comes": lambda at: ANSWER.cut(at, Stall()),
    "nothing but pings comes": lambda at: ANSWER.cut(at, Pings(0.05)),
    "a frame that is not JSON": lambda at: ANSWER.insert(at, GARBAGE["not-json"]),
}

WHOLE: Final[dict[str, Any]] = {
    **ANSWER.events[0]["message"],
    "content": [
        {"type": "thinking", "thinking": "Hm, the tides.", "signature": "c2ln"},
        {"type": "text", "text": SAID},
        {"type": "tool_use", "id": "toolu_1", "name": "tides", "input": {"place": "Lindholm"}},
    ],
    "stop_reason": "tool_use",
}

BEFORE: Final[dict[str, Reply]] = {
    "HTTP 529": error_reply(529, headers={"retry-after": "0"}),
    "HTTP 429": error_reply(429, headers={"retry-after": "0"}),
    "HTTP 500": error_reply(500),
    "HTTP 524, which is Cloudflare's": page(524),
    "HTTP 429, to wait an hour": error_reply(429, headers={"retry-after": "3600"}),
    "an HTML page with 502": page(502),
    "an HTML page with 200": page(200),
    "JSON with 200: an `overloaded_error`": json_body(
        {"error": {"type": "overloaded_error", "message": "Later"}}
    ),
    "JSON with 200: an error that says only a text": json_body({"detail": "no model is loaded"}),
    "JSON with 200: a code and a text": json_body({"code": 1113, "msg": "no balance is left"}),
    "JSON with 200: the whole message": json_body(WHOLE),
    "JSON with 200: the same, in an object": json_body({"code": 200, "data": WHOLE}),
    "HTTP 400": error_reply(400),
    "HTTP 401": error_reply(401),
    "an empty body": Reply([]),
    "no response": Reply([Stall()]),
    "no connection": Reply([Drop()]),
}
"""Instead of a stream."""


@dataclass
class Seen:
    """
    What one run showed.

    Attributes:
        outcome: How it ended.
        requests: How many the server got.
        went_on: Whether one of them asked for the rest of a message.
        items: What the consumer got.
        error: What was raised.
        open_connections: How many of requests that failed the server still had afterwards.
    """

    outcome: sk.Outcome
    requests: int = 0
    went_on: bool = False
    items: list[Any] = field(default_factory=list[Any])
    error: Exception | None = None
    open_connections: int = 0

    @property
    def restarts(self) -> int:
        return sum(isinstance(item, sk.Restarted) for item in self.items)

    @property
    def current(self) -> list[Any]:
        """
        The events that count: those after the last restart.
        """
        last = max((n for n, item in enumerate(self.items) if isinstance(item, sk.Restarted)), default=-1)
        return self.items[last + 1 :]

    @property
    def text(self) -> str:
        return "".join(sk.text().over(self.current))

    def __str__(self) -> str:
        if self.error is not None:
            kind = self.error.type if isinstance(self.error, sk.StreamError) else type(self.error).__name__
            hopeless = ", and says why" if "cannot be continued" in str(self.error) else ""
            again = " after the retries" if len(self.outcome.attempts) > 1 else ""
            return f"raises `{kind}`{again}{hopeless}"
        if self.restarts:
            return "`Restarted`, then whole"
        if self.requests == 1:
            unseen = len(self.outcome.attempts) > 1
            return "whole: takes its place unseen" if unseen else "whole: nothing was missing"
        return "goes on, then whole" if self.went_on else "whole: retried unseen"


def then_right(first: Reply) -> Callable[[Request], Reply]:
    """
    A model that fails once, and then answers well: from where it was, if it is asked to.
    """
    asked: list[Request] = []

    def answer(request: Request) -> Reply:
        asked.append(request)
        if len(asked) == 1:
            return first
        messages = request.body["messages"]
        if len(messages) == 1:
            return ANSWER
        begun = messages[1]["content"]
        rest = SAID[len(begun) :]
        return reply(text(rest), TOOL) if rest else reply(TOOL)

    return answer


async def see(first: Reply, resume: Resume) -> Seen:
    """
    Run into a fault, and go on as far as it goes.
    """
    async with FakeClaude(then_right(first), repeat=True) as server:
        chat = sk.messages(
            server.client(),
            **ASK,
            retry=sk.RetryPolicy(attempts=3, base=0, resume=resume),
            timeouts=sk.Timeouts(first_event=LIMIT, liveness=LIMIT, progress=LIMIT),
        )
        run = (chat | sk.validate()).open()
        seen = Seen(run.outcome)
        try:
            with anyio.fail_after(30):
                async with run:
                    async for item in run:
                        seen.items.append(item)
        except sk.ERRORS as error:
            seen.error = error
        seen.requests = len(server.requests)
        seen.went_on = any(len(request.body["messages"]) > 1 for request in server.requests)
        *earlier, _ = server.connections  # the last one may wait in the client's pool
        with anyio.move_on_after(5):
            for connection in earlier:
                await connection.closed.wait()
        seen.open_connections = sum(not connection.closed.is_set() for connection in earlier)
    return seen


Cell = tuple[str, str, Resume]


def some(cells: Sequence[Cell], every: int) -> list[Cell]:
    """
    Every so many of the faults in a stream, and each of the others under one way of resuming or two.
    """
    inside = [cell for cell in cells if cell[1]]
    before = [cell for cell in cells if not cell[1]]
    return [*inside[::every], *before[:: min(every, 2)]]


async def see_all(*, every: int = 1) -> dict[Cell, Seen]:
    """
    All of it, or some, many at a time: most of the time is spent waiting for limits.
    """
    cells: dict[Cell, Reply] = {
        (fault, place, resume): make(at)
        for (fault, make), (place, at), resume in product(FAULTS.items(), PLACES.items(), RESUMES)
    }
    cells |= {(fault, "", resume): first for (fault, first), resume in product(BEFORE.items(), RESUMES)}
    chosen = some([*cells], every)
    found: dict[Cell, Seen] = {}
    limiter = anyio.CapacityLimiter(16)

    async def fill(cell: Cell, first: Reply) -> None:
        async with limiter:
            found[cell] = await see(first, cell[2])

    async with anyio.create_task_group() as tasks:
        for cell in chosen:
            tasks.start_soon(fill, cell, cells[cell])
    return {cell: found[cell] for cell in chosen}


# -- the tables ----------------------------------------------------------------------------------------------


def before_a_stream(found: dict[Cell, Seen]) -> str:
    """
    What happens where no stream begins: the same under every policy.
    """
    rows = ["| instead of a stream | what happens |", "|---|---|"]
    for fault in BEFORE:
        [said] = {str(found[fault, "", resume]) for resume in RESUMES}
        rows.append(f"| {fault} | {said} |")
    return "\n".join(rows)


def in_a_stream(resume: Resume, found: dict[Cell, Seen]) -> str:
    """
    What happens in a stream, under one policy.
    """
    rows = [f"| | {' | '.join(PLACES)} |", "|---" * (len(PLACES) + 1) + "|"]
    for fault in FAULTS:
        rows.append(f"| {fault} | {' | '.join(str(found[fault, place, resume]) for place in PLACES)} |")
    return "\n".join(rows)


def written(found: dict[Cell, Seen]) -> str:
    """
    The page as it should be.
    """
    tables = {"before": partial(before_a_stream, found)}
    tables |= {resume: partial(in_a_stream, resume, found) for resume in RESUMES}
    source = PAGE.read_text(encoding="utf-8")
    return TABLE.sub(lambda match: f"{match[1]}{match[2]}{tables[match[1]]()}\n", source)


def on_the_page(cell: Cell) -> str:
    """
    What the page says of one.
    """
    fault, place, resume = cell
    tables = {match[1]: match[0] for match in TABLE.finditer(PAGE.read_text(encoding="utf-8"))}
    table = tables[resume if place else "before"]
    [row] = [line for line in table.splitlines() if line.startswith(f"| {fault} |")]
    said = [each.strip() for each in row.strip("|").split("|")]
    return said[1 + [*PLACES].index(place) if place else 1]


if __name__ == "__main__":
    backend, options = idle_time_skipped("asyncio")  # so that no limit is met because the machine is busy
    PAGE.write_text(written(anyio.run(see_all, backend=backend, backend_options=options)), encoding="utf-8")
