"""
Many streams through everything that can go wrong, fifty at a time: each of them ends, no character is lost or comes
twice, and nothing is left open.

Each stream asks for an answer of its own, whose numbered words make every repetition and every gap show. What goes wrong is
drawn from the seed in the test's name and the stream's number.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

import anthropic
import anyio
import httpx2
import pytest

import streamkit as sk
from streamkit._claude.exchange.seam import LONGEST
from streamkit._claude.protocol.errors import STATUS_OF_ERROR, StreamSpliced
from streamkit.testing import (
    GARBAGE,
    PING,
    Drop,
    ErrorEvent,
    FakeClaude,
    Pings,
    Reply,
    Request,
    Stall,
    error_reply,
    event,
    page,
    reply,
    text,
    thinking,
    without,
)
from streamkit.testing._tasks import running_tasks
from tests.support.profiles import examples

# The one that takes a prefill is old, and the SDK says so.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The model:DeprecationWarning"),
    pytest.mark.skips_idle_time,
]

STREAMS: Final = examples(pr=200, full=1000)
AT_ONCE: Final = 50
ATTEMPTS: Final = (1, 2, 4, 6)
BROKEN: Final = 0.45
"""Of the requests, those that something goes wrong with."""

Resume = Literal["never", "restart", "continue"]
RESUMES: Final[tuple[Resume, ...]] = get_args(Resume)
PREFILLS: Final = "claude-haiku-4-5"
MODELS: Final = (PREFILLS, "claude-sonnet-5")

LIMITS: Final = sk.Timeouts(first_event=1.0, liveness=0.4, progress=0.6, pool=20)
"""Short for what stalls, and long for what has to wait for its turn among fifty."""

FILES: Final = Path("/proc/self/fd")


# -- what goes wrong -----------------------------------------------------------------------------------------

Fault = Callable[[Reply, random.Random], Reply]


def http_error(_: Reply, chance: random.Random) -> Reply:
    wait = chance.choice([{}, {}, {"retry-after": "0"}, {"retry-after": "0.01"}, {"retry-after-ms": "5"}])
    return error_reply(chance.choice([408, 409, 429, 500, 502, 503, 504, 529]), headers=wait)


def http_refusal(_: Reply, chance: random.Random) -> Reply:
    status = chance.choice([400, 401, 403, 404, 413, 529])
    return error_reply(status, headers={"x-should-retry": "false"} if status == 529 else {})


def error_event(answer: Reply, chance: random.Random) -> Reply:
    kind = chance.choice([*STATUS_OF_ERROR, "an_error_of_the_future"])
    return answer.cut(chance.randrange(len(answer.steps) + 1), ErrorEvent(kind))


def overloaded(answer: Reply, chance: random.Random) -> Reply:
    return answer.cut(chance.randrange(len(answer.steps) + 1), ErrorEvent())


def ended(answer: Reply, chance: random.Random) -> Reply:
    return answer.cut_bytes(chance.randrange(len(answer.body)))


def dropped(answer: Reply, chance: random.Random) -> Reply:
    return answer.cut_bytes(chance.randrange(len(answer.body)), Drop())


def stalled(answer: Reply, chance: random.Random) -> Reply:
    return answer.cut_bytes(chance.randrange(len(answer.body)), Stall())


def pinged(answer: Reply, chance: random.Random) -> Reply:
    return answer.cut(chance.randrange(len(answer.steps)), Pings(0.05))


def garbage(answer: Reply, chance: random.Random) -> Reply:
    # The text of a delta with an odd index is taken for the answer's, and here every word is known.
    frame = GARBAGE[chance.choice([name for name in GARBAGE if name not in {"too-deep", "wrong-field"}])]
    return answer.insert(chance.randrange(len(answer.steps) + 1), frame)


def something_else(_: Reply, chance: random.Random) -> Reply:
    others = [page(200), page(502), Reply([]), Reply([PING]), Reply([Drop()]), Reply([b"", Drop()])]
    return chance.choice(others)


# Of deltas none is missing or comes twice: that is something that nobody could know.


def missing(answer: Reply, chance: random.Random) -> Reply:
    kinds = sorted({each["type"] for each in answer.events} - {"content_block_delta"})
    return without(answer, chance.choice(kinds))


def twice(answer: Reply, chance: random.Random) -> Reply:
    again = chance.choice([each for each in answer.events if each["type"] != "content_block_delta"])
    # After its `message_stop`, nobody would have to wait for the rest of a message.
    place = len(answer.steps) if again["type"] == "message_stop" else chance.randrange(len(answer.steps) + 1)
    return answer.insert(place, event(again))


FAULTS: Final[dict[str, tuple[Fault, int]]] = {
    "an HTTP error": (http_error, 4),
    "an HTTP error that is final": (http_refusal, 1),
    "an error event": (error_event, 3),
    "an overloaded_error": (overloaded, 4),
    "a clean end": (ended, 5),
    "a dropped connection": (dropped, 5),
    "a stall": (stalled, 1),
    "nothing but pings": (pinged, 1),
    "garbage": (garbage, 1),
    "something else": (something_else, 2),
    "an event missing": (missing, 1),
    "an event twice": (twice, 1),
}
"""What goes wrong, and how often in comparison."""

DISORDER: Final = frozenset({"an event missing", "an event twice"})


# -- the model -----------------------------------------------------------------------------------------------


class Model:
    """
    Answers each stream in numbered words, and goes on from where a request says that it was; half of the time something goes
    wrong.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._chances: dict[int, random.Random] = {}
        self.faults: defaultdict[int, list[str]] = defaultdict(list)

    def words(self, number: int) -> str:
        """
        The whole text of an answer: no word of it comes twice.
        """
        chance = random.Random(f"{self._seed} words {number}")
        spaces = [" ", " ", "  ", "\n", ", ", " 🌊 ", " é\n\n"]
        return "".join(f"{number}.{word}{chance.choice(spaces)}" for word in range(chance.randrange(2, 25)))

    def __call__(self, request: Request) -> Reply:
        [question, *more] = request.body["messages"]
        if question["content"] == "hold":
            return reply(text("Held", Stall()))
        number = int(question["content"])
        chance = self._chances.setdefault(number, random.Random(f"{self._seed} faults {number}"))
        answer = self._answer(number, more, chance)
        fault = "nothing"
        if chance.random() < BROKEN:
            [fault] = chance.choices([*FAULTS], [often for _, often in FAULTS.values()])
            answer = FAULTS[fault][0](answer, chance)
        self.faults[number].append(fault)
        size = chance.choice([None, None, 60, 700])
        return answer if size is None or not answer.is_events else answer.chunked(size)

    def _answer(self, number: int, more: list[dict[str, Any]], chance: random.Random) -> Reply:
        whole = self.words(number)
        begun = said(more[0]["content"]) if more else ""
        assert whole.startswith(begun), f"stream {number} shows something else than was said: {begun!r}"
        assert len(more) != 1 or begun == begun.rstrip(), (
            "the API refuses white space at the end of a prefill"
        )
        # A turn may have it repeat the end of what it was shown.
        repeats = chance.choice([0, 0, *range(8, 41, 4)]) if len(more) == 2 else 0
        repeats = repeats if repeats <= len(begun) else 0
        rest = whole[len(begun) - repeats :]
        # Two blocks of text at times; what is repeated, or white space that a prefill must not have, is in the first one.
        least = max(repeats, len(rest) - len(rest.lstrip()))
        cut = chance.randrange(least, len(rest) + 1) if chance.random() < 0.3 else 0
        size = chance.randrange(2, 30)
        blocks = [text(part, chunk=size) for part in (rest[:cut], rest[cut:]) if part]
        # A prefill allows no thinking.
        thinks = chance.random() < 0.3 and len(more) != 1
        return reply(*[thinking("Hm. ", "So it is.")] * thinks, *blocks, input_tokens=7)


