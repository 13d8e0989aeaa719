"""
Runs that begin as another one does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

import streamkit as sk
from streamkit import events, hub as hubs
from streamkit.hub import Busy, Cancelled, Diverged, Failed, Gap, Gone, Hub
from streamkit.hub._items import encode_item
from streamkit.hub._stores.contract import Page
from streamkit.testing import FakeClaude, reply, text
from tests.hub.places import LEASE, TTL, Place, batch, opened
from tests.hub.programs import ASK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamkit.hub._stores.contract import Batch, Grant
    from streamkit.testing import Reply, Request

pytestmark = pytest.mark.anyio

ANSWER = [events.from_dict(event) for event in reply(text("Old pond, ", "a frog ", "leaps in.")).events]


@pytest.fixture
async def hub(place: Place) -> AsyncIterator[Hub]:
    async with connect(place) as hub:
        yield hub


def connect(place: Place, *, max_bytes: int = 1_000_000) -> Hub:
    return hubs.connect(place.url, lease=LEASE, ttl=max(TTL, 60.0), max_bytes=max_bytes)


async def data(hub: Hub, run: str) -> list[Any]:
    return [record.data async for record in hub.subscribe(run, wait=0)]


async def kind_of(hub: Hub, run: str) -> str | None:
    status = await hub.status(run)
    return None if status is None else status.kind


class Held:
    """
    A stream of these items, which then waits until it may end.
    """

    def __init__(self, *items: Any) -> None:
        self._items = items
        self.given = anyio.Event()
        self.may_end = anyio.Event()

    def stream(self) -> sk.Stream[Any]:
        return sk.from_iterable(self._all)

    async def _all(self) -> AsyncIterator[Any]:
        for item in self._items:
            yield item
        self.given.set()
        await self.may_end.wait()


# -- the beginning ------------------------------------------------------------------------------------------


async def test_another_run_has_the_same_beginning_and_goes_on_with_its_own_stream(hub: Hub) -> None:
    await hub.publish("old", sk.from_iterable(["one ", ("a", 2), {"b": 3}, "four"]))
    assert await hub.fork("old", "new", at=3, stream=sk.from_iterable(["five", "six"])) == "new"
    records = [record async for record in hub.subscribe("new")]
    assert [record.data for record in records] == ["one ", ("a", 2), {"b": 3}, "five", "six"]
    assert [record.id for record in records] == [f"{number}-1" for number in range(1, 6)]
    assert await kind_of(hub, "new") == "complete"
    assert await data(hub, "old") == ["one ", ("a", 2), {"b": 3}, "four"]


async def test_the_end_of_the_beginning_is_a_number_or_an_id_or_whatever_is_last(hub: Hub) -> None:
    await hub.publish("old", sk.from_iterable("abcdef"))
    ends: dict[int | str | None, str] = {0: "", 1: "a", "4-1": "abcd", 6: "abcdef", None: "abcdef"}
    for at, beginning in ends.items():
        new = await hub.fork("old", at=at, stream=sk.from_iterable("XY"))
        assert new.startswith("old-")
        assert "".join(await data(hub, new)) == f"{beginning}XY"


async def test_a_fork_can_be_forked_and_its_viewers_resume(hub: Hub) -> None:
    await hub.publish("a" * 200, sk.from_iterable("ab"))
    await hub.publish("a" * 200, sk.from_iterable("abc"))
    first = await hub.fork("a" * 200, at="2-2", stream=sk.from_iterable("de"))
    await data(hub, first)
    second = await hub.fork(first, at=3, stream=sk.from_iterable("fg"))
    assert "".join(await data(hub, second)) == "abdfg"
    for after, rest in {1: "bdfg", 3: "fg", 5: ""}.items():
        got = [record.data async for record in hub.subscribe(second, after=f"{after}-1")]
        assert "".join(got) == rest


async def begun_with_many_pages(hub: Hub) -> Grant:
    """
    The writer of a run `old` whose records do not fit into one page.
    """
    grant = await opened(hub.store, "old")
    for first in range(1, 1501, 30):
        records = [encode_item(number) for number in range(first, first + 30)]
        await hub.store.append("old", grant, batch(first, *records))
    return grant


async def test_a_beginning_of_many_pages_is_read_page_by_page(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = await begun_with_many_pages(hub)
    await hub.store.end("old", grant, b'{"kind":"complete"}')
    read, sizes = hub.store.read, list[int]()

    async def watched(run: str, after: int, *, limit: int = 512) -> Page | None:
        page = await read(run, after, limit=limit)
        assert page is not None
        sizes.append(sum(len(each.records) for each in page.batches))
        return page

    monkeypatch.setattr(hub.store, "read", watched)
    await hub.fork("old", "new", at=1234, stream=sk.from_iterable(["end"]))
    assert max(sizes) < 600
    assert await data(hub, "new") == [*range(1, 1235), "end"]


async def test_a_run_that_goes_on_is_forked_where_it_is_now(hub: Hub) -> None:
    old, new = Held("a", "b"), Held("c")
    async with hub.subscribe("old").open() as run:
        hub.start("old", old.stream())
        for _ in range(2):
            await anext(run)
        await hub.fork("old", "new", stream=new.stream())
        async with hub.subscribe("new").open() as forked:
            assert [(await anext(forked)).data for _ in range(3)] == ["a", "b", "c"]
            old.may_end.set()
            assert [record.data async for record in run] == []
            new.may_end.set()
            assert [record.data async for record in forked] == []


async def test_a_run_that_this_hub_has_just_been_told_to_start_is_there(hub: Hub) -> None:
    hub.start("old", sk.from_iterable("ab"))
    await hub.fork("old", "new", at=0, stream=sk.from_iterable("c"))
    assert await data(hub, "new") == ["c"]


async def test_a_run_that_has_ended_is_replaced_and_one_that_goes_on_is_not(hub: Hub) -> None:
    await hub.publish("old", sk.from_iterable("ab"))
    await hub.publish("new", sk.from_iterable("xyz"))
    await hub.fork("old", "new", stream=sk.from_iterable("c"))
    with pytest.raises(Diverged):
        await hub.subscribe("new", after="2-1").collect()
    assert await data(hub, "new") == ["a", "b", "c"]
    held = Held("a")
    hub.start("live", held.stream())
    await held.given.wait()
    with pytest.raises(Busy):
        await hub.fork("old", "live", stream=sk.from_iterable("c"))
    await opened(hub.store, "elsewhere")
    with pytest.raises(Busy, match="run 'elsewhere' cannot be begun"):
        await hub.fork("old", "elsewhere", stream=sk.from_iterable("c"))
    held.may_end.set()


@pytest.mark.virtual_time
async def test_a_fork_is_played_at_the_pace_of_both() -> None:
    @sk.source
    async def by_the_second(*items: str) -> AsyncIterator[str]:
        for item in items:
            await anyio.sleep(1)
            yield item

    async with hubs.connect("memory:") as hub:
        await hub.publish("old", by_the_second("a", "b", "c"))
        await anyio.sleep(100)
        await hub.fork("old", "new", at=2, stream=by_the_second("d", "e"))
        assert await data(hub, "new") == ["a", "b", "d", "e"]
        began = anyio.current_time()
        played = [(round(anyio.current_time() - began, 3), item) async for item in hub.replay("new", speed=1)]
        assert played == [(1, "a"), (2, "b"), (3, "d"), (4, "e")]


# -- a message that goes on ---------------------------------------------------------------------------------


async def test_what_follows_is_made_of_the_message_so_far(hub: Hub) -> None:
    await hub.publish("old", sk.from_iterable(ANSWER))
    given: list[Any] = []

    async def goes_on(so_far: Any) -> sk.Stream[events.Event]:
        given.append(so_far)
        return sk.from_iterable(ANSWER[4:])

    await hub.fork("old", "new", at=4, stream=goes_on)
    assert await data(hub, "new") == ANSWER
    assert given[0].content[0].text == "Old pond, a frog "
    await hub.publish("texts", sk.from_iterable(["Old ", "pond, "]))

    def adds(so_far: Any) -> sk.Stream[str]:
        return sk.from_iterable([so_far.content[0].text.upper()])

    new = await hub.fork("texts", at=1, stream=adds)
    assert await data(hub, new) == ["Old ", "OLD "]


def faithful(request: Request) -> Reply:
    """
    The answer, or the rest of what stands at the end of the request.
    """
    said = "".join(each["content"] for each in request.body["messages"] if each["role"] == "assistant")
    rest = "A new pond, and no frog.".removeprefix(said)
    return reply(text(rest[:12], rest[12:]))


async def test_an_answer_is_gone_on_with_from_one_of_its_events() -> None:
    async with (
        FakeClaude(faithful, faithful) as server,
        server.client() as client,
        hubs.connect("memory:") as hub,
    ):
        await hub.publish("old", sk.messages(client, **ASK))
        records = [record async for record in hub.subscribe("old")]
        half = next(record for record in records if "pond" in str(record.data))

        new = await hub.fork(
            "old", at=half.id, stream=lambda so_far: sk.messages(client, **ASK, so_far=so_far)
        )
        async with (hub.subscribe(new).map(lambda record: record.data) | sk.text()).open() as run:
            told = "".join([piece async for piece in run])
        assert told == "A new pond, and no frog."
        assert run.outcome.kind == "complete"
        assert sum(isinstance(item, events.MessageStart) for item in await data(hub, new)) == 1
        assert "ended with [A new pond, ]" in server.requests[-1].body["messages"][-1]["content"]


async def test_another_message_inside_a_message_begins_anew_for_every_viewer(hub: Hub) -> None:
    await hub.publish("old", sk.from_iterable(ANSWER))
    await hub.fork("old", "inside", at=4, stream=sk.from_iterable(ANSWER))
    got = await data(hub, "inside")
    restarted = got[4]
    assert isinstance(restarted, sk.Restarted)
    assert isinstance(restarted.error, sk.StreamError)
    assert (restarted.attempt, restarted.error.type) == (2, "forked")
    assert got == [*ANSWER[:4], restarted, *ANSWER]
    # One behind another is what a loop of tools gives.
    await hub.fork("old", "behind", stream=sk.from_iterable(ANSWER))
    assert await data(hub, "behind") == [*ANSWER, *ANSWER]


async def test_what_a_restart_has_made_void_in_the_beginning_stays_void(hub: Hub) -> None:
    restart = sk.Restarted(2, sk.StreamError("cut", type="truncated"))
    await hub.publish("old", sk.from_iterable([*ANSWER[:4], restart, *ANSWER[:3]]))
    given: list[Any] = []

    def anew(so_far: Any) -> sk.Stream[events.Event]:
        given.append(so_far)
        return sk.from_iterable(ANSWER if so_far is None else ANSWER[3:])

    at_restart = await hub.fork("old", at=5, stream=anew)
    got = await data(hub, at_restart)
    assert isinstance(got[4], sk.Restarted)
    assert got[5:] == ANSWER
    behind = await hub.fork("old", at=8, stream=anew)
    got = await data(hub, behind)
    assert sum(isinstance(item, sk.Restarted) for item in got) == 1
    assert got[5:] == ANSWER
    assert [None if each is None else each.content[0].text for each in given] == [None, "Old pond, "]
    again = await hub.fork("old", at=8, stream=sk.from_iterable(ANSWER))
    assert [each.attempt for each in await data(hub, again) if isinstance(each, sk.Restarted)] == [2, 3]


# -- what cannot be -----------------------------------------------------------------------------------------


async def test_what_is_not_there_cannot_be_forked(hub: Hub) -> None:
    rest = sk.from_iterable("c")
    with pytest.raises(Gone, match="there is no run 'old'"):
        await hub.fork("old", "new", stream=rest)
    await hub.publish("old", sk.from_iterable("ab"))
    await hub.publish("old", sk.from_iterable("xy"))
    with pytest.raises(ValueError, match=r"fork\(at=3\) is behind the end of run 'old', which has 2 records"):
        await hub.fork("old", "new", at=3, stream=rest)
    for at in ("2-1", "3-2"):
        with pytest.raises(Diverged, match=f"is not the one that has given record {at}"):
            await hub.fork("old", "new", at=at, stream=rest)
    assert await hub.status("new") is None


async def test_a_log_that_was_trimmed_cannot_be_forked(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    await hub.publish("old", sk.from_iterable(range(100)))
    read = hub.store.read

    for least in (40, 100):

        async def trimmed(run: str, after: int, *, limit: int = 512, least: int = least) -> Page | None:
            page = await read(run, after, limit=limit)
            assert page is not None
            return Page([each for each in page.batches if each.first > least], page.state)

        monkeypatch.setattr(hub.store, "read", trimmed)
        with pytest.raises(Gap, match="somebody has trimmed its log"):
            await hub.fork("old", "new", at=50, stream=sk.from_iterable("c"))


async def test_a_fork_that_fails_at_its_beginning_tells_who_asked_and_who_looks(place: Place) -> None:
    def refuses(so_far: Any) -> sk.Stream[str]:
        raise LookupError("the function's own")

    def no_stream(so_far: Any) -> Any:
        return "a"

    async with connect(place, max_bytes=1000) as hub:
        await hub.publish("old", sk.from_iterable(["a" * 700, "b" * 200]))
        with pytest.raises(LookupError, match="the function's own"):
            await hub.fork("old", "new", stream=refuses)
        with pytest.raises(Failed, match="the function's own"):
            await data(hub, "new")
        with pytest.raises(TypeError, match=r"fork\(stream=…\): no_stream has to return a stream, not str"):
            await hub.fork("old", "new", stream=no_stream)
        await hub.fork("old", "new", stream=sk.from_iterable(["c" * 200]))
        with pytest.raises(Failed, match="more than 1000 bytes"):
            await data(hub, "new")
    async with connect(place, max_bytes=500) as hub:
        if place.shared:
            with pytest.raises(sk.StreamError, match="more than 500 bytes") as caught:
                await hub.fork("old", "small", stream=sk.from_iterable("c"))
            assert caught.value.type == "full"
            assert await kind_of(hub, "small") == "failed"


class Slow:
    """
    A store's `append` that waits for somebody at the run `"new"`.
    """

    def __init__(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        self._append = hub.store.append
        self.reached, self.may_go_on = anyio.Event(), anyio.Event()
        monkeypatch.setattr(hub.store, "append", self.append)

    async def append(self, run: str, grant: Grant, batch: Batch) -> str | None:
        told = await self._append(run, grant, batch)
        if run == "new":
            self.reached.set()
            await self.may_go_on.wait()
        return told


async def test_a_fork_can_be_cancelled_while_it_gets_its_beginning(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hub.publish("old", sk.from_iterable(range(100)))
    slow = Slow(hub, monkeypatch)
    async with anyio.create_task_group() as tasks:

        async def fork() -> None:
            await hub.fork("old", "new", stream=sk.from_iterable("c"))

        tasks.start_soon(fork)
        await slow.reached.wait()
        assert await hub.cancel("new", "enough")
        slow.may_go_on.set()
    with pytest.raises(Cancelled, match="enough"):
        await data(hub, "new")


async def test_a_fork_that_nobody_waits_for_any_more_is_none(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hub.publish("old", sk.from_iterable(range(100)))
    slow = Slow(hub, monkeypatch)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: hub.fork("old", "new", stream=sk.from_iterable("c")))
        await slow.reached.wait()
        tasks.cancel_scope.cancel()
        slow.may_go_on.set()
    with pytest.raises(Cancelled, match="its process was stopped"):
        await data(hub, "new")
    await hub.fork("old", "new", at=1, stream=sk.from_iterable("c"))
    assert await data(hub, "new") == [0, "c"]


async def test_a_run_that_is_deleted_while_it_is_forked_is_gone(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begun_with_many_pages(hub)
    slow = Slow(hub, monkeypatch)
    async with anyio.create_task_group() as tasks:

        async def fork() -> None:
            with pytest.raises(Gone, match="there is no run 'old'"):
                await hub.fork("old", "new", stream=sk.from_iterable("c"))

        tasks.start_soon(fork)
        await slow.reached.wait()
        await hub.delete("old")
        slow.may_go_on.set()
    with pytest.raises(Failed) as caught:
        await data(hub, "new")
    assert caught.value.type == "gone"


async def test_what_cannot_be_a_fork_is_told_at_once() -> None:
    rest: Any = sk.from_iterable("c")
    async with hubs.connect("memory:") as hub:
        for at, error, said in [
            (-1, ValueError, "or 0 for none, not -1"),
            ("x", ValueError, r"fork\(at=…\) is the id of a record such as '57-1'"),
            (1.5, TypeError, "is the number or the id of a record, or None for all of them, not float"),
            (True, TypeError, "not bool"),
        ]:
            with pytest.raises(error, match=said):
                await hub.fork("old", "new", at=at, stream=rest)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        with pytest.raises(ValueError, match="needs another id for the new run"):
            await hub.fork("old", "old", stream=rest)
        with pytest.raises(ValueError, match="printable"):
            await hub.fork("old", "", stream=rest)
        with pytest.raises(TypeError, match=r"fork\(stream=…\) needs a stream, or a function .* not list"):
            await hub.fork("old", "new", stream=["c"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(RuntimeError, match="this hub is not open"):
        await hub.fork("old", "new", stream=rest)
