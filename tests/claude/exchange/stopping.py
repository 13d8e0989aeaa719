"""
Ways to stop a run early, and the moments of `messages()` at which it is stopped.

It is one file because a way and a moment are what every test of stopping is made of.
"""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import anyio
import anyio.abc
import anyio.lowlevel
import pytest

import streamkit as sk
from streamkit.testing import Drop, FakeClaude, Reply, Stall, error_reply, reply, text
from tests.support.patience import patience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from streamkit.testing import Connection

Resume = Literal["never", "restart", "continue"]

NEVER = 3600.0
"""Seconds between two tries that no test waits for."""


# -- moments -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Moment:
    """
    Where a run is when it is stopped.

    Attributes:
        answers: What the server says up to then.
        reached: Whether the run is there.
        resumes: The ways of resuming that get there.
        base: Seconds that the policy waits between two tries.
        streaming: Whether a response is open, or asked for: its connection has to end.
        tokens: For each attempt the input tokens that it was billed, as far as that is known.
        said: The text so far; None if there is no message.
        items: What the consumer has got of the message, where the text is about to go on.
    """

    answers: tuple[Reply, ...]
    reached: Callable[[sk.Outcome, FakeClaude], bool]
    resumes: tuple[Resume, ...] = ("never", "restart", "continue")
    base: float = 0.0
    streaming: bool = True
    tokens: tuple[int | None, ...] = (7,)
    said: str | None = ""
    items: int = 0


def said(outcome: sk.Outcome) -> str | None:
    if outcome.message is None:
        return None
    return "".join(block.text for block in outcome.message.content if block.type == "text")


def failed(outcome: sk.Outcome, attempts: int = 1) -> bool:
    return [attempt.error is not None for attempt in outcome.attempts] == [True] * attempts


CUT = reply(text("Hello", Drop()), input_tokens=7)
BEGUN = reply(text("x"), input_tokens=7).cut(2, Stall())
BEGUN_AGAIN = reply(text("x"), input_tokens=9).cut(2, Stall())

MOMENTS: dict[str, Moment] = {
    "before the response": Moment(
        (Reply([Stall()]),), lambda outcome, server: len(server.requests) == 1, tokens=(None,), said=None
    ),
    "before its body": Moment(
        (Reply([b"", Stall()]),), lambda outcome, server: outcome.request_id is not None, tokens=(None,), said=None
    ),
    "before the first content": Moment((BEGUN,), lambda outcome, server: said(outcome) == ""),
    "in the text": Moment(
        (reply(text("Hello", " world", Stall()), input_tokens=7),),
        lambda outcome, server: said(outcome) == "Hello world",
        said="Hello world",
        items=4,
    ),
    "waiting to ask again": Moment(
        (error_reply(529),),
        lambda outcome, server: failed(outcome),
        base=NEVER,
        streaming=False,
        tokens=(None,),
        said=None,
    ),
    "waiting to go on": Moment(
        (CUT,),
        lambda outcome, server: failed(outcome),
        resumes=("restart", "continue"),
        base=NEVER,
        streaming=False,
        said="Hello",
    ),
    "asking to go on": Moment(
        (CUT, Reply([Stall()])),
        lambda outcome, server: len(server.requests) == 2,
        resumes=("restart", "continue"),
        tokens=(7, None),
        said="Hello",
    ),
    "before what goes on": Moment(
        (CUT, BEGUN_AGAIN),
        lambda outcome, server: [each.usage is not None for each in outcome.attempts] == [True, True],
        resumes=("restart", "continue"),
        tokens=(7, 9),
        said="Hello",
    ),
    "in the text that starts over": Moment(
        (CUT, reply(text("Hello", " world", Stall()), input_tokens=9)),
        lambda outcome, server: said(outcome) == "Hello world",
        resumes=("restart",),
        tokens=(7, 9),
        said="Hello world",
        items=4,
    ),
    "in the text that goes on": Moment(
        (CUT, reply(text(" world", Stall()), input_tokens=9)),
        lambda outcome, server: said(outcome) == "Hello world",
        resumes=("continue",),
        tokens=(7, 9),
        said="Hello world",
        items=4,
    ),
}  # fmt: skip

WITH_TEXT = [name for name, moment in MOMENTS.items() if moment.items]


