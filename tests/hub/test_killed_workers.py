"""
Workers that are killed (`kill -9`) while they stream an answer of Claude's: another one finishes it.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest

import streamkit as sk
from streamkit import hub as hubs
from streamkit.testing import FakeClaude, reply, text
from tests.hub.places import PLACES, SHARED
from tests.hub.programs import ASK, Running, running
from tests.support.patience import patience
from tests.support.profiles import examples

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from streamkit.testing import Reply, Request
    from tests.hub.places import Place

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals"),
]

ROUNDS: Final = examples(pr=1, full=10)
KILLS: Final = examples(pr=2, full=10)
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


class Workers:
    """
    Two workers, and another one for each that is killed.
    """

    def __init__(self, program: Running) -> None:
        self._program = program
        self._alive: set[int] = set()

    async def begin(self) -> None:
        """
        Begin one more.
        """
        await self._program.ask()

    async def that_has_begun(self, run: str) -> int:
        """
        Wait until a worker has begun a run, and give its process.
        """
        while True:
            what, process, *which = (await self._program.line()).split()
            if what == "ready":
                self._alive.add(int(process))
            elif which == [run] and int(process) in self._alive:
                return int(process)

    def kill(self, process: int) -> None:
        """
        Kill one.
        """
        self._alive.discard(process)
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)

    def kill_all(self) -> None:
        """
        Kill those that are left.
        """
        for process in [*self._alive]:
            self.kill(process)


@pytest.mark.turns(4)
@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_an_answer_is_finished_whoever_is_killed(place: Place, seed: int) -> None:
    chance = random.Random(seed)
    kills = number = 0
    async with (
        FakeClaude(faithful, repeat=True) as server,
        hubs.connect(place.url) as hub,
        running("workers", place.url, server.url) as program,
    ):
        workers = Workers(program)
        try:
            for _ in range(2):
                await workers.begin()
            while kills < KILLS:
                run, recipe = f"run-{number}", ("events", "text")[number % 2]
                number += 1
                await hub.submit(run, recipe, {"run": run, "ask": ASK})
                got: list[Any] = []

                with patience():
                    async with anyio.create_task_group() as tasks:

                        async def follow(
                            run: str = run, got: list[Any] = got, tasks: TaskGroup = tasks
                        ) -> None:
                            got += [record.data async for record in hub.subscribe(run)]
                            tasks.cancel_scope.cancel()

                        tasks.start_soon(follow)
                        for _ in range(chance.randint(1, 2)):
                            process = await workers.that_has_begun(run)
                            await anyio.sleep(chance.random() * 0.6)
                            workers.kill(process)
                            kills += 1
                            await workers.begin()
                        await anyio.sleep_forever()
                assert not any(isinstance(item, sk.Restarted) for item in got)
                assert "".join(got if recipe == "text" else sk.text().over(got)) == ANSWER, run
                if recipe == "events":
                    assert list(sk.validate().over(got)) == got
        finally:
            workers.kill_all()
