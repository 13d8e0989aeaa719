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
import httpx2
import pytest

import streamkit as sk
from streamkit._claude.protocol.replies import NOT_RUN, STOPPED
from streamkit._claude.protocol.tool_call import result_block
from streamkit.testing import Drop, FakeClaude, Reply, event
from streamkit.testing._virtual_time.steps import run_stepwise
from tests.support.backends import on_both_backends
from tests.support.claude import outcome_of, read_all
from tests.support.messages_api import check_conversation
from tests.support.patience import patience
from tests.support.profiles import examples
from tests.support.scripted_client import ScriptedClient
from tests.support.tool_world import ToolError, ToolWorld

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from streamkit.testing._virtual_time.steps import Steps
    from tests.support.scripted_client import Step

HI: Any = {"role": "user", "content": "Hi"}
RAISED = (ToolError, TimeoutError, LookupError)
"""What `on_error="raise"` may raise besides: of a tool, of its time, and of a name that nobody knows."""
EACH = 25
"""Conversations of one test."""


class Viewer:
    """
    Whoever reads a conversation, and what they have been told since it has last started over.

    Args:
        world: The tools.
    """

    def __init__(self, world: ToolWorld) -> None:
        self._world = world
        self.told: dict[str, sk.ToolResult] = {}
        self.texts: list[str] = []
        self._results: dict[str, sk.ToolResult] = {}
        self._calls: set[str] = set()  # of the newest message, while they are not void

    def sees(self, item: Any) -> None:
        match item.type:
            case "restarted":
                assert not self._world.running & self._calls, (
                    "a tool still runs for a message that has started over"
                )
                self._world.void |= self._calls
                self._results.clear()
                self.texts.clear()
                self._calls.clear()
            case "message_start":
                self._calls.clear()
            case "content_block_start" if item.content_block.type == "tool_use":
                self._calls.add(item.content_block.id)
            case "content_block_delta" if item.delta.type == "text_delta":
                self.texts.append(item.delta.text)
            case "message_delta" if item.delta.stop_reason != "tool_use":
                self._calls.clear()
            case "message_stop":
                self.told |= {call: self._results[call] for call in self._calls & self._results.keys()}
            case "tool_result":
                assert item.id in self._calls, "somebody saw a result of a void call"
                assert item.id not in self._results, "a result came twice"
                self._results[item.id] = item
            case _:
                pass


def random_loop(
    client: Any, world: ToolWorld, rng: Random, resume: Sequence[Any] = ("never", "restart", "continue")
) -> sk.Stream[Any]:
    return sk.tool_loop(
        client,
        tools=world.tools(),
        max_turns=rng.randint(1, 6),
        concurrency=rng.randint(1, 4),
        start=rng.choice(["block", "block", "message"]),
        on_error=rng.choice(["result", "result", "result", "result", "raise"]),
        retry=sk.RetryPolicy(attempts=3, base=0.1 * world.scale, resume=rng.choice(resume)),
        model="claude-sonnet-5",
        max_tokens=100,
        messages=[HI],
    )


async def converse(steps: Steps, seed: int) -> None:
    rng = Random(seed)
    world = ToolWorld(Random(seed + 1_000_000))
    client = ScriptedClient(world.answer)
    loop = random_loop(client.as_sdk, world, rng)
    speaks = [(rng.uniform(0, 8), rng.random() < 0.5) for _ in range(rng.choice([0, 0, 1, 3]))]
    viewer = Viewer(world)
    outcome = await viewed(loop, viewer, speaks, rng, steps)
    steps.forget()
    assert client.open == 0
    check_tools(world)
    if outcome.kind == "complete" and not any(now for _, now in speaks):
        blocks = [block for message in outcome.messages for block in message.content]
        said = "".join(block.text for block in blocks if block.type == "text")
        assert "".join(viewer.texts) == said, "something is missing behind the last restart, or too much"
    check_history(outcome, viewer.told, world)


async def viewed(
    loop: sk.Stream[Any], viewer: Viewer, speaks: list[tuple[float, bool]], rng: Random, steps: Steps
) -> sk.Outcome:
    """
    Read a conversation to its end, or until it is left in some way, while somebody speaks in between.
    """
    leaves = rng.choice([None, None, "cancel", "break", "outer", "cancel at a step", "outer at a step"])
    leaves_at = rng.uniform(0, 6)
    pace = rng.choice([0.0, 0.0, 0.3])
    run = loop.open()

    async def speak(at: float, now: bool) -> None:
        await anyio.sleep(at)
        with suppress(RuntimeError):
            run.say(f"said {at}", now=now)

    async def cancel() -> None:
        await anyio.sleep(leaves_at)
        run.cancel("enough")

    async def read() -> None:
        with suppress(*sk.ERRORS, *RAISED):
            async with run:
                async for item in run:
                    viewer.sees(item)
                    await anyio.sleep(pace)
                    if leaves == "break" and anyio.current_time() > leaves_at:
                        break

    with anyio.move_on_after(leaves_at if leaves == "outer" else 1000) as outer:
        if leaves in {"cancel at a step", "outer at a step"}:
            steps.before(rng.randrange(1, 600), outer.cancel if leaves == "outer at a step" else run.cancel)
        async with anyio.create_task_group() as tasks:
            for at, now in speaks:
                tasks.start_soon(speak, at, now)
            if leaves == "cancel":
                tasks.start_soon(cancel)
            await read()
            tasks.cancel_scope.cancel()
    return run.outcome