def is_last(item: Any) -> bool:
    """
    Whether an item is what the server says last.
    """
    return bool(item.type == "content_block_delta" and item.delta.text == " world")


def is_not_last(item: Any) -> bool:
    return not is_last(item)


# -- what is stopped -----------------------------------------------------------------------------------------


@dataclass
class Scene:
    """
    A run that is stopped, and its server.

    Attributes:
        server: The server.
        chat: The stream.
        moment: When it is stopped.
        run: The run, once it has been opened.
        ended: Whether the server had the end of every connection at the moment when control had left the run.
        patience: Seconds that a timeout waits.
        close_timeout: That of the run.
    """

    server: FakeClaude
    chat: sk.Stream[Any]
    moment: Moment
    run: sk.Run[Any] = field(init=False)
    ended: bool | None = None
    patience: float = NEVER
    close_timeout: float = 5.0

    def open(self, *operators: Any) -> sk.Run[Any]:
        stream: Any = self.chat
        for each in operators:
            stream = stream | each
        self.run = stream.open(close_timeout=self.close_timeout)
        return self.run

    async def reached(self) -> None:
        """
        Wait until the run is there, and has nothing more to do.
        """
        with patience():
            await self.server.request_arrived()
            while not self.moment.reached(self.run.outcome, self.server):
                await anyio.lowlevel.checkpoint()
            await anyio.wait_all_tasks_blocked()

    async def within(self, run: sk.Run[Any], body: Callable[[], Awaitable[None]]) -> None:
        """
        Open the run, and look at the connections as soon as it is left: nothing else has had a turn in between.
        """
        try:
            async with run:
                await body()
        finally:
            self.left()

    def left(self) -> None:
        self.ended = all(has_ended(connection) for connection in self.server.connections)

    async def read_on(self) -> None:
        async for _ in self.run:
            pass

    async def read_to_the_last(self) -> None:
        async for item in self.run:
            if is_last(item):
                return
        raise AssertionError("the text has not come")


def has_ended(connection: Connection) -> bool:
    """
    Whether the client's end has come at the server's socket, whether or not the server has had its turn to read it.
    """
    if connection.closed.is_set():
        return True
    stream: anyio.abc.SocketStream = vars(connection)["_stream"]
    number = stream.extra(anyio.abc.SocketAttribute.raw_socket).fileno()
    with socket.socket(fileno=os.dup(number)) as peeking:
        peeking.setblocking(False)
        try:
            return peeking.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except ConnectionError:
            return True


class InterruptError(BaseException):
    """
    Like KeyboardInterrupt.
    """


# -- ways that need no item ----------------------------------------------------------------------------------


async def when_reached(scene: Scene, act: Callable[[], object]) -> None:
    """
    Read on, and have another task do something at the moment.
    """

    async def wait() -> None:
        await scene.reached()
        act()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await scene.within(scene.open(), scene.read_on)


async def by_cancel_from_another_task(scene: Scene) -> None:
    await when_reached(scene, lambda: scene.run.cancel("enough"))


async def by_cancel_from_a_sink(scene: Scene) -> None:
    @sk.sink
    async def canceller(items: AsyncIterator[object]) -> None:
        await scene.reached()
        scene.run.cancel("enough")
        async for _ in items:
            pass

    await scene.within(scene.open(sk.tee(canceller())), scene.read_on)


async def by_an_outer_scope(scene: Scene) -> None:
    with anyio.CancelScope() as scope:
        await when_reached(scene, scope.cancel)
    assert scope.cancelled_caught


async def by_an_outer_deadline(scene: Scene) -> None:
    def now() -> None:
        scope.deadline = anyio.current_time()

    with pytest.raises(TimeoutError), anyio.fail_after(NEVER) as scope:
        await when_reached(scene, now)


async def by_an_inner_deadline(scene: Scene) -> None:
    async def body() -> None:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:

                async def wait() -> None:
                    await scene.reached()
                    scope.deadline = anyio.current_time()

                tasks.start_soon(wait)
                await scene.read_on()

    await scene.within(scene.open(), body)


async def by_take_until(scene: Scene) -> None:
    await scene.within(scene.open(sk.take_until(scene.reached)), scene.read_on)


