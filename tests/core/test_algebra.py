"""
The algebra: what stands on either side of `|`, and what that gives.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from typing import Any

import pytest
from aiostream import pipe, stream as aiostream_stream

import streamkit as sk
from streamkit.sinks import collect, join


async def doubled(items: AsyncIterable[int]) -> AsyncIterator[int]:
    async for item in items:
        yield 2 * item


def is_even(n: int) -> bool:
    return n % 2 == 0


def plus(a: int, b: int) -> int:
    return a + b


def increment(n: int) -> int:
    return n + 1


def piped(left: Any, right: Any) -> Any:
    """
    `left | right`, where the types would forbid it.
    """
    return left | right


numbers = sk.from_iterable([1, 2, 3, 4])
even = sk.filter(is_even)
shown = sk.map(str)


# -- the table ----------------------------------------------------------------------------------------------


async def test_stream_and_operator_give_a_stream() -> None:
    stream = numbers | sk.take(2)
    assert isinstance(stream, sk.Stream)
    assert await stream.collect() == [1, 2]


async def test_operator_and_operator_give_an_operator() -> None:
    operator = sk.take(3) | even | shown
    assert isinstance(operator, sk.Operator)
    assert await (numbers | operator).collect() == ["2"]


async def test_operator_and_sink_give_a_sink() -> None:
    sink = sk.skip(1) | shown | join("-")
    assert isinstance(sink, sk.Sink)
    assert await (numbers | sink) == "2-3-4"


async def test_stream_and_sink_give_a_job() -> None:
    job = numbers | collect()
    assert isinstance(job, sk.Job)
    assert await job == [1, 2, 3, 4]


async def test_a_plain_callable_is_an_operator() -> None:
    stream = numbers | doubled
    assert isinstance(stream, sk.Stream)
    assert await stream.collect() == [2, 4, 6, 8]
    operator = sk.take(2) | doubled | shown
    assert isinstance(operator, sk.Operator)
    assert await (numbers | operator).collect() == ["2", "4"]


async def test_a_callable_may_be_a_function_a_partial_an_object_or_a_class_that_iterates() -> None:
    async def times(items: AsyncIterable[int], n: int) -> AsyncIterator[int]:
        async for item in items:
            yield n * item

    class Negated:
        def __init__(self, items: AsyncIterable[int]) -> None:
            self.items = items

        async def __aiter__(self) -> AsyncIterator[int]:
            async for item in self.items:
                yield -item

    class Adder:
        def __call__(self, items: AsyncIterable[int]) -> AsyncIterable[int]:
            return sk.map(increment)(items)

    def again(items: AsyncIterable[int]) -> AsyncIterator[int]:
        return doubled(items)

    stream = numbers | functools.partial(times, n=10) | again | Negated | Adder()
    assert await stream.collect() == [-19, -39, -59, -79]


async def test_an_operator_is_applied_to_any_async_iterable() -> None:
    assert await (even | shown)(doubled(numbers)).collect() == ["2", "4", "6", "8"]


def test_an_operator_is_not_applied_to_a_plain_iterable() -> None:
    with pytest.raises(TypeError, match=r"not to list: use from_iterable\(\)"):
        sk.take(1)([1, 2])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def test_a_sink_is_applied_to_any_async_iterable() -> None:
    assert await collect()(doubled(numbers)) == [2, 4, 6, 8]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # aiostream knows no other
async def test_aiostream_plugs_in_both_ways() -> None:
    assert await (numbers | sk.map(str) | pipe.chunks(3)).collect() == [["1", "2", "3"], ["4"]]
    assert await (aiostream_stream.iterate(["a", "b", "c"]) | sk.take(2)).collect() == ["a", "b"]
    assert await (sk.take(3) | pipe.chunks(2) | sk.map(len))(numbers).collect() == [2, 1]


# -- values -------------------------------------------------------------------------------------------------


async def test_composing_changes_neither_side() -> None:
    first, second = sk.take(3), sk.skip(1)
    both = first | second
    stream = numbers | both
    sink = second | collect()
    assert [repr(each) for each in (first, second, both)] == ["take(3)", "skip(1)", "take(3) | skip(1)"]
    assert await (numbers | first).collect() == [1, 2, 3]
    assert await (numbers | sink) == [2, 3, 4]
    assert await stream.collect() == [2, 3]
    assert await numbers.collect() == [1, 2, 3, 4]


async def test_it_makes_no_difference_where_the_parts_are_joined() -> None:
    a, b, c = sk.skip(1), even, shown
    ways = [numbers | a | b | c, numbers | (a | b | c), numbers | (a | b) | c, numbers | a | (b | c)]
    assert {repr(way) for way in ways} == {repr(ways[0])}
    assert [await way.collect() for way in ways] == [["2", "4"]] * 4


async def test_a_stream_runs_as_often_as_it_is_opened() -> None:
    stream = numbers | sk.take(2) | sk.scan(plus, 0)
    for _ in range(3):
        assert await stream.collect() == [1, 3]


async def test_two_runs_of_one_stream_share_nothing() -> None:
    stream = numbers | sk.take(3) | sk.batch(2)
    async with stream.open() as first, stream.open() as second:
        assert await anext(first) == [1, 2]
        assert await anext(second) == [1, 2]
        assert await anext(first) == await anext(second) == [3]


# -- what does not fit --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "junk", [None, 3, "text", [1], object()], ids=["None", "3", "text", "list", "object"]
)
@pytest.mark.parametrize("left", [numbers, shown], ids=["stream", "operator"])
def test_junk_on_the_right_is_not_implemented(left: Any, junk: object) -> None:
    assert left.__or__(junk) is NotImplemented
    with pytest.raises(TypeError, match="unsupported operand"):
        piped(left, junk)
    with pytest.raises(TypeError):
        left.pipe(junk)


async def test_junk_on_the_right_may_know_better() -> None:
    class Knows:
        def __ror__(self, left: object) -> str:
            return f"after {left!r}"

    assert piped(numbers, Knows()) == "after from_iterable([…])"


async def save(item: int) -> None: ...


class Saver:
    async def __call__(self, item: int) -> None: ...


@pytest.mark.parametrize("left", [numbers, shown], ids=["stream", "operator"])
@pytest.mark.parametrize(("function", "name"), [(save, "save"), (Saver(), "Saver")])
def test_a_coroutine_function_on_the_right_points_to_call_and_map_async(
    left: Any, function: object, name: str
) -> None:
    with pytest.raises(TypeError, match=rf"sinks\.call\({name}\).*map_async\({name}\)"):
        piped(left, function)


@pytest.mark.parametrize("make", [sk.map, sk.filter, sk.tap, sk.flat_map, sk.filter_map])
def test_a_coroutine_function_inside_points_to_map_async(make: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError, match=r"save is a coroutine function .*map_async\(save\).*sinks\.call"):
        make(save)


@pytest.mark.parametrize("method", ["map", "filter", "tap", "flat_map"])
@pytest.mark.parametrize("left", [numbers, shown], ids=["stream", "operator"])
def test_so_do_the_methods(left: Any, method: str) -> None:
    with pytest.raises(TypeError, match=r"map_async\(save\)"):
        getattr(left, method)(save)


@pytest.mark.parametrize("make", [sk.map, sk.filter, sk.tap, sk.flat_map, sk.filter_map, sk.take_while])
def test_what_cannot_be_called_is_refused(make: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError, match="3"):
        make(3)


class Doubled(sk.Transducer[int, int]):
    def feed(self, item: int) -> Iterable[int]:
        return (item, item)


@sk.operator
async def shout(items: AsyncIterator[str], mark: str = "!") -> AsyncIterator[str]:
    async for item in items:
        yield item.upper() + mark


@sk.sink
async def count(items: AsyncIterator[object]) -> int:
    return len([item async for item in items])


@pytest.mark.parametrize("left", [numbers, shown], ids=["stream", "operator"])
@pytest.mark.parametrize("factory", [shout, count, Doubled], ids=["operator", "sink", "transducer"])
def test_a_factory_that_was_not_called_says_so(left: Any, factory: Any) -> None:
    with pytest.raises(TypeError, match=rf"write {factory.__name__}\("):
        piped(left, factory)


@pytest.mark.parametrize("factory", [sk.take, sk.tee, sk.throttle, sk.map, sk.batch, sk.sinks.jsonl])
def test_nor_does_a_built_in_one_with_one_argument_pass(factory: Any) -> None:
    with pytest.raises(TypeError, match=rf"write {factory.__name__}\("):
        piped(numbers, factory)


@pytest.mark.parametrize("kind", [list, int, dict])
def test_a_class_that_is_no_async_iterable_is_refused(kind: Any) -> None:
    with pytest.raises(TypeError, match=kind.__name__):
        piped(numbers, kind)


def test_a_function_with_other_parameters_is_refused_where_it_stands() -> None:
    def two(first: object, second: object) -> None: ...

    with pytest.raises(TypeError, match=r"two cannot stand behind \|.*'second'"):
        piped(numbers, two)


async def test_a_callable_that_gives_no_async_iterable_is_refused_when_opened() -> None:
    def size(items: object) -> int:
        return 3

    stream = piped(numbers, size)
    with pytest.raises(
        TypeError, match=r"size .*must return an async iterable, but it returned int.*map\(size\)"
    ):
        await stream.collect()


async def test_a_callable_that_gives_a_coroutine_is_refused_without_a_warning() -> None:
    def forgets(items: Any) -> Any:
        return save(items)

    stream = piped(numbers, forgets)
    with pytest.raises(TypeError, match="it returned coroutine"):
        await stream.collect()


# -- methods ------------------------------------------------------------------------------------------------

METHODS: list[tuple[str, tuple[Any, ...]]] = [
    ("map", (str,)),
    ("filter", (bool,)),
    ("tap", (print,)),
    ("scan", (max, 0)),
    ("flat_map", (range,)),
]


@pytest.mark.parametrize("left", [numbers, even, sk.take(3)], ids=["stream", "operator", "same"])
@pytest.mark.parametrize(("name", "args"), METHODS)
async def test_a_method_is_the_operator(left: Any, name: str, args: tuple[Any, ...]) -> None:
    by_method = getattr(left, name)(*args)
    by_operator = left | getattr(sk, name)(*args)
    assert repr(by_method) == repr(by_operator)
    assert type(by_method) is type(by_operator)
    if isinstance(left, sk.Operator):
        by_method, by_operator = numbers | by_method, numbers | by_operator
    assert await by_method.collect() == await by_operator.collect()


@pytest.mark.parametrize("right", [sk.take(2), doubled, collect()], ids=["operator", "callable", "sink"])
@pytest.mark.parametrize("left", [numbers, even, sk.take(3)], ids=["stream", "operator", "same"])
async def test_pipe_is_the_bar(left: Any, right: Any) -> None:
    piped, barred = left.pipe(right), left | right
    assert repr(piped) == repr(barred)
    assert type(piped) is type(barred)
    if isinstance(piped, sk.Job):
        assert await piped == await barred


# -- terminals ----------------------------------------------------------------------------------------------


async def test_terminals() -> None:
    seen: list[int] = []
    assert await numbers.collect() == [1, 2, 3, 4]
    assert await numbers.first() == 1
    assert await numbers.last() == 4
    assert await numbers.tap(seen.append).run() is None  # type: ignore[func-returns-value]
    assert seen == [1, 2, 3, 4]
    assert await numbers.map(str).to(join()) == "1234"


async def test_first_reads_no_further() -> None:
    pulled: list[int] = []
    assert await numbers.tap(pulled.append).first() == 1
    assert pulled == [1]


@pytest.mark.parametrize("terminal", ["first", "last"])
async def test_an_empty_stream_has_no_first_and_no_last(terminal: str) -> None:
    with pytest.raises(LookupError, match=r"take\(0\) ended without an item"):
        await getattr(numbers | sk.take(0), terminal)()


async def test_none_is_an_item() -> None:
    nones: sk.Stream[None] = sk.from_iterable([None])
    assert await nones.first() is await nones.last() is None  # type: ignore[func-returns-value]
    assert await nones.collect() == [None]


@pytest.mark.parametrize(
    "stage", [sk.buffer(2), sk.finalize(lambda: None), sk.tee(sk.sinks.collect())], ids=repr
)
async def test_every_stage_gives_an_iterator_that_can_be_asked_for_its_next_item(stage: sk.Same) -> None:
    @sk.operator
    async def first_two(items: AsyncIterator[int]) -> AsyncIterator[int]:
        yield await anext(items)
        yield await anext(items)

    @sk.sink
    async def first(items: AsyncIterator[int]) -> int:
        return await anext(items)

    assert await (sk.from_iterable([1, 2, 3]) | stage | first_two()).collect() == [1, 2]
    assert await (sk.from_iterable([1, 2, 3]) | stage | first()) == 1
    async with (sk.from_iterable([1, 2, 3]) | sk.tee(sk.branch(stage | first(), "first"))).open() as run:
        assert await anext(run) == 1
        async for _ in run:
            pass
    assert run.report.sinks["first"].result == 1
