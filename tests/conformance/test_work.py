"""
How the work of Claude's operators grows with the stream: counted for n, 2n and 4n of what a hostile or broken server sends.
"""

from __future__ import annotations

import gc
import tracemalloc
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest

import streamkit as sk
from streamkit._claude.protocol.message import MessageBuilder
from streamkit.events import from_dict
from tests.support.work import TWICE, counting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Wire = dict[str, Any]

START: Final[Wire] = {
    "type": "message_start",
    "message": {
        "id": "m", "type": "message", "role": "assistant", "model": "x", "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
    },
}  # fmt: skip
END: Final[list[Wire]] = [
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
]


def begin(index: int = 0, kind: str = "text", **fields: Any) -> Wire:
    return {"type": "content_block_start", "index": index, "content_block": {"type": kind, **fields}}


def tool(index: int = 0, kind: str = "tool_use") -> Wire:
    return begin(
        index, kind, id=f"t{index}", name="f", input={}, **{"server_name": "s"} if "mcp" in kind else {}
    )


def stop(index: int = 0) -> Wire:
    return {"type": "content_block_stop", "index": index}


def said(text: str, index: int = 0) -> Wire:
    return {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}}


def more(raw: str, index: int = 0) -> Wire:
    return {
        "type": "content_block_delta",
        "index": index,
        "delta": {"type": "input_json_delta", "partial_json": raw},
    }


def delta(kind: str, index: int = 0, **fields: Any) -> Wire:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def found(index: int) -> Wire:
    return begin(index, "web_search_tool_result", tool_use_id=f"t{index - 1}", content=[])


def prose(piece: str) -> Callable[[int], list[Wire]]:
    return lambda n: [begin(text=""), said("Here:\n"), *[said(piece)] * n]


def inputs(first: str, piece: str) -> Callable[[int], list[Wire]]:
    return lambda n: [tool(), more(first), *[more(piece)] * n]


INPUTS: Final[dict[str, Callable[[int], list[Wire]]]] = {
    "prose": prose("abcd"),
    "blanks on a line": prose("    "),
    "line ends": prose("\n"),
    "ticks": prose("`"),
    "a fence that stays open": lambda n: [begin(text=""), said("```"), *[said("js")] * n],
    "digits": lambda n: [begin(text=""), said("3."), *[said("1415")] * n],
    "blanks alone": lambda n: [begin(text=""), *[said(" \n")] * n],
    "a long string": lambda n: [begin(text=""), said('{"a": "'), *[said("abcd")] * n],
    "nested arrays": lambda n: [begin(text=""), *[said("[")] * n],
    "halves of pairs": lambda n: [begin(text=""), *[said("\ud83c"), said("\udf0a")] * n],
    "first halves": lambda n: [begin(text=""), *[said("\ud83c")] * n],
    "text blocks": lambda n: [each for i in range(n) for each in (begin(i, text=""), said("x", i), stop(i))],
    "one index": lambda n: [each for _ in range(n) for each in (begin(text=""), said("x\n"))],
    "starts said again": lambda n: [tool(), *[tool()] * n],
    "blocks that stay open": lambda n: [begin(i, text="") for i in range(n)],
    "blocks that close late": lambda n: [*(tool(i) for i in range(n)), *(stop(i) for i in range(n))],
    "calls that are opened again": lambda n: [
        *(tool(i) for i in range(n)),
        *(stop(i) for i in range(n)),
        *(more("{}", i) for i in range(n)),
    ],
    "calls without input": lambda n: [each for i in range(n) for each in (tool(i), stop(i))],
    "a long input": inputs('{"a": "', "abcd"),
    "blanks behind an empty object": inputs("{}", "  "),
    "empty objects": inputs("", "{}"),
    "input that comes too late": lambda n: [tool(), more("{}"), stop(), *[more("x")] * n],
    "text in the block of a tool": lambda n: [*(tool(i) for i in range(n)), *(said("x", i) for i in range(n))],
    "signatures in no block": lambda n: [begin(text=""), *[delta("signature_delta", signature="s")] * n],
    "deltas of tomorrow": lambda n: [begin(text=""), *[delta("mood_delta", mood="s")] * n],
    "citations": lambda n: [begin(text=""), *[delta("citations_delta", citation={"type": "c"})] * n],
    "searches": lambda n: [
        each
        for i in range(0, 2 * n, 2)
        for each in (tool(i, "server_tool_use"), stop(i), found(i + 1), stop(i + 1))
    ],
    "results without their calls": lambda n: [
        *(tool(i, "server_tool_use") for i in range(n)),
        *(found(n + i + 5) for i in range(n)),
    ],
    "ends": lambda n: [*[begin(text="")], *[END[0]] * n],
    "pings": lambda n: [{"type": "ping"}] * n,
}  # fmt: skip


