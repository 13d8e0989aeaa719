"""
When records are appended, and how many together.
"""

from __future__ import annotations

import anyio
import pytest

from streamkit.hub._batches import Batches

pytestmark = pytest.mark.virtual_time

Written = list[tuple[float, int]]


class Log:
    """
    Notes when how many records were appended, each in some time.
    """

    def __init__(self, takes: float = 0.0, fails_at: int | None = None) -> None:
        self.written: Written = []
        self.records: list[bytes] = []
        self._takes = takes
        self._fails_at = fails_at
        self._begun = anyio.current_time()

    async def append(self, records: list[bytes]) -> None:
        if len(self.written) == self._fails_at:
            raise OSError("disk full")
        self.written.append((round(anyio.current_time() - self._begun, 3), len(records)))
        self.records += records
        await anyio.sleep(self._takes)


async def test_the_first_is_appended_at_once_and_the_others_together() -> None:
    log = Log()
    batches = Batches(log.append)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(batches.write)
        for number in range(10):
            await batches.add(b"%d" % number)
            await anyio.sleep(0.004)
        await batches.end()
    assert log.written == [(0.0, 1), (0.015, 3), (0.03, 4), (0.04, 2)]
    assert log.records == [b"%d" % number for number in range(10)]


async def test_what_comes_after_a_pause_is_appended_at_once() -> None:
    log = Log()
    batches = Batches(log.append)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(batches.write)
        for _ in range(3):
            await batches.add(b"a")
            await anyio.sleep(1.0)
        await batches.end()
    assert log.written == [(0.0, 1), (1.0, 1), (2.0, 1)]


async def test_a_whole_batch_does_not_wait() -> None:
    log = Log()
    batches = Batches(log.append)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(batches.write)
        for _ in range(100):
            await batches.add(b"a")
        await batches.end()
    assert log.written == [(0.0, 32), (0.0, 32), (0.0, 32), (0.0, 4)]
    log = Log()
    batches = Batches(log.append)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(batches.write)
        for _ in range(4):
            await batches.add(bytes(100_000))
        await batches.end()
    assert log.written == [(0.0, 2), (0.0, 2)]


async def test_whoever_adds_waits_while_too_much_is_waiting() -> None:
    log = Log(takes=1.0)
    batches = Batches(log.append)
    most = 0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(batches.write)
        for number in range(1, 1001):
            await batches.add(b"a")
            most = max(most, number - len(log.records))
        await batches.end()
    assert most <= 257
    assert len(log.records) == 1000
    log = Log(takes=1.0)
    batches = Batches(log.append)
    most = 0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(batches.write)
        for number in range(1, 21):
            await batches.add(bytes(400_000))
            most = max(most, number - len(log.records))
        await batches.end()
    assert most <= 4


async def test_a_failure_reaches_whoever_adds_and_whoever_waits() -> None:
    log = Log(fails_at=1)
    batches = Batches(log.append)
    with pytest.raises(ExceptionGroup) as caught:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(batches.write)
            with anyio.CancelScope(shield=True):
                with pytest.raises(OSError, match="disk full"):
                    for _ in range(1000):
                        await batches.add(b"a")
                        await anyio.sleep(0.001)
                with pytest.raises(OSError, match="disk full"):
                    await batches.end()
    assert isinstance(caught.value.exceptions[0], OSError)
    assert log.records == [b"a"]