async def by_a_raising_sink(scene: Scene) -> None:
    @sk.sink
    async def fails(items: AsyncIterator[object]) -> None:
        await scene.reached()
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await scene.within(scene.open(sk.tee(fails())), scene.read_on)


async def by_an_interrupted_sink(scene: Scene) -> None:
    @sk.sink
    async def fails(items: AsyncIterator[object]) -> None:
        await scene.reached()
        raise InterruptError

    with pytest.raises(InterruptError):
        await scene.within(scene.open(sk.tee(fails())), scene.read_on)


def by_a_task_of_the_body(error: BaseException) -> Callable[[Scene], Awaitable[None]]:
    async def by_a_task(scene: Scene) -> None:
        async def fail() -> None:
            await scene.reached()
            raise error

        async def body() -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(fail)
                await scene.read_on()

        with pytest.raises(BaseExceptionGroup) as caught:
            await scene.within(scene.open(), body)
        assert caught.value.exceptions == (error,)

    return by_a_task


async def by_a_timeout(scene: Scene) -> None:
    with pytest.raises(TimeoutError, match=r"timeout\("):
        await scene.within(scene.open(sk.timeout(first=scene.patience, idle=scene.patience)), scene.read_on)


async def by_a_cancelled_job(scene: Scene) -> None:
    job = (scene.chat | sk.sinks.collect()).open()
    scene.run = job

    async def wait() -> None:
        await scene.reached()
        job.cancel("enough")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await scene.within(job, anyio.sleep_forever)


async def by_native_cancellation(scene: Scene) -> None:
    scene.open()
    task = asyncio.create_task(scene.within(scene.run, scene.read_on))
    await scene.reached()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


Way = tuple["Callable[[Scene], Awaitable[None]]", str, "str | None", "type[BaseException] | None"]

AT_ANY_TIME: dict[str, Way] = {
    "cancel from another task": (by_cancel_from_another_task, "stopped", "cancel: enough", None),
    "cancel from a sink": (by_cancel_from_a_sink, "stopped", "cancel: enough", None),
    "an outer scope": (by_an_outer_scope, "cancelled", None, None),
    "an outer deadline": (by_an_outer_deadline, "cancelled", None, None),
    "an inner deadline": (by_an_inner_deadline, "stopped", "consumer", None),
    "take_until": (by_take_until, "stopped", "take_until", None),
    "a raising sink": (by_a_raising_sink, "failed", None, KeyError),
    "an interrupted sink": (by_an_interrupted_sink, "failed", None, InterruptError),
    "a task of the body": (by_a_task_of_the_body(KeyError("mine")), "failed", None, ExceptionGroup),
    "an interrupted task of the body": (
        by_a_task_of_the_body(InterruptError()),
        "failed",
        None,
        BaseExceptionGroup,
    ),
    "a timeout": (by_a_timeout, "failed", None, sk.TimeLimitError),
    "a cancelled job": (by_a_cancelled_job, "stopped", "cancel: enough", None),
}
NATIVELY: dict[str, Way] = {"asyncio's own": (by_native_cancellation, "cancelled", None, None)}

# -- ways that need one --------------------------------------------------------------------------------------


async def by_break(scene: Scene) -> None:
    async def body() -> None:
        async for item in scene.run:
            if is_last(item):
                break

    await scene.within(scene.open(), body)


async def by_return(scene: Scene) -> None:
    run = scene.open()

    async def use() -> str:
        async with run:
            async for item in run:
                if is_last(item):
                    return "enough"
        return "never"

    try:
        said_last = await use()
        assert said_last == "enough"
    finally:
        scene.left()


def raising(error: BaseException) -> Callable[[Scene], Awaitable[None]]:
    async def by_raising(scene: Scene) -> None:
        async def body() -> None:
            await scene.read_to_the_last()
            raise error

        caught: BaseException | None = None
        try:
            await scene.within(scene.open(), body)
        except BaseException as raised:
            caught = raised
        assert caught is error, "it comes out as itself"
        assert scene.run.outcome.error is error

    return by_raising


async def by_cancel_from_the_body(scene: Scene) -> None:
    async def body() -> None:
        await scene.read_to_the_last()
        scene.run.cancel("enough")
        await anyio.sleep_forever()

    await scene.within(scene.open(), body)