OF_MANY_BLOCKS: Final = {"blocks that stay open", "blocks that close late", "calls that are opened again"}
"""Of these the blocks are kept, and tables of them grow in steps."""

OPERATORS: Final[dict[str, Callable[[], sk.Operator[Any, Any]]]] = {
    "blocks": sk.blocks,
    "citations": sk.citations,
    "json": sk.json,
    "json of a path": lambda: sk.json("$[0].a"),
    "meter": sk.meter,
    "only": lambda: sk.only("text_delta"),
    "text": sk.text,
    "text between": lambda: sk.text(between="\n"),
    "thinking": sk.thinking,
    "tool_calls": lambda: sk.tool_calls(broken="emit", server=True),
    "tool_calls of a message": lambda: sk.tool_calls(broken="skip", when="message"),
    "tool_input": sk.tool_input,
    "tool_input of a path": lambda: sk.tool_input(path="$.a"),
    "tool_results": sk.tool_results,
    "usage": sk.usage,
    "validate": sk.validate,
}


def read(made: Callable[[], sk.Operator[Any, Any]], events: list[Any]) -> None:
    with suppress(sk.StreamError):
        for _ in made().over(events):
            pass


def build(events: list[Any]) -> None:
    builder = MessageBuilder()
    builder.take(iter(events))
    builder.to_dict()


def events_of(make: Callable[[int], list[Wire]], n: int) -> list[Any]:
    return [from_dict(each) for each in (START, *make(n), *END)]


def counted(work: Callable[[list[Any]], None], events: list[Any]) -> int:
    with counting() as count:
        work(events)
    return count[0]


@pytest.fixture
def no_collection() -> Iterator[None]:
    """
    Keep what other tests have left from being finalised, which would be counted.
    """
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("sent", INPUTS)
def test_the_work_grows_as_the_stream_does(sent: str) -> None:
    streams = [events_of(INPUTS[sent], n) for n in (25, 50, 100)]
    works: dict[str, Callable[[list[Any]], None]] = {
        name: partial(read, made) for name, made in OPERATORS.items()
    }
    works["the message"] = build
    for name, work in works.items():
        work(streams[0])  # what is made once is made
        one, two, four = (counted(work, events) for events in streams)
        assert four - two <= TWICE * (two - one) + 60, f"{name}: {one}, {two} and {four}"


def allocated(made: Callable[[], sk.Operator[Any, Any]], events: list[Any]) -> int:
    """
    Bytes that were allocated at the same time for each event, added up: whoever copies what is kept at each of them shows.
    """
    total = 0

    def measured() -> Iterator[Any]:
        nonlocal total
        for event in events:
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            yield event
            total += tracemalloc.get_traced_memory()[1] - before

    tracemalloc.start()
    try:
        with suppress(sk.StreamError):
            for _ in made().over(measured()):
                pass
    finally:
        tracemalloc.stop()
    return total


@pytest.mark.parametrize("sent", [name for name in INPUTS if name not in OF_MANY_BLOCKS])
def test_no_text_is_copied_again_and_again(sent: str) -> None:
    streams = [events_of(INPUTS[sent], n) for n in (300, 600, 1_200)]
    for name in ("json", "text between", "tool_calls", "tool_input of a path"):
        read(OPERATORS[name], streams[0])
        one, two, four = (allocated(OPERATORS[name], events) for events in streams)
        assert four - two <= TWICE * (two - one) + 20_000, f"{name}: {one}, {two} and {four} bytes"
