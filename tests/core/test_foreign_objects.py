"""
Items and errors of other people that answer to any name, or raise: they go through as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import streamkit as sk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class AttrDict(dict[str, Any]):
    """
    A dict whose keys are its attributes, as many programs write it. What it does not have is a KeyError.
    """

    def __getattr__(self, name: str) -> Any:
        return self[name]


async def as_it_is(item: Any) -> Any:
    return item


def unchanged(item: Any) -> Any:
    return item


def value_of(pair: Any) -> Any:
    return pair[1]


def newest(_: Any, item: Any) -> Any:
    return item


def alone(item: Any) -> sk.Stream[Any]:
    return sk.from_iterable([item])


OPERATORS: list[sk.Operator[Any, Any]] = [
    sk.map(unchanged),
    sk.scan(newest, None),
    sk.take(3),
    sk.skip(0),
    sk.dedupe(),
    sk.take_while(bool),
    sk.batch(1) | sk.flat_map(unchanged),
    sk.batch(1, within=1) | sk.flat_map(unchanged),
    sk.map_async(as_it_is),
    sk.map_async(as_it_is, 2),
    sk.flat_map(alone, concurrency=1),
    sk.throttle(1e-6, merge="latest"),
    sk.split(a=sk.take(3)) | sk.map(value_of),
    sk.rate_limit(1e9),
    sk.debounce(1e-9),
    sk.sample(1e-9),
    sk.tee(sk.sinks.log()),
]


@pytest.mark.parametrize("operator", OPERATORS, ids=repr)
async def test_an_item_without_an_attribute_that_is_asked_for_goes_through(
    operator: sk.Operator[Any, Any],
) -> None:
    item = AttrDict(a=1)
    (got,) = await (sk.from_iterable([item]) | operator).collect()
    assert got is item


async def test_what_needs_to_know_its_kind_names_it() -> None:
    items: sk.Stream[Any] = sk.from_iterable([AttrDict()])
    with pytest.raises(TypeError, match="does not know how to merge items of type AttrDict"):
        await (items | sk.throttle(1)).run()
    with pytest.raises(TypeError, match="takes str, not AttrDict"):
        await (items | sk.sinks.join())


class UnloadedError(Exception):
    """
    Passes questions on to what is not there.
    """

    def __getattr__(self, name: str) -> Any:
        raise KeyError(name)


async def fails() -> AsyncIterator[int]:
    raise UnloadedError
    yield 0


async def refuses(_: object) -> None:
    raise UnloadedError


async def test_an_error_that_answers_nothing_comes_out_as_itself() -> None:
    policy = sk.RetryPolicy(attempts=2, base=0)
    for stream in (sk.from_iterable(fails), sk.from_iterable(fails) | sk.retry(policy)):
        run = stream.open()
        with pytest.raises(UnloadedError) as caught:
            async with run:
                await anext(run)
        assert run.outcome.kind == "failed"
        assert run.outcome.error is caught.value
    detached = sk.tee(sk.branch(refuses, on_error="detach"))
    assert await (sk.from_iterable([1]) | detached).collect() == [1]
