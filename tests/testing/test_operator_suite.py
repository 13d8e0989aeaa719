"""
The suite for operators: it catches what it is there for, lets right operators pass, and works in a project of somebody else.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from typing import Any, Final
from unittest import SkipTest

import aiostream
import anyio
import pytest

import streamkit as sk
from streamkit.testing import OperatorSuite, Probe
from tests.support.backends import BACKENDS
from tests.support.patience import PATIENCE

from .seeded_faults import FAULTS, Fault, ReadsAhead, stage

pytest_plugins = ["pytester"]

CHECKS: Final = sorted(name for name in dir(OperatorSuite) if name.startswith("test_"))


def suite_of(fault: Fault) -> OperatorSuite[str, Any]:
    class Suite(OperatorSuite[str, Any]):
        inputs = ("a", "b", "c", "d")
        outputs = fault.outputs
        reads_ahead = 3  # what ReadsAhead needs, and too little for 10,000 items

        def operator(self) -> Callable[[AsyncIterable[str]], AsyncIterable[Any]]:
            return fault.make()

    return Suite()


def failures(suite: OperatorSuite[Any, Any], backend: str) -> dict[str, str]:
    """
    The tests that fail, with their messages.
    """
    found: dict[str, str] = {}
    for name in CHECKS:
        check = getattr(suite, name)
        try:
            check(backend) if inspect.signature(check).parameters else check()
        except SkipTest:
            pass
        except Exception as error:
            found[name] = str(error)
    return found


# -- faults -------------------------------------------------------------------------------------------------


# What a broken operator leaves behind may be noticed at any time later.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_caught_by_the_tests_for_it(name: str, backend: str) -> None:
    fault = FAULTS[name]
    assert fault.caught_by
    caught: set[str] = set()
    # trio draws lots which task comes next, so that a cancellation now and then misses the one step that shows a fault.
    for _ in range(3):
        found = failures(suite_of(fault), backend)
        caught = found.keys() & fault.caught_by if fault.breaks_more else {*found}
        if caught == fault.caught_by:
            break
    assert caught == fault.caught_by


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_a_fault_it_passes(backend: str) -> None:
    assert failures(suite_of(Fault(stage(ReadsAhead))), backend) == {}


def test_each_test_of_the_suite_has_caught_something() -> None:
    caught = {name for fault in FAULTS.values() for name in fault.caught_by}
    # A run's own end, and what its body raises, are in the run's hands: an operator can hardly get them wrong.
    assert {*CHECKS} - caught == {"test_lets_the_consumers_error_through"}


# -- what it says -------------------------------------------------------------------------------------------


class LosesTheLast(sk.Transducer[str, str]):
    def __init__(self) -> None:
        self.held: list[str] = []

    def feed(self, item: str) -> list[str]:
        self.held.append(item)
        return [self.held.pop(0)] if len(self.held) > 1 else []


class GivesNone(sk.Transducer[str, str]):
    def feed(self, item: str) -> Any:
        return None


class CountsInItsClass(sk.Transducer[str, int]):
    count = 0

    def feed(self, item: str) -> tuple[int]:
        CountsInItsClass.count += 1
        return (CountsInItsClass.count,)


def telling(
    made: object, *, given: Sequence[Any] | None = "abcd", expected: Any = None
) -> OperatorSuite[Any, Any]:
    class Suite(OperatorSuite[Any, Any]):
        outputs = expected

        def operator(self) -> Any:
            return made

    suite = Suite()
    if given is not None:
        suite.inputs = given
    return suite


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("suite", "says"),
    [
        pytest.param(telling(sk.map(str), given=None), "^set `inputs`", id="no inputs"),
        pytest.param(telling(None), r"^operator\(\) gave None", id="nothing"),
        pytest.param(
            telling(len), r"^operator\(\) gave <built-in function len>", id="a function of one item"
        ),
        pytest.param(telling(sk.sinks.collect()), r"^operator\(\) gave collect\(\)", id="a sink"),
        pytest.param(telling(LosesTheLast), "write LosesTheLast", id="a class"),
        pytest.param(
            telling(GivesNone()), "^with these inputs, it fails with TypeError", id="feed gives None"
        ),
    ],
)
def test_what_is_wrong_with_every_run_is_said_once(
    suite: OperatorSuite[Any, Any], says: str, backend: str
) -> None:
    found = failures(suite, backend)
    assert [*found] == ["test_gives_the_declared_outputs"]
    assert re.search(says, found["test_gives_the_declared_outputs"])


@pytest.mark.parametrize(
    "name", ["test_gives_the_declared_outputs", "test_does_the_same_whether_items_are_fast_or_slow"]
)
def test_what_is_kept_from_run_to_run_is_told_as_that(name: str) -> None:
    CountsInItsClass.count = 0
    found = failures(telling(CountsInItsClass(), expected=[1, 2, 3, 4]), "trio")
    assert re.search("^with the same inputs it gave .*: keep what it remembers in each run", found[name])


def test_a_test_that_is_overridden_hides_nothing() -> None:
    class Suite(OperatorSuite[str, str]):
        inputs = "abcd"

        def test_gives_the_declared_outputs(self, backend: str) -> None:
            pass

        def operator(self) -> sk.Operator[str, str]:
            return GivesNone()

    assert {*CHECKS} - {*failures(Suite(), "trio")} == {"test_gives_the_declared_outputs"}


@pytest.mark.parametrize(
    ("expected", "hint"), [("abcd", True), ("abc", None), ("abdc", False), ("ab", False), ("", False)]
)
def test_a_missing_end_is_told_with_its_remedy(expected: str, hint: bool | None) -> None:
    found = failures(telling(LosesTheLast(), expected=expected), "trio")
    assert [*found] == ([] if hint is None else ["test_gives_the_declared_outputs"])
    assert all(("flush()" in message) is hint for message in found.values())


# -- what it can be told ------------------------------------------------------------------------------------


def test_it_runs_on_the_backends_that_it_is_told() -> None:
    class Meta:
        def __init__(self) -> None:
            self.fixturenames = ["backend"]

        def parametrize(self, argnames: str, argvalues: Sequence[object], /) -> None:
            asked.append((argnames, tuple(argvalues)))

    class Suite(OperatorSuite[str, str]):
        def operator(self) -> sk.Same:
            return sk.take(1)

    asked: list[tuple[str, tuple[object, ...]]] = []
    suite = Suite()
    suite.pytest_generate_tests(Meta())
    suite.backends = ("trio",)
    suite.pytest_generate_tests(Meta())
    assert asked == [("backend", BACKENDS), ("backend", ("trio",))]


class TestAnOperatorOfAiostream(OperatorSuite[str, list[str]]):
    inputs = ("a", "b", "c")
    outputs = (["a", "b"], ["c"])
    backends = ("asyncio",)
    closes_upstream = True
    keeps_state = True

    def operator(self) -> Callable[[AsyncIterable[str]], AsyncIterable[list[str]]]:
        return aiostream.pipe.chunks(2)


class TestOneWhoseOutputsComeInAnyOrder(OperatorSuite[int, int]):
    inputs = (3, 1, 2)
    ordered = False

    def operator(self) -> sk.Operator[int, int]:
        return sk.map_async(in_its_time, concurrency=3, ordered=False)

    reads_ahead = 4


async def in_its_time(item: int) -> int:
    await anyio.sleep(item)
    return item


class TestOneWhoseOutputsAreNeverEqual(OperatorSuite[str, Exception]):
    inputs = ("a", "b")

    def operator(self) -> sk.Operator[str, Exception]:
        return sk.map(ValueError)

    def seen(self, output: Exception, /) -> object:
        return output.args


# -- in a project of somebody else --------------------------------------------------------------------------

PROJECT: Final = """
from collections.abc import AsyncIterator

