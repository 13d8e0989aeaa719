"""
The semantics of combining streams and of concurrent calls (cases 24, 25, 26 and 30), and what holds for all of these
operators: closed once, cancelled anywhere, no task left.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import pytest
from anyio import lowlevel

import streamkit as sk
from streamkit.testing import marbles, run_virtual
from tests.support.backends import on_both_backends
from tests.support.sources import Watched

pytestmark = pytest.mark.virtual_time


async def same(item: int) -> int:
    await lowlevel.checkpoint()
    return item


def flat(concurrency: int, *streams: sk.Stream[int]) -> sk.Stream[int]:
    by_number = dict(enumerate(streams))
    return sk.from_iterable(by_number) | sk.flat_map(by_number.__getitem__, concurrency=concurrency)


Combine = Callable[[sk.Stream[int], sk.Stream[int]], sk.Stream[Any]]

AT_ONCE: dict[str, Combine] = {
    "merge": sk.merge,
    "zip": sk.zip,
    "race": sk.race,
    "flat_map": lambda a, b: flat(2, a, b),
}
ALL: dict[str, Combine] = {
    **AT_ONCE,
    "concat": sk.concat,
    "flat_map in turn": lambda a, b: flat(1, a, b),
    "map_async": lambda a, b: sk.concat(a, b) | sk.map_async(same),
    "map_async at once": lambda a, b: sk.merge(a, b) | sk.map_async(same, 3),
    "map_async as ready": lambda a, b: sk.concat(a, b) | sk.map_async(same, 3, ordered=False),
    "one in another": lambda a, b: sk.merge(sk.zip(a, b), flat(2, sk.concat(a))),
}

at_once = pytest.mark.parametrize("combine", AT_ONCE.values(), ids=AT_ONCE)
all_of_them = pytest.mark.parametrize("combine", ALL.values(), ids=ALL)


# -- the cases ----------------------------------------------------------------------------------------------


@pytest.mark.case(24)
@pytest.mark.parametrize("n", [2, 3, 5])
async def test_sources_that_are_always_ready_share_evenly_from_the_beginning(n: int) -> None:
    async with sk.merge(*(sk.from_iterable([name] * 1000) for name in range(n))).open() as run:
        got = [item async for item in run]
    for upto in range(0, 1000 * n, 7):
        shares = [got[:upto].count(name) for name in range(n)]
        assert max(shares) - min(shares) <= 1


@pytest.mark.case(25)
@at_once
async def test_the_first_error_cancels_the_siblings_and_awaits_their_cleanup(combine: Combine) -> None:
    failing = Watched(0, every=1, error=ValueError("broken"))
    sibling = Watched(every=7, closing_takes=2)
    if combine is sk.race:
        failing = Watched(1, every=1, error=ValueError("broken"))
    run = combine(failing.stream(), sibling.stream()).open()
    start = anyio.current_time()
    with pytest.raises(ValueError, match="broken"):
        async with run:
            async for _ in run:
                pass
    started = 1 if combine is sk.race else 0
    assert anyio.current_time() - start == started + 2
    assert (failing.closed, sibling.closed, sibling.pulled) == (1, 1, 1)
    assert run.outcome.kind == "failed"


@pytest.mark.case(26)
@pytest.mark.parametrize(
    ("a", "b", "strict"),
    [
        ("a-|", "b---#", True),
        ("a---#", "b-|", True),
        ("a-|", "b-#", True),
        ("a-#", "b-|", True),
        # Without strict, a round ends with the first end, so the error has to come at the same moment.
        ("a-|", "b-#", False),
        ("a-#", "b-|", False),
    ],
)
async def test_in_one_round_an_error_beats_an_end(a: str, b: str, strict: bool) -> None:
    stream = sk.zip(marbles.source(a), marbles.source(b), strict=strict)
    wanted = f"X{'-' * (max(len(a), len(b)) - 2)}#"
    await marbles.expect(stream, wanted, values={"X": ("a", "b")})


@pytest.mark.case(30)
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("concurrency", [1, 2, 3, 10])
async def test_calls_in_flight_are_bounded_and_keep_their_order(concurrency: int, ordered: bool) -> None:
    running = 0
    most = 0

    async def call(item: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await anyio.sleep(7 * item % 5)
        running -= 1
        return item

    got = await (sk.from_iterable(range(40)) | sk.map_async(call, concurrency, ordered=ordered)).collect()
    assert most == concurrency
    assert sorted(got) == list(range(40))
    assert (got == sorted(got)) is (ordered or concurrency == 1)


@pytest.mark.case(30)
@pytest.mark.parametrize("ordered", [True, False])
async def test_the_first_error_cancels_the_other_calls_and_starts_no_new_one(ordered: bool) -> None:
    begun: list[int] = []
    cancelled: list[int] = []

    async def call(item: int) -> int:
        begun.append(item)
        try:
            await anyio.sleep(1 if item == 2 else 60)
        except anyio.get_cancelled_exc_class():
            cancelled.append(item)
            raise
        raise ValueError("broken")

    source = Watched(every=0)
    start = anyio.current_time()
    with pytest.raises(ValueError, match="broken"):
        await (source.stream() | sk.map_async(call, 4, ordered=ordered)).run()
    assert anyio.current_time() - start == 1
    assert begun == [0, 1, 2, 3]
    assert sorted(cancelled) == [0, 1, 3]
    assert source.closed == 1


# -- what holds for all -------------------------------------------------------------------------------------


async def cancelled_after(checkpoints: int, stream: sk.Stream[Any]) -> bool:
    """
    Read `stream`, cancelled from another task after so many checkpoints; whether it was.
    """
    scope = anyio.CancelScope()
    async with anyio.create_task_group() as tasks:
        with scope:

            async def cancel() -> None:
                for _ in range(checkpoints):
                    await lowlevel.checkpoint()
                scope.cancel()

            tasks.start_soon(cancel)
            async with stream.open() as run:
                async for _ in run:
                    pass
        tasks.cancel_scope.cancel()
    return scope.cancelled_caught


@all_of_them
@pytest.mark.parametrize("closing_steps", [0, 3])
async def test_cancelled_at_any_checkpoint_it_closes_each_part_once_and_leaves_no_task(
    combine: Combine, closing_steps: int
) -> None:
    before = len(anyio.get_running_tasks())
    cancelled: list[bool] = []
    for checkpoints in range(40):
        parts = [Watched(4, closing_steps=closing_steps) for _ in range(2)]
        a, b = (part.stream() for part in parts)
        cancelled.append(await cancelled_after(checkpoints, combine(a, b)))
        for part in parts:
            assert part.closed == part.opened, f"cancelled at checkpoint {checkpoints}"
        assert len(anyio.get_running_tasks()) == before
    assert cancelled[:3] == [True] * 3
    assert not cancelled[-1]


@all_of_them
@pytest.mark.parametrize("items", range(7))
async def test_left_early_it_closes_each_part_once(combine: Combine, items: int) -> None:
    parts = [Watched(5, closing_takes=1) for _ in range(2)]
    async with combine(*(part.stream() for part in parts)).open() as run:
        for _ in range(items):
            await anext(run, None)
    assert [part.closed for part in parts] == [part.opened for part in parts]
    assert run.outcome.kind in {"stopped", "complete"}


@all_of_them
async def test_nothing_begins_before_the_first_read(combine: Combine) -> None:
    parts = [Watched(), Watched()]
    async with combine(*(part.stream() for part in parts)).open():
        await anyio.sleep(1)
    assert [part.opened for part in parts] == [0, 0]


@all_of_them
async def test_a_consumer_that_is_stuck_stops_the_reading(combine: Combine) -> None:
    parts = [Watched(1000), Watched(1000)]
    async with combine(*(part.stream() for part in parts)).open() as run:
        await anext(run)
        await anyio.sleep(1000)
        assert max(part.pulled for part in parts) <= 64
        pulled = [part.pulled for part in parts]
        await anyio.sleep(1000)
        assert [part.pulled for part in parts] == pulled


@all_of_them
async def test_it_runs_beside_itself(combine: Combine) -> None:
    parts = [Watched(4), Watched(4)]
    stream = combine(*(part.stream() for part in parts))
    alone = sorted(await stream.collect(), key=repr)
    results: list[list[Any]] = []

    async def collect() -> None:
        results.append(sorted(await stream.collect(), key=repr))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(collect)
    if combine is not sk.race:
        assert results == [alone] * 5
    assert [part.closed for part in parts] == [part.opened for part in parts]


@at_once
async def test_a_part_whose_cleanup_fails_says_so_when_the_stream_is_left(combine: Combine) -> None:
    # The first one also wins the race: the cleanup of a loser is not a failure.
    parts = [Watched(every=1, closing_error=OSError("disk")), Watched(every=2, closing_takes=1)]
    with pytest.raises(OSError, match="disk"):
        async with combine(*(part.stream() for part in parts)).open() as run:
            async for _ in run:
                break
    assert [part.closed for part in parts] == [1, 1]


@at_once
async def test_a_failure_is_not_hidden_by_the_cleanup_that_fails_after_it(combine: Combine) -> None:
    failing = Watched(1, every=1, error=ValueError("broken"))
    sibling = Watched(every=1.25 if combine is sk.race else 1, closing_error=OSError("disk"))
    with pytest.raises(ValueError, match="broken") as caught:
        await combine(failing.stream(), sibling.stream()).run()
    assert sibling.closed == 1
    assert any("OSError" in note for note in caught.value.__notes__)


@all_of_them
async def test_a_failure_in_the_body_comes_out_as_itself(combine: Combine) -> None:
    parts = [Watched(), Watched()]
    with pytest.raises(KeyError, match="mine"):
        async with combine(*(part.stream() for part in parts)).open() as run:
            async for _ in run:
                raise KeyError("mine")
    assert [part.closed for part in parts] == [part.opened for part in parts]


@all_of_them
async def test_take_behind_it_closes_everything(combine: Combine) -> None:
    parts = [Watched(), Watched()]
    run = (combine(*(part.stream() for part in parts)) | sk.take(1)).open()
    async with run:
        assert len([item async for item in run]) == 1
        assert [part.closed for part in parts] == [part.opened for part in parts]
    assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "take")


@on_both_backends
@all_of_them
def test_a_timeout_around_sources_that_are_always_ready_ends_it(combine: Combine, backend: str) -> None:
    def endless() -> sk.Stream[int]:
        async def give() -> AsyncIterator[int]:
            while True:
                yield 1

        return sk.from_iterable(give)

    async def read() -> bool:
        with anyio.move_on_after(0.05) as scope:
            async with combine(endless(), endless()).open() as run:
                async for _ in run:
                    pass
        return scope.cancelled_caught

    assert anyio.run(read, backend=backend)


@on_both_backends
@pytest.mark.parametrize("name", ["merge", "concat", "race"])
def test_a_part_that_can_be_read_once_makes_the_whole_so(name: str, backend: str) -> None:
    combine = ALL[name]

    async def twice() -> None:
        stream = combine(sk.from_iterable(iter([1])), sk.from_iterable([2]))
        assert not stream.source.repeatable
        await stream.run()
        with pytest.raises(RuntimeError, match="cannot be opened twice"):
            await stream.run()
        assert combine(sk.from_iterable([1]), sk.from_iterable([2])).source.repeatable

    run_virtual(twice, backend=backend)


@pytest.mark.parametrize("combine", [sk.merge, sk.concat, sk.zip, sk.race])
def test_what_is_no_stream_is_refused(combine: Callable[..., sk.Stream[Any]]) -> None:
    name = combine.__name__
    with pytest.raises(TypeError, match=rf"{name}\(\) needs at least one stream"):
        combine()
    with pytest.raises(
        TypeError, match=rf"{name}\(\) combines streams, and this is a list: .*from_iterable.*\*streams"
    ):
        combine([sk.from_iterable([1])])
    with pytest.raises(TypeError, match=rf"{name}\(\) combines streams and .*, and this is a Same"):
        combine(sk.take(1))


@pytest.mark.parametrize("name", ["merge", "concat", "zip", "race"])
async def test_any_async_iterable_is_a_part_and_the_text_reads_like_the_source(name: str) -> None:
    async def letters() -> AsyncIterator[str]:
        yield "a"

    combine = getattr(sk, name)
    stream = combine(letters(), sk.from_iterable([1]) | sk.take(1))
    assert repr(stream) == f"{name}(from_iterable(<async_generator>), from_iterable([…]) | take(1))"
    await stream.run()


def test_only_concat_does_without_tasks() -> None:
    plain, busy = sk.from_iterable([1]), sk.from_iterable([1]) | sk.buffer(2)
    assert not sk.concat(plain, plain).concurrent
    assert sk.concat(plain, busy).concurrent
    assert sk.merge(plain).concurrent
    assert sk.zip(plain).concurrent
    assert sk.race(plain).concurrent
