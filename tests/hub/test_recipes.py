"""
What is submitted, the workers that run it, and what becomes of it when they die.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

import streamkit as sk
from streamkit import events, hub as hubs
from streamkit.hub import Busy, Cancelled, Failed, Hub, Lost
from tests.hub.places import LEASE, TTL, Place
from tests.hub.working import LONG, Working, data, died

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio


@pytest.fixture
async def hub(place: Place) -> AsyncIterator[Hub]:
    async with hubs.connect(place.url, lease=LEASE, ttl=max(TTL, 60.0)) as hub:
        yield hub


async def test_a_worker_runs_what_is_submitted(hub: Hub) -> None:
    given: list[Any] = []

    @hub.recipe("chat")
    def chat(payload: Any, so_far: Any) -> sk.Stream[str]:
        given.append((payload, so_far))
        return sk.from_iterable(payload["words"])

    @hub.recipe("late")
    async def late(payload: Any, so_far: Any) -> sk.Stream[Any]:
        return sk.from_iterable([payload, so_far])

    await hub.submit("before", "chat", {"words": ["a", "b"]})
    async with Working(hub):
        assert await data(hub, "before") == ["a", "b"]
        await hub.submit("after", "late")
        assert await data(hub, "after") == [None, None]
        await hub.submit("before", "chat", {"words": ["c"]})
        async with hub.subscribe("before").open() as run:
            with pytest.raises(hubs.Diverged):  # it is another run of the same id
                await hub.subscribe("before", after="2-1").collect()
            assert [record.data async for record in run] == ["c"]
    assert given == [({"words": ["a", "b"]}, None), ({"words": ["c"]}, None)]


async def test_what_was_submitted_waits_for_a_worker(hub: Hub) -> None:
    await hub.submit("run", "chat")
    status = await hub.status("run")
    assert status is not None
    assert (status.kind, status.recipe, status.started) == ("waiting", "chat", None)
    with pytest.raises(Busy, match="by recipe 'chat'"):
        await hub.submit("run", "chat")
    with pytest.raises(Busy):
        await hub.publish("run", sk.from_iterable("a"))
    assert await hub.cancel("run", "never mind")
    with pytest.raises(Cancelled, match="never mind"):
        await data(hub)


async def test_no_more_run_at_a_time_than_a_worker_may(hub: Hub) -> None:
    running = most = 0

    @hub.recipe("chat")
    def chat(payload: Any, so_far: Any) -> sk.Stream[int]:
        async def items() -> AsyncIterator[int]:
            nonlocal running, most
            running += 1
            most = max(most, running)
            try:
                await anyio.sleep(0.02)
                yield 1
            finally:
                running -= 1

        return sk.from_iterable(items)

    for number in range(6):
        await hub.submit(f"run-{number}", "chat")
    async with Working(hub, concurrency=2):
        for number in range(6):
            assert await data(hub, f"run-{number}") == [1]
    assert most == 2


async def test_a_recipe_that_fails_ends_its_run_and_no_other(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    @hub.recipe("chat")
    def chat(payload: Any, so_far: Any) -> sk.Stream[str]:
        if payload == "fail":
            raise LookupError("the recipe's own")
        return sk.from_iterable(payload)

    @hub.recipe("no stream")
    def no_stream(payload: Any, so_far: Any) -> Any:
        return payload

    async with Working(hub):
        await hub.submit("a", "chat", "fail")
        await hub.submit("b", "no stream", "fail")
        await hub.submit("c", "chat", "ok")
        with pytest.raises(Failed, match="LookupError: the recipe's own"):
            await data(hub, "a")
        with pytest.raises(Failed, match="recipe no_stream has to return a stream, not str"):
            await data(hub, "b")
        assert await data(hub, "c") == ["o", "k"]
    statuses = [await hub.status(run) for run in "abc"]
    assert [status and status.reason for status in statuses] == ["LookupError", "TypeError", None]
    failed = [record for record in caplog.records if record.getMessage().startswith("hub_run_failed")]
    assert sorted(record.error for record in failed) == ["LookupError", "TypeError"]  # type: ignore[attr-defined]
    assert "the recipe's own" not in caplog.text


async def test_what_a_stream_has_failed_with_that_nobody_awaits_is_logged_and_in_the_status(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(item: Any) -> Any:
        if item == "api":
            raise sk.StreamError("a secret", type="overloaded_error")
        raise LookupError("a secret")

    @hub.recipe("chat")
    def chat(payload: Any, so_far: Any) -> sk.Stream[Any]:
        return sk.from_iterable([payload]).map(fail)

    await hub.publish("old", sk.from_iterable("ab"))
    hub.start("started", sk.from_iterable("a").map(fail))
    await hub.fork("old", "forked", stream=sk.from_iterable("a").map(fail))
    await hub.submit("submitted", "chat", "a")
    await hub.submit("upstream", "chat", "api")
    async with Working(hub):
        for run in ("started", "forked", "submitted", "upstream"):
            with pytest.raises(Failed, match="a secret"):
                await data(hub, run)
            status = await hub.status(run)
            assert status is not None
            why = "StreamError (overloaded_error)" if run == "upstream" else "LookupError"
            assert (status.kind, status.reason) == ("failed", why)
    assert caplog.text.count("hub_run_failed") == 4
    assert "a secret" not in caplog.text


# -- takeover -----------------------------------------------------------------------------------------------

HEAD: dict[str, Any] = {
    "model": "claude-sonnet-5",
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 1},
}
ANSWER: list[events.Event] = [
    events.from_dict({"type": "message_start", "message": HEAD}),
    events.ContentBlockStart(0, events.TextBlock("")),
    events.ContentBlockDelta(0, events.TextDelta("Old pond, ")),
    events.ContentBlockDelta(0, events.TextDelta("a frog leaps")),
    events.ContentBlockStop(0),
    events.MessageDelta(events.MessageChanges("end_turn", None), events.Usage(output_tokens=9)),
    events.MessageStop(),
]


async def test_another_worker_goes_on_with_the_message_so_far(hub: Hub) -> None:
    given: list[Any] = []

    @hub.recipe("chat")
    def chat(payload: Any, so_far: Any) -> sk.Stream[events.Event]:
        given.append((payload, so_far))
        return sk.from_iterable(ANSWER[4:])

    await died(hub, *ANSWER[:4], payload="hello")
    async with Working(hub):
        records = [record async for record in hub.subscribe("run")]
    assert [record.data for record in records] == ANSWER
    assert [record.id for record in records] == [f"{number}-{1 + (number > 4)}" for number in range(1, 8)]
    [(payload, message)] = given
    assert payload == "hello"
    assert message.content[0].text == "Old pond, a frog leaps"
    assert message.stop_reason is None


async def test_a_run_that_gives_text_goes_on_with_a_message_of_that_text(hub: Hub) -> None:
    @hub.recipe("chat")
    def chat(payload: Any, so_far: Any) -> sk.Stream[str]:
        begun = "" if so_far is None else so_far.content[0].text
        return sk.from_iterable("one two three".removeprefix(begun))

    await died(hub, "one ", "t")
    async with Working(hub):
        assert "".join(await data(hub)) == "one two three"


async def test_a_run_whose_worker_died_before_it_began_is_begun(hub: Hub) -> None:
    @hub.recipe("chat")
    def chat(payload: Any, so_far: Any) -> sk.Stream[str]:
        assert so_far is None
        return sk.from_iterable("ab")

    await died(hub)
    async with Working(hub):
        assert await data(hub) == ["a", "b"]


@pytest.mark.parametrize(
    "told",
    [
        [("text", "a"), ("text", "b")],  # no message
        ANSWER[:4],  # of which the recipe makes nothing
        ANSWER,
    ],
    ids=["pairs", "cut", "whole"],
)
async def test_where_going_on_cannot_be_every_viewer_is_told_of_the_new_beginning(
    hub: Hub, told: list[Any]
) -> None:
    @hub.recipe("chat")
    def chat(payload: Any, so_far: Any) -> sk.Stream[events.Event]:
        return sk.from_iterable(ANSWER)

    await died(hub, *told)
    async with Working(hub):
        got = await data(hub)
    restarted = got[len(told)]
    assert isinstance(restarted, sk.Restarted)
    assert restarted.attempt == 2
    assert isinstance(restarted.error, sk.StreamError)
    assert restarted.error.type == "lost"
    assert got == [*told, restarted, *ANSWER]


async def test_a_restart_that_the_stream_tells_itself_is_told_once(hub: Hub) -> None:
    restart = sk.Restarted(2, sk.StreamError("cut", type="truncated"))

    @hub.recipe("chat")
    def chat(payload: Any, so_far: Any) -> sk.Stream[Any]:
        return sk.from_iterable([restart, *ANSWER])

    await died(hub, *ANSWER[:3])
    async with Working(hub):
        got = await data(hub)
    assert [type(item).__name__ for item in got].count("Restarted") == 1


async def test_a_run_is_taken_over_so_often_and_then_lost(hub: Hub) -> None:
    tries: list[int] = []

    @hub.recipe("chat")
    def chat(payload: Any, so_far: Any) -> sk.Stream[str]:
        tries.append(1)
        return sk.from_iterable(["b"])

    await died(hub, "a")
    for _ in range(2):
        claim = await hub.store.claim(["chat"], lease=LEASE)
        assert claim is not None
        await hub.store.release("run", claim.grant)
    async with Working(hub, attempts=2):
        with pytest.raises(Lost, match="its writers have died 3 times"):
            await data(hub)
    assert tries == []
    status = await hub.status("run")
    assert status is not None
    assert (status.kind, status.reason) == ("lost", "its writers have died 3 times")


async def test_a_worker_that_is_told_to_stop_hands_its_runs_over(hub: Hub) -> None:
    begun: list[Any] = []

    @hub.recipe("chat")
    def chat(payload: Any, so_far: Any) -> sk.Stream[str]:
        begun.append(so_far)

        async def slowly() -> AsyncIterator[str]:
            if len(begun) == 1:
                yield "one "
                await anyio.sleep(LONG)
            yield "two"

        return sk.from_iterable(slowly)

    await hub.submit("run", "chat")
    async with hub.subscribe("run").open() as run:
        async with Working(hub, lease=LONG):
            assert (await anext(run)).data == "one "
        async with Working(hub, lease=LONG):
            assert [record.data async for record in run] == ["two"]
    assert [None if so_far is None else so_far.content[0].text for so_far in begun] == [None, "one "]


@pytest.mark.parametrize("ends", [True, False], ids=["ended", "handed over"])
async def test_no_lease_is_renewed_of_a_run_that_was_ended_or_handed_over(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, ends: bool
) -> None:
    """
    A renewal is on its way when the run comes to its end, or its worker is told to stop.
    """
    renew = hub.store.renew
    renewing = anyio.Event()

    async def slowly(*args: Any, **given: Any) -> str | None:
        renewing.set()
        await anyio.sleep(0.2)
        told.append("renewed")
        return await renew(*args, **given)

    told: list[str] = []
    monkeypatch.setattr(hub.store, "renew", slowly)
    for name in ("end", "release"):
        call = getattr(hub.store, name)

        async def noted(*args: Any, call: Any = call, name: str = name) -> None:
            told.append(name)
            await call(*args)
            await anyio.sleep(0.4)  # it takes a while until the writer hears of it

        monkeypatch.setattr(hub.store, name, noted)

    @hub.recipe("chat")
    def chat(payload: Any, so_far: Any) -> sk.Stream[str]:
        async def silent() -> AsyncIterator[str]:
            yield "one "
            await renewing.wait()
            if not ends:
                await anyio.sleep_forever()

        return sk.from_iterable(silent)

    await hub.submit("run", "chat")
    async with Working(hub):
        await renewing.wait()
        if ends:
            assert await data(hub) == ["one "]
    assert told[0] == ("end" if ends else "release")
    assert "renewed" not in told


@pytest.mark.parametrize("ends_in_time", [True, False])
async def test_a_worker_that_is_told_to_stop_goes_on_with_its_runs_while_it_may(
    hub: Hub, ends_in_time: bool
) -> None:
    begun: list[Any] = []
    may_end, stop = anyio.Event(), anyio.CancelScope()

    @hub.recipe("chat")
    def chat(payload: Any, so_far: Any) -> sk.Stream[str]:
        async def slowly() -> AsyncIterator[str]:
            begun.append(payload)
            if so_far is None:
                yield "one "
                await may_end.wait()
            yield "two"

        return sk.from_iterable(slowly)

    async def work() -> None:
        with stop:
            await hub.work(lease=LONG, grace=LONG if ends_in_time else 0.5)

    await hub.submit("run", "chat", "first")
    async with hub.subscribe("run").open() as run:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work)
            assert (await anext(run)).data == "one "
            stop.cancel()
            await hub.submit("another", "chat", "second")
            if ends_in_time:
                may_end.set()
        assert begun == ["first"], "a worker that was told to stop takes nothing any more"
        status = await hub.status("run")
        assert status is not None
        assert status.kind == ("complete" if ends_in_time else "waiting")
        may_end.set()
        async with Working(hub, lease=LONG):
            assert [record.data async for record in run] == ["two"]
            assert await data(hub, "another") == ["one ", "two"]
    assert sorted(begun) == (["first", "second"] if ends_in_time else ["first", "first", "second"])


async def test_a_run_that_was_cancelled_is_cancelled_for_good(hub: Hub) -> None:
    @hub.recipe("chat")
    def chat(payload: Any, so_far: Any) -> sk.Stream[str]:
        async def endless() -> AsyncIterator[str]:
            while True:
                await anyio.sleep(0.01)
                yield "a"

        return sk.from_iterable(endless)

    async with Working(hub):
        await hub.submit("run", "chat")
        async with hub.subscribe("run").open() as run:
            with pytest.raises(Cancelled, match="enough"):
                await anext(run)
                await hub.cancel("run", "enough")
                async for _ in run:
                    pass
    await died(hub, "a", run="dead")
    assert await hub.store.cancel("dead", "enough")
    async with Working(hub):
        with pytest.raises(Cancelled, match="enough"):
            await data(hub, "dead")


# -- what is refused ----------------------------------------------------------------------------------------


def letter(payload: Any, so_far: Any) -> sk.Stream[str]:
    return sk.from_iterable("a")


async def test_recipes_have_names_of_their_own(hub: Hub) -> None:
    wrong: Any = 5
    hub.recipe("chat")(letter)
    with pytest.raises(ValueError, match=r"recipe\('chat'\) is there already"):
        hub.recipe("chat")
    with pytest.raises(TypeError, match=r"recipe\('other'\) needs a function of payload and so_far, not 5"):
        hub.recipe("other")(wrong)
    with pytest.raises(TypeError, match="needs the name of a recipe, a string, not int"):
        hub.recipe(wrong)
    for name in ("", "a\n", "a" * 201):
        with pytest.raises(ValueError, match="needs the name of a recipe: 1 to 200 printable characters"):
            await hub.submit("run", name)
    with pytest.raises(TypeError, match="a hub cannot keep an item of type object"):
        await hub.submit("run", "chat", object())


async def test_a_worker_needs_recipes_and_numbers_that_make_sense(hub: Hub) -> None:
    with pytest.raises(ValueError, match="has no recipe"):
        await hub.work()
    hub.recipe("chat")(letter)
    with pytest.raises(ValueError, match="at least 1 for concurrency, not 0"):
        await hub.work(concurrency=0)
    with pytest.raises(ValueError, match="above 0 for lease, not 0"):
        await hub.work(lease=0)
    with pytest.raises(ValueError, match="at least 0 for attempts, not -1"):
        await hub.work(attempts=-1)
    with pytest.raises(ValueError, match="at least 0 for grace, not -1"):
        await hub.work(grace=-1)