def said(content: str | list[dict[str, str]]) -> str:
    """
    The text so far, as a request to go on tells it.
    """
    return content if isinstance(content, str) else "".join(block.get("text", "") for block in content)


# -- the streams ---------------------------------------------------------------------------------------------


@dataclass
class Seen:
    """
    What one stream showed.
    """

    number: int
    model: str
    resume: Resume
    attempts: int
    outcome: sk.Outcome
    items: list[Any] = field(default_factory=list[Any])
    error: Exception | None = None

    @property
    def restarts(self) -> list[int]:
        return [at for at, item in enumerate(self.items) if item.type == "restarted"]

    @property
    def current(self) -> list[Any]:
        """
        The events that count: those after the last restart.
        """
        return self.items[self.restarts[-1] + 1 if self.restarts else 0 :]

    @property
    def text(self) -> str:
        return "".join(sk.text().over(self.current))

    @property
    def claimed(self) -> str:
        """
        The text that the outcome claims.
        """
        blocks = [block for message in self.outcome.messages for block in message.content]
        return "".join(block.text for block in blocks if block.type == "text")


async def see(client: anthropic.AsyncAnthropic, number: int, seed: int) -> Seen:
    chance = random.Random(f"{seed} stream {number}")
    model, resume, attempts = chance.choice(MODELS), chance.choice(RESUMES), chance.choice(ATTEMPTS)
    chat = sk.messages(
        client,
        model=model,
        max_tokens=64,
        messages=[{"role": "user", "content": str(number)}],
        # Without jitter, waits that begin together end together: there are fewer moments to skip to.
        retry=sk.RetryPolicy(attempts=attempts, base=chance.choice([0, 0.002]), jitter=False, resume=resume),
        timeouts=LIMITS,
    )
    run = chat.open()
    seen = Seen(number, model, resume, attempts, run.outcome)
    with anyio.fail_after(60):
        try:
            async with run:
                async for item in run:
                    seen.items.append(item)
        except (sk.StreamError, anthropic.APIError) as error:
            seen.error = error
    return seen


