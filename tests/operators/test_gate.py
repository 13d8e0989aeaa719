"""
gate: no text goes on that was not checked, and none behind a piece that was stopped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import anthropic
import anyio
import pytest
from hypothesis import given, strategies as st

import streamkit as sk
from streamkit.events import ContentBlockStop, from_dict
from streamkit.testing import run_virtual
from tests.support.backends import on_both_backends
from tests.support.restarts import Restart

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.virtual_time

gate = cast("Any", sk.gate)
"""For what its types refuse."""


async def passes(piece: str, so_far: str) -> bool:
    return True


async def refuses_x(piece: str, so_far: str) -> bool:
    return "x" not in piece


def said(text: str, index: int = 0) -> Any:
    return from_dict(
        {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}}
    )


def stop(index: int = 0) -> Any:
    return from_dict({"type": "content_block_stop", "index": index})


class Timed:
    """
    Items that come at set times, and when they have come.
    """

    def __init__(self, *items: tuple[float, Any]) -> None:
        self._items = items
        self.closed = 0

    def stream(self) -> sk.Stream[Any]:
        return sk.from_iterable(self._read)

    async def _read(self) -> AsyncIterator[Any]:
        began = anyio.current_time()
        try:
            for at, item in self._items:
                await anyio.sleep_until(began + at)
                yield item
        finally:
            self.closed += 1


# -- what goes on -------------------------------------------------------------------------------------------


async def test_a_piece_passes_is_replaced_or_ends_the_stream() -> None:
    async def check(piece: str, so_far: str) -> bool | str:
        verdicts: dict[str, bool | str] = {"b ": "B ", "c ": "", "e ": False}
        return verdicts.get(piece, True)

    stream = sk.from_iterable(["a b", " c d e f "]) | sk.gate(check, "word")
    async with stream.open() as run:
        assert [item async for item in run] == ["a ", "B ", "d "]
    assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "gate")


async def test_the_outcome_says_why_it_was_stopped() -> None:
    async def check(piece: str, so_far: str) -> tuple[bool, str]:
        return False, "against the rules"

    async with (sk.from_iterable(["a"]) | sk.gate(check)).open() as run:
        assert [item async for item in run] == []
    assert run.outcome.stopped_by == "gate: against the rules"


async def test_a_check_sees_the_piece_and_all_text_before_it_as_it_was() -> None:
    seen: list[tuple[str, str]] = []

    async def check(piece: str, so_far: str) -> str:
        seen.append((piece, so_far))
        return "-"

    assert await (sk.from_iterable(["a b", " c"]) | sk.gate(check, "word")).collect() == ["-", "-", "-"]
    assert sorted(seen) == [("a ", ""), ("b ", "a "), ("c", "a b ")]


async def test_everything_else_keeps_its_place() -> None:
    async def slow(piece: str, so_far: str) -> bool:
        await anyio.sleep(1)
        return True

    events = [said("One. "), said("Two. Th"), stop(), said("ree.", 1), stop(1)]
    got = await (sk.from_iterable(events) | sk.gate(slow)).collect()
    assert got == [said("One. "), said("Two. "), said("Th"), stop(), said("ree.", 1), stop(1)]


CITED = {
    "type": "citations_delta",
    "citation": {
        "type": "char_location", "cited_text": "x", "document_index": 0, "document_title": None, "start_char_index": 0,
        "end_char_index": 1,
    },
}  # fmt: skip
ASIDE: dict[str, Any] = {
    "a ping": from_dict({"type": "ping"}),
    "a tool's result": sk.ToolResult("toolu_1", "look", "found"),
    "its pair": ("result", sk.ToolResult("toolu_1", "look", "found")),
    "a citation": from_dict({"type": "content_block_delta", "index": 0, "delta": CITED}),
    "a delta of tomorrow": from_dict(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "new_delta"}}
    ),
    "an event of tomorrow": from_dict({"type": "news"}),
    "the SDK's citation": anthropic.types.RawContentBlockDeltaEvent.model_validate(
        {"type": "content_block_delta", "index": 0, "delta": CITED}
    ),
}


@pytest.mark.parametrize("name", ASIDE)
async def test_what_may_come_in_the_middle_of_a_text_does_not_cut_it(name: str) -> None:
    """
    What the check looks for would stand across two pieces otherwise.
    """
    seen: list[str] = []

    async def check(piece: str, so_far: str) -> bool:
        seen.append(piece)
        return True

    items: list[Any] = [said("Call 123"), ASIDE[name], said("-4567 now."), stop()]
    if name == "its pair":
        items = [("text", "Call 123"), ASIDE[name], ("text", "-4567 now.")]
    got = await (
        sk.from_iterable(items) | gate(check, names="text" if name == "its pair" else None)
    ).collect()
    assert seen == ["Call 123-4567 now."]
    assert got[0] is ASIDE[name]


async def test_nothing_behind_a_piece_that_was_stopped_goes_on() -> None:
    async def check(piece: str, so_far: str) -> bool:
        await anyio.sleep(0 if so_far else 5)
        return bool(so_far)

    source = Timed((0, said("x. ")), (1, said("y. ")), (2, stop()), (3, said("z. ")))
    async with (source.stream() | sk.gate(check, ahead=9)).open() as run:
        assert [item async for item in run] == []
    assert source.closed == 1


async def test_of_pairs_only_the_names_given_are_checked() -> None:
    pairs = [("said", "x "), ("thought", "x "), ("call", 1), ("said", "a ")]
    stream = sk.from_iterable(pairs)
    assert await (stream | sk.gate(refuses_x, "word", names="thought")).collect() == pairs[:1]
    assert await (stream | sk.gate(refuses_x, "word", names=["other"])).collect() == pairs
    assert await (stream | sk.gate(refuses_x, "word")).collect() == []


async def test_each_name_has_a_text_of_its_own() -> None:
    seen: list[tuple[str, str]] = []

    async def check(piece: str, so_far: str) -> bool:
        seen.append((piece, so_far))
        return True

    pairs = [("a", "1 "), ("b", "2 "), ("a", "3 ")]
    assert await (sk.from_iterable(pairs) | sk.gate(check, "word")).collect() == pairs
    assert sorted(seen) == [("1 ", ""), ("2 ", ""), ("3 ", "1 ")]


async def test_each_block_has_a_text_of_its_own() -> None:
    """
    So what a check is given does not grow from message to message.
    """
    seen: list[tuple[str, str]] = []

    async def check(piece: str, so_far: str) -> bool:
        seen.append((piece, so_far))
        return True

    events = [said("1 "), said("2 "), stop(), said("3 ", 1), stop(1), said("4 "), said("5 ")]
    assert await (sk.from_iterable(events) | sk.gate(check, "word")).collect() == events
    assert sorted(seen) == [("1 ", ""), ("2 ", "1 "), ("3 ", ""), ("4 ", ""), ("5 ", "4 ")]


# -- when -----------------------------------------------------------------------------------------------------


async def test_checks_run_ahead_and_pieces_come_in_their_order() -> None:
    took: list[float] = []

    async def check(piece: str, so_far: str) -> bool:
        await anyio.sleep({"a": 3, "b": 1, "c": 1}[piece])
        return True

    began = anyio.current_time()
    source = Timed((0, "a"), (0, "b"), (0, "c"))
    async with (source.stream() | sk.gate(check, "grapheme", ahead=2)).open() as run:
        async for _ in run:
            took.append(anyio.current_time() - began)
    assert took == [3, 3, 4]


async def test_at_most_so_many_checks_are_begun() -> None:
    begun = 0

    async def never(piece: str, so_far: str) -> bool:
        nonlocal begun
        begun += 1
        await anyio.sleep_forever()
        return True

    async with (sk.from_iterable("abcdefgh") | sk.gate(never, "grapheme", ahead=3)).open() as run:
        with anyio.move_on_after(5):
            await anext(run)
        assert begun == 3


async def test_what_is_not_checked_takes_no_room_of_the_checks() -> None:
    """
    So the next piece is checked while the one before it is, whatever stands between them.
    """

    async def check(piece: str, so_far: str) -> bool:
        await anyio.sleep(2)
        return True

    began = anyio.current_time()
    events = [said("a. "), *[stop()] * 20, said("b.", 1), stop(1)]
    assert len(await (sk.from_iterable(events) | sk.gate(check)).collect()) == 23
    assert anyio.current_time() - began == 2


async def test_what_waits_behind_a_check_is_bounded() -> None:
    pulled = 0

    async def endless() -> AsyncIterator[Any]:
        nonlocal pulled
        yield said("a. ")
        while True:
            pulled += 1
            yield stop()

    async def never(piece: str, so_far: str) -> bool:
        await anyio.sleep_forever()
        return True

    async with (sk.from_iterable(endless) | sk.gate(never)).open() as run:
        with anyio.move_on_after(5):
            await anext(run)
        assert pulled <= 65


# -- restarts, errors, cancellation -------------------------------------------------------------------------


async def test_where_the_stream_starts_over_nothing_before_it_is_checked_or_shown() -> None:
    cancelled: list[str] = []
    seen: list[tuple[str, str]] = []

    async def check(piece: str, so_far: str) -> bool:
        seen.append((piece, so_far))
        try:
            await anyio.sleep(5)
        except anyio.get_cancelled_exc_class():
            cancelled.append(piece)
            raise
        return True

    again = Restart()
    source = Timed((0, "a "), (1, "hal"), (2, again), (3, "b "))
    assert await (source.stream() | sk.gate(check, "word")).collect() == [again, "b "]
    assert cancelled == ["a "]
    assert seen == [("a ", ""), ("b ", "")]


async def test_an_error_of_upstream_comes_behind_the_text_before_it() -> None:
    seen: list[str] = []

    async def check(piece: str, so_far: str) -> bool:
        seen.append(piece)
        await anyio.sleep(1)
        return True

    async def fails() -> AsyncIterator[str]:
        yield "One. Tw"
        raise ValueError("broken")

    got: list[str] = []
    with pytest.raises(ValueError, match="broken"):
        async with (sk.from_iterable(fails) | sk.gate(check)).open() as run:
            async for item in run:
                got.append(item)
    assert got == sorted(seen) == ["One. ", "Tw"]


async def test_a_check_that_fails_fails_the_stream_before_its_piece() -> None:
    async def check(piece: str, so_far: str) -> bool:
        if "b" in piece:
            raise LookupError("no verdict")
        return True

    source = Timed((0, "a "), (0, "b "), (0, "c "))
    got: list[str] = []
    with pytest.raises(LookupError, match="no verdict"):
        async with (source.stream() | sk.gate(check, "word")).open() as run:
            async for item in run:
                got.append(item)
    assert (got, source.closed) == (["a "], 1)


async def test_leaving_cancels_the_checks_and_closes_the_source() -> None:
    ended: list[str] = []

    async def check(piece: str, so_far: str) -> bool:
        try:
            await anyio.sleep(9 if so_far else 1)
        finally:
            ended.append(piece)
        return True

    source = Timed((0, "a "), (0, "b c"), (99, "d"))
    async with (source.stream() | sk.gate(check, "word")).open() as run:
        async for _ in run:
            break
    assert (ended, source.closed) == (["a ", "b "], 1)


# -- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "kwargs", "error", "words"),
    [
        ((3,), {}, TypeError, "needs an async function"),
        ((passes, "paragraph"), {}, ValueError, "paragraph"),
        ((passes,), {"ahead": 0}, ValueError, "at least 1 for ahead"),
        ((passes,), {"ahead": True}, TypeError, "whole number"),
        ((passes,), {"names": []}, ValueError, "names none"),
        ((passes,), {"names": [1]}, TypeError, "takes strings, not 1"),
        ((passes,), {"names": 1}, TypeError, "the names of pairs, not 1"),
    ],
)
def test_what_cannot_work_is_refused_at_once(args: Any, kwargs: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        gate(*args, **kwargs)


async def test_an_async_generator_is_no_check() -> None:
    async def check(piece: str, so_far: str) -> AsyncIterator[bool]:
        yield True

    with pytest.raises(TypeError, match="check is an async generator function"):
        gate(check)


@pytest.mark.parametrize("verdict", [None, 1, 0, (True, "why"), (False, 3), b"x"])
async def test_what_is_no_verdict_lets_nothing_pass(verdict: Any) -> None:
    async def check(piece: str, so_far: str) -> Any:
        return verdict

    with pytest.raises(
        TypeError, match=rf"gate\(check\): the check must say True .* said {type(verdict).__name__}"
    ):
        await (sk.from_iterable(["a"]) | gate(check)).collect()


async def test_a_plain_function_is_told_to_be_async() -> None:
    def check(piece: str, so_far: str) -> bool:
        return True

    with pytest.raises(TypeError, match=r"must return an awaitable, and returned bool: make it `async def`"):
        await (sk.from_iterable(["a"]) | gate(check)).collect()


# -- the law --------------------------------------------------------------------------------------------------


@on_both_backends
@given(
    chunks=st.lists(st.text(alphabet="ab .x\n\U0001f600", max_size=6), max_size=8),
    verdicts=st.lists(st.sampled_from([True, True, True, "R", "", False]), max_size=12),
    seconds=st.lists(st.integers(0, 3), min_size=1, max_size=5),
    every=st.integers(0, 2),
    by=st.sampled_from(["word", "sentence", "grapheme"]),
    ahead=st.integers(1, 4),
)
def test_a_gate_never_leaks(
    chunks: list[str],
    verdicts: list[bool | str],
    seconds: list[int],
    every: int,
    by: str,
    ahead: int,
    backend: str,
) -> None:
    """
    However the text comes and however long the checks take, what goes on is what the verdicts say, in the text's order; and with
    room for all checks no piece waits longer than for its own check and those before it.
    """
    pieces = list((sk.recut(by)).over(chunks))
    wanted: list[str] = []
    for number in range(len(pieces)):
        verdict = verdicts[number] if number < len(verdicts) else True
        if verdict is False:
            break
        wanted += [pieces[number]] if verdict is True else [verdict] if verdict else []

    async def check(piece: str, so_far: str) -> bool | str:
        number = 0
        while "".join(pieces[:number]) != so_far:
            number += 1
        assert pieces[number] == piece
        await anyio.sleep(seconds[number % len(seconds)])
        return verdicts[number] if number < len(verdicts) else True

    async def arriving() -> AsyncIterator[str]:
        for chunk in chunks:
            await anyio.sleep(every)
            yield chunk

    async def main() -> None:
        began = anyio.current_time()
        stream = sk.from_iterable(arriving) | sk.gate(check, by, ahead)
        assert await stream.collect() == wanted
        if ahead >= len(pieces):
            assert anyio.current_time() - began <= every * len(chunks) + max(seconds)

    run_virtual(main, backend=backend)


def test_it_reads_like_its_source() -> None:
    assert repr(sk.gate(passes)) == "gate(passes)"
    assert repr(sk.gate(passes, "word", 5, names="a")) == "gate(passes, by='word', ahead=5, names='a')"


async def test_an_event_that_is_no_text_is_the_same_object() -> None:
    event = ContentBlockStop(0)
    [got] = await (sk.from_iterable([event]) | sk.gate(passes)).collect()
    assert got is event
