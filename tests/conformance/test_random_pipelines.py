"""
Random pipelines over random sources, left in random ways: none hangs, none leaves a task, each stage is closed once.

It is one long file because tests cannot import one another: what is drawn at random, then what must hold.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import anyio
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import streamkit as sk
from streamkit.events import from_dict
from streamkit.testing import reply, run_virtual, text, thinking, tool_use
from streamkit.testing._fake_claude.frames import events_in
from tests.support.backends import BACKENDS
from tests.support.profiles import examples

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable


Kind = Literal["text", "events"]
Ops = st.SearchStrategy[sk.Operator[Any, Any]]

PIECES: Final = ["Hello", " ", "wörld", ".", "\n", "a b", "x", "👩‍👩‍👧", "e\u0301", "ha ha "]


@cache
def events() -> list[Any]:
    """
    The events of an answer with every kind of block that the fake API knows.
    """
    answer = reply(
        thinking("Hm. Hm.", chunk=3), text("Hello, wörld. x", chunk=3), tool_use("f", {"a": [1, 2]}, chunk=4)
    )
    return [from_dict(event) for event in events_in(answer.body)]


# -- what is watched ----------------------------------------------------------------------------------------


@dataclass
class Watch:
    """
    How often each iterator of a run was made and closed.
    """

    made: int = 0
    closed: list[int] = field(default_factory=list[int])

    def stage(self, items: AsyncIterable[Any]) -> Watched:
        """
        An operator of somebody else's that does nothing.
        """
        return Watched(self, aiter(items))


class Watched:
    """
    An iterator that is no generator, so that closing it twice shows.
    """

    def __init__(self, watch: Watch, items: AsyncIterator[Any]) -> None:
        self._watch = watch
        self._items = items
        self._number = watch.made
        watch.made += 1

    def __aiter__(self) -> Watched:
        return self

    async def __anext__(self) -> Any:
        return await anext(self._items)

    async def aclose(self) -> None:
        self._watch.closed.append(self._number)


# -- sources ------------------------------------------------------------------------------------------------

delays = st.sampled_from([0.0, 0.0, 0.0, 0.25, 1.0])


@dataclass
class Script:
    """
    Items with the time before each, and how it ends.
    """

    items: list[tuple[float, Any]]
    fails: bool

    def stream(self, watch: Watch) -> sk.Stream[Any]:
        async def play() -> AsyncIterator[Any]:
            for delay, item in self.items:
                await anyio.sleep(delay)
                yield item
            if self.fails:
                raise ConnectionError("the script says so")

        return sk.from_iterable(play) | watch.stage


texts = st.lists(st.tuples(delays, st.sampled_from(PIECES)), max_size=8)
messages = st.lists(delays, min_size=1, max_size=3).map(lambda times: list(zip(cycle(times), events())))


def scripts(kind: Kind) -> st.SearchStrategy[Script]:
    """
    A source of text or of events; one that may fail may be cut anywhere.
    """
    items = texts if kind == "text" else messages
    cut = st.tuples(items, st.integers(0, 40)).map(lambda given: Script(given[0][: given[1]], fails=True))
    return st.one_of(items.map(lambda given: Script(given, fails=False)), cut)


def first_of(items: Any) -> Any:
    return items[0]


def last_of(items: Any) -> Any:
    return items[-1]


def one_after_the_other(*streams: sk.Stream[Any]) -> sk.Stream[Any]:
    left = iter(streams[1:])

    async def following(outcome: sk.Outcome) -> sk.Stream[Any] | None:
        return next(left, None)

    return sk.follow(streams[0], following)


def in_rounds(*streams: sk.Stream[Any]) -> sk.Stream[Any]:
    return sk.zip(*streams, strict=False).map(first_of)


SOURCES: Final[dict[str, Callable[..., sk.Stream[Any]]]] = {
    "merge": sk.merge,
    "concat": sk.concat,
    "zip": in_rounds,
    "race": sk.race,
    "follow": one_after_the_other,
}
"""Sources that are made of streams."""


# -- operators ----------------------------------------------------------------------------------------------

some = st.integers(1, 5)
kinds: st.SearchStrategy[Kind] = st.sampled_from(["text", "events"])
seconds = st.sampled_from([0.25, 0.5, 1.0, 3.0])
on_error: st.SearchStrategy[Any] = st.sampled_from(["raise", "emit"])
overflow: st.SearchStrategy[Any] = st.sampled_from(
    ["block", "drop_oldest", "drop_incoming", "latest", "error"]
)


async def later(item: Any) -> Any:
    await anyio.sleep(0.5)
    return item


async def checked(piece: str, so_far: str) -> bool:
    await anyio.sleep(0.25)
    return "x" not in piece


def twice(item: Any) -> list[Any]:
    return [item, item]


def one_by_one(item: Any) -> sk.Stream[Any]:
    return sk.from_iterable([item, item])


def other(error: Exception) -> sk.Stream[Any]:
    return sk.from_iterable([])


async def slow_sink(item: Any) -> None:
    await anyio.sleep(0.25)


def nothing(error: Exception) -> sk.Stream[str]:
    return sk.from_iterable([])


ANY: Final[dict[str, Ops]] = {
    "map": st.just(sk.map(lambda item: item)),
    "filter": st.just(sk.filter(lambda item: item != "x")),
    "filter_map": st.just(sk.filter_map(lambda item: None if item == "x" else item)),
    "flat_map": st.one_of(
        st.just(sk.flat_map(twice)),
        some.map(lambda n: sk.flat_map(one_by_one, concurrency=n)),
    ),
    "tap": st.just(sk.tap(lambda item: None)),
    "scan": st.just(sk.scan(lambda _, item: item, None)),
    "batch": st.tuples(some, st.none() | seconds).map(lambda given: sk.batch(*given) | sk.map(first_of)),
    "map_async": st.tuples(some, st.booleans(), on_error).map(
        lambda given: sk.map_async(later, given[0], ordered=given[1], on_error=given[2])
    ),
    "take": st.integers(0, 8).map(sk.take),
    "skip": st.integers(0, 3).map(sk.skip),
    "take_while": st.booleans().map(lambda last: sk.take_while(lambda item: item != "x", inclusive=last)),
    "take_until": seconds.map(lambda d: sk.take_until(lambda: anyio.sleep(d))),
    "dedupe": st.just(sk.dedupe()),
    "throttle": seconds.map(sk.throttle),
    "rate_limit": st.tuples(some, seconds, some).map(
        lambda given: sk.rate_limit(given[0], given[1], given[2])
    ),
    "debounce": seconds.map(lambda d: sk.debounce(d, max_wait=2 * d)),
    "sample": st.tuples(seconds, st.booleans()).map(lambda given: sk.sample(given[0], emit_last=given[1])),
    "heartbeat": seconds.map(lambda d: sk.heartbeat(d, "x")),
    "timeout": st.tuples(seconds, seconds).map(lambda given: sk.timeout(first=given[0], idle=given[1])),
    "smooth": st.sampled_from(["word", "grapheme", "line"]).map(sk.smooth),
    "gate": st.sampled_from([sk.gate(checked), sk.gate(checked, "word", 4)]),
    "buffer": st.tuples(some, overflow).map(lambda given: sk.buffer(*given)),
    "catch": st.just(sk.catch(other)),
    "retry": some.map(lambda n: sk.retry(sk.RetryPolicy(attempts=n, base=0.25))),
    "finalize": st.sampled_from([lambda: None, lambda: anyio.sleep(0.25)]).map(sk.finalize),
    "tee": st.tuples(some, overflow).map(
        lambda given: sk.tee(sk.branch(slow_sink, buffer=given[0], overflow=given[1], on_error="detach"))
    ),
    "split": st.booleans().map(
        lambda ordered: sk.split(ordered=ordered, a=sk.take(2), b=sk.skip(1)) | sk.map(last_of)
    ),
}
"""Operators for items of any kind, that give items of that kind."""

ON_TEXT: Final[dict[str, Ops]] = {
    "recut": st.sampled_from(["word", "sentence", "line", "grapheme", r"[aeiou]"]).map(sk.recut),
    "until": st.booleans().map(lambda inclusive: sk.until("wörld", inclusive=inclusive)),
}

ON_EVENTS: Final[dict[str, Ops]] = {
    "validate": st.just(sk.validate()),
    "meter": st.just(sk.meter()),
    "budget": st.sampled_from([sk.budget(turns=2), sk.budget(tokens=20, seconds=1.5)]),
    "only": st.just(sk.only("content_block_start", "content_block_delta", "content_block_stop")),
}

TO_TEXT: Final[dict[str, Ops]] = {
    "text": st.just(sk.text()),
    "thinking": st.just(sk.thinking()),
    "citations": st.just(sk.citations() | sk.map(str)),
    "usage": st.just(sk.usage() | sk.map(str)),
    "blocks": st.just(sk.blocks() | sk.map(str)),
    "tool_calls": st.just(sk.tool_calls(broken="emit") | sk.map(str)),
    "tool_results": st.just(sk.tool_results() | sk.map(str)),
    "tool_input": st.sampled_from([None, "$.*"]).map(lambda path: sk.tool_input(path=path) | sk.map(str)),
    # What the messages say is no JSON.
    "json": st.just(sk.json() | sk.map(str) | sk.catch(nothing)),
}

NOT_OPERATORS: Final = {
    *("branch", "operator", "passthrough", "sink", "source"),
    *("from_iterable", "from_sdk", "from_sse", "http_client", "messages", "replay"),
    *("approve", "mcp", "tool", "tool_loop"),
}
"""Public functions that make something else."""


# -- plans --------------------------------------------------------------------------------------------------


@dataclass
class Ending:
    """
    What the consumer does: reads on, or leaves in some way.
    """

    how: Literal["read", "break", "raise", "cancel", "scope"]
    after: int
    at: float


endings = st.builds(
    Ending,
    st.sampled_from(["read", "read", "break", "raise", "cancel", "scope"]),
    st.integers(0, 6),
    st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.5]),
)


@dataclass
class Plan:
    """
    A pipeline, and what is done with it.
    """

    source: str | None
    scripts: list[Script]
    operators: list[sk.Operator[Any, Any]]
    names: list[str]
    ending: Ending

    def stream(self, watch: Watch) -> sk.Stream[Any]:
        """
        The pipeline, with a watched stage behind each operator.
        """
        streams = [script.stream(watch) for script in self.scripts]
        stream = streams[0] if self.source is None else SOURCES[self.source](*streams)
        for operator in self.operators:
            stream = stream | operator | watch.stage
        return stream


def groups() -> list[Group]:
    """
    Every operator and every source once, three operators of any kind together, for every example costs 20 ms.
    """
    anything = sorted(ANY)
    grouped = [tuple(anything[at : at + 3]) for at in range(0, len(anything), 3)]
    sources = [*SOURCES, *[None] * (len(grouped) - len(SOURCES))]
    found = [Group(None, source, names) for source, names in zip(sources, grouped, strict=True)]
    found += [Group("text", None, tuple(ON_TEXT)), Group("events", None, tuple(ON_EVENTS))]
    return found + [Group("events", None, (), last) for last in TO_TEXT]


class Group(NamedTuple):
    """
    What occurs in each of some plans.
    """

    kind: Kind | None
    source: str | None
    names: tuple[str, ...]
    last: str | None = None

    def __str__(self) -> str:
        return "-".join(filter(None, (self.source, *self.names, self.last)))


@st.composite
def plans(draw: st.DrawFn, group: Group) -> Plan:
    """
    A plan with all that is in `group`, and one or two operators more.
    """
    kind: Kind = draw(kinds) if group.kind is None else group.kind
    scripted = scripts(kind)
    sources = draw(
        st.lists(scripted, min_size=1, max_size=3) if group.source is not None else st.tuples(scripted)
    )
    names = list(draw(st.permutations(group.names)))
    names.insert(draw(st.integers(0, len(names))), draw(st.sampled_from(sorted(ANY))))
    if group.last is not None:
        # The first of them could make these events an illegal sequence, which is an error and ends the plan too soon.
        names = [group.last, *names]
    every = ANY | ON_TEXT | ON_EVENTS | TO_TEXT
    operators = [draw(every[name]) for name in names]
    return Plan(
        group.source, list(sources), operators, [*filter(None, [group.source]), *names], draw(endings)
    )


# -- what must hold -----------------------------------------------------------------------------------------

EXAMPLES = examples(pr=25, full=100)


class LeftError(Exception):
    """
    Raised by the consumer.
    """


async def carry_out(plan: Plan) -> None:
    tasks = len(anyio.get_running_tasks())
    watch = Watch()
    stream = plan.stream(watch)
    run = stream.open(close_timeout=30)
    raised: BaseException | None = None
    with anyio.move_on_after(plan.ending.at if plan.ending.how == "scope" else float("inf")):
        try:
            async with anyio.create_task_group() as group:
                if plan.ending.how == "cancel":
                    group.start_soon(cancel, run, plan.ending.at)
                await consume(plan, run)
                group.cancel_scope.cancel()
        except BaseExceptionGroup as error:
            raised = error.exceptions[0]
    assert run.outcome.kind != "running" or plan.ending.how == "scope"
    if isinstance(raised, LeftError):
        assert plan.ending.how == "raise"
    elif raised is not None:
        assert isinstance(raised, ConnectionError | sk.StreamError | TimeoutError), raised
        assert run.outcome.kind in {"failed", "truncated"}
    assert sorted(watch.closed) == list(range(watch.made)), "each iterator is closed exactly once"
    assert len(anyio.get_running_tasks()) == tasks, "a task is left"


async def cancel(run: sk.Run[Any], at: float) -> None:
    await anyio.sleep(at)
    run.cancel("as planned")


async def consume(plan: Plan, run: sk.Run[Any]) -> None:
    async with run:
        count = 0
        async for _ in run:
            count += 1
            if count > plan.ending.after and plan.ending.how == "break":
                break
            if count > plan.ending.after and plan.ending.how == "raise":
                raise LeftError


@pytest.mark.parametrize("group", groups(), ids=str)
def test_whatever_is_assembled_ends_and_leaves_nothing_behind(group: Group) -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow], database=None)
    @given(plan=plans(group))
    def check(plan: Plan) -> None:
        seen.update({*plan.names})
        for backend in BACKENDS:
            run_virtual(carry_out, plan, backend=backend)

    run_all: Callable[[], None] = check
    run_all()
    assert all(seen[name] >= EXAMPLES for name in (group.source, *group.names, group.last) if name)


def test_every_public_operator_is_among_them() -> None:
    functions = {name for name in dir(sk) if name.islower() and callable(getattr(sk, name))}
    tried = {name for group in groups() for name in (group.source, *group.names, group.last) if name}
    assert functions - NOT_OPERATORS == tried
