"""
Transducers: pure operators of one's own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import pytest

import streamkit as sk

A = TypeVar("A")


class Pairs(sk.Transducer[A, tuple[A, A]], Generic[A]):
    def __init__(self) -> None:  # without super().__init__()
        self.waiting: list[A] = []

    def feed(self, item: A) -> Iterable[tuple[A, A]]:
        self.waiting.append(item)
        if len(self.waiting) == 2:
            first, second = self.waiting
            self.waiting.clear()
            yield first, second

    def flush(self) -> Iterable[tuple[A, A]]:
        for item in self.waiting:
            yield item, item

    def reset(self) -> None:
        self.waiting.clear()


class UpTo(sk.Transducer[int, int]):
    """
    Ends at a limit, and says goodbye.
    """

    def __init__(self, limit: int, *, goodbye: int = -1) -> None:
        self.limit = limit
        self.goodbye = goodbye

    def feed(self, item: int) -> Iterable[int]:
        if item >= self.limit:
            self.done = True
        return (item, item)

    def flush(self) -> Iterable[int]:
        return (self.goodbye,)


def plus(a: int, b: int) -> int:
    return a + b


@dataclass
class Restart:
    __restart__: ClassVar[bool] = True
    at: int = 0


async def test_feed_and_flush() -> None:
    assert await (sk.from_iterable("abc") | Pairs[str]()).collect() == [("a", "b"), ("c", "c")]
    assert list(Pairs[str]().over("abc")) == [("a", "b"), ("c", "c")]


async def test_each_run_has_a_fresh_state() -> None:
    pairs = Pairs[int]()
    stream = sk.from_iterable([1, 2, 3]) | pairs
    async with stream.open() as run:
        await anext(run)
    assert await stream.collect() == await stream.collect() == [(1, 2), (3, 3)]
    assert pairs.waiting == []


async def test_one_instance_may_stand_twice_in_a_pipeline() -> None:
    pairs = Pairs[Any]()
    assert await (sk.from_iterable([1, 2, 3, 4]) | pairs | pairs).collect() == [((1, 2), (3, 4))]


async def test_a_fresh_instance_gets_the_same_arguments() -> None:
    stream = sk.from_iterable(range(100)) | UpTo(2, goodbye=-7)
    assert await stream.collect() == await stream.collect() == [0, 0, 1, 1, 2, 2, -7]


async def test_done_ends_the_stream_after_what_was_fed_and_flush_is_called_and_upstream_closed() -> None:
    log: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            for n in range(100):
                log.append(f"give {n}")
                yield n
        finally:
            log.append("closed")

    stream = (sk.from_iterable(numbers) | UpTo(1)).tap(lambda n: log.append(f"got {n}"))
    async with stream.open() as run:
        assert [n async for n in run] == [0, 0, 1, 1, -1]
        assert log == ["give 0", "got 0", "got 0", "give 1", "got 1", "got 1", "closed", "got -1"]
    assert run.outcome.kind == "stopped"
    assert run.outcome.stopped_by == "UpTo"


async def test_a_stage_that_is_done_from_the_start_asks_for_nothing() -> None:
    class Never(sk.Transducer[int, int]):
        def __init__(self) -> None:
            self.done = True

        def feed(self, item: int) -> Iterable[int]:
            raise AssertionError("nothing was to be fed")

        def flush(self) -> Iterable[int]:
            return (7,)

    def numbers() -> Any:
        raise AssertionError("nothing was to be read")
        yield

    assert await (sk.from_iterable(numbers) | Never()).collect() == [7]
    assert list(Never().over(numbers())) == [7]


async def test_where_the_stream_starts_over_so_does_the_stage() -> None:
    restart = Restart()
    items: list[Any] = [1, restart, 2, 3, 4]
    wanted = [restart, (2, 3), (4, 4)]
    pairs = Pairs[Any]()
    assert await (sk.from_iterable(items) | pairs).collect() == wanted
    assert list(pairs.over(items)) == wanted
    assert await (sk.from_iterable(items) | sk.batch(2)).collect() == [restart, [2, 3], [4]]
    running = sk.scan(plus, 0)
    assert await (sk.from_iterable(items) | running).collect() == [1, restart, 2, 5, 9]


async def test_a_stage_of_another_kind_of_output_can_keep_the_restart_to_itself() -> None:
    class Sizes(sk.Transducer[Any, int]):
        passes_restarts = False

        def __init__(self) -> None:
            self.count = 0

        def feed(self, item: Any) -> Iterable[int]:
            self.count += 1
            return (self.count,)

        def reset(self) -> None:
            self.count = 0

    assert await (sk.from_iterable(["a", "b", Restart(), "c"]) | Sizes()).collect() == [1, 2, 1]


@dataclass
class NoRestart:
    __restart__: ClassVar[object] = "yes"  # anything but True is none
    log: list[str] = field(default_factory=list[str])


async def test_only_true_is_a_restart() -> None:
    item = NoRestart()
    pairs = Pairs[Any]()
    assert await (sk.from_iterable([1, item]) | pairs).collect() == [(1, item)]


async def test_bad_arguments_are_refused_where_it_is_made() -> None:
    with pytest.raises(TypeError):
        UpTo()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def test_a_transducer_without_feed_says_what_is_missing() -> None:
    class Empty(sk.Transducer[int, int]):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty must define feed\(self, item\)"):
        await (sk.from_iterable([1]) | Empty()).collect()


async def test_an_error_in_feed_or_flush_is_the_error_of_the_stream() -> None:
    class Fails(sk.Transducer[int, int]):
        def __init__(self, where: str) -> None:
            self.where = where

        def feed(self, item: int) -> Iterable[int]:
            if self.where == "feed":
                raise LookupError("feed")
            return (item,)

        def flush(self) -> Iterable[int]:
            raise LookupError("flush")

    for where in ("feed", "flush"):
        run = (sk.from_iterable([1]) | Fails(where)).open()
        with pytest.raises(LookupError, match=where):
            await drain(run)
        assert run.outcome.kind == "failed"


async def drain(run: sk.Run[Any]) -> None:
    async with run:
        async for _ in run:
            pass