async def by_the_last_word(scene: Scene) -> None:
    async def body() -> None:
        await scene.read_to_the_last()
        scene.run.cancel("enough")  # and no checkpoint any more

    await scene.within(scene.open(), body)


async def by_cancel_from_a_sink_at_an_item(scene: Scene) -> None:
    async def look(item: object) -> None:
        if is_last(item):
            scene.run.cancel("enough")

    await scene.within(scene.open(sk.tee(look)), scene.read_on)


async def by_take(scene: Scene) -> None:
    await scene.within(scene.open(sk.take(scene.moment.items)), scene.read_on)


async def by_take_while(scene: Scene) -> None:
    await scene.within(scene.open(sk.take_while(is_not_last)), scene.read_on)


async def by_take_while_inclusive(scene: Scene) -> None:
    await scene.within(scene.open(sk.take_while(is_not_last, inclusive=True)), scene.read_on)


async def by_take_until_an_item(scene: Scene) -> None:
    came = anyio.Event()

    async def body() -> None:
        async for item in scene.run:
            if is_last(item):
                came.set()

    await scene.within(scene.open(sk.take_until(came.wait)), body)


async def by_until(scene: Scene) -> None:
    run = scene.open(sk.text(restarts=True), sk.until("world"))
    await scene.within(run, scene.read_on)


async def by_a_raising_operator(scene: Scene) -> None:
    def refuse(item: object) -> None:
        if is_last(item):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await scene.within(scene.open(sk.tap(refuse)), scene.read_on)


async def by_a_raising_task_of_an_operator(scene: Scene) -> None:
    async def refuse(item: object) -> object:
        if is_last(item):
            raise KeyError("mine")
        return item

    with pytest.raises(KeyError, match="mine"):
        await scene.within(scene.open(sk.map_async(refuse, concurrency=3)), scene.read_on)


async def by_an_operator_that_has_enough(scene: Scene) -> None:
    @sk.passthrough
    async def enough(items: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for item in items:
            yield item
            if is_last(item):
                return

    await scene.within(scene.open(enough()), scene.read_on)


async def by_a_sink_that_raises_at_an_item(scene: Scene) -> None:
    async def refuse(item: object) -> None:
        if is_last(item):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await scene.within(scene.open(sk.tee(refuse)), scene.read_on)


AT_AN_ITEM: dict[str, Way] = {
    "break": (by_break, "stopped", "consumer", None),
    "return": (by_return, "stopped", "consumer", None),
    "an exception": (raising(KeyError("mine")), "failed", None, KeyError),
    "a TimeoutError of the body's own": (raising(TimeoutError("mine")), "failed", None, TimeoutError),
    "a StreamError of the body's own": (
        raising(sk.StreamTruncated("mine")), "truncated", None, sk.StreamTruncated
    ),
    "KeyboardInterrupt": (raising(KeyboardInterrupt()), "failed", None, KeyboardInterrupt),
    "SystemExit": (raising(SystemExit(3)), "failed", None, SystemExit),
    "a BaseException": (raising(InterruptError()), "failed", None, InterruptError),
    "cancel from the body": (by_cancel_from_the_body, "stopped", "cancel: enough", None),
    "cancel as the last word": (by_the_last_word, "stopped", "cancel: enough", None),
    "cancel from a sink": (by_cancel_from_a_sink_at_an_item, "stopped", "cancel: enough", None),
    "take": (by_take, "stopped", "take", None),
    "take_while": (by_take_while, "stopped", "take_while", None),
    "take_while, inclusive": (by_take_while_inclusive, "stopped", "take_while", None),
    "take_until": (by_take_until_an_item, "stopped", "take_until", None),
    "until": (by_until, "stopped", "until", None),
    "a raising operator": (by_a_raising_operator, "failed", None, KeyError),
    "a raising task of an operator": (by_a_raising_task_of_an_operator, "failed", None, KeyError),
    "a raising sink": (by_a_sink_that_raises_at_an_item, "failed", None, KeyError),
}  # fmt: skip


def policy(moment: Moment, resume: Resume) -> sk.RetryPolicy:
    return sk.RetryPolicy(base=moment.base, cap=NEVER, jitter=False, resume=resume)
