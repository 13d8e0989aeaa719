"""
What every store does for the hub.
"""

from __future__ import annotations

from contextlib import suppress

import anyio
import pytest
from anyio import lowlevel

from streamkit import StreamError
from streamkit.hub import Busy, Diverged, Fenced, Gone
from streamkit.hub._stores.contract import Grant, Limits, Store
from tests.hub.places import LEASE, LIMITS, TTL, Place, batch, is_told, opened, records_of

pytestmark = pytest.mark.anyio

LONG = 1_000.0


# -- appending and reading ----------------------------------------------------------------------------------


async def test_records_are_read_as_they_were_appended(store: Store) -> None:
    grant = await opened(store)
    await store.append("run", grant, batch(1, b"a", b"", at=0.5))
    await store.append("run", grant, batch(3, b"\x00\xff", at=1.25))
    page = await store.read("run", 0)
    assert page is not None
    assert [(each.first, each.last, each.epoch, each.at, [*each.records]) for each in page.batches] == [
        (1, 2, 1, 0.5, [b"a", b""]),
        (3, 3, 1, 1.25, [b"\x00\xff"]),
    ]
    state = page.state
    assert (state.phase, state.epoch, state.last, state.size, state.alive) == ("live", 1, 3, 3, True)
    assert (state.ending, state.cancelled, state.recipe, state.started) == (None, None, None, grant.started)


async def test_the_batch_with_the_record_before_comes_first(store: Store) -> None:
    grant = await opened(store)
    await store.append("run", grant, batch(1, b"1", b"2"))
    await store.append("run", grant, batch(3, b"3", b"4"))
    await store.append("run", grant, batch(5, b"5"))
    for after, firsts in {
        0: [1, 3, 5],
        1: [1, 3, 5],
        2: [1, 3, 5],
        3: [3, 5],
        4: [3, 5],
        5: [5],
        6: [],
    }.items():
        page = await store.read("run", after)
        assert page is not None
        assert [each.first for each in page.batches] == firsts, after
        assert page.state.last == 5


async def test_a_page_has_about_as_many_records_as_are_asked_for_in_whole_batches(store: Store) -> None:
    grant = await opened(store)
    for first in range(1, 31, 3):
        await store.append("run", grant, batch(first, b"a", b"b", b"c"))
    seen: list[int] = []
    after = 0
    while True:
        page = await store.read("run", after, limit=6)
        assert page is not None
        assert len(page.batches) <= 4
        seen += [each.first for each in page.batches if each.first > after]
        if page.batches[-1].last == page.state.last:
            break
        after = page.batches[-1].last
    assert seen == [*range(1, 31, 3)]


async def test_the_same_batch_again_changes_nothing(store: Store) -> None:
    grant = await opened(store)
    for _ in range(3):
        await store.append("run", grant, batch(1, b"a", b"b"))
    await store.append("run", grant, batch(3, b"c"))
    await store.append("run", grant, batch(1, b"a", b"b"))
    await store.append("run", grant, batch(3, b"c"))
    assert await records_of(store) == [b"a", b"b", b"c"]
    page = await store.read("run", 0)
    assert page is not None
    assert page.state.size == 3


async def test_there_is_nothing_to_read_where_there_is_no_log(store: Store) -> None:
    assert await store.read("run", 0) is None
    grant = await opened(store)
    page = await store.read("run", 0)
    assert page is not None
    assert (list(page.batches), page.state.last, grant.last) == ([], 0, 0)


async def test_logs_whose_names_look_alike_are_different_logs(store: Store) -> None:
    names = [
        "a",
        "A",
        "a:b",
        "a/b",
        "a%",
        "a_",
        "a*",
        "{a}",
        "a'",
        'a"',
        "a\\",
        "ä",
        "a b",
        " a",
        "💧",
        "a" * 200,
    ]
    for name in names:
        grant = await opened(store, name)
        await store.append(name, grant, batch(1, name.encode()))
    assert [await records_of(store, name) for name in names] == [[name.encode()] for name in names]
    assert sorted([name async for name, _ in store.runs()]) == sorted(names)
    assert await store.delete("a")
    assert sorted([name async for name, _ in store.runs()]) == sorted(names[1:])


