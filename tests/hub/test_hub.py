"""
Runs under an id, and those who follow them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

import streamkit as sk
from streamkit import hub as hubs
from streamkit.hub import Busy, Cancelled, Diverged, Failed, Gap, Gone, Hub, Lost, Record
from streamkit.hub._stores.contract import Page
from tests.hub.places import LEASE, LIMITS, TTL, Place, batch, opened
from tests.support.sources import Watched

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio

words = sk.from_iterable(["one ", "two ", "three"])


@pytest.fixture
async def hub(place: Place) -> AsyncIterator[Hub]:
    async with connect(place) as hub:
        yield hub


def connect(place: Place, *, max_bytes: int = 1_000_000) -> Hub:
    return hubs.connect(place.url, lease=LEASE, ttl=TTL, max_bytes=max_bytes)


async def data(stream: sk.Stream[Record]) -> list[Any]:
    return [record.data async for record in stream]


class Held:
    """
    A stream that gives its items one at a time, when it is told to.
    """

    def __init__(self) -> None:
        self.closed = 0
        self._send, self._receive = anyio.create_memory_object_stream[Any](0)

    def stream(self) -> sk.Stream[Any]:
        return sk.from_iterable(self._items)

    async def give(self, *items: Any) -> None:
        for item in items:
            await self._send.send(item)

    def end(self) -> None:
        self._send.close()

    async def _items(self) -> AsyncIterator[Any]:
        try:
            async for item in self._receive:
                yield item
        finally:
            self._send.close()
            self._receive.close()
            self.closed += 1


# -- following ----------------------------------------------------------------------------------------------


async def test_a_viewer_gets_every_record_and_the_end(hub: Hub) -> None:
    hub.start("run", words)
    async with hub.subscribe("run").open() as run:
        records = [record async for record in run]
    assert records == [Record("1-1", "one "), Record("2-1", "two "), Record("3-1", "three")]
    assert run.outcome.kind == "complete"


async def test_a_viewer_goes_on_behind_any_record(hub: Hub) -> None:
    await hub.publish("run", sk.from_iterable(range(100)))
    ids = [record.id async for record in hub.subscribe("run")]
    assert ids == [f"{number}-1" for number in range(1, 101)]
    for number in (1, 31, 32, 33, 99, 100):
        assert await data(hub.subscribe("run", after=f"{number}-1")) == [*range(number, 100)]
    stream = hub.subscribe("run", after="98-1")
    assert await stream.collect() == await stream.collect()  # a stream is a description


async def test_what_is_appended_is_there_before_more_comes(hub: Hub) -> None:
    held = Held()
    hub.start("run", held.stream())
    async with hub.subscribe("run").open() as run:
        for word in ("a", ("name", "b"), {"c": 1}):
            await held.give(word)
            assert (await anext(run)).data == word
        held.end()
        assert [record async for record in run] == []


async def test_a_slow_viewer_slows_nobody_down(hub: Hub) -> None:
    held = Held()
    hub.start("run", held.stream())
    async with hub.subscribe("run").open() as slow, hub.subscribe("run").open() as quick:
        await held.give("0")
        assert (await anext(slow)).data == "0"
        for number in range(1, 300):
            await held.give(str(number))
        held.end()
        assert [record.data async for record in quick] == [str(number) for number in range(300)]
        assert [record.data async for record in slow] == [str(number) for number in range(1, 300)]


async def test_a_viewer_that_goes_cancels_nothing(hub: Hub) -> None:
    held = Held()
    hub.start("run", held.stream())
    await held.give("a")
    assert (await hub.subscribe("run").first()).data == "a"
    await held.give("b")
    held.end()
    assert await data(hub.subscribe("run")) == ["a", "b"]
    assert held.closed == 1


async def test_a_viewer_that_is_cut_200_times_misses_nothing(hub: Hub) -> None:
    pieces = [f"{number} " for number in range(200)]

    async def slowly() -> AsyncIterator[str]:
        for piece in pieces:
            await anyio.sleep(0.0005)
            yield piece

    hub.start("run", sk.from_iterable(slowly))
    got: list[str] = []
    last: str | None = None
    for _ in range(200):
        record = await hub.subscribe("run", after=last).first()
        last = record.id
        got.append(record.data)
    assert got == pieces
    assert await hub.subscribe("run", after=last).collect() == []


async def test_the_end_that_was_read_already_can_be_read_again(hub: Hub) -> None:
    await hub.publish("run", words)
    async with hub.subscribe("run", after="3-1").open() as run:
        assert [record async for record in run] == []
    assert run.outcome.kind == "complete"


async def test_a_run_that_is_not_there_yet_is_waited_for(hub: Hub) -> None:
    async def later() -> None:
        await anyio.sleep(0.05)
        await hub.publish("run", words)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(later)
        assert await data(hub.subscribe("run", wait=60.0)) == ["one ", "two ", "three"]


async def test_a_run_that_never_comes_is_gone(hub: Hub) -> None:
    for wait in (0.0, 0.05):
        with pytest.raises(Gone, match="there is no run 'run'") as caught:
            await hub.subscribe("run", wait=wait).collect()
        assert caught.value.status_code == 410
    with pytest.raises(Gone):  # a record of it was there, so it has been
        await hub.subscribe("run", after="1-1", wait=1e9).collect()


async def test_a_run_that_was_just_started_is_followed_and_not_the_one_before(hub: Hub) -> None:
    for number in range(3):
        hub.start("run", sk.from_iterable([number]))
        assert await data(hub.subscribe("run", wait=0)) == [number]


# -- how a run ends -----------------------------------------------------------------------------------------


async def test_a_run_that_is_stopped_on_purpose_has_ended(hub: Hub) -> None:
    outcome = await hub.publish("run", words | sk.take(2))
    assert (outcome.kind, outcome.stopped_by) == ("stopped", "take")
    async with hub.subscribe("run").open() as run:
        assert [record.data async for record in run] == ["one ", "two "]
    assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "take")


async def test_a_failure_comes_behind_what_was_read(hub: Hub) -> None:
    error = sk.StreamError(
        "overloaded", type="overloaded_error", status_code=529, retriable=True, request_id="req_1"
    )
    outcome = await hub.publish("run", Watched(3, error=error).stream())
    assert (outcome.kind, outcome.error) == ("failed", error)
    got: list[Any] = []
    async with hub.subscribe("run").open() as run:
        with pytest.raises(Failed, match="StreamError: overloaded") as caught:
            async for record in run:
                got.append(record.data)
    assert got == [0, 1, 2]
    assert (caught.value.type, caught.value.status_code) == ("overloaded_error", 529)
    assert (caught.value.retriable, caught.value.request_id) == (True, "req_1")
    assert run.outcome.kind == "failed"


async def test_an_answer_that_was_cut_is_truncated_for_its_viewers(hub: Hub) -> None:
    outcome = await hub.publish("run", Watched(1, error=sk.StreamTruncated()).stream())
    assert outcome.kind == "truncated"
    async with hub.subscribe("run").open() as run:
        with pytest.raises(Failed, match="the stream ended before the message did"):
            await anext(run)
            await anext(run)
    assert run.outcome.kind == "truncated"


async def test_an_item_that_cannot_be_kept_ends_the_run(hub: Hub) -> None:
    source = Watched(2)
    with pytest.raises(TypeError, match="a hub cannot keep an item of type object"):
        await hub.publish("run", source.stream().map(lambda number: number or object()))
    assert source.closed == 1
    broken = Watched(5)
    with pytest.raises(TypeError, match="a hub cannot keep"):
        await hub.publish("run", broken.stream().map(lambda number: number if number < 3 else object()))
    assert broken.closed == 1
    got: list[Any] = []
    with pytest.raises(Failed, match="a hub cannot keep an item of type object"):
        async for record in hub.subscribe("run"):
            got.append(record.data)
    assert got == [0, 1, 2]


async def test_a_run_that_is_too_large_ends(place: Place) -> None:
    source = Watched(100)
    async with connect(place, max_bytes=300) as hub:
        with pytest.raises(sk.StreamError, match="would have more than 300 bytes") as caught:
            await hub.publish("run", source.stream().map(lambda number: f"{number:10}"))
        assert caught.value.type == "full"
        assert source.closed == 1
        got: list[Any] = []
        with pytest.raises(Failed) as failed:
            async for record in hub.subscribe("run"):
                got.append(int(record.data))
        assert failed.value.type == "full"
        assert got == [*range(len(got))]
        assert 0 < len(got) < 28


# -- stopping -----------------------------------------------------------------------------------------------


async def test_a_run_is_cancelled_from_anywhere(place: Place) -> None:
    held = Held()
    async with connect(place) as hub:
        hub.start("run", held.stream())
        await held.give("a")
        async with hub.subscribe("run").open() as run:
            with pytest.raises(Cancelled, match="run 'run' was cancelled: enough") as caught:
                assert (await anext(run)).data == "a"
                assert await hub.cancel("run", "enough")
                await anext(run)
        assert caught.value.reason == "enough"
        assert run.outcome.kind == "cancelled"
        assert held.closed == 1
        assert not await hub.cancel("run")
        assert not await hub.cancel("another")


async def test_a_run_is_cancelled_from_another_process(place: Place) -> None:
    held = Held()
    async with connect(place) as hub:
        hub.start("run", held.stream())
        await held.give("a")
        await hub.subscribe("run").first()
        with anyio.fail_after(1.0):
            assert await hub.store.cancel("run", "enough")  # as the hub of another process does
            with pytest.raises(Cancelled):
                await hub.subscribe("run").collect()
        assert held.closed == 1


async def test_publishing_a_run_that_is_cancelled_tells_so(hub: Hub) -> None:
    source = Watched(1000, every=0.01)

    async def cancel() -> None:
        await hub.subscribe("run").first()
        await hub.cancel("run", "enough")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cancel)
        outcome = await hub.publish("run", source.stream())
        assert (outcome.kind, outcome.stopped_by) == ("stopped", "cancel: enough")


async def test_a_run_whose_process_is_told_to_stop_is_cancelled(place: Place, hub: Hub) -> None:
    source = Watched(1000, every=0.001)
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hub.publish, "run", source.stream())
            await hub.subscribe("run").first()
            scope.cancel()
    assert source.closed == 1
    with pytest.raises(Cancelled, match="its process was stopped"):
        got = [record.data async for record in hub.subscribe("run")]
        assert got == [*range(source.pulled)]


async def test_leaving_a_hub_waits_for_its_runs_and_an_error_cancels_them(place: Place) -> None:
    done, cut = Watched(5), Watched(1000, every=10.0)
    async with connect(place) as hub:
        hub.start("run", done.stream())
    assert done.closed == 1
    with pytest.raises(KeyError):
        async with connect(place) as hub:
            hub.start("another", cut.stream())
            await anyio.sleep(0.05)
            raise KeyError("the body's own")
    assert cut.closed == cut.opened == 1


async def test_a_run_that_was_deleted_is_gone_for_all(hub: Hub) -> None:
    held = Held()
    failed: list[BaseException] = []

    async def publish() -> None:
        try:
            await hub.publish("run", held.stream())
        except Gone as error:
            failed.append(error)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(publish)
        await held.give("a")
        async with hub.subscribe("run").open() as run:
            with pytest.raises(Gone):
                assert (await anext(run)).data == "a"
                assert await hub.delete("run")
                await anext(run)
    assert len(failed) == held.closed == 1
    assert not await hub.delete("run")
    assert await hub.status("run") is None


# -- what becomes of a log ----------------------------------------------------------------------------------


@pytest.mark.passes_time
async def test_a_run_whose_process_has_died_is_lost(hub: Hub, place: Place) -> None:
    grant = await opened(hub.store)
    await hub.store.append("run", grant, batch(1, b"sa"))
    got: list[Any] = []

    async def die() -> None:
        await place.pass_time(1.2 * LEASE)

    run = hub.subscribe("run").open()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(die)
        async with run:
            with pytest.raises(Lost, match="run 'run' is lost: its writer has died") as caught:
                async for record in run:
                    got.append(record.data)
            assert caught.value.retriable
    assert got == ["a"]
    assert run.outcome.kind == "truncated"
    status = await hub.status("run")
    assert status is not None
    assert (status.kind, status.ended, status.last) == ("lost", True, "1-1")


async def test_a_silent_minute_is_no_death(place: Place) -> None:
    if place.name != "memory":
        pytest.skip("in virtual time")
    async with connect(place) as hub:
        hub.start("run", Watched(2, every=60.0).stream())
        assert await data(hub.subscribe("run")) == [0, 1]


@pytest.mark.passes_time
async def test_a_run_is_gone_when_its_time_is_over(hub: Hub, place: Place) -> None:
    await hub.store.submit("run", "recipe", b"", limits=LIMITS)

    async def expire() -> None:
        await anyio.sleep(0.05)
        await place.pass_time(1.2 * TTL)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(expire)
        with pytest.raises(Gone):
            await hub.subscribe("run", wait=0).collect()


async def test_a_viewer_tells_that_the_log_is_another_one(hub: Hub) -> None:
    await hub.publish("run", sk.from_iterable("abc"))
    await hub.publish("run", sk.from_iterable("xyz"))
    for after in ("2-1", "4-2"):
        with pytest.raises(Diverged, match=f"is not the one that has given record {after}") as caught:
            await hub.subscribe("run", after=after).collect()
        assert caught.value.status_code == 409
    assert await data(hub.subscribe("run", after="2-2")) == ["z"]
    await hub.delete("run")
    await hub.publish("run", sk.from_iterable("uvw"))
    with pytest.raises(Diverged):
        await hub.subscribe("run", after="2-2").collect()


async def test_a_viewer_tells_that_the_log_was_begun_anew_while_it_read(hub: Hub) -> None:
    grant = await opened(hub.store)
    await hub.store.append("run", grant, batch(1, b"sa"))
    async with hub.subscribe("run").open() as run:
        with pytest.raises(Diverged):
            assert (await anext(run)).data == "a"
            await hub.delete("run")
            other = await opened(hub.store)
            await hub.store.append("run", other, batch(1, b"sb", b"sc"))
            await anext(run)


async def test_a_viewer_tells_that_the_log_was_trimmed(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    await hub.publish("run", sk.from_iterable(range(100)))
    read = hub.store.read

    async def trimmed(run: str, after: int, *, limit: int = 512) -> Page | None:
        page = await read(run, after, limit=limit)
        assert page is not None
        return Page([each for each in page.batches if each.first > 40], page.state)

    monkeypatch.setattr(hub.store, "read", trimmed)
    for after in (None, "3-1"):
        with pytest.raises(Gap, match="somebody has trimmed its log") as caught:
            await hub.subscribe("run", after=after).collect()
        assert caught.value.status_code == 410


async def test_two_runs_of_one_id_are_refused(hub: Hub) -> None:
    held = Held()
    hub.start("run", held.stream())
    with pytest.raises(Busy):
        hub.start("run", words)
    await held.give("a")
    with pytest.raises(Busy, match="it is being written") as caught:
        await hub.publish("run", words)
    assert caught.value.status_code == 409
    held.end()
    assert await data(hub.subscribe("run")) == ["a"]


async def test_the_status_tells_where_a_run_stands(hub: Hub) -> None:
    assert await hub.status("run") is None
    held = Held()
    hub.start("run", held.stream())
    await held.give("a", "b")
    async with hub.subscribe("run").open() as run:
        await anext(run)
        await anext(run)
        status = await hub.status("run")
        assert status is not None
        assert (status.id, status.kind, status.last, status.bytes) == ("run", "running", "2-1", 4)
        assert not status.ended
        assert status.started is not None
        held.end()
        assert [record async for record in run] == []
    status = await hub.status("run")
    assert status is not None
    assert (status.kind, status.ended, status.to_dict()["last"]) == ("complete", True, "2-1")
    assert [each async for each in hub.runs()] == [status]
    await hub.publish("run", words | sk.take(1))
    status = await hub.status("run")
    assert status is not None
    assert (status.kind, status.stopped_by) == ("stopped", "take")


# -- what comes from outside --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "after",
    [
        *("", "1", "-1", "1-", "0-1", "1-0", "01-1", "1-1-1", "1-x", "x-1", "$", "1.0-1", "+1-1"),
        *(" 1-1", "1-1\n", "1 - 1", "\u0661-\u0661", "9" * 40 + "-1"),
    ],
)
async def test_an_id_that_no_record_has_is_refused(hub: Hub, after: str) -> None:
    with pytest.raises(ValueError, match="the id of a record such as '57-1'"):
        hub.subscribe("run", after=after)


@pytest.mark.parametrize("run", ["", "a" * 201, "a\nb", "a\x00", "\ud83d", "a\u200b", "\u2028"])
async def test_an_id_that_no_run_can_have_is_refused(hub: Hub, run: str) -> None:
    match = r"needs the id of a run: 1 to 200 printable characters"
    with pytest.raises(ValueError, match=match):
        hub.subscribe(run)
    with pytest.raises(ValueError, match=match):
        hub.start(run, words)
    for call in (hub.publish(run, words), hub.status(run), hub.cancel(run), hub.delete(run)):
        with pytest.raises(ValueError, match=match):
            await call
    assert [name async for name, _ in hub.store.runs()] == []


async def test_arguments_of_another_type_are_refused(hub: Hub) -> None:
    wrong: Any = 5
    with pytest.raises(TypeError, match="needs the id of a run, a string, not int"):
        hub.subscribe(wrong)
    with pytest.raises(TypeError, match="is the id of a record, a string, or None, not int"):
        hub.subscribe("run", after=wrong)
    with pytest.raises(TypeError, match=r"start\(\) needs a stream, such as"):
        hub.start("run", wrong)
    with pytest.raises(TypeError, match=r"publish\(\) needs a stream, such as"):
        await hub.publish("run", wrong)
    with pytest.raises(TypeError, match="a text for reason, not int"):
        await hub.cancel("run", wrong)
    with pytest.raises(ValueError, match="at least 0 for wait, not -1"):
        hub.subscribe("run", wait=-1)
    with pytest.raises(TypeError, match="a number of seconds for wait, not 'soon'"):
        hub.subscribe("run", wait="soon")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("url", ["", "runs.db", "http://localhost", "mysql://a", "sqlite", "memory:name"])
def test_a_url_that_names_no_store_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="memory:"):
        hubs.connect(url)


def test_limits_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match=r"a number of seconds above 0 for ttl, not 0"):
        hubs.connect("memory:", ttl=0)
    with pytest.raises(ValueError, match=r"a number of seconds above 0 for lease, not -1"):
        hubs.connect("memory:", lease=-1)
    with pytest.raises(ValueError, match=r"at least 1 for max_bytes, not 0"):
        hubs.connect("memory:", max_bytes=0)
    with pytest.raises(ValueError, match=r"ttl=1.0\) must be at least lease=5.0"):
        hubs.connect("memory:", ttl=1.0)
    with pytest.raises(TypeError, match="needs a URL, a string, not int"):
        hubs.connect(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def test_a_hub_is_used_while_it_is_open(place: Place) -> None:
    hub = connect(place)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="this hub is not open"):
            hub.start("run", words)
        with pytest.raises(RuntimeError, match="this hub is not open"):
            await hub.status("run")
        with pytest.raises(RuntimeError, match="this hub is not open"):
            await hub.subscribe("run").collect()
        async with hub:
            await hub.publish("run", words)
            with pytest.raises(RuntimeError, match="this hub is open already"):
                async with hub:
                    pass


async def test_a_viewer_that_is_left_behind_when_its_hub_is_left_does_not_hang(place: Place) -> None:
    begun, ended = anyio.Event(), anyio.Event()

    async def follow(hub: Hub) -> None:
        with pytest.raises(RuntimeError):
            async with hub.subscribe("run", wait=1e6).open() as run:
                begun.set()
                await anext(run)
        ended.set()

    async with anyio.create_task_group() as tasks:
        async with connect(place) as hub:
            tasks.start_soon(follow, hub)
            await begun.wait()
            await anyio.sleep(0.02)
        with anyio.fail_after(1e5):
            await ended.wait()
