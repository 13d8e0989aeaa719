"""
Every public operator passes the suite that plugin authors use. A new one is a new line.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, Callable, Sequence
from typing import Any, Final

import anyio

import streamkit as sk
from streamkit.events import from_dict
from streamkit.testing import OperatorSuite, reply, text, thinking, tool_use
from streamkit.testing._fake_claude.frames import events_in

EVENTS: Final = [
    from_dict(event)
    for event in events_in(
        reply(thinking("Hm."), text("Hello you.", chunk=5), tool_use("f", {"a": 1}, chunk=4)).body
    )
]


TEXTS: Final = [from_dict(event) for event in reply(tool_use("f", '{"b": "one ', 'two"}')).events]
SAYS_JSON: Final = [from_dict(event) for event in reply(text('{"b": "one ', 'two"}')).events]

FOUND: Final = {
    "type": "web_search_tool_result",
    "tool_use_id": "s1",
    "content": [{"url": "https://a.example"}],
}
SEARCHES: Final = [
    from_dict(event)
    for event in reply(
        tool_use("web_search", '{"query": ', '"a"}', id="s1", type="server_tool_use"), FOUND
    ).events
]
SEARCHED: Final = [
    sk.ServerToolResult(sk.ToolCall("s1", "web_search", {"query": "a"}, 0), event.content_block, 1)
    for event in SEARCHES
    if event.type == "content_block_start" and event.index
]


Suite = OperatorSuite[Any, Any]


def case(
    made: sk.Operator[Any, Any],
    given: Sequence[Any],
    expected: Sequence[Any] | None = None,
    *,
    over_time: bool = False,
    **settings: object,
) -> type[Suite]:
    """
    A suite for an operator: its inputs, its outputs, and attributes.
    """

    class Case(Suite):
        inputs = given
        outputs = expected
        depends_on_time = over_time

        def operator(self) -> Callable[[AsyncIterable[Any]], AsyncIterable[Any]]:
            return made

    for name, value in settings.items():
        assert hasattr(OperatorSuite, name), name
        setattr(Case, name, value)
    return Case


def kept(partial: sk.Partial) -> sk.Partial:
    return partial.copy()


async def upper(item: str) -> str:
    await anyio.sleep(0.1)
    return item.upper()


async def passes(piece: str, so_far: str) -> bool:
    await anyio.sleep(0.1)
    return True


def twice(item: str) -> sk.Stream[str]:
    return sk.from_iterable([item, item])


def instead(error: Exception) -> sk.Stream[str]:
    return sk.from_iterable("xy")


def count(number: int, item: object) -> int:
    return number + 1


def long(item: object) -> int:
    return 1


TestMap = case(sk.map(str.upper), "abcd", "ABCD")
TestFilter = case(sk.filter(lambda item: item != "b"), "abcd", "acd", keeps_state=True)
TestFilterMap = case(sk.filter_map({"a": "A", "c": "C"}.get), "abcd", "AC")
TestFlatMap = case(sk.flat_map(lambda item: (item, item)), "abc", "aabbcc", keeps_state=True)
TestFlatMapOfStreams = case(
    sk.flat_map(twice, concurrency=2),
    "abc",
    ordered=False,
    keeps_state=True,
    drops_on_error=True,
    reads_ahead=3,
)
TestTap = case(sk.tap(str.upper), "abcd", "abcd")
TestScan = case(sk.scan(count, 0), "abcd", [1, 2, 3, 4])
TestBatch = case(sk.batch(2), "abcde", [["a", "b"], ["c", "d"], ["e"]])
TestBatchWithin = case(sk.batch(2, within=1.5), "abc", [["a", "b"], ["c"]], over_time=True, reads_ahead=2)
TestMapAsync = case(sk.map_async(upper), "abcd", "ABCD", reads_ahead=1)
TestMapAsyncConcurrently = case(sk.map_async(upper, concurrency=3), "abcd", "ABCD", reads_ahead=4)

TestTake = case(sk.take(2), "abcd", "ab", keeps_state=True)
TestSkip = case(sk.skip(2), "abcd", "cd", keeps_state=True)
TestTakeWhile = case(sk.take_while(lambda item: item != "c"), "abcd", "ab")
TestTakeWhileInclusive = case(sk.take_while(lambda item: item != "c", inclusive=True), "abcd", "abc")
TestTakeUntil = case(
    sk.take_until(lambda: anyio.sleep(2.5)), "abcd", "abcd", over_time=True, keeps_state=True
)
TestTakeUntilNever = case(sk.take_until(anyio.sleep_forever), "abcd", "abcd")
TestDedupe = case(sk.dedupe(), "aabba", "aba")

TestThrottle = case(sk.throttle(0.5), "abcd", ["a", "bcd"], over_time=True, reads_ahead=1)
TestThrottleOfEvents = case(sk.throttle(0.5), EVENTS, over_time=True, reads_ahead=1)
TestThrottleLatest = case(sk.throttle(2, merge="latest"), "abcd", "ad", over_time=True, reads_ahead=3)
TestRateLimit = case(sk.rate_limit(2, burst=2), "abcd", "abcd")
TestDebounce = case(sk.debounce(0.5), "abcd", "d", over_time=True, reads_ahead=2)
TestSample = case(sk.sample(1.5), "abcd", "d", over_time=True, reads_ahead=3)
TestHeartbeat = case(sk.heartbeat(5, "?"), "abcd", "abcd", keeps_state=True, reads_ahead=1)
TestTimeout = case(sk.timeout(first=5, idle=5), "abcd", "abcd")

TestBuffer = case(sk.buffer(2), "abcd", "abcd", reads_ahead=4)
TestTee = case(sk.tee(sk.sinks.collect()), "abcd", "abcd")
TestCatch = case(sk.catch(instead), "abcd", "abcd", handles_errors=True)
TestRetry = case(sk.retry(sk.RetryPolicy(base=0.1)), "abcd", "abcd")
TestFinalize = case(sk.finalize(lambda: anyio.sleep(0.5)), "abcd", "abcd")

TestText = case(sk.text(), EVENTS, ["Hello", " you."])
TestThinking = case(sk.thinking(), EVENTS, ["Hm."])
TestOnly = case(sk.only("text_delta"), EVENTS)
TestToolCalls = case(sk.tool_calls(broken="skip"), EVENTS)
TestToolResults = case(sk.tool_results(), SEARCHES, SEARCHED)
TestLiveViews = case(
    sk.tool_input() | sk.map(kept),
    TEXTS,
    [sk.Partial({"b": "one "}, False), sk.Partial({"b": "one two"}, True)],
)
TestToolInput = case(sk.tool_input("f", "$.a"), EVENTS, [1])
TestToolInputInPieces = case(sk.tool_input("f", "$.b"), TEXTS, ["one ", "two"])
TestJson = case(sk.json("$.b"), SAYS_JSON, ["one ", "two"])
TestBlocks = case(sk.blocks(), EVENTS)
TestCitations = case(sk.citations(), EVENTS, [])
TestUsage = case(sk.usage(), EVENTS)
TestBudget = case(sk.budget(turns=1), EVENTS, EVENTS)
TestMeter = case(sk.meter(), EVENTS, EVENTS)
TestValidate = case(sk.validate(), EVENTS, EVENTS, needs_input=True)
TestUntil = case(sk.until("cd"), ["ab", "bc", "de"], ["ab", "b"])
TestSplit = case(sk.split(x=sk.text(), y=sk.only("message_stop")), EVENTS)
TestRecut = case(sk.recut("word"), ["one t", "wo th", "ree"], ["one ", "two ", "three"])
TestGate = case(sk.gate(passes), ["One. T", "wo."], ["One. ", "Two."], reads_ahead=4)
TestSmooth = case(sk.smooth("word"), ["one t", "wo th", "ree"], over_time=True, reads_ahead=40)
TestSeveral = case(
    sk.text(restarts=True) | sk.throttle(0.5) | sk.tee(sk.sinks.collect()),
    EVENTS,
    ["Hello", " you."],
    over_time=True,
    reads_ahead=20,
)
TestSplitUnordered = case(
    sk.split(ordered=False, x=sk.take(2), y=sk.filter(long)),
    "abcd",
    keeps_state=True,
    ordered=False,
    reads_ahead=40,
)

NOT_OPERATORS: Final = {
    *("branch", "operator", "passthrough", "sink", "source"),
    *("follow", "from_iterable", "from_sdk", "from_sse", "http_client", "messages", "replay"),
    *("concat", "merge", "race", "zip"),
    *("approve", "mcp", "tool", "tool_loop"),
}
"""Public functions that make something else."""


def test_every_public_operator_is_here() -> None:
    cases = [value for name, value in globals().items() if name.startswith("Test")]
    here = {stage.name for each in cases for stage in each().operator().stages}
    functions = {name for name in dir(sk) if inspect.isfunction(getattr(sk, name))}
    assert functions - here == NOT_OPERATORS
