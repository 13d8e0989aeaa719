"""
Streams in streams and stages behind stages, deeper than Python's stack: they are built, read, left and told of as if they were
few, at a cost that grows with their number. Where that cannot be, one error says how deep it is, and what to do.
"""

from __future__ import annotations

import gc
import inspect
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import anyio
import anyio.lowlevel
import pytest

import streamkit as sk
from streamkit._core.explain import explanation
from streamkit._core.pipeline_checks import MOST_LEVELS
from streamkit._core.runtime.stack_room import MOST, NoRoomError
from streamkit.events import from_dict
from streamkit.sinks import collect
from streamkit.testing import reply, text
from streamkit.testing._tasks import running_tasks
from tests.support.profiles import examples
from tests.support.work import TWICE, counting

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Generator

    Deeper = Callable[[sk.Stream[Any]], sk.Stream[Any]]

pytestmark = pytest.mark.virtual_time

DEEP: Final = examples(pr=1_000, full=5_000)
"""More than Python's stack has room for."""

DEEP_IN_TASKS: Final = examples(pr=100, full=2_000)
"""Where each is read by a task of its own, so that only what is told of it could need the stack."""


# -- what nests ---------------------------------------------------------------------------------------------

EVENTS_IN: Final = {"meter", "only", "validate"}
"""Operators that take Claude's events alone, and give events."""


def shown(name: str) -> list[str]:
    """
    The calls of a public function that its docstring shows in diagrams.
    """
    doc = inspect.getdoc(getattr(sk, name)) or ""
    return re.findall(rf"^ {{4}}({name}\(.*\))$", doc, re.MULTILINE)


def as_shown(call: str) -> Deeper:
    """
    One more of it: around the stream, or behind it.
    """
    names = {name: getattr(sk, name) for name in {*re.findall(r"\w+", call)} & {*dir(sk)}}
    names |= {"anyio": anyio, "print": str}

    def around(stream: sk.Stream[Any]) -> Any:
        return eval(call, names | {"a": stream, "b": sk.from_iterable(["b"])})

    def behind(stream: sk.Stream[Any]) -> Any:
        return stream | operator

    if "(a, b)" in call:
        return around
    operator = eval(call, names)
    return behind


def follows_itself(deeper: Deeper) -> bool:
    try:
        deeper(deeper(sk.from_iterable(list[Any]())))
    except TypeError:
        return False
    return True


async def same(item: Any) -> Any:
    return item


def one(item: Any) -> sk.Stream[Any]:
    return sk.from_iterable([item])


async def others_operator(items: AsyncIterable[Any]) -> AsyncIterator[Any]:
    async for item in items:
        yield item