async def test_what_the_store_has_lost_is_not_written_over(store: Store) -> None:
    grant = await opened(store)
    await store.append("run", grant, batch(1, b"a"))
    with pytest.raises(Diverged, match="record 3 of run 'run' cannot be appended: the log ends with 1"):
        await store.append("run", grant, batch(3, b"c"))
    assert await records_of(store) == [b"a"]


async def test_a_log_is_not_larger_than_it_may_be(store: Store) -> None:
    grant = await opened(store, limits=Limits(TTL, 10))
    await store.append("run", grant, batch(1, b"12345"))
    with pytest.raises(
        StreamError, match=r"more than 10 bytes: give connect\(…, max_bytes=…\) more"
    ) as caught:
        await store.append("run", grant, batch(2, b"123456"))
    assert caught.value.type == "full"
    await store.append("run", grant, batch(2, b"12345"))
    await store.end("run", grant, b"full")
    assert await records_of(store) == [b"12345", b"12345"]


# -- one writer ---------------------------------------------------------------------------------------------


async def test_a_log_has_one_writer(store: Store) -> None:
    await opened(store)
    with pytest.raises(Busy, match="run 'run' cannot be begun: it is being written"):
        await opened(store)
    with pytest.raises(Busy):
        await opened(store, takeover=True)
    with pytest.raises(Busy):
        await store.submit("run", "recipe", b"", limits=LIMITS)


async def test_of_eight_that_open_at_once_one_is_the_writer(store: Store) -> None:
    won: list[int] = []

    async def race() -> None:
        with suppress(Busy):
            won.append((await opened(store)).epoch)

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(race)
    assert won == [1]


@pytest.mark.passes_time
async def test_appending_and_renewing_keep_the_lease(store: Store, place: Place) -> None:
    grant = await opened(store)
    for number in range(1, 4):
        await place.pass_time(0.6 * LEASE)
        await store.append("run", grant, batch(number, b"a"))
        await place.pass_time(0.6 * LEASE)
        await store.renew("run", grant)
    with pytest.raises(Busy):
        await opened(store, takeover=True)
    page = await store.read("run", 0)
    assert page is not None
    assert page.state.alive


@pytest.mark.passes_time
async def test_a_log_whose_lease_has_run_out_can_be_taken_over(store: Store, place: Place) -> None:
    first = await opened(store)
    await store.append("run", first, batch(1, b"a", b"b"))
    await place.pass_time(1.2 * LEASE)
    page = await store.read("run", 0)
    assert page is not None
    assert (page.state.phase, page.state.alive) == ("live", False)
    second = await opened(store, takeover=True)
    assert (second.epoch, second.last, second.started, second.takeovers) == (2, 2, first.started, 1)
    await store.append("run", second, batch(3, b"c", epoch=2))
    for refused in (
        store.append("run", first, batch(3, b"x")),
        store.append("run", first, batch(1, b"a", b"b")),
        store.renew("run", first),
        store.end("run", first, b"end"),
    ):
        with pytest.raises(Fenced, match="run 'run' has another writer"):
            await refused
    assert await records_of(store) == [b"a", b"b", b"c"]


@pytest.mark.passes_time
async def test_a_writer_whose_lease_has_run_out_goes_on_where_nobody_has_taken_over(
    store: Store, place: Place
) -> None:
    grant = await opened(store)
    await place.pass_time(1.2 * LEASE)
    await store.append("run", grant, batch(1, b"a"))
    with pytest.raises(Busy):
        await opened(store, takeover=True)


@pytest.mark.passes_time
async def test_a_dead_log_is_replaced_by_one_of_the_next_epoch(store: Store, place: Place) -> None:
    first = await opened(store)
    await store.append("run", first, batch(1, b"a"))
    await place.pass_time(1.2 * LEASE)
    second = await opened(store)
    assert (second.epoch, second.last, second.takeovers) == (2, 0, 0)
    with pytest.raises(Fenced):
        await store.append("run", first, batch(2, b"b"))
    await store.append("run", second, batch(1, b"z", epoch=2))
    assert await records_of(store) == [b"z"]


