"""
Times of many names, for which one timer waits: each rings when it is time and not before, however often it was put off.
"""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from math import inf
from typing import TYPE_CHECKING

import anyio
import pytest

from streamkit.hub._stores.alarms import Alarms

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

pytestmark = pytest.mark.virtual_time


class Clock:
    """
    Alarms that note when they ring.
    """

    def __init__(self) -> None:
        self.alarms = Alarms(self._ring)
        self.rung: list[tuple[float, str]] = []

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        self._began = anyio.current_time()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.alarms.run)
            yield
            tasks.cancel_scope.cancel()

    def set(self, name: str, due: float) -> None:
        """
        Set a name's time, in seconds from the beginning.
        """
        self.alarms.set(name, self._began + due)

    def _ring(self, name: str) -> None:
        self.rung.append((round(anyio.current_time() - self._began, 6), name))


async def test_each_rings_at_its_time() -> None:
    clock = Clock()
    async with clock.running():
        for name, due in {"b": 2.0, "c": 3.0, "a": 1.0, "now": 0.0, "past": -1.0, "never": inf}.items():
            clock.set(name, due)
        await anyio.sleep(10.0)
    assert clock.rung == [(0.0, "past"), (0.0, "now"), (1.0, "a"), (2.0, "b"), (3.0, "c")]


async def test_one_that_is_put_off_rings_at_the_last_of_its_times() -> None:
    clock = Clock()
    async with clock.running():
        for number in range(20):
            clock.set("a", 1.0 + 0.5 * number)
            await anyio.sleep(0.5)
        assert clock.rung == []
        await anyio.sleep(10.0)
    assert clock.rung == [(10.5, "a")]


async def test_one_that_is_brought_forward_rings_then() -> None:
    clock = Clock()
    async with clock.running():
        clock.set("a", 5.0)
        await anyio.sleep(0.5)
        clock.set("a", 1.0)
        await anyio.sleep(10.0)
    assert clock.rung == [(1.0, "a")]


async def test_one_that_is_dropped_does_not_ring() -> None:
    clock = Clock()
    async with clock.running():
        for name in "ab":
            clock.set(name, 1.0)
        clock.alarms.drop("a")
        clock.set("b", inf)
        await anyio.sleep(2.0)
    assert clock.rung == []


async def test_of_those_that_are_dropped_nothing_is_kept() -> None:
    clock = Clock()
    async with clock.running():
        for number in range(1_000):
            clock.set(f"{number}", 3600.0)
            clock.alarms.drop(f"{number}")
    assert len(clock.alarms) < 200


async def test_whatever_is_set_and_dropped_each_rings_once_and_at_its_last_time() -> None:
    chance = random.Random(1)
    clock = Clock()
    due: dict[str, float] = {}
    meant: list[tuple[float, str]] = []

    def pass_until(now: float) -> None:
        for name in [name for name, at in due.items() if at <= now]:
            meant.append((due.pop(name), name))

    async with clock.running():
        for step in range(2_000):
            now = step * 0.01
            pass_until(now)
            name = chance.choice("abcdefgh")
            if chance.random() < 0.2:
                due.pop(name, None)
                clock.alarms.drop(name)
            else:
                due[name] = round(now + chance.randrange(1, 40) * 0.01 + 0.005, 6)
                clock.set(name, due[name])
            await anyio.sleep(0.01)
        await anyio.sleep(10.0)
        pass_until(inf)
    assert sorted(clock.rung) == sorted(meant)