def check_tools(world: ToolWorld) -> None:
    assert world.running == set()
    assert world.late == set(), "a tool began for a void call"
    assert all(world.runs[n] == 1 for n in world.effects), "a tool with effects ran twice"
    assert world.effects <= world.whole, "a tool with effects ran for a void call"


def check_history(outcome: sk.Outcome, told: dict[str, sk.ToolResult], world: ToolWorld) -> None:
    """
    The history can be sent, with the next question where an answer stands at its end, and has every result that was told. It has
    no call of a message that was void, and tells truly which tools have begun.
    """
    history: Any = outcome.history
    paused = outcome.stop_reason == "pause_turn" and history[-1]["role"] == "assistant"
    if history[-1]["role"] == "assistant" and not paused:
        history = [*history, HI]
    check_conversation(history, paused=paused, signed=True)
    contents = [message["content"] for message in history if isinstance(message["content"], list)]
    results = [block for content in contents for block in content if block["type"] == "tool_result"]
    sent = {block["tool_use_id"]: block["content"] for block in results}
    for call, result in told.items():
        assert sent[call] == result.content, "a result was lost"
    for call, content in sent.items():
        number = int(call.removeprefix("toolu_"))
        assert number in world.whole, "a void call is in the history"
        if content in {STOPPED, NOT_RUN}:
            assert (number in world.runs) == (content == STOPPED), (
                "what is said of a tool without a result is wrong"
            )


@on_both_backends
@pytest.mark.parametrize("first", range(0, examples(pr=50, full=2000), EACH))
def test_whatever_happens_the_conversation_can_go_on(first: int, backend: str) -> None:
    for seed in range(first, first + EACH):
        try:
            run_stepwise(partial(converse, seed=seed), backend)
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise


def as_reply(steps: list[Step]) -> Reply:
    """
    The same answer over a socket, without its waits.
    """
    return Reply(
        [
            Drop() if isinstance(step, Exception) else event(step)
            for step in steps
            if isinstance(step, dict | Exception)
        ]
    )


@pytest.mark.parametrize("seed", range(examples(pr=8, full=200)))
async def test_over_sockets_too(seed: int) -> None:
    world = ToolWorld(Random(seed), scale=0.001)
    viewer = Viewer(world)
    async with FakeClaude(lambda request: as_reply(world.answer(request.body)), repeat=True) as server:
        run = random_loop(server.client(), world, Random(seed)).open()
        with patience(), suppress(*sk.ERRORS, *RAISED):
            async with run:
                async for item in run:
                    viewer.sees(item)
    check_tools(world)
    check_history(run.outcome, viewer.told, world)


@pytest.mark.parametrize("seed", range(examples(pr=8, full=200)))
async def test_what_was_kept_of_a_conversation_has_its_history(seed: int, tmp_path: Path) -> None:
    world, path = ToolWorld(Random(seed), scale=0.001), tmp_path / "kept.jsonl"
    client = ScriptedClient(
        lambda params: [step for step in world.answer(params) if not isinstance(step, float)]
    )
    # What was kept does not tell that an answer was continued, and that it has thinking which cannot be sent back.
    loop = random_loop(client.as_sdk, world, Random(seed), resume=("never", "restart"))
    run = (loop | sk.tee(sk.sinks.jsonl(path))).open()
    with suppress(*sk.ERRORS, *RAISED, httpx2.ReadError):
        await read_all(run)
    live = run.outcome
    again = await outcome_of(sk.replay(path))
    asked, *history = live.history
    assert asked == HI
    if live.kind == "complete" and '"tool_result"' in path.read_text():
        assert again.history == history
        return
    sent: list[Any] = [HI, *again.history]
    content = sent[-1]["content"]
    calls = [] if isinstance(content, str) else [each for each in content if each["type"] == "tool_use"]
    if calls:  # without any result, nobody knows that this was a loop
        sent.append({"role": "user", "content": [result_block(each["id"], "") for each in calls]})
    elif sent[-1]["role"] == "assistant" and live.stop_reason != "pause_turn":
        sent.append(HI)
    check_conversation(sent, paused=live.stop_reason == "pause_turn", signed=True)