def check(seen: Seen, whole: str, faults: list[str]) -> None:
    outcome, error = seen.outcome, seen.error
    assert outcome.error is error
    # A message that another one replaces in the same response is an attempt, too.
    requests = [each for each in outcome.attempts if not isinstance(each.error, StreamSpliced)]
    assert len(requests) == len(faults), "each request is an attempt, and each attempt was a request"
    assert len(requests) <= seen.attempts
    for attempt in outcome.attempts[:-1]:
        assert attempt.error is not None
        assert not is_final(attempt.error), "what is final is not tried again"
    assert not seen.restarts or seen.resume == "restart"
    assert len(seen.restarts) < len(outcome.attempts)
    # Its beginning may be missing.
    assert any(item.type not in {"ping", "message_stop"} for item in seen.current) is (
        outcome.message is not None
    )
    # Where a response that goes on has its own events out of order, nobody can say what it goes on with.
    in_order = seen.resume != "continue" or not DISORDER.intersection(faults[1:])
    if in_order:
        check_text(seen, whole, faults)
    if error is None:
        assert outcome.kind == "complete"
        assert seen.text == whole or not in_order
    else:
        assert outcome.kind == ("truncated" if isinstance(error, sk.StreamTruncated) else "failed")
        assert outcome.attempts[-1].error is error
        if seen.text:
            assert isinstance(error, sk.StreamError), "once it has begun, every error is one of a stream"
        check_given_up(seen, error)


def check_text(seen: Seen, whole: str, faults: list[str]) -> None:
    """
    It is a beginning of numbered words, so that none is missing in between or comes twice; and it is what the outcome claims.
    """
    assert whole.startswith(seen.text) or is_cut_in_a_repetition(seen, whole)
    if seen.outcome.message is not None:
        assert seen.claimed == seen.text
    else:
        assert not seen.text or "an event missing" in faults, "only a message that never began is not claimed"