async def test_a_log_that_has_ended_is_replaced_by_one_of_the_next_epoch(store: Store) -> None:
    first = await opened(store)
    await store.append("run", first, batch(1, b"a"))
    await store.end("run", first, b"end")
    second = await opened(store)
    assert (second.epoch, second.last, second.takeovers) == (2, 0, 0)
    page = await store.read("run", 0)
    assert page is not None
    assert (page.state.phase, page.state.last, page.state.size, page.state.ending) == ("live", 0, 0, None)
    with pytest.raises(Fenced):
        await store.end("run", first, b"end")


async def test_only_what_is_there_and_has_not_ended_is_taken_over(store: Store) -> None:
    with pytest.raises(Gone, match="there is no run 'run'"):
        await opened(store, takeover=True)
    await store.end("run", await opened(store), b"end")
    with pytest.raises(Fenced, match="run 'run' has ended"):
        await opened(store, takeover=True)


async def test_a_lease_can_be_given_up(store: Store) -> None:
    first = await opened(store)
    await store.release("run", first)
    second = await opened(store, takeover=True)
    assert second.epoch == 2
    await store.release("run", first)  # which it has no more
    with pytest.raises(Busy):
        await opened(store, takeover=True)


# -- the end ------------------------------------------------------------------------------------------------


async def test_nothing_is_appended_to_a_log_that_has_ended(store: Store) -> None:
    grant = await opened(store)
    await store.append("run", grant, batch(1, b"a"))
    await store.end("run", grant, b"end")
    await store.end("run", grant, b"end")
    with pytest.raises(Fenced, match="has ended"):
        await store.end("run", grant, b"another")
    with pytest.raises(Fenced, match="has ended"):
        await store.append("run", grant, batch(2, b"b"))
    with pytest.raises(Fenced, match="has ended"):
        await store.renew("run", grant)
    page = await store.read("run", 0)
    assert page is not None
    assert (page.state.phase, page.state.ending, page.state.alive) == ("ended", b"end", False)
    assert await records_of(store) == [b"a"]


async def test_a_log_that_was_deleted_is_gone(store: Store) -> None:
    assert not await store.delete("run")
    grant = await opened(store)
    assert await store.delete("run")
    assert await store.read("run", 0) is None
    for refused in (
        store.append("run", grant, batch(1, b"a")),
        store.renew("run", grant),
        store.end("run", grant, b"end"),
    ):
        with pytest.raises(Gone):
            await refused
    await store.release("run", grant)


async def test_a_writer_has_nothing_to_do_with_a_log_made_after_its_own_was_deleted(store: Store) -> None:
    old = await opened(store)
    await store.append("run", old, batch(1, b"a"))
    assert await store.delete("run")
    assert not await store.delete("run")
    assert [name async for name, _ in store.runs()] == []
    new = await opened(store)
    # Readers too know by the epoch of a record that it is not one of the log that was deleted.
    assert (new.epoch, new.last, new.takeovers) == (2, 0, 0)
    await is_fenced(store, old)
    await store.append("run", new, batch(1, b"z", epoch=2))
    assert await records_of(store) == [b"z"]


@pytest.mark.passes_time
async def test_a_writer_has_nothing_to_do_with_a_log_made_after_its_own_was_over(
    store: Store, place: Place
) -> None:
    old = await opened(store, limits=Limits(LEASE, 10_000))
    await store.delete("run")
    await place.pass_time(1.2 * LEASE)
    new = await opened(store)
    assert new.epoch == old.epoch
    await is_fenced(store, old)
    await store.append("run", new, batch(1, b"z"))
    await store.end("run", new, b"end")
    with pytest.raises(Fenced):
        await store.end("run", old, b"end")


async def is_fenced(store: Store, grant: Grant) -> None:
    for refused in (
        store.append("run", grant, batch(1, b"x", epoch=grant.epoch)),
        store.renew("run", grant),
        store.end("run", grant, b"end"),
    ):
        with pytest.raises(Fenced, match="run 'run' has another writer"):
            await refused
    await store.release("run", grant)
    with pytest.raises(Busy):
        await opened(store)


