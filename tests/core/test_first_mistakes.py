"""
What people write first, and wrongly: each says at once what to write instead.
"""

from __future__ import annotations

from typing import Any

import pytest

import streamkit as sk

words: Any = sk.from_iterable(["a", "b"])
text: Any = sk.text()


def piped(left: Any, right: Any) -> Any:
    return left | right


async def test_a_stream_is_opened_before_it_is_entered() -> None:
    with pytest.raises(TypeError, match=r"write `async with stream\.open\(\) as run`"):
        async with words:
            pass


async def test_a_stream_is_not_awaited() -> None:
    with pytest.raises(TypeError, match=r"not awaited: .* stream\.collect\(\)"):
        await words


def test_an_operator_of_events_does_not_fit_behind_pieces_of_text() -> None:
    with pytest.raises(
        TypeError, match=r"tool_calls\(\) takes events, .* write split\(a=text\(\), b=tool_calls\(\)\)"
    ):
        piped(text, sk.tool_calls())
    with pytest.raises(
        TypeError, match=r"text\(\) takes events, and citations\(\) before it gives citations"
    ):
        piped(words | sk.citations(), text)
    assert repr(sk.only("text_delta") | text) == "only('text_delta') | text()"


def test_a_limit_is_named() -> None:
    limits: Any = sk.Timeouts
    with pytest.raises(TypeError, match=r"write Timeouts\(read=30\), or Timeouts\(total=30\)"):
        limits(30)


def test_what_makes_a_stage_is_called() -> None:
    for right in (sk.text, sk.sinks.collect):
        with pytest.raises(TypeError, match=r"was not called: write \w+\(…\)"):
            piped(words, right)
    sink: Any = sk.sinks.collect
    with pytest.raises(TypeError, match=r"was not called: write collect\(…\)"):
        sk.tee(sink)


def test_a_plain_function_is_no_stage() -> None:
    right: Any
    for right in (print, "".join):
        with pytest.raises(
            TypeError, match=r"write tap\(.*\) to show it each item, map\(.*\) to transform each"
        ):
            piped(words, right)


def test_a_sink_ends_a_pipeline() -> None:
    sink: Any = sk.sinks.collect()
    for left in (sink, words | sink, text | sink):
        with pytest.raises(
            TypeError,
            match=r"collect\(\) is a sink, which ends a pipeline, .* write tee\(",
        ):
            piped(left, text)


async def test_a_run_is_read_inside_its_block() -> None:
    with pytest.raises(RuntimeError, match=r"read it inside `async with stream\.open\(\) as run`"):
        async for _ in words.open():
            pass
