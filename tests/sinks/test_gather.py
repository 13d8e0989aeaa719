"""
collect and join: everything in one value.
"""

from __future__ import annotations

from typing import Any

import pytest

from streamkit import from_iterable
from streamkit.events import Restarted
from streamkit.sinks import collect, join


async def test_collect_returns_every_item_in_order() -> None:
    assert await (from_iterable([3, 1, 2]) | collect()) == [3, 1, 2]
    assert await (from_iterable([]) | collect()) == []


async def test_a_sink_can_be_used_again() -> None:
    sink = collect()
    assert await (from_iterable([1]) | sink) == [1]
    assert await (from_iterable([2]) | sink) == [2]


async def test_then_hands_the_result_on() -> None:
    async def double(n: int) -> int:
        return 2 * n

    assert await (from_iterable("abc") | collect().then(len).then(double)) == 6


async def test_join_joins() -> None:
    assert await (from_iterable(["a", "", "b"]) | join()) == "ab"
    assert await (from_iterable(["a", "b"]) | join(", ")) == "a, b"
    assert await (from_iterable([]) | join()) == ""


async def test_where_the_stream_starts_over_so_does_the_text() -> None:
    items: list[str | Restarted] = ["first try", Restarted(2, ConnectionError()), "second ", "try"]
    assert await (from_iterable(items) | join()) == "second try"


async def test_join_refuses_what_is_no_text() -> None:
    items: list[Any] = ["a", b"b"]
    with pytest.raises(TypeError, match=r"join\(\) takes str, not bytes: put text\(\) or map"):
        await (from_iterable(items) | join())


def test_a_separator_is_text() -> None:
    with pytest.raises(TypeError, match="str between the pieces, not 3"):
        join(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_they_read_like_their_source() -> None:
    assert repr(collect()) == "collect()"
    assert repr(join()) == "join()"
    assert repr(join(", ").then(len)) == "join(', ').then(len)"
