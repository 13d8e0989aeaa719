"""
Several processes on one place: what is killed, stopped and left in the middle.
"""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import anyio
import pytest

from streamkit import hub as hubs
from streamkit.hub import Lost
from tests.hub.places import PLACES, SHARED
from tests.hub.programs import LEASE, LIMITS, running
from tests.support.patience import patience

if TYPE_CHECKING:
    from tests.hub.places import Place

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.turns(3),  # of four: each kind of place, and each event loop
    pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals"),
]


@pytest.fixture(params=SHARED)
def place_kind(request: pytest.FixtureRequest) -> type[Place]:
    """
    Each kind of place that other processes see.
    """
    return PLACES[request.param]


async def test_a_process_that_is_killed_loses_nothing_and_its_viewers_are_told(place: Place) -> None:
    got: list[str] = []
    async with hubs.connect(place.url) as hub, running("append", place.url) as writer:
        run = hub.subscribe("run", wait=60.0).open()
        with patience():
            async with run:
                async for record in run:
                    got.append(record.data)
                    if len(got) == 40:
                        writer.signal(signal.SIGKILL)
                        break
                with pytest.raises(Lost):
                    async for record in run:
                        got.append(record.data)
        acknowledged = [int(line) for line in await writer.lines()]
        assert got == [str(number) for number in range(1, len(got) + 1)]
        assert len(got) >= acknowledged[-1]


async def test_a_fork_whose_process_is_killed_is_lost_and_was_not_while_it_was_silent(place: Place) -> None:
    async with hubs.connect(place.url) as hub, running("fork", place.url) as writer:
        async with hub.subscribe("run", wait=60.0).open() as run:
            with patience():
                assert [(await anext(run)).data for _ in range(3)] == ["a", "b", "c"]
                await anyio.sleep(1.5 * LEASE)
                status = await hub.status("run")
                assert status is not None
                assert status.kind == "running"
                writer.signal(signal.SIGKILL)
                with pytest.raises(Lost):
                    await anext(run)
        assert await hub.replay("old").collect() == ["a", "b"]


async def test_a_process_that_was_stopped_for_too_long_is_fenced(place: Place) -> None:
    async with hubs.connect(place.url, lease=LEASE) as hub, running("publish", place.url) as writer:
        assert await writer.line() == "begins"
        async with hub.subscribe("run", wait=60.0).open() as run:
            await anext(run)
            writer.signal(signal.SIGSTOP)
            with patience(), pytest.raises(Lost):
                async for _ in run:
                    pass
        grant = await hub.store.open("run", lease=LEASE, limits=LIMITS, takeover=True)
        writer.signal(signal.SIGCONT)
        said = await writer.lines()
        assert said[0] == "closed"
        assert said[1].startswith("Fenced fenced run 'run' has another writer")
        page = await hub.store.read("run", 0)
        assert page is not None
        assert page.state.last == grant.last


async def test_a_run_is_cancelled_in_another_process_within_a_second(place: Place) -> None:
    async with hubs.connect(place.url) as hub, running("publish", place.url) as writer:
        assert await writer.line() == "begins"
        async with hub.subscribe("run", wait=60.0).open() as run:
            await anext(run)
            with patience(), pytest.raises(hubs.Cancelled, match="enough"):
                assert await hub.cancel("run", "enough")
                async for _ in run:
                    pass
        assert await writer.lines() == ["closed"]
