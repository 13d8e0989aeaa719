"""
Workers that are killed (`kill -9`) while they stream an answer of Claude's: another one finishes it.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest

import streamkit as sk
from streamkit import hub as hubs
from streamkit.hub import Lost
from streamkit.testing import FakeClaude, reply, text, tool_use
from tests.hub.killing import two_workers
from tests.hub.places import PLACES, SHARED
from tests.hub.programs import ASK, WORKER_LEASE
from tests.support.patience import patience
from tests.support.profiles import examples

if TYPE_CHECKING:
    from pathlib import Path

    from anyio.abc import TaskGroup

    from streamkit.testing import Reply, Request
    from tests.hub.places import Place

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals"),
]

ROUNDS: Final = examples(pr=1, full=10)
KILLS: Final = examples(pr=2, full=10)
SLACK: Final = 5.0
"""Seconds that a busy machine may take beside what a takeover does. With more than two of them, it has not been busy for most."""
ANSWER: Final = "".join(f"word-{number} " for number in range(40))


@pytest.fixture(params=SHARED)
def place_kind(request: pytest.FixtureRequest) -> type[Place]:
    """
    Each kind of place that other processes see.
    """
    return PLACES[request.param]


def faithful(request: Request) -> Reply:
    """
    The answer from where it has come to, piece by piece.
    """
    said = [message["content"] for message in request.body["messages"] if message["role"] == "assistant"]
    rest = ANSWER.removeprefix("".join(said))
    return reply(text(*(rest[start : start + 8] for start in range(0, len(rest), 8))), pace=0.01)


@pytest.mark.turns(4)
@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_an_answer_is_finished_whoever_is_killed(place: Place, seed: int) -> None:
    chance = random.Random(seed)
    number = 0
    async with (
        FakeClaude(faithful, repeat=True) as server,
        hubs.connect(place.url) as hub,
        two_workers(place.url, server.url) as workers,
    ):
        while workers.killed < KILLS:
            run, recipe = f"run-{number}", ("events", "text")[number % 2]
            number += 1
            await hub.submit(run, recipe, {"run": run, "ask": ASK})
            got: list[Any] = []

            async def follow(tasks: TaskGroup, run: str = run, got: list[Any] = got) -> None:
                got += [record.data async for record in hub.subscribe(run)]
                tasks.cancel_scope.cancel()

            with patience():
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(follow, tasks)
                    process = await workers.that_has_begun(run)
                    for _ in range(chance.randint(1, 2)):
                        await anyio.sleep(chance.random() * 0.6)
                        process = await workers.replaced(process, run)
                    await anyio.sleep_forever()
            assert not any(isinstance(item, sk.Restarted) for item in got)
            assert "".join(got if recipe == "text" else sk.text().over(got)) == ANSWER, run
            if recipe == "events":
                assert list(sk.validate().over(got)) == got
    assert max(workers.takeovers) <= WORKER_LEASE + 1.0 + SLACK
    assert median(workers.takeovers) <= WORKER_LEASE + 1.0 + (SLACK if len(workers.takeovers) < 3 else 0.0)


# -- tools --------------------------------------------------------------------------------------------------

TURNS: Final = ("I look. ", "I look again. ", "That is all.")


def conversation(request: Request) -> Reply:
    """
    The next turn of a conversation that calls a tool twice.
    """
    said = sum(message["role"] == "assistant" for message in request.body["messages"])
    call = [tool_use("note", {"what": said})] if said < 2 else []
    return reply(text(TURNS[said], chunk=2), *call, pace=0.01)


@pytest.mark.turns(4)
@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_tools_with_effects_run_once_whoever_is_killed(place: Place, seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    notes = tmp_path / "notes"
    notes.touch()
    number = 0
    async with (
        FakeClaude(conversation, repeat=True) as server,
        hubs.connect(place.url) as hub,
        two_workers(place.url, server.url) as workers,
    ):
        while workers.killed < KILLS:
            runs = [f"run-{number}-{each}" for each in range(4)]
            number += 1
            for each, run in enumerate(runs):
                payload = {"run": run, "ask": ASK, "notes": str(notes), "effect": each < 2}
                await hub.submit(run, "loop" if each % 2 else "text of a loop", payload)
            told = {run: list[Any]() for run in runs}
            lost: set[str] = set()

            async def follow(run: str, told: dict[str, list[Any]] = told, lost: set[str] = lost) -> None:
                try:
                    async for record in hub.subscribe(run):
                        told[run].append(record.data)
                except Lost:
                    lost.add(run)

            with patience():
                async with anyio.create_task_group() as tasks:
                    for run in runs:
                        tasks.start_soon(follow, run)
                    written = runs[chance.randrange(2)]
                    process = await workers.that_has_begun(written)
                    in_a_tool = chance.random() < 0.8
                    while in_a_tool and written not in notes.read_text():  # noqa: ASYNC110 -- another process writes it
                        await anyio.sleep(0.01)
                    await anyio.sleep(chance.random() * 0.3)
                    workers.kill(process)
                    await workers.begin()
            noted = Counter(notes.read_text().splitlines())
            for each, run in enumerate(runs):
                if each < 2:
                    assert max(noted[f"{run} {turn}"] for turn in (0, 1)) <= 1, noted
                if run in lost:
                    assert each < 2, f"{run} has no tool with effects, and was lost"
                    continue
                last = max(
                    (at for at, item in enumerate(told[run], 1) if isinstance(item, sk.Restarted)), default=0
                )
                rest = told[run][last:]
                assert "".join(sk.text().over(rest) if each % 2 else rest) == "".join(TURNS)
                assert min(noted[f"{run} {turn}"] for turn in (0, 1)) >= 1
