"""
Virtual time on both backends.
"""

from __future__ import annotations

import time

import anyio
import pytest

from streamkit.testing import DeadlockError, FakeClaude, reply, run_virtual, text, virtual_backend
from tests.support.backends import on_both_backends
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.virtual_time

HOUR = 3600.0


def is_deadlock(error: DeadlockError | ExceptionGroup[Exception]) -> bool:
    return isinstance(error, DeadlockError) or [type(each) for each in error.exceptions] == [DeadlockError]


async def test_time_begins_at_zero() -> None:
    assert anyio.current_time() == 0.0


async def test_a_server_is_refused_at_once() -> None:
    """
    Whether a socket was ready before time jumped would be luck.
    """
    with pytest.raises(
        RuntimeError, match=r"real time, or .* from_sse\(reply\(…\)\.body\) or replay\(path\)$"
    ):
        async with FakeClaude(reply(text("Hi"))):
            pass


async def test_hours_of_sleep_take_no_time() -> None:
    started = time.monotonic()
    for _ in range(24):
        await anyio.sleep(HOUR)
    assert anyio.current_time() == 24 * HOUR
    assert time.monotonic() - started < PATIENCE


async def test_a_sleep_longer_than_the_loop_s_longest_wait_is_exact() -> None:
    await anyio.sleep(0.1)
    await anyio.sleep(1000 * HOUR)
    assert anyio.current_time() == 0.1 + 1000 * HOUR


async def test_wake_times_are_exact_and_in_order() -> None:
    log: list[tuple[str, float]] = []

    async def sleeper(name: str, *delays: float) -> None:
        for delay in delays:
            await anyio.sleep(delay)
            log.append((name, anyio.current_time()))

    async with anyio.create_task_group() as group:
        group.start_soon(sleeper, "a", 0.1, 0.2, 10)
        group.start_soon(sleeper, "b", 0.7)
        group.start_soon(sleeper, "c", 5, 5)
    assert log == [
        ("a", 0.1),
        ("a", 0.1 + 0.2),
        ("b", 0.7),
        ("c", 5.0),
        ("c", 10.0),
        ("a", 0.1 + 0.2 + 10),
    ]


async def test_deadlines_follow_virtual_time() -> None:
    with anyio.move_on_after(HOUR) as scope:
        await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert anyio.current_time() == HOUR
    with pytest.raises(TimeoutError), anyio.fail_after(HOUR):
        await anyio.sleep(2 * HOUR)
    assert anyio.current_time() == 2 * HOUR


async def test_a_cancelled_timer_does_not_move_time() -> None:
    with anyio.move_on_after(3):
        await anyio.sleep(1)
    with anyio.move_on_after(2 * HOUR):
        await anyio.lowlevel.checkpoint()
    await anyio.sleep(10)
    assert anyio.current_time() == 11


async def test_time_waits_for_whoever_is_ready() -> None:
    steps = 0

    async def busy() -> None:
        nonlocal steps
        for _ in range(1000):
            await anyio.lowlevel.checkpoint()
            steps += 1
        assert anyio.current_time() == 0

    async with anyio.create_task_group() as group:
        group.start_soon(busy)
        await anyio.sleep(1e-6)
        assert steps == 1000


@on_both_backends
class TestRunVirtual:
    def test_it_runs_and_returns(self, backend: str) -> None:
        async def work(hours: int) -> float:
            await anyio.sleep(hours * HOUR)
            return anyio.current_time()

        assert run_virtual(work, 5, backend=backend) == 5 * HOUR

    def test_an_exception_comes_out(self, backend: str) -> None:
        async def fail() -> None:
            await anyio.sleep(1)
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            run_virtual(fail, backend=backend)

    def test_a_deadlock_is_an_error(self, backend: str) -> None:
        async def wait() -> None:
            await anyio.sleep(1)
            await anyio.Event().wait()

        with pytest.raises(DeadlockError, match="no timer is set"):
            run_virtual(wait, backend=backend)

    def test_sleeping_for_ever_is_a_deadlock(self, backend: str) -> None:
        with pytest.raises(DeadlockError):
            run_virtual(anyio.sleep_forever, backend=backend)

    def test_a_deadlock_in_child_tasks_ends_them(self, backend: str) -> None:
        ended: list[str] = []

        async def child(name: str) -> None:
            try:
                await anyio.Event().wait()
            finally:
                ended.append(name)

        async def main() -> None:
            async with anyio.create_task_group() as group:
                group.start_soon(child, "a")
                group.start_soon(child, "b")

        with pytest.raises((DeadlockError, ExceptionGroup)) as caught:
            run_virtual(main, backend=backend)
        assert (
            caught.value if isinstance(caught.value, DeadlockError) else caught.group_contains(DeadlockError)
        )
        assert sorted(ended) == ["a", "b"]


def test_there_is_no_other_backend() -> None:
    with pytest.raises(ValueError, match=r"virtual_backend\('curio'\)"):
        virtual_backend("curio")
