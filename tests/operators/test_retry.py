"""
`retry`: when a stream is opened again, and what is seen of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest

import streamkit as sk
from streamkit.events import Restarted
from streamkit.testing import FakeClaude, error_reply, marbles, reply, text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

virtual = pytest.mark.virtual_time

QUICK = sk.RetryPolicy(base=1, jitter=False)
AGAIN = sk.RetryPolicy(base=1, jitter=False, resume="restart")


class Tries:
    """
    A source whose tries are given as lists of items, each ending with an exception or in peace.
    """

    def __init__(self, *tries: Sequence[object]) -> None:
        self._left = list(tries)
        self.log: list[str] = []

    def stream(self) -> sk.Stream[Any]:
        return sk.from_iterable(self._items)

    async def _items(self) -> AsyncIterator[object]:
        number = len(self.log) // 2 + 1
        self.log.append(f"open {number}")
        try:
            for item in self._left.pop(0):
                await anyio.lowlevel.checkpoint()
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.25)
            self.log.append(f"close {number}")


@virtual
async def test_a_failure_before_the_first_item_is_not_seen() -> None:
    tries = Tries([ConnectionError("1")], [OSError("2")], ["a", "b"])
    start = anyio.current_time()
    assert await (tries.stream() | sk.retry(QUICK)).collect() == ["a", "b"]
    assert tries.log == ["open 1", "close 1", "open 2", "close 2", "open 3", "close 3"]
    assert anyio.current_time() - start == 3 * 0.25 + 1 + 2, "it waits 1 s, then 2 s"


@virtual
async def test_after_the_first_item_it_raises() -> None:
    tries = Tries(["a", ConnectionError("cut")], ["a", "b"])
    got: list[str] = []
    with pytest.raises(ConnectionError, match="cut"):
        async with (tries.stream() | sk.retry(QUICK)).open() as run:
            async for item in run:
                got.append(item)
    assert got == ["a"]
    assert len(tries.log) == 2


@virtual
async def test_with_restart_it_says_so_and_starts_over() -> None:
    cut = ConnectionError("cut")
    tries = Tries(["a", cut], [ConnectionError("again")], ["a", "b"])
    items = await (tries.stream() | sk.retry(AGAIN)).collect()
    assert items == ["a", Restarted(2, cut), "a", "b"]


@virtual
async def test_operators_behind_it_forget_what_came_before() -> None:
    tries = Tries([1, 2, 3, ConnectionError("cut")], [1, 2, 3])
    batches: list[Any] = await (tries.stream() | sk.retry(AGAIN) | sk.batch(2)).collect()
    assert [item for item in batches if isinstance(item, list)] == [[1, 2], [1, 2], [3]]


@virtual
async def test_the_last_try_raises_its_own_error() -> None:
    tries = Tries([OSError("1")], [OSError("2")], [OSError("3")], ["never"])
    with pytest.raises(OSError, match="3"):
        await (tries.stream() | sk.retry(sk.RetryPolicy(attempts=3, base=0))).collect()
    assert len(tries.log) == 6


@virtual
@pytest.mark.parametrize(
    ("error", "tried"),
    [
        (sk.StreamError("later", type="overloaded_error", retriable=True), 2),
        (sk.StreamError("never", type="invalid_request_error"), 1),
        (RuntimeError("of any kind"), 2),
    ],
)
async def test_an_error_may_say_of_itself_whether_it_is_worth_another_try(
    error: Exception, tried: int
) -> None:
    tries = Tries([error], [error])
    with pytest.raises(type(error)):
        await (tries.stream() | sk.retry(sk.RetryPolicy(attempts=2, base=0))).collect()
    assert len(tries.log) == 2 * tried


@virtual
async def test_what_fails_behind_it_is_not_tried_again() -> None:
    tries = Tries(["a"], ["a"])

    def fail(item: str) -> str:
        raise ConnectionError(item)

    with pytest.raises(ConnectionError):
        await (tries.stream() | sk.retry(QUICK) | sk.map(fail)).collect()
    assert len(tries.log) == 2


def add(total: int, item: int) -> int:
    return total + item


@virtual
async def test_stages_before_it_are_made_anew() -> None:
    tries = Tries([1, ConnectionError()], [1, 2])
    stream = tries.stream() | sk.scan(add, 10) | sk.retry(AGAIN)
    items: list[Any] = await stream.collect()
    assert [item for item in items if isinstance(item, int)] == [11, 11, 13]


@virtual
async def test_a_cancellation_is_not_tried_again() -> None:
    opened: list[int] = []

    async def silent() -> AsyncIterator[int]:
        opened.append(1)
        await anyio.sleep_forever()
        yield 0

    with anyio.move_on_after(5):
        await (sk.from_iterable(silent) | sk.retry(QUICK)).collect()
    assert opened == [1]


@virtual
async def test_leaving_while_it_waits_ends_it_at_once() -> None:
    tries = Tries([OSError()], ["late"])
    with anyio.move_on_after(0.5):
        await (tries.stream() | sk.retry(sk.RetryPolicy(base=30, jitter=False))).collect()
    assert anyio.current_time() == 0.5
    assert tries.log == ["open 1", "close 1"]


@virtual
async def test_concurrent_stages_before_it_are_closed_before_the_next_try() -> None:
    tries = Tries(["a", OSError()], ["b"])
    stream = tries.stream() | sk.buffer(4) | sk.retry(AGAIN) | sk.buffer(4)
    assert [item for item in await stream.collect() if isinstance(item, str)] == ["a", "b"]
    assert tries.log == ["open 1", "close 1", "open 2", "close 2"]


@virtual
async def test_two_of_them_multiply() -> None:
    tries = Tries(*([OSError("down")] for _ in range(4)))
    twice = sk.retry(sk.RetryPolicy(attempts=2, base=0))
    with pytest.raises(OSError, match="down"):
        await (tries.stream() | twice | sk.map(str) | twice).collect()
    assert len(tries.log) == 8


@virtual
async def test_it_works_in_a_bare_loop() -> None:
    tries = Tries([OSError()], ["a"])
    assert [item async for item in tries.stream() | sk.retry(QUICK)] == ["a"]


@virtual
async def test_a_source_that_can_be_read_once_is_refused_when_it_is_opened() -> None:
    stream = sk.from_iterable(iter([1, 2])) | sk.retry()
    with pytest.raises(TypeError, match=r"from_iterable\(<list_iterator>\) can be read only once"):
        await stream.collect()


@virtual
@pytest.mark.parametrize(
    "hiding",
    [
        sk.text(),
        sk.take(5) | sk.thinking(),
        sk.split(text=sk.text()),
        sk.tee(sk.text() | sk.sinks.join()),
        sk.tool_calls(),
    ],
    ids=repr,
)
async def test_a_pipeline_that_would_hide_a_restart_is_refused_when_it_is_opened(
    hiding: sk.Operator[Any, Any],
) -> None:
    tries = Tries(["a"])
    with pytest.raises(TypeError, match="would hide it"):
        await (tries.stream() | sk.retry(AGAIN) | hiding).collect()
    assert tries.log == []
    await (sk.from_iterable([]) | sk.retry(QUICK) | hiding).collect()


@pytest.mark.parametrize(
    "sharing",
    [
        lambda: sk.tee(sk.retry() | sk.sinks.collect()),
        lambda: sk.split(text=sk.text() | sk.retry()),
        lambda: sk.split(ordered=False, text=sk.retry() | sk.text()),
    ],
)
async def test_it_is_refused_where_its_upstream_is_shared(sharing: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match=r"retry\(\) opens what stands before it again"):
        sharing()


@pytest.mark.parametrize("wrong", [3, "restart", sk.RetryPolicy])
async def test_what_is_no_policy_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"retry\(\) needs a RetryPolicy"):
        sk.retry(wrong)


async def test_it_reads_like_its_source() -> None:
    assert repr(sk.retry()) == "retry()"
    assert repr(sk.retry(sk.RetryPolicy(attempts=2))).startswith("retry(RetryPolicy(attempts=2, ")


async def test_requests_are_sent_again_by_the_apis_own_rules() -> None:
    ask: dict[str, Any] = {
        "model": "claude-sonnet-5",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "Hi"}],
    }
    policy = sk.RetryPolicy(base=0.001)
    async with FakeClaude(error_reply(529), reply(text("Hello"))) as server:
        chat = sk.messages(server.client(max_retries=0), retry=None, **ask)
        assert await (chat | sk.text() | sk.retry(policy) | sk.sinks.join()) == "Hello"
        assert len(server.requests) == 2
    async with FakeClaude(error_reply(400), reply(text("Hello"))) as server:
        chat = sk.messages(server.client(max_retries=0), retry=None, **ask)
        with pytest.raises(Exception, match="400"):
            await (chat | sk.text() | sk.retry(policy)).run()
        assert len(server.requests) == 1


@virtual
async def test_marbles() -> None:
    tries = ["-#", "--a-b|"]
    stream = sk.from_iterable(lambda: aiter(marbles.source(tries.pop(0)))) | sk.retry(QUICK)
    await marbles.expect(stream, "----a-b|")


@virtual
async def test_a_restart_inside_what_is_combined_is_no_secret() -> None:
    tries = Tries(["a"], ["a"])
    again = tries.stream() | sk.retry(AGAIN)

    async def no_more(outcome: sk.Outcome) -> None:
        return None

    for stream in (sk.race(again), sk.follow(again, no_more)):
        with pytest.raises(TypeError, match="would hide it"):
            await (stream | sk.text()).collect()


@pytest.mark.parametrize("combine", [sk.merge, sk.concat, sk.zip])
async def test_a_stream_that_may_start_over_is_not_combined_with_others(
    combine: Callable[..., object],
) -> None:
    with pytest.raises(TypeError, match="cannot combine a stream that may start over"):
        combine(Tries(["a"]).stream() | sk.retry(AGAIN), sk.from_iterable("b"))


@virtual
async def test_nor_does_one_take_the_place_of_what_failed_or_of_an_item() -> None:
    def again(_: object) -> sk.Stream[Any]:
        return Tries(["a"]).stream() | sk.retry(AGAIN)

    with pytest.raises(TypeError, match=r"catch\(again\) cannot go on with a stream that may start over"):
        await (Tries([ValueError()]).stream() | sk.catch(again)).collect()
    with pytest.raises(TypeError, match=r"flat_map\(again\) cannot go on"):
        await (sk.from_iterable("x") | sk.flat_map(again, concurrency=1)).collect()


def last(pair: Any) -> Any:
    return pair[1]


@virtual
@pytest.mark.parametrize(
    ("operator", "items"),
    [
        (sk.map(str.upper), ["A", "R", "A", "B"]),
        (sk.filter(str.isalpha), ["a", "R", "a", "b"]),
        (sk.filter_map(str.upper), ["A", "R", "A", "B"]),
        (sk.tap(str.upper), ["a", "R", "a", "b"]),
        (sk.flat_map(str.upper), ["A", "R", "A", "B"]),
        (sk.take_while(str.isalpha), ["a", "R", "a", "b"]),
        (sk.take(2), ["a", "R", "a", "b"]),
        (sk.skip(1), ["R", "b"]),
        (sk.dedupe(str.upper), ["a", "R", "a", "b"]),
        (
            sk.split(x=sk.map(str.upper)).map(last),
            ["A", "R", "A", "B"],
        ),
    ],
    ids=repr,
)
async def test_a_restart_is_for_no_function_of_the_users(operator: Any, items: list[str]) -> None:
    tries = Tries(["a", ConnectionError()], ["a", "b"])
    got = await (tries.stream() | sk.retry(AGAIN) | operator).collect()
    assert ["R" if isinstance(item, Restarted) else item for item in got] == items


@virtual
async def test_a_source_that_fails_when_it_is_opened_is_tried_again() -> None:
    opened: list[int] = []

    def connect() -> list[str]:
        opened.append(1)
        if len(opened) < 3:
            raise ConnectionError
        return ["a"]

    assert await (sk.from_iterable(connect) | sk.retry(QUICK)).collect() == ["a"]
    opened.clear()
    other = sk.catch(lambda error: sk.from_iterable("x"))
    assert await (sk.from_iterable(connect) | other).collect() == ["x"]
    opened.clear()
    assert await sk.race(sk.from_iterable(connect), sk.from_iterable("bc")).collect() == ["b", "c"]


@virtual
async def test_the_error_decides_and_not_what_closing_after_it_raises() -> None:
    class Failing:
        def __aiter__(self) -> Failing:
            return self

        async def __anext__(self) -> str:
            raise ConnectionError("first")

        async def aclose(self) -> None:
            raise OSError("second")

    def failing() -> AsyncIterator[str]:
        return Failing()

    twice = sk.retry(sk.RetryPolicy(attempts=2, base=0))
    with pytest.raises(ConnectionError, match="first") as caught:
        await (sk.from_iterable(failing) | twice).collect()
    assert caught.value.__notes__ == ["closing the stream failed too, with OSError"]
    assert await (sk.from_iterable(failing) | sk.catch(lambda error: sk.from_iterable("x"))).collect() == [
        "x"
    ]
