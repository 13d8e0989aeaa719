"""
Stopping early, in every way and at every stage of an exchange: who did it stands in the outcome, and the connection has ended
before control returns.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import streamkit as sk
from streamkit.testing import Drop, FakeClaude, Reply, Stall, error_reply, reply, text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

ASK: Any = {"model": "claude-sonnet-5", "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}]}
ON = reply(text("one ", "two ", "three ", "four ", Stall()))
CUT = reply(text("one ", Drop()))
REST = reply(text("two ", "three ", "four ", Stall()))


def policy(resume: Any) -> sk.RetryPolicy:
    return sk.RetryPolicy(base=0, resume=resume)


# Where the exchange is when it is stopped: what the server does, and how the policy resumes.
STAGES: dict[str, tuple[list[Reply], str]] = {
    "in the first response": ([ON], "never"),
    "after a retry that nobody has seen": ([error_reply(529), reply(text(Drop())), ON], "never"),
    "in what started over": ([CUT, ON], "restart"),
    "in what goes on": ([CUT, REST], "continue"),
}


class Witness:
    """
    A sink beside the stream that notes, when it is let go, whether the server has seen the end of the connection. It waits for
    that, so that control cannot return before.
    """

    def __init__(self, server: FakeClaude) -> None:
        self._server = server
        self.seen = False

    async def watch(self, items: AsyncIterator[object]) -> None:
        try:
            with suppress(sk.StreamError):
                async for _ in items:
                    pass
        finally:
            with anyio.fail_after(4, shield=True):
                await self._server.all_closed()
            self.seen = True


Run = sk.Run[Any]
Stop = tuple[
    "Callable[[sk.Stream[Any]], sk.Stream[Any]]", "Callable[[Run], Awaitable[None]]", str, "str | None"
]


def as_it_is(stream: sk.Stream[Any]) -> sk.Stream[Any]:
    return stream


async def read_on(run: Run) -> None:
    async with run:
        async for _ in run:
            pass


async def leave_by_break(run: Run) -> None:
    async with run:
        async for piece in run:
            if piece == "three ":
                break


async def leave_by_return(run: Run) -> None:
    async with run:
        async for piece in run:
            if piece == "three ":
                return


async def leave_by_error(run: Run) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with run:
            async for piece in run:
                if piece == "three ":
                    raise KeyError("mine")


async def leave_by_interrupt(run: Run) -> None:
    with pytest.raises(KeyboardInterrupt):
        async with run:
            async for piece in run:
                if piece == "three ":
                    raise KeyboardInterrupt


async def leave_by_cancel(run: Run) -> None:
    async with run:
        async for piece in run:
            if piece == "three ":
                run.cancel("enough")


async def leave_by_a_deadline(run: Run) -> None:
    with anyio.CancelScope() as scope:
        async with run:
            async for piece in run:
                if piece == "three ":
                    scope.deadline = anyio.current_time()
    assert scope.cancelled_caught


async def fail_by_an_operator(run: Run) -> None:
    with pytest.raises(ZeroDivisionError):
        await read_on(run)


async def time_out(run: Run) -> None:
    with pytest.raises(TimeoutError):
        await read_on(run)


def divide(piece: Any) -> Any:
    return piece if piece != "three " else 1 // 0


async def three_words() -> None:
    await anyio.sleep(0.1)


STOPS: dict[str, Stop] = {
    "break": (as_it_is, leave_by_break, "stopped", "consumer"),
    "return": (as_it_is, leave_by_return, "stopped", "consumer"),
    "an exception in the body": (as_it_is, leave_by_error, "failed", None),
    "an interrupt in the body": (as_it_is, leave_by_interrupt, "failed", None),
    "cancel": (as_it_is, leave_by_cancel, "stopped", "cancel: enough"),
    "a deadline around it": (as_it_is, leave_by_a_deadline, "cancelled", None),
    "take": (lambda s: s | sk.take(3), read_on, "stopped", "take"),
    "take_while": (lambda s: s | sk.take_while(lambda item: item != "three "), read_on, "stopped", "take_while"),
    "take_until": (lambda s: s | sk.take_until(three_words), read_on, "stopped", "take_until"),
    "an operator that fails": (lambda s: s.map(divide), fail_by_an_operator, "failed", None),
    "a timeout": (lambda s: s | sk.timeout(idle=0.1), time_out, "failed", None),
}  # fmt: skip


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("stop", STOPS)
async def test_who_stopped_it_and_that_the_connection_has_ended(stop: str, stage: str) -> None:
    applied, leave, kind, by = STOPS[stop]
    answers, resume = STAGES[stage]
    async with FakeClaude(*answers) as server:
        witness = Witness(server)
        chat = sk.messages(server.client(), **ASK, retry=policy(resume))
        words = chat | sk.tee(sk.sink(witness.watch)()) | sk.text(restarts=True)
        run = applied(words).open()
        with anyio.fail_after(10):
            await leave(run)
        assert witness.seen
        assert server.open_connections == 0
        assert (run.outcome.kind, run.outcome.stopped_by) == (kind, by)
        assert len(run.outcome.attempts) == len(answers)
        # What the API will bill is known as far as it has said so.
        assert run.outcome.usage.input_tokens == (20 if resume == "continue" else 10)
        assert run.outcome.message is not None
        assert str(run.outcome.message.content[0].to_dict()["text"]).startswith("one two three ")


async def test_until_stops_and_says_so() -> None:
    async with FakeClaude(ON) as server:
        witness = Witness(server)
        chat = sk.messages(server.client(), **ASK) | sk.tee(sk.sink(witness.watch)())
        run = (chat | sk.text() | sk.until("three")).open()
        with anyio.fail_after(10):
            await read_on(run)
        assert witness.seen
        assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "until")


async def test_the_first_item_is_enough() -> None:
    async with FakeClaude(ON) as server:
        assert await (sk.messages(server.client(), **ASK) | sk.text()).first() == "one "
        with anyio.fail_after(5):
            await server.all_closed()


# -- while nothing comes -------------------------------------------------------------------------------------

WAITING: dict[str, tuple[list[Reply], sk.RetryPolicy, int]] = {
    "for a response": ([Reply([Stall()])], policy("never"), 1),
    "for the first content": ([reply(Stall())], policy("never"), 1),
    "to send it again": ([error_reply(529)], sk.RetryPolicy(base=3600, cap=3600), 1),
    "to start over": ([CUT], sk.RetryPolicy(base=3600, cap=3600, resume="restart"), 1),
    "to go on": ([CUT], sk.RetryPolicy(base=3600, cap=3600, resume="continue"), 1),
    "for a response that goes on": ([CUT, Reply([Stall()])], policy("continue"), 2),
    "for a response that starts over": ([CUT, reply(Stall())], policy("restart"), 2),
}


@pytest.mark.parametrize("way", ["cancel", "an outer scope"])
@pytest.mark.parametrize("waiting", WAITING)
async def test_it_can_be_stopped_while_it_waits(waiting: str, way: str) -> None:
    answers, retry, requests = WAITING[waiting]
    async with FakeClaude(*answers) as server, anyio.create_task_group() as tasks:
        run = sk.messages(server.client(), **ASK, retry=retry).open()
        scope = anyio.CancelScope()

        async def stop() -> None:
            await server.request_arrived(requests - 1)
            await anyio.wait_all_tasks_blocked()
            if way == "cancel":
                run.cancel("enough")
            else:
                scope.cancel()

        tasks.start_soon(stop)
        with anyio.fail_after(10), scope:
            await read_on(run)
        expected = ("stopped", "cancel: enough") if way == "cancel" else ("cancelled", None)
        assert (run.outcome.kind, run.outcome.stopped_by) == expected
        assert len(run.outcome.attempts) == requests
        await server.all_closed() if answers[-1].steps[-1:] == (Stall(),) else None
        if CUT in answers:
            assert run.outcome.message is not None
            assert run.outcome.message.content[0].to_dict()["text"] == "one "
            assert run.outcome.usage.input_tokens == 10


# -- a sink that does not hear -------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", ["break", "cancel", "a deadline around it", "take"])
async def test_a_sink_that_ignores_cancellation_delays_no_end_of_the_connection(stop: str) -> None:
    async with FakeClaude(ON) as server:
        ended_after: list[float] = []
        left = anyio.Event()

        async def deaf(items: AsyncIterator[object]) -> None:
            try:
                async for _ in items:
                    pass
            finally:
                began = anyio.current_time()
                with anyio.CancelScope(shield=True):
                    await server.all_closed()
                    ended_after.append(anyio.current_time() - began)
                    await anyio.sleep(0.5)  # longer than the run wants to wait
                left.set()

        applied, leave, kind, _ = STOPS[stop]
        chat = sk.messages(server.client(), **ASK) | sk.tee(sk.sink(deaf)()) | sk.text()
        run = applied(chat).open(close_timeout=0.1)
        with anyio.fail_after(5):
            await leave(run)
        assert left.is_set(), "no task is left behind"
        assert ended_after[0] < 0.5
        assert (run.outcome.kind, server.open_connections) == (kind, 0)


# -- a refusal -----------------------------------------------------------------------------------------------


async def test_a_refusal_is_an_outcome_and_no_error() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "no"}
    async with FakeClaude(reply(text("I can"), stop_reason="refusal", stop_details=details)) as server:
        run = sk.messages(server.client(), **ASK).open()
        await read_on(run)
        outcome = run.outcome
        assert (outcome.kind, outcome.error, outcome.stop_reason) == ("complete", None, "refusal")
        assert outcome.message is not None
        assert outcome.message.to_dict()["stop_details"] == details
        assert outcome.usage.output_tokens == 1