@sk.operator
async def own_operator(items: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for item in items:
        yield item


@sk.source(task=True)
async def opened(stream: sk.Stream[Any]) -> AsyncIterator[Any]:
    async with stream.open() as run:
        async for item in run:
            yield item  # noqa: ASYNC119


async def nothing_more(outcome: sk.Outcome) -> None: ...


def failing() -> Generator[Any]:
    yield from ()
    raise ConnectionError("the first of two")


PUBLIC: Final = {
    call: as_shown(call) for name in dir(sk) if callable(getattr(sk, name)) for call in shown(name)
}
"""What the docstrings of all operators show."""

OTHERS: Final[dict[str, Deeper]] = {
    "split": lambda stream: stream | sk.split(a=sk.skip(0)),
    "split, unordered": lambda stream: stream | sk.split(ordered=False, a=sk.skip(0)),
    "concat, with a stage": lambda stream: sk.concat(stream, one("b")) | sk.take(9),
    "concat, on the right": lambda stream: sk.concat(one("b"), stream),
    "merge, of one": sk.merge,
    "follow": lambda stream: sk.follow(stream, nothing_more),
    "catch, in catch": lambda stream: sk.from_iterable(failing) | sk.catch(lambda error: stream),
    "retry, of another stream": lambda stream: sk.concat(stream | sk.retry()),
    "flat_map, of streams": lambda stream: stream | sk.flat_map(one, concurrency=2),
    "flat_map, in flat_map": lambda stream: one("b") | sk.flat_map(lambda _: stream, concurrency=1),
    "map_async, several at once": lambda stream: stream | sk.map_async(same, 3),
    "another library's operator": lambda stream: stream | others_operator,
    "an operator of one's own": lambda stream: stream | own_operator(),
    "a source with tasks": opened,
    "from_iterable": sk.from_iterable,
}

DEEPER: Final = {
    call: deeper
    for call, deeper in (PUBLIC | OTHERS).items()
    if not call.startswith("split(") and follows_itself(deeper)
}
"""By name, what makes a stream one deeper."""


def deep(name: str, stream: sk.Stream[Any], depth: int | None = None) -> sk.Stream[Any]:
    deeper = DEEPER[name]
    if depth is None:
        depth = DEEP_IN_TASKS if deeper(stream).concurrent else DEEP
    for _ in range(depth):
        stream = deeper(stream)
    return stream


def test_of_the_public_operators_those_are_missing_whose_output_they_do_not_take() -> None:
    missing = {call.partition("(")[0] for call in PUBLIC.keys() - DEEPER.keys()} - OTHERS.keys()
    events_in_only = {"blocks", "citations", "json", "text", "thinking", "usage"}
    assert missing == events_in_only | {"tool_calls", "tool_input", "tool_results"}


# -- reading and leaving ------------------------------------------------------------------------------------


class FinalError(Exception):
    """
    What no `retry` tries again.
    """

    retriable = False


class Watched:
    """
    A source that counts how often it was begun and closed.
    """

    def __init__(self, *items: Any, then: Callable[[], Awaitable[None]]) -> None:
        self.items = items
        self.then = then
        self.begun = self.closed = 0

    def stream(self) -> sk.Stream[Any]:
        return sk.from_iterable(self._items)

    async def _items(self) -> AsyncIterator[Any]:
        self.begun += 1
        try:
            for item in self.items:
                yield item
            await self.then()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
            self.closed += 1


async def end() -> None: ...


async def fail() -> None:
    raise FinalError


MESSAGE: Final = [from_dict(event) for event in reply(text("Hello")).events]


def some_items(name: str) -> list[Any]:
    """
    Some that the operator takes.
    """
    return MESSAGE if name.partition("(")[0] in EVENTS_IN else ["a"]


@pytest.fixture(autouse=True)
def quiet(recwarn: pytest.WarningsRecorder, capfd: pytest.CaptureFixture[str]) -> Generator[None]:
    """
    Nothing is warned of, nothing is written, and nothing is left of which the garbage collector would tell.
    """
    yield
    gc.collect()
    assert not [str(each.message) for each in recwarn.list]
    assert capfd.readouterr() == ("", "")


@pytest.mark.turns(3)
@pytest.mark.parametrize("name", DEEPER)
async def test_it_is_read_and_left(name: str) -> None:
    before = running_tasks()
    source = Watched(*some_items(name), then=anyio.sleep_forever)
    with anyio.move_on_after(60):  # some hold an item back for as long as upstream does not end
        async with deep(name, source.stream()).open() as run:
            async for _ in run:
                break
    assert source.closed == source.begun
    assert running_tasks() == before


@pytest.mark.turns(3)
@pytest.mark.pure
@pytest.mark.parametrize("name", DEEPER)
async def test_it_comes_to_its_end(name: str) -> None:
    doubles = "[item, item]" in name
    source = Watched(*([] if doubles else some_items(name)), then=end)
    async with deep(name, source.stream()).open() as run:
        async for _ in run:
            pass
    assert run.outcome.kind in ("complete", "stopped")
    assert source.closed == source.begun


@pytest.mark.turns(3)
@pytest.mark.parametrize("name", DEEPER)
async def test_a_failure_goes_through_it(name: str) -> None:
    source = Watched(then=fail)
    with suppress(FinalError):  # some handle it, or have other streams
        await deep(name, source.stream()).run()
    assert source.closed == source.begun


@pytest.mark.turns(3)
@pytest.mark.pure
@pytest.mark.parametrize("name", DEEPER)
async def test_it_is_left_unread(name: str) -> None:
    source = Watched(then=end)
    async with deep(name, source.stream()).open():
        pass
    assert not source.begun


@pytest.mark.turns(3)
@pytest.mark.pure
@pytest.mark.parametrize("name", DEEPER)
async def test_twice_as_deep_is_twice_the_work(name: str, anyio_backend_name: str) -> None:
    if name == "merge(a, b)" and anyio_backend_name == "trio":
        pytest.skip(
            "trio takes tasks in any order, so that inner readers read on while the outer ones are left"
        )

    async def work(depth: int) -> int:
        with counting() as counted:
            async with deep(name, one(some_items(name)[0]), depth).open() as run:
                async for _ in run:
                    break
        return counted[0]

    await work(200)  # what happens the first time alone
    assert await work(200) <= TWICE * await work(100)


@pytest.mark.pure
@pytest.mark.parametrize("name", ["concat(a, b)", "concat, on the right", "merge(a, b)", "map(str.upper)"])
def test_it_is_built_at_a_cost_that_grows_with_its_depth(name: str) -> None:
    def work(depth: int) -> int:
        with counting() as counted:
            deep(name, one("a"), depth)
        return counted[0]

    assert work(2_000) <= TWICE * work(1_000)


# -- what stays as it was -----------------------------------------------------------------------------------


async def test_each_stage_of_many_does_its_part_in_its_turn() -> None:
    async def add_one(number: int) -> int:
        await anyio.lowlevel.checkpoint()
        return number + 1

    stream: sk.Stream[int] = sk.from_iterable(range(3))
    for _ in range(DEEP):
        stream = stream | sk.map_async(add_one)
    assert await stream.collect() == [DEEP, DEEP + 1, DEEP + 2]


async def test_they_are_closed_downstream_first() -> None:
    closed: list[int] = []

    class Closing:
        def __init__(self, number: int, items: AsyncIterable[Any]) -> None:
            self.number = number
            self.items = aiter(items)

        def __aiter__(self) -> AsyncIterator[Any]:
            return self

        async def __anext__(self) -> Any:
            return await anext(self.items)

        async def aclose(self) -> None:
            closed.append(self.number)

    stream = one("a")
    for number in range(300):
        stream = stream | (lambda items, number=number: Closing(number, items))  # type: ignore[misc]
    async with stream.open() as run:
        await anext(run)
        closed.clear()
    assert closed == [*reversed(range(300))]
    closed.clear()
    async with stream.open():
        pass
    assert closed == [*reversed(range(300))]


async def test_what_is_not_deep_is_read_by_the_task_that_reads_the_run() -> None:
    tasks: list[object] = []

    async def note(item: object) -> object:
        tasks.append(anyio.get_current_task())
        return item

    stream = one("a")
    for _ in range(40):
        stream = stream | sk.map_async(note)
    async with stream.open() as run:
        async for _ in run:
            pass
    assert set(tasks) == {anyio.get_current_task()}


async def test_a_sink_and_what_stands_in_a_tee_may_be_long_too() -> None:
    long: sk.Operator[Any, Any] = own_operator()
    for _ in range(DEEP):
        long = long | own_operator()
    async with (sk.from_iterable("ab") | sk.tee(long | collect()) | long | collect()).open() as run:
        assert await run == ["a", "b"]
    assert run.report.sinks["collect"].result == ["a", "b"]


async def test_a_deep_run_in_an_async_generator_may_be_left_there() -> None:
    source = Watched("a", then=anyio.sleep_forever)

    async def response() -> AsyncIterator[Any]:
        async with deep("concat, with a stage", source.stream()).open() as run:
            async for item in run:
                yield item  # noqa: ASYNC119

    items = response()
    assert await anext(items) == "a"
    await items.aclose()  # type: ignore[attr-defined]  # pyright: ignore
    assert source.closed == 1


# -- what is told of it -------------------------------------------------------------------------------------


@pytest.mark.turns(3)
@pytest.mark.parametrize("name", DEEPER)
def test_its_text_has_bounds(name: str) -> None:
    stream = deep(name, one("a"))
    assert len(repr(stream)) < 100 * DEEP
    assert len("".join(explanation(stream.stages, stream.source))) < 400 * DEEP


def test_a_stream_that_stands_in_many_places_has_a_short_text() -> None:
    stream = one("a")
    for _ in range(100):
        stream = sk.merge(stream, stream)
    assert len(repr(stream)) < 10_000


# -- where there is no room ---------------------------------------------------------------------------------


def many(stage: sk.Operator[Any, Any], number: int) -> sk.Operator[Any, Any]:
    made = stage
    for _ in range(number - 1):
        made = made | stage
    return made


async def test_a_bare_loop_over_too_many_says_how_many_and_what_to_do() -> None:
    source = Watched("a", then=end)
    assert [item async for item in source.stream() | many(own_operator(), MOST // 2)] == ["a"]
    with pytest.raises(
        TypeError, match=r"room for 100 iterators .* are more: use `async with stream.open\(\) as run`"
    ):
        async for _ in source.stream() | many(own_operator(), 1000):
            pass
    assert source.begun == source.closed == 1


@pytest.mark.turns(3)
@pytest.mark.parametrize("name", [name for name in DEEPER if not DEEPER[name](one("a")).concurrent])
async def test_a_bare_loop_over_streams_in_streams_says_so_or_has_room(name: str) -> None:
    source = Watched(then=fail)
    with suppress(FinalError, NoRoomError):
        async for _ in deep(name, source.stream(), 300):
            pass
    assert source.closed == source.begun


async def test_streams_in_functions_in_streams_say_so() -> None:
    def given(stream: sk.Stream[Any]) -> Callable[[], sk.Stream[Any]]:
        return lambda: stream

    source = Watched("a", then=end)
    stream = source.stream()
    for _ in range(DEEP):
        stream = sk.from_iterable(given(stream))
    with pytest.raises(TypeError, match="has room for 100"):
        await stream.collect()
    assert not source.begun


def test_over_too_many_loops_says_how_many_and_what_to_do() -> None:
    assert list(many(sk.take(2), 1_000).over("abc")) == ["a", "b"]
    with pytest.raises(
        TypeError, match=r"would read 167 loops .* for these 2000 stages, .* room for 100: use `async with"
    ):
        many(sk.take(2), 2_000).over("abc")


def in_split(inner: sk.Operator[Any, Any]) -> sk.Operator[Any, Any]:
    return sk.split(a=inner)


def in_unordered_split(inner: sk.Operator[Any, Any]) -> sk.Operator[Any, Any]:
    return sk.split(ordered=False, a=inner)


def in_tee(inner: sk.Operator[Any, Any]) -> sk.Operator[Any, Any]:
    return sk.tee(inner | collect())


@pytest.mark.parametrize("deeper", [in_split, in_unordered_split, in_tee])
async def test_pipelines_in_pipelines_have_as_many_levels_as_there_is_room_for(
    deeper: Callable[[sk.Operator[Any, Any]], sk.Operator[Any, Any]],
) -> None:
    inner: sk.Operator[Any, Any] = sk.skip(0)
    for _ in range(MOST_LEVELS):
        inner = deeper(inner)
    assert await (one("a") | inner).first()
    assert inner.stages[0].holds()
    assert not inner.stages[0].hides_restarts
    with pytest.raises(
        ValueError, match=rf"\(\) would be {MOST_LEVELS + 1} levels deep, and has room for {MOST_LEVELS}"
    ):
        deeper(inner)


def test_a_long_pipeline_of_an_ordered_split_is_refused_when_it_is_made() -> None:
    assert list(sk.split(a=many(sk.take(2), 300)).over("abc")) == [("a", "a"), ("a", "b")]
    with pytest.raises(
        ValueError, match=r"would be 91 levels deep, .* every 11 stages of one that keeps the order"
    ):
        sk.split(a=many(sk.take(2), 1_000))
