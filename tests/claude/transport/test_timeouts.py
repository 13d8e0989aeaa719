"""
How long a stream waits for what: each limit by itself, over real sockets and on both transports.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import httpx2
import pytest

import streamkit as sk
from streamkit.testing import PING, FakeClaude, Pause, Pings, Reply, Stall, error_reply, reply, text
from tests.support.claude import ASK, HELLO

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.skips_idle_time

ONCE = sk.RetryPolicy(attempts=1)
NEVER: Any = dict.fromkeys(("first_event", "liveness", "progress"))
SOON = 0.05


def limits(**given: float | None) -> sk.Timeouts:
    return sk.Timeouts(**{**NEVER, **given})


async def stall(answer: Reply, timeouts: sk.Timeouts, **client: Any) -> tuple[sk.StreamStalled, sk.Run[Any]]:
    async with FakeClaude(answer) as server:
        run = sk.messages(server.client(**client), **ASK, retry=ONCE, timeouts=timeouts).open()
        with anyio.fail_after(10), pytest.raises(sk.StreamStalled) as caught:
            async with run:
                async for _ in run:
                    pass
        assert server.open_connections == 0 or await closed(server)
    error = caught.value
    assert isinstance(error, TimeoutError)
    assert (error.type, error.retriable, run.outcome.kind, run.outcome.error) == (
        "stalled",
        "(total)" not in str(error),
        "failed",
        error,
    )
    return error, run


async def closed(server: FakeClaude) -> bool:
    with anyio.fail_after(5):
        await server.all_closed()
    return True


# -- what they are -------------------------------------------------------------------------------------------


def test_the_defaults() -> None:
    assert sk.Timeouts() == sk.Timeouts(
        connect=10, read=120, write=30, pool=30, first_event=60, liveness=90, progress=300, total=None
    )


def test_a_number_of_another_library_is_kept_as_pythons_own() -> None:
    """
    The transports do not take others: a Decimal looked as if nobody could be reached.
    """
    read: Any = Decimal("2.5")
    assert type(sk.Timeouts(read=read).read) is float
    assert sk.Timeouts(read=read) == sk.Timeouts(read=2.5)
    assert type(sk.Timeouts(read=3).read) is int


@pytest.mark.parametrize(
    "name", ["connect", "read", "write", "pool", "first_event", "liveness", "progress", "total"]
)
@pytest.mark.parametrize("wrong", [0, -1, True, "5", float("nan"), float("inf"), 10**400])
def test_what_is_no_duration_is_refused(name: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match=rf"Timeouts\({name}=…\) must be a number of seconds above 0"):
        sk.Timeouts(**{name: wrong})


async def test_the_http_ones_go_out_with_the_request() -> None:
    told: list[Any] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        told.append(request.extensions["timeout"])
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=HELLO.body)

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(respond))
    async with anthropic.AsyncAnthropic(api_key="key", http_client=http) as client:
        await sk.messages(client, **ASK, timeouts=sk.Timeouts(connect=1, read=2, write=3, pool=4)).run()
        assert told == [{"connect": 1, "read": 2, "write": 3, "pool": 4}]


# -- what they watch -----------------------------------------------------------------------------------------

SILENT = {
    "no response": Reply([Stall()]),
    "headers alone": Reply([b"", Stall()]),
    "a comment": Reply([b": hello\n\n", Stall()]),
    "pings alone": Reply([Pings(0.01)]),
    "half an event": Reply([HELLO.body[:50], Stall()]),
    "drops of an event": HELLO.drip(1, 0.01),
}


@pytest.mark.parametrize("answer", SILENT.values(), ids=SILENT)
@pytest.mark.parametrize("pings", [True, False])
async def test_first_event_limits_the_wait_for_an_event(answer: Reply, pings: bool) -> None:
    async with FakeClaude(answer) as server:
        chat = sk.messages(server.client(), **ASK, retry=ONCE, pings=pings, timeouts=limits(first_event=SOON))
        with (
            anyio.fail_after(10),
            pytest.raises(sk.StreamStalled, match=r"no event .* of the request \(first_event\)") as caught,
        ):
            await chat.run()
        assert (caught.value.limit, caught.value.seconds) == ("first_event", SOON)


async def test_liveness_limits_silence_and_pings_feed_it() -> None:
    error, run = await stall(reply(text("Hel", Stall())), limits(liveness=SOON))
    assert "(liveness)" in str(error)
    assert (error.limit, error.seconds) == ("liveness", SOON)
    assert error.partial.content[0].text == "Hel"
    assert run.outcome.usage.input_tokens == 10
    answer = reply(text("Hel", Pings(0.1, count=15), "lo"))
    async with FakeClaude(answer) as server:
        chat = sk.messages(server.client(), **ASK, retry=ONCE, timeouts=limits(liveness=1))
        assert await (chat | sk.text() | sk.sinks.join()) == "Hello"


@pytest.mark.parametrize("pings", [True, False])
async def test_progress_limits_a_row_of_pings(pings: bool) -> None:
    async with FakeClaude(reply(text("Hel", Pings(0.01)))) as server:
        run = sk.messages(
            server.client(), **ASK, retry=ONCE, pings=pings, timeouts=limits(progress=0.1, liveness=5)
        ).open()
        with anyio.fail_after(10), pytest.raises(sk.StreamStalled, match=r"\(progress\)"):
            async with run:
                async for _ in run:
                    pass


async def test_progress_limits_an_event_that_comes_drop_by_drop() -> None:
    error, _ = await stall(
        Reply([*reply(text("Hel", Stall())).steps[:3], *HELLO.drip(1, 0.01).steps]),
        limits(progress=0.1, liveness=5),
    )
    assert "(progress)" in str(error)


@pytest.mark.parametrize("how", ["ends", "fails"])
@pytest.mark.parametrize("limit", ["first_event", "liveness", "progress", "total"])
async def test_a_body_that_ends_or_fails_because_its_read_was_cancelled_has_stalled(
    how: str, limit: str
) -> None:
    async def body() -> AsyncIterator[bytes]:
        if limit != "first_event":
            yield HELLO.body[: HELLO.body.index(b"event: content_block_delta")]
        try:
            await anyio.sleep(1000)
        except anyio.get_cancelled_exc_class():
            if how == "fails":
                raise OSError("of the cleanup") from None

    def respond(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body())

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(respond))
    async with anthropic.AsyncAnthropic(api_key="key", http_client=http) as client:
        chat = sk.messages(client, **ASK, retry=ONCE, timeouts=limits(**{limit: SOON}))
        with anyio.fail_after(10), pytest.raises(sk.StreamStalled) as caught:
            await chat.run()
    assert caught.value.limit == limit
    assert isinstance(caught.value.__cause__, OSError) == (how == "fails")


async def test_total_limits_the_run_with_its_retries() -> None:
    answers = [error_reply(529), reply(text("Hel", Pings(0.01)))]
    async with FakeClaude(*answers) as server:
        policy = sk.RetryPolicy(base=0.05, jitter=False)
        chat = sk.messages(server.client(), **ASK, retry=policy, timeouts=limits(total=0.3))
        with (
            anyio.fail_after(10),
            pytest.raises(sk.StreamStalled, match=r"within 0\.3 seconds \(total\)") as caught,
        ):
            await chat.run()
        assert (caught.value.limit, caught.value.seconds) == ("total", 0.3)
        assert len(server.requests) == 2  # it is a retriable failure, but there is no time left


async def test_a_wait_that_would_outlast_the_run_is_not_begun() -> None:
    async with FakeClaude(error_reply(529, headers={"retry-after": "20"}), HELLO) as server:
        chat = sk.messages(server.client(), **ASK, timeouts=limits(total=10))
        with anyio.fail_after(5), pytest.raises(anthropic.APIStatusError, match="Overloaded"):
            await chat.run()


async def test_a_slow_consumer_trips_none_of_them() -> None:
    answer = reply(*(text(f"{number} ", " ") for number in range(5)))
    timeouts = sk.Timeouts(first_event=1, liveness=1, progress=1, total=1)
    async with FakeClaude(answer) as server:
        pieces: list[str] = []
        async with (sk.messages(server.client(), **ASK, timeouts=timeouts) | sk.text()).open() as run:
            async for piece in run:
                await anyio.sleep(0 if pieces else 1.5)
                pieces.append(piece)
        assert len(pieces) == 10


async def test_a_stall_behind_the_stop_reason_has_lost_nothing() -> None:
    answer = reply(text("Hello"), end="message_delta")
    async with FakeClaude(Reply([*answer.steps, Stall()])) as server:
        with anyio.fail_after(10):
            run = sk.messages(server.client(), **ASK, timeouts=limits(liveness=SOON)).open()
            async with run:
                async for _ in run:
                    pass
        assert (run.outcome.kind, run.outcome.stop_reason) == ("complete", "end_turn")


async def test_a_stall_is_retried_as_any_other_failure() -> None:
    async with FakeClaude(Reply([Stall()]), reply(Pings(0.01)), HELLO) as server:
        policy = sk.RetryPolicy(base=0)
        chat = sk.messages(
            server.client(), **ASK, retry=policy, timeouts=limits(first_event=0.5, progress=0.5)
        )
        with anyio.fail_after(10):
            assert await (chat | sk.text() | sk.sinks.join()) == "Hello world"
        assert len(server.requests) == 3
        await closed_but_the_last(server)


async def closed_but_the_last(server: FakeClaude) -> None:
    with anyio.fail_after(5):
        for number in range(2):
            await server.connection_closed(number)


@pytest.mark.parametrize(("resume", "text_"), [("continue", "Hello world"), ("restart", "HelHello world")])
async def test_a_stall_in_the_middle_is_gone_on_from(resume: Any, text_: str) -> None:
    rest = reply(text("lo world")) if resume == "continue" else HELLO
    async with FakeClaude(reply(text("Hel", Stall())), rest) as server:
        chat = sk.messages(
            server.client(),
            **ASK,
            retry=sk.RetryPolicy(base=0, resume=resume),
            timeouts=limits(liveness=0.5),
        )
        with anyio.fail_after(10):
            said = await (chat | sk.text(restarts=True)).collect()
        assert "".join(piece for piece in said if isinstance(piece, str)) == text_


async def test_without_timeouts_nothing_is_watched() -> None:
    async with FakeClaude(HELLO.after(Pause(0.1))) as server:
        assert len(await sk.messages(server.client(), **ASK).collect()) == 7


async def test_a_limit_of_the_client_is_named_where_an_answer_had_begun() -> None:
    """
    Without `timeouts`, and also where the request that should mend the answer gets no response.
    """
    async with FakeClaude(reply(text("Hel")).cut(3), Reply([Stall()])) as server:
        policy = sk.RetryPolicy(attempts=2, base=0, resume="restart")
        client = server.client(timeout=httpx2.Timeout(5, read=0.2))
        with anyio.fail_after(10), pytest.raises(sk.StreamStalled, match="follow-up") as caught:
            await sk.messages(client, **ASK, retry=policy).run()
        assert (caught.value.limit, caught.value.seconds) == ("read", 0.2)


# -- a client whose events are used --------------------------------------------------------------------------


async def test_where_no_bytes_can_be_seen_silence_is_no_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    from streamkit._claude.transport import response as reading

    def has_a_framing_of_its_own(stream: object) -> bool:
        return False

    monkeypatch.setattr(reading, "is_plain_sse", has_a_framing_of_its_own)
    pings = reply(text("Hel", Pings(0.02, count=10), "lo"))
    async with FakeClaude(pings, reply(text("Hel", Pings(0.01)))) as server:
        chat = sk.messages(server.client(), **ASK, retry=ONCE, timeouts=limits(liveness=SOON))
        assert await (chat | sk.text() | sk.sinks.join()) == "Hello"
        chat = sk.messages(server.client(), **ASK, retry=ONCE, timeouts=limits(progress=0.1))
        with anyio.fail_after(10), pytest.raises(sk.StreamStalled, match=r"\(progress\)"):
            await chat.run()


# -- the HTTP client -----------------------------------------------------------------------------------------


@pytest.fixture
async def aiohttp_client(anyio_backend: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with sk.http_client(transport="aiohttp") as client:
        yield client


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize(
    ("answer", "timeouts"),
    [
        (Reply([Stall()]), limits(first_event=SOON)),
        (reply(text("Hel", Stall())), limits(liveness=SOON)),
        (reply(text("Hel", Pings(0.01))), limits(progress=0.1)),
        (reply(text("Hel", Pings(0.01))), limits(total=0.2)),
    ],
)
async def test_the_aiohttp_transport_is_watched_too(
    answer: Reply, timeouts: sk.Timeouts, aiohttp_client: httpx2.AsyncClient, anyio_backend: str
) -> None:
    await stall(answer, timeouts, http_client=aiohttp_client)


async def test_a_ping_is_handed_on_where_it_is_asked_for() -> None:
    async with FakeClaude(reply(text("Hel", PING, "lo"))) as server:
        chat = sk.messages(server.client(), **ASK, pings=True, timeouts=sk.Timeouts())
        assert [item.type for item in await chat.collect()].count("ping") == 1