def is_cut_in_a_repetition(seen: Seen, whole: str) -> bool:
    """
    Whether the last request failed while it repeated the end of the text: no more of it came that could have told.
    """
    if seen.error is None or seen.resume != "continue" or seen.model == PREFILLS:
        return False
    last = seen.text
    return any(
        whole.startswith(last[:at]) and last[at:] in whole[max(0, at - LONGEST) : at]
        for at in range(len(last))
    )


def check_given_up(seen: Seen, error: Exception) -> None:
    """
    It had a reason to end.
    """
    if is_final(error):
        return
    given = any(item.type == "content_block_delta" for item in seen.items)
    assert (
        len(seen.outcome.attempts) == seen.attempts
        or (given and seen.resume == "never")
        or "it cannot be continued" in str(error)
    )


def is_final(error: Exception) -> bool:
    if isinstance(error, sk.StreamError):
        return not error.retriable
    if isinstance(error, anthropic.APIStatusError):
        said = error.response.headers.get("x-should-retry")
        return said == "false" or error.status_code in {400, 401, 403, 404, 413}
    return False


def open_files() -> int:
    """
    How many files and sockets this process has open; 0 where nobody tells.
    """
    return len(list(FILES.iterdir())) if FILES.exists() else 0


async def every_connection_can_be_had(client: anthropic.AsyncAnthropic) -> None:
    """
    Use as many connections at once as the client's pool has: one that is still in use by a stream that has ended is missing.
    """
    ready = [anyio.Event() for _ in range(AT_ONCE)]
    hold = sk.messages(
        client, model="claude-sonnet-5", max_tokens=64, messages=[{"role": "user", "content": "hold"}], timeouts=LIMITS
    )  # fmt: skip

    async def use(mine: anyio.Event) -> None:
        async with (hold | sk.text()).open() as run:
            assert await anext(run) == "Held"
            mine.set()
            for each in ready:
                await each.wait()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for each in ready:
                tasks.start_soon(use, each)


@pytest.mark.parametrize("seed", [1])
async def test_each_of_many_streams_ends_whole_or_says_why_not(seed: int) -> None:
    before, files = running_tasks(), open_files()
    model = Model(seed)
    found: list[Seen] = []
    numbers = iter(range(STREAMS))
    async with FakeClaude(model, repeat=True) as server:
        limits = httpx2.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
        http_client = httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(verify=False, limits=limits))
        client = server.client(http_client=http_client)

        async def work() -> None:
            for number in numbers:
                found.append(await see(client, number, seed))

        async with anyio.create_task_group() as tasks:
            for _ in range(AT_ONCE):
                tasks.start_soon(work)
        await every_connection_can_be_had(client)
        await client.close()
        with anyio.fail_after(10):
            await server.all_closed()
    assert len(found) == STREAMS
    for seen in found:
        faults = model.faults[seen.number]
        what = f"seed {seed}, stream {seen.number}, {seen.model}, {seen.resume}, {seen.attempts} attempts: {faults}"
        try:
            check(seen, model.words(seen.number), faults)
        except AssertionError as error:
            raise AssertionError(f"{what}, {seen.error!r}, text {seen.text!r}: {error}") from error
    drawn = Counter(fault for faults in model.faults.values() for fault in faults)
    assert drawn.keys() == {*FAULTS, "nothing"}
    kinds = Counter((seen.resume, seen.outcome.kind) for seen in found)
    assert all(kinds[resume, "complete"] > STREAMS / 8 for resume in RESUMES), kinds
    assert {seen.resume for seen in found if seen.restarts} == {"restart"}
    await anyio.wait_all_tasks_blocked()
    assert running_tasks() == before
    assert open_files() == files