import streamkit as sk
from streamkit.testing import OperatorSuite


@sk.operator
async def shout(items: AsyncIterator[str], mark: str = "!") -> AsyncIterator[str]:
    async for item in items:
        yield item.upper() + mark


class TestShout(OperatorSuite[str, str]):
    inputs = ["a", "b", "c"]
    outputs = ["A?", "B?", "C?"]

    def operator(self) -> sk.Operator[str, str]:
        return shout(mark="?")


class TestWrong(TestShout):
    outputs = ["A", "B", "C"]
"""


@pytest.mark.parametrize(
    "options",
    [
        (),
        pytest.param(
            ("--import-mode=importlib", "-W", "error", "--strict-markers"),
            marks=pytest.mark.full("a project of its own, and without these options it is tried"),
        ),
    ],
)
def test_it_needs_no_settings(pytester: pytest.Pytester, options: tuple[str, ...]) -> None:
    pytester.makepyfile(PROJECT)
    result = pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "-p", "no:asyncio", *options, timeout=PATIENCE
    )
    both = sum("backend" in inspect.signature(getattr(OperatorSuite, name)).parameters for name in CHECKS)
    result.assert_outcomes(passed=2 * (len(CHECKS) + both) - 2, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*TestWrong::test_gives_the_declared_outputs?asyncio?*",
            "*TestWrong::test_gives_the_declared_outputs?trio?*",
        ]
    )


# -- the probe ----------------------------------------------------------------------------------------------


async def test_a_probe_counts_what_is_done_to_it() -> None:
    probe = Probe("abc")
    async with (probe | sk.take(2)).open() as run:
        assert (probe.opened, probe.pulled, probe.closed) == (1, 0, [0])
        assert [item async for item in run] == ["a", "b"]
    assert (probe.opened, probe.pulled, probe.closed) == (1, 2, [1])
    assert await probe.collect() == ["a", "b", "c"]
    assert (probe.opened, probe.pulled, probe.closed) == (2, 6, [1, 1])


@pytest.mark.virtual_time
async def test_a_probe_keeps_its_times() -> None:
    times: list[float] = []
    async with Probe("abc", every=[1, 0, 5], pause=10).open() as run:
        async for _ in run:
            times.append(anyio.current_time())
    assert (times, anyio.current_time()) == ([1, 1, 6], 16)


async def test_a_probe_fails_after_its_items() -> None:
    error = LookupError()
    probe = Probe("ab", error=error)
    got: list[str] = []
    with pytest.raises(LookupError) as raised:
        async for item in probe:
            assert not probe.failed
            got.append(item)
    assert (got, raised.value, probe.failed) == (["a", "b"], error, True)


async def test_a_probe_notices_that_it_is_closed_twice() -> None:
    async def closes(items: Any) -> AsyncIterator[Any]:
        async for item in items:
            yield item
        await items.aclose()

    probe = Probe("ab")
    await (probe | sk.operator(closes)()).run()
    assert probe.closed == [2]