async def test_what_was_submitted_in_the_place_of_a_deleted_log_has_its_next_epoch(store: Store) -> None:
    await opened(store)
    await store.delete("run")
    await store.submit("run", "chat", b"", limits=LIMITS)
    assert await store.delete("run")
    assert await store.claim(["chat"], lease=LEASE) is None
    await store.submit("run", "chat", b"", limits=LIMITS)
    claim = await store.claim(["chat"], lease=LEASE)
    assert claim is not None
    assert (claim.grant.epoch, claim.grant.takeovers) == (2, 0)


@pytest.mark.passes_time
async def test_a_log_is_gone_when_its_time_is_over(store: Store, place: Place) -> None:
    grant = await opened(store)
    await place.pass_time(0.6 * TTL)
    await store.append("run", grant, batch(1, b"a"))
    await place.pass_time(0.6 * TTL)
    await store.renew("run", grant)
    await place.pass_time(0.6 * TTL)
    await store.end("run", grant, b"end")
    await place.pass_time(0.6 * TTL)
    assert await records_of(store) == [b"a"]
    await place.pass_time(0.6 * TTL)
    assert await store.read("run", 0) is None
    assert [name async for name, _ in store.runs()] == []
    with pytest.raises(Gone):
        await store.end("run", grant, b"end")
    assert not await store.cancel("run", "why")
    assert not await store.delete("run")
    assert (await opened(store)).epoch == 1


# -- cancelling ---------------------------------------------------------------------------------------------


async def test_the_writer_hears_that_its_log_was_cancelled(store: Store) -> None:
    assert not await store.cancel("run", "why")
    grant = await opened(store)
    assert await store.renew("run", grant) is None
    assert await store.append("run", grant, batch(1, b"a")) is None
    assert await store.cancel("run", "why")
    assert await store.cancel("run", "another reason")
    assert await store.append("run", grant, batch(2, b"b")) == "why"
    assert await store.append("run", grant, batch(2, b"b")) == "why"
    assert await store.renew("run", grant) == "why"
    page = await store.read("run", 0)
    assert page is not None
    assert page.state.cancelled == "why"
    await store.end("run", grant, b"end")
    assert not await store.cancel("run", "too late")


# -- watching -----------------------------------------------------------------------------------------------


async def test_a_watch_tells_of_what_changes(store: Store) -> None:
    watch = store.watch("run")
    try:
        await is_told(watch, 0.02)  # once for nothing, where watching has to begin elsewhere
        grant = await opened(store)
        assert await is_told(watch, LONG)
        await store.append("run", grant, batch(1, b"a"))
        assert await is_told(watch, LONG)
        await store.end("run", grant, b"end")
        assert await is_told(watch, LONG)
        await store.delete("run")
        assert await is_told(watch, LONG)
    finally:
        watch.close()


async def test_a_watch_tells_what_has_changed_since_it_was_asked_last(store: Store) -> None:
    grant = await opened(store)
    watch = store.watch("run")
    try:
        await store.append("run", grant, batch(1, b"a"))
        await store.append("run", grant, batch(2, b"a"))
        assert await is_told(watch, LONG)
    finally:
        watch.close()


async def test_a_watch_wakes_whoever_waits(store: Store) -> None:
    grant = await opened(store)
    numbers: list[int] = []

    async def follow() -> None:
        watch = store.watch("run")
        try:
            while True:
                page = await store.read("run", 0)
                assert page is not None
                if page.state.phase == "ended":
                    return
                numbers.append(page.state.last)
                await watch.changed()
        finally:
            watch.close()

    with anyio.fail_after(LONG):
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(follow)
            for number in range(1, 6):
                await anyio.sleep(0.01)
                await store.append("run", grant, batch(number, b"a"))
            await store.end("run", grant, b"end")
    assert {*numbers} <= {*range(6)}


@pytest.mark.passes_time
async def test_a_watch_tells_when_a_lease_runs_out_and_when_a_log_is_over(store: Store, place: Place) -> None:
    await opened(store)
    told: list[str] = []
    dead = anyio.Event()

    async def follow() -> None:
        watch = store.watch("run")
        try:
            while (page := await store.read("run", 0)) is not None:
                if not page.state.alive and not told:
                    told.append("dead")
                    dead.set()
                await watch.changed()
            told.append("gone")
        finally:
            watch.close()

    with anyio.fail_after(LONG):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow)
            await anyio.sleep(0.01)
            await place.pass_time(1.2 * LEASE)
            await dead.wait()
            await place.pass_time(1.2 * TTL)
    assert told == ["dead", "gone"]


