"""
@operator, @passthrough and @sink: operators and sinks made of functions.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from typing import Any

import pytest

import streamkit as sk
from streamkit.sinks import collect


@sk.operator
async def shout(items: AsyncIterator[str], mark: str = "!", *, twice: bool = False) -> AsyncIterator[str]:
    """
    Louder.
    """
    async for item in items:
        yield item.upper() + mark * (1 + twice)


@sk.passthrough
async def every(items: AsyncIterator[Any], nth: int) -> AsyncIterator[Any]:
    index = 0
    async for item in items:
        if index % nth == 0:
            yield item
        index += 1


@sk.sink
async def total(items: AsyncIterator[int], start: int = 0) -> int:
    """
    The sum.
    """
    async for item in items:
        start += item
    return start


async def test_an_operator_with_its_arguments() -> None:
    stream = sk.from_iterable(["a", "b"])
    assert await (stream | shout()).collect() == ["A!", "B!"]
    assert await (stream | shout("?", twice=True)).collect() == ["A??", "B??"]
    assert await (stream | shout(mark="…")).collect() == ["A…", "B…"]


async def test_a_made_operator_serves_any_number_of_runs() -> None:
    operator = every(2) | shout()
    for items in ("abc", "xyz"):
        assert await (sk.from_iterable(items) | operator).collect() == [
            items[0].upper() + "!",
            items[2].upper() + "!",
        ]


async def test_a_passthrough_keeps_its_generic_kind() -> None:
    assert isinstance(every(2), sk.Same)
    assert isinstance(every(2) | sk.take(1), sk.Same)
    assert not isinstance(every(2) | shout(), sk.Same)
    assert await (sk.from_iterable(range(5)) | every(nth=2)).collect() == [0, 2, 4]


async def test_a_sink_with_its_arguments_returns_its_result() -> None:
    stream = sk.from_iterable([1, 2, 3])
    assert await (stream | total()) == 6
    assert await (stream | total(start=10)) == 16
    assert await (stream | sk.take(2) | total(1)) == 4


async def test_then() -> None:
    async def later(n: int) -> str:
        return f"{n}!"

    sink = total().then(lambda n: n + 1).then(later)
    assert await (sk.from_iterable([1]) | sink) == "2!"
    assert await (sk.from_iterable([1]) | total()) == 1


async def test_then_fails_the_job_with_its_error() -> None:
    def refuse(n: int) -> None:
        raise LookupError(n)

    with pytest.raises(LookupError):
        await (sk.from_iterable([1]) | total().then(refuse))


@pytest.mark.parametrize("make", [total, collect])
def test_then_refuses_junk_at_once(make: Any) -> None:
    with pytest.raises(TypeError, match="3"):
        make().then(3)


@pytest.mark.parametrize("make", [shout, total])
@pytest.mark.parametrize(("args", "kwargs"), [((1, 2, 3), {}), ((), {"nonsense": 1})])
def test_arguments_that_do_not_fit_are_refused_where_it_is_made(make: Any, args: Any, kwargs: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{make.__name__}: "):
        make(*args, **kwargs)


def test_a_missing_argument_too() -> None:
    with pytest.raises(TypeError, match=r"^every: missing a required argument: 'nth'"):
        every()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def coroutine_function(items: Any) -> None: ...
def function(items: Any) -> None: ...
async def generator(items: Any) -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("decorate", "name", "wrong"),
    [
        (sk.operator, "operator", coroutine_function),
        (sk.operator, "operator", function),
        (sk.passthrough, "passthrough", coroutine_function),
        (sk.sink, "sink", generator),
        (sk.sink, "sink", function),
    ],
)
def test_the_wrong_kind_of_function_is_refused(decorate: Any, name: str, wrong: Any) -> None:
    with pytest.raises(TypeError, match=rf"@{name} needs .*{wrong.__name__} is not one"):
        decorate(wrong)


def test_the_made_factory_documents_itself() -> None:
    assert shout.__name__ == "shout"
    assert inspect.getdoc(shout) == "Louder."
    assert inspect.getdoc(total) == "The sum."
    assert str(inspect.signature(shout)).startswith("(mark: 'str' = '!', *, twice: 'bool' = False)")
    assert list(inspect.signature(total).parameters) == ["start"]
