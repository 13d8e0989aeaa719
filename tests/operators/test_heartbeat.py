"""
heartbeat: a sign of life wherever nothing comes, and nothing lost for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest
from hypothesis import given, strategies as st

import streamkit as sk
from streamkit.testing import marbles, run_virtual
from tests.support.backends import on_both_backends

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize(
    ("source", "emitted"),
    [
        pytest.param("|", "|", id="none"),
        pytest.param("a-b-c|", "a-b-c|", id="no silence"),
        pytest.param("a----b|", "a--?-b|", id="one silence"),
        pytest.param("a-------b|", "a--?--?-b|", id="again after as long"),
        pytest.param("-----a|", "---?-a|", id="before the first item"),
        pytest.param("a----|", "a--?-|", id="before the end"),
        pytest.param("a----#", "a--?-#", id="before an error"),
        pytest.param("a-b----c|", "a-b--?-c|", id="counted from the last item"),
    ],
)
async def test_after_so_much_silence_the_item_comes(source: str, emitted: str) -> None:
    await marbles.expect(marbles.source(source) | sk.heartbeat(3, "?"), emitted)


async def test_a_slow_consumer_hears_no_heartbeat_while_items_wait() -> None:
    got: list[str] = []
    async with (sk.from_iterable("abc") | sk.heartbeat(1, "?")).open() as run:
        async for item in run:
            got.append(item)
            await anyio.sleep(10)
    assert got == ["a", "b", "c"]


@on_both_backends
@given(pauses=st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.5]), max_size=8))
def test_without_the_heartbeats_it_is_what_came(pauses: list[float], backend: str) -> None:
    async def source() -> AsyncIterator[int]:
        for number, pause in enumerate(pauses):
            await anyio.sleep(pause)
            yield number

    async def main() -> None:
        items = await (sk.from_iterable(source) | sk.heartbeat(1, None)).collect()
        assert [item for item in items if item is not None] == [*range(len(pauses))]

    run_virtual(main, backend=backend)
