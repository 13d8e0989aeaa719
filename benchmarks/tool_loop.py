"""
What a tool loop costs beside its requests: ten turns, each with text and three calls of a tool that does nothing.

The SDK's loop pays for each event, this one hardly. So how they compare depends on how long the answers are, and there is a table
for each of three lengths. What both pay for every answer is the SDK, which makes and sends the requests: a row has that alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anthropic
import httpx2

import streamkit as sk
from streamkit.testing import reply, text, tool_use

from .measure import Aim, Contender, Table, race

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["tables"]

TURNS = 10
WORDS = (30, 150, 300)
FROM = 150
"""Words from which on the loop is meant to cost a fifth of the SDK's. In a shorter answer, what is not its events costs more."""

READ = 16 * 1024
LOOP = "streamkit, tool_loop()"
REQUESTS = "streamkit, the same requests one by one"
FOLLOW = "streamkit, follow()"
SDK = "the SDK's tool_runner, streaming"
SENT = "the SDK's create(), the answers' bytes unread"

PARAMS: dict[str, Any] = {"model": "claude-sonnet-5", "max_tokens": 1024}
HI: Any = {"role": "user", "content": "Hi"}


@anthropic.beta_async_tool
async def look(city: str) -> str:
    """Look out of a window."""
    return city


def answers(words: int) -> list[bytes]:
    said = text(*["word "] * words)
    calls = [
        [tool_use("look", {"city": f"{turn} {n}"}, id=f"toolu_{turn}_{n}") for n in range(3)]
        for turn in range(TURNS - 1)
    ]
    return [reply(said, *each).body for each in calls] + [reply(said).body]


class Body(httpx2.AsyncByteStream):
    """
    The bytes of a response, a read at a time.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._data), READ):
            yield self._data[start : start + READ]


def client_for(answers: list[bytes]) -> anthropic.AsyncAnthropic:
    bodies = iter(answers)

    def answer(_: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": "text/event-stream"}
        return httpx2.Response(200, headers=headers, stream=Body(next(bodies)))

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    return anthropic.AsyncAnthropic(api_key="none", max_retries=0, http_client=http)


async def tables(rounds: int) -> AsyncIterator[Table]:
    """
    A table for each length of the answers: the loop, what it is made of, and the SDK's.
    """
    for words in WORDS:
        yield await _table(words, rounds)


async def _table(words: int, rounds: int) -> Table:
    bodies = answers(words)

    def client() -> anthropic.AsyncAnthropic:
        return client_for(bodies)

    def asked(messages: list[Any], api: anthropic.AsyncAnthropic) -> sk.Stream[sk.events.Event]:
        return sk.messages(api, tools=[look.to_dict()], messages=messages, **PARAMS)

    async def results(outcome: sk.Outcome) -> list[Any]:
        given = [call.result(str(await look.call(call.input))) for call in outcome.tool_calls]
        return [*outcome.history, {"role": "user", "content": given}]

    async def loop() -> None:
        tool = sk.tool(look, effect=False)
        await sk.tool_loop(client(), tools=[tool], messages=[HI], **PARAMS).run()

    async def one_by_one() -> None:
        api, messages = client(), [HI]
        for _ in range(TURNS):
            async with asked(messages, api).open() as run:
                async for _event in run:
                    pass
            messages = await results(run.outcome)

    async def followed() -> None:
        api = client()

        async def following(outcome: sk.Outcome) -> sk.Stream[sk.events.Event] | None:
            return asked(await results(outcome), api) if outcome.stop_reason == "tool_use" else None

        await sk.follow(asked([HI], api), following).run()

    async def sdk() -> None:
        runner = client().beta.messages.tool_runner(tools=[look], messages=[HI], stream=True, **PARAMS)
        async for stream in runner:
            async for _ in stream:
                pass

    said = sk.tool_loop(client(), tools=[look], messages=[HI], **PARAMS).open()
    async with said:
        async for _ in said:
            pass
    conversation = said.outcome.history

    async def sent() -> None:
        api, tools = client(), [look.to_dict()]
        for turn in range(TURNS):
            messages: Any = conversation[: 1 + 2 * turn]
            params: Any = {**PARAMS, "tools": tools, "messages": messages}
            stream = await api.messages.create(stream=True, **params)
            async for _ in stream.response.aiter_raw():
                pass

    contenders = [
        Contender(LOOP, loop),
        Contender(REQUESTS, one_by_one),
        Contender(FOLLOW, followed),
        Contender(SDK, sdk),
        Contender(SENT, sent),
    ]
    rows = await race(contenders, units=TURNS, rounds=rounds)
    aims = [Aim(LOOP, REQUESTS, at_most=1.3)]
    if words >= FROM:
        aims.append(Aim(LOOP, SDK, at_least=5))
    title = f"a tool loop of {TURNS} turns, each with {words} words and three calls, in memory"
    return Table(title, "μs per turn", rows, LOOP, aims)