# -- what waits for a worker --------------------------------------------------------------------------------


async def test_a_worker_is_given_what_was_submitted(store: Store) -> None:
    await store.submit("run", "chat", b"payload", limits=LIMITS)
    page = await store.read("run", 0)
    assert page is not None
    assert (page.state.phase, page.state.recipe, page.state.alive) == ("waiting", "chat", False)
    assert await store.claim([], lease=LEASE) is None
    assert await store.claim(["draw"], lease=LEASE) is None
    claim = await store.claim(["draw", "chat"], lease=LEASE)
    assert claim is not None
    assert (claim.run, claim.recipe, claim.payload) == ("run", "chat", b"payload")
    assert (claim.grant.epoch, claim.grant.last, claim.grant.takeovers) == (1, 0, 0)
    assert await store.claim(["chat"], lease=LEASE) is None
    await store.append("run", claim.grant, batch(1, b"a"))


@pytest.mark.passes_time
async def test_a_worker_is_given_what_another_one_has_left(store: Store, place: Place) -> None:
    await store.submit("run", "chat", b"payload", limits=LIMITS)
    first = await store.claim(["chat"], lease=LEASE)
    assert first is not None
    await store.append("run", first.grant, batch(1, b"a"))
    assert await store.claim(["chat"], lease=LEASE) is None
    await place.pass_time(1.2 * LEASE)
    with pytest.raises(Busy, match="a worker has it, or will, by recipe 'chat'"):
        await opened(store)
    with pytest.raises(Busy):
        await store.submit("run", "chat", b"payload", limits=LIMITS)
    second = await store.claim(["chat"], lease=LEASE)
    assert second is not None
    assert second.payload == b"payload"
    assert (second.grant.epoch, second.grant.last, second.grant.takeovers) == (2, 1, 1)
    with pytest.raises(Fenced):
        await store.append("run", first.grant, batch(2, b"b"))
    await store.release("run", second.grant)
    third = await store.claim(["chat"], lease=LEASE)
    assert third is not None
    assert third.grant.takeovers == 2


@pytest.mark.passes_time
async def test_what_was_submitted_and_has_ended_is_claimed_no_more(store: Store, place: Place) -> None:
    await store.submit("run", "chat", b"payload", limits=LIMITS)
    first = await store.claim(["chat"], lease=LEASE)
    assert first is not None
    await store.end("run", first.grant, b"end")
    await place.pass_time(1.2 * LEASE)
    assert await store.claim(["chat"], lease=LEASE) is None
    await store.submit("run", "chat", b"another", limits=LIMITS)
    second = await store.claim(["chat"], lease=LEASE)
    assert second is not None
    assert (second.payload, second.grant.epoch, second.grant.takeovers) == (b"another", 2, 0)


@pytest.mark.passes_time
async def test_what_nobody_claims_is_gone_when_its_time_is_over(store: Store, place: Place) -> None:
    await store.submit("run", "chat", b"payload", limits=LIMITS)
    await place.pass_time(1.2 * TTL)
    assert await store.claim(["chat"], lease=LEASE) is None
    assert await store.read("run", 0) is None


async def test_each_log_is_claimed_once(store: Store) -> None:
    names = [f"run-{number}" for number in range(12)]
    for name in names:
        await store.submit(name, "chat", b"", limits=LIMITS)
    claimed: list[str] = []

    async def work() -> None:
        while (claim := await store.claim(["chat"], lease=LEASE)) is not None:
            claimed.append(claim.run)
            await lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(work)
    assert sorted(claimed) == sorted(names)


async def test_workers_are_told_that_something_was_submitted(store: Store) -> None:
    assert await store.claim(["chat"], lease=LEASE) is None
    await store.submit("run", "chat", b"", limits=LIMITS)
    with anyio.fail_after(LONG):
        await store.submitted()
    assert await store.claim(["chat"], lease=LEASE) is not None
    with anyio.fail_after(LONG):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.submitted)
            await anyio.sleep(0.02)
            await store.submit("another", "chat", b"", limits=LIMITS)
