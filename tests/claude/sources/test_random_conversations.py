"""
Random conversations with tools: whatever the model, the API, the tools and the user do, every request is one that the API takes,
no tool with effects runs twice or for nothing, no result is lost, and the history can be sent.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import streamkit as sk
from streamkit.testing._virtual_time.steps import run_stepwise
from tests.support.backends import on_both_backends
from tests.support.messages_api import check_conversation
from tests.support.profiles import examples
from tests.support.scripted_client import ScriptedClient
from tests.support.tool_world import ToolWorld

if TYPE_CHECKING:
    from streamkit.testing._virtual_time.steps import Steps

HI: Any = {"role": "user", "content": "Hi"}
EACH = 25
"""Conversations of one test."""


async def converse(steps: Steps, seed: int) -> None:
    rng = Random(seed)
    world = ToolWorld(Random(seed + 1_000_000))
    client = ScriptedClient(world.answer)
    loop = sk.tool_loop(
        client.as_sdk,
        tools=world.tools(),
        max_turns=rng.randint(1, 6),
        concurrency=rng.randint(1, 4),
        start=rng.choice(["block", "block", "message"]),
        retry=sk.RetryPolicy(attempts=3, base=0.1, resume=rng.choice(["never", "restart", "continue"])),
        model="claude-sonnet-5",
        max_tokens=100,
        messages=[HI],
    )
    told: list[sk.ToolResult] = []
    await watched(loop, rng, steps, told)
    assert client.open == world.running == 0
    assert all(world.runs[n] == 1 for n in world.effects), "a tool with effects ran twice"
    assert world.effects <= world.whole, "a tool with effects ran for a void call"


async def watched(loop: sk.Stream[Any], rng: Random, steps: Steps, told: list[sk.ToolResult]) -> None:
    """
    Read a conversation, do things to it, and check what is left.
    """
    leaves = rng.choice([None, None, "cancel", "break", "outer", "cancel at a step", "outer at a step"])
    leaves_at = rng.uniform(0, 6)
    speaks = [(rng.uniform(0, 8), rng.random() < 0.5) for _ in range(rng.choice([0, 0, 1, 3]))]
    pace = rng.choice([0.0, 0.0, 0.3])
    results: dict[str, sk.ToolResult] = {}
    calls: set[str] = set()
    with anyio.move_on_after(leaves_at if leaves == "outer" else 1000) as outer:
        run = loop.open()
        if leaves in {"cancel at a step", "outer at a step"}:
            stop = outer.cancel if leaves == "outer at a step" else run.cancel
            steps.before(rng.randrange(1, 600), stop)
        async with anyio.create_task_group() as tasks:

            async def speak(at: float, now: bool) -> None:
                await anyio.sleep(at)
                with suppress(RuntimeError):
                    run.say(f"said {at}", now=now)

            async def cancel() -> None:
                await anyio.sleep(leaves_at)
                run.cancel("enough")

            for at, now in speaks:
                tasks.start_soon(speak, at, now)
            if leaves == "cancel":
                tasks.start_soon(cancel)
            with suppress(*sk.ERRORS):
                async with run:
                    began = anyio.current_time()
                    async for item in run:
                        match item.type:
                            case "message_start" | "restarted":
                                calls.clear()
                            case "content_block_start" if item.content_block.type == "tool_use":
                                calls.add(item.content_block.id)
                            case "message_delta" if item.delta.stop_reason != "tool_use":
                                calls.clear()
                            case "tool_result":
                                assert item.id in calls, "somebody saw a result of a void call"
                                assert item.id not in results, "a result came twice"
                                results[item.id] = item
                            case "message_stop":
                                told += [results[each] for each in calls & results.keys()]
                            case _:
                                pass
                        await anyio.sleep(pace)
                        if leaves == "break" and anyio.current_time() - began > leaves_at:
                            break
            tasks.cancel_scope.cancel()
    steps.forget()
    check_history(run.outcome, told)


def check_history(outcome: sk.Outcome, told: list[sk.ToolResult]) -> None:
    history: Any = outcome.history
    paused = outcome.stop_reason == "pause_turn" and history[-1]["role"] == "assistant"
    if history[-1]["role"] == "assistant" and not paused:
        history = [*history, HI]
    check_conversation(history, paused=paused, signed=True)
    sent = {
        block["tool_use_id"]: block["content"]
        for message in history
        if isinstance(message["content"], list)
        for block in message["content"]
        if block["type"] == "tool_result"
    }
    for result in told:
        assert sent[result.id] == result.content, "a result was lost"


@on_both_backends
@pytest.mark.parametrize("first", range(0, examples(pr=50, full=2000), EACH))
def test_whatever_happens_the_conversation_can_go_on(first: int, backend: str) -> None:
    for seed in range(first, first + EACH):
        try:
            run_stepwise(partial(converse, seed=seed), backend)
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
