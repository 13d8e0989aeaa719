"""
`OperatorSuite`: tests that every good operator passes, as methods to inherit.
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from itertools import count, cycle, islice
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast
from unittest import SkipTest

from anyio import CancelScope, create_task_group, lowlevel

from streamkit._core.algebra import Operator
from streamkit._core.items import Restarted
from streamkit._core.stage import PureStage
from streamkit.testing._operator_suite.observed_run import PATIENCE, ObservedRun
from streamkit.testing._operator_suite.probe import Probe
from streamkit.testing._operator_suite.subject import (
    SHARED,
    Subject,
    must_be,
    must_leave_nothing,
    must_not_fail,
)
from streamkit.testing._virtual_time.backend import run_virtual

if TYPE_CHECKING:
    from streamkit._core.algebra import Stream

__all__ = ["OperatorSuite"]

__tracebackhide__ = True  # pytest shows the lines of the test, and those of this file with --full-trace

A = TypeVar("A")
B = TypeVar("B")

MANY: Final = 10_000
"""Items of a source that is long enough to show an unbounded buffer, or to seem endless."""

TICK: Final = 1.0
"""Seconds between two items of a slow source, and of a slow consumer."""

INSTANT: Final = 2.0**-20
"""Seconds that are so few that what happens within them counts as immediate."""

TURNS: Final = 20
"""Turns that another task gets before it interrupts a busy stream."""

_END: Any = object()

_FIRST: Final = "test_gives_the_declared_outputs"

_RESTART: Final = (
    "an item whose `__restart__` is true says that what came before it counts no more. Forget that (a Transducer in "
    "reset()), and hand the item on. If its state is meant to survive, set `keeps_state`"
)


class OperatorSuite(Subject[A, B], Generic[A, B]):
    """
    Tests of an operator: subclass it, give the operator and a few inputs.

        class TestShout(OperatorSuite[str, str]):
            inputs = ("a", "b", "c")
            outputs = ("A!", "B!", "C!")

            def operator(self) -> Operator[str, str]:
                return shout()

    Each test runs on every installed backend, in virtual time. Another subclass with other inputs is another case. A
    test that does not apply to an operator is overridden, or switched off by the attribute that its message names.

    Give `outputs`, because without them the suite cannot see that an item is lost. If the operator holds something back, give
    inputs at whose end it still holds something.
    """

    def _usual(self, backend: str) -> list[B]:
        """
        The outputs for the inputs. If an ordinary run fails already, the other tests are skipped: they would name a wrong cause.
        """
        try:
            return self._plain(backend)
        except AssertionError as error:
            if getattr(type(self), _FIRST) is not getattr(OperatorSuite, _FIRST):
                raise
            raise SkipTest(f"not even a plain run is right: see {_FIRST}") from error

    # -- what comes out -----------------------------------------------------------------------------------

    def test_gives_the_declared_outputs(self, backend: str) -> None:
        got = self._plain(backend)
        self._must_repeat(backend, got)
        if self.outputs is None or self._same(got, self.outputs):
            return
        said = f"it gave {got!r}, and `outputs` says {list(self.outputs)!r}"
        if self.ordered and self._begins(self.outputs, got):
            said += ". The end is missing: hand on what is left in flush(), or after the loop"
        raise AssertionError(said)

    def test_ends_at_once_without_input(self, backend: str) -> None:
        self._usual(backend)
        reading = self._read(backend, Probe[A](()))
        when = "over a stream without items"
        assert not reading.hung, f"{when}, it hangs: it was given up after {PATIENCE:g} s of virtual time"
        if reading.error is not None and not self.needs_input:
            raise AssertionError(
                f"{when}, it fails with {reading.error!r}; if that is an error by design, set `needs_input`"
            ) from reading.error

    def test_ends_once_and_says_so(self, backend: str) -> None:
        async def check() -> None:
            probe = Probe(self.inputs)
            reading = self._reading(probe, operator)
            await reading.read()
            must_not_fail(reading, "with these inputs")
            outcome = reading.outcome
            expected = "complete" if outcome.stopped_by is None else "stopped"
            assert outcome.kind == expected, f"it came to its end, and the outcome is {outcome!r}"
            self._must_be_closed_once(probe, "when the stream has come to its end")

            probe = Probe(self.inputs)
            async with (probe | operator).open() as run:
                async for _ in run:
                    pass
                pulled = probe.pulled
                for _ in range(2):
                    beyond = await anext(aiter(run), _END)
                    assert beyond is _END, f"it has ended, and then gave {beyond!r}"
                assert probe.pulled == pulled, "it has ended, and reads on"

        self._usual(backend)
        operator = self.operator()
        run_virtual(check, backend=backend)

    def test_does_the_same_whether_items_are_fast_or_slow(self, backend: str) -> None:
        if self.depends_on_time:
            return
        usual = self._usual(backend)
        slow = {
            "a source that makes it wait for each item": self._read(backend, Probe(self.inputs, every=TICK)),
            "a source that makes it wait for the end": self._read(backend, Probe(self.inputs, pause=TICK)),
            "a source that never makes it wait": self._read(backend, Probe(self.inputs, every=None)),
            "a slow consumer": self._read(backend, Probe(self.inputs), every=TICK),
        }
        for what, reading in slow.items():
            must_not_fail(reading, f"with {what}")
            if not self._same(reading.outputs, usual):
                self._must_repeat(backend, usual)
            assert self._same(reading.outputs, usual), (
                f"with {what} it gave {reading.outputs!r}, and else {usual!r}: look for items that are lost or repeated "
                "when the next one, or the end, comes early or late. If the time matters by design, set `depends_on_time`"
            )

    def test_gives_the_same_offline(self) -> None:
        operator = self.operator()
        if not isinstance(operator, Operator):
            return
        pure = cast("Operator[A, B]", operator)
        if not all(isinstance(stage, PureStage) for stage in pure.stages):
            return
        usual = self._usual(self._backends[0])
        for attempt in ("", " the second time"):
            got = list(pure.over(list(self.inputs)))
            assert self._same(got, usual), f"over() gave {got!r}{attempt}, and a run {usual!r}"

    # -- each run for itself ------------------------------------------------------------------------------

    def test_gives_the_same_when_it_is_opened_again(self, backend: str) -> None:
        async def read_twice() -> None:
            for number in ("first", "second"):
                reading = ObservedRun(stream, lambda: 0)
                await reading.read()
                must_not_fail(reading, f"the {number} time")
                assert self._same(reading.outputs, usual), (
                    f"the {number} time it gave {reading.outputs!r}, and in a run of its own {usual!r}: {SHARED}"
                )

        usual = self._usual(backend)
        stream: Stream[B] = Probe(self.inputs) | self.operator()
        run_virtual(read_twice, backend=backend)

    def test_gives_the_same_in_two_runs_at_once(self, backend: str) -> None:
        async def read_both() -> None:
            async with create_task_group() as group:
                for reading in readings:
                    group.start_soon(reading.read)

        usual = self._usual(backend)
        stream: Stream[B] = Probe(self.inputs) | self.operator()
        readings = [ObservedRun(stream, lambda: 0) for _ in range(2)]
        run_virtual(read_both, backend=backend)
        for reading in readings:
            must_not_fail(reading, "while another run of it goes on")
            assert self._same(reading.outputs, usual), (
                f"while another run of it went on it gave {reading.outputs!r}, and alone {usual!r}: {SHARED}"
            )

    # -- how far it reads ---------------------------------------------------------------------------------

    def test_reads_nothing_before_it_is_asked(self, backend: str) -> None:
        self._usual(backend)
        probe = Probe(self.inputs)
        self._read(backend, probe, 0, linger=TICK)
        assert not probe.pulled, (
            f"it has asked for {probe.pulled} items before anybody has asked it for one: begin to read, and start "
            "jobs, at the first read"
        )

    def test_reads_no_further_ahead_than_it_says(self, backend: str) -> None:
        self._usual(backend)
        many = [*islice(cycle(self.inputs), MANY)]
        needed = self._read(backend, Probe(many, every=TICK), 3).pulls
        for taken, pulls in enumerate(needed, 1):
            for every in (TICK,) if self.depends_on_time else (0.0, TICK):
                probe = Probe(many, every=every)
                self._read(backend, probe, taken, linger=2 * TICK * MANY)
                ahead = probe.pulled - pulls
                assert ahead <= self.reads_ahead, (
                    f"its consumer took {taken} outputs, made of {pulls} items, and no more; it then read {ahead} items "
                    f"ahead, and `reads_ahead` is {self.reads_ahead}: bound its buffer, and wait for room before reading on"
                )

    # -- errors -------------------------------------------------------------------------------------------

    def test_hands_on_an_error_after_the_items_before_it(self, backend: str) -> None:
        self._usual(backend)
        for given in range(len(self.inputs) + 1):
            before = self.inputs[:given]
            where = f"when upstream fails after {given} items"
            # The outputs that need neither time nor the end of the stream.
            due = self._read(backend, Probe(before, pause=PATIENCE), patience=INSTANT).outputs
            for every, pause in ((0.0, 0.0), (None, 0.0), (0.0, 2 * INSTANT)):
                error = ConnectionError(f"upstream failed after {given} items")
                probe = Probe(before, every=every, pause=pause, error=error)
                reading = self._read(backend, probe)
                assert not reading.hung, f"{where}, it hangs"
                if not probe.failed or self.handles_errors:
                    continue
                must_be(error, reading, where)
                usual = self._read(backend, Probe(before, every=every, pause=pause)).outputs
                assert self._begins(usual, reading.outputs), (
                    f"{where}, it gives {reading.outputs!r} first, and at a clean end that would be {usual!r}"
                )
                if self.drops_on_error and not pause:
                    continue
                assert self._begins(reading.outputs, due), (
                    f"{where}, it gives {reading.outputs!r} first, and {due!r} were due: an error comes after the items "
                    "before it. If they are lost by design, set `drops_on_error`"
                )

    def test_lets_the_consumers_error_through(self, backend: str) -> None:
        for taken in range(len(self._usual(backend)) + 1):
            error = LookupError("the consumer's own")
            reading = self._read(backend, Probe(self.inputs), taken, then=error)
            must_be(error, reading, f"when its consumer fails after {taken} items")

    # -- leaving it ---------------------------------------------------------------------------------------

    def test_closes_upstream_when_it_is_left(self, backend: str) -> None:
        for taken in range(len(self._usual(backend)) + 1):
            probe = Probe(self.inputs)
            reading = self._read(backend, probe, taken)
            when = f"when its consumer leaves after {taken} items"
            must_not_fail(reading, when)
            self._must_be_closed_once(probe, when)
            assert not reading.pulled_late, f"{when}, it asks upstream for {reading.pulled_late} more items"
            assert reading.outcome.kind == "stopped", f"{when}, the outcome is {reading.outcome!r}"

    def test_can_be_cancelled_at_every_step(self, backend: str) -> None:
        usual = {0.0: self._usual(backend), TICK: self._read(backend, Probe(self.inputs, every=TICK)).outputs}
        for every, outputs in usual.items():
            for step in count(1):
                probe = Probe(self.inputs, every=every)
                if not self._cancel(backend, self._reading(probe, self.operator()), step, outputs):
                    break
                self._must_be_closed_once(probe, f"when it is cancelled at step {step}")

    def test_leaves_no_task_behind(self, backend: str) -> None:
        self._usual(backend)
        failing = Probe(self.inputs, error=ConnectionError())
        readings = {
            "has ended": self._read(backend, Probe(self.inputs)),
            "has failed": self._read(backend, failing),
            "was left after one item": self._read(backend, Probe(self.inputs), 1),
            "was left unread": self._read(backend, Probe(self.inputs), 0),
        }
        for what, reading in readings.items():
            must_leave_nothing(reading, f"when a run {what}")

    def test_lets_others_interrupt_it_while_it_is_busy(self, backend: str) -> None:
        async def check() -> None:
            async with create_task_group() as group:
                with CancelScope() as scope:
                    group.start_soon(interrupt, scope)
                    await reading.read()
                group.cancel_scope.cancel()

        async def interrupt(scope: CancelScope) -> None:
            for _ in range(TURNS):
                await lowlevel.checkpoint()
            scope.cancel()

        self._usual(backend)
        probe = Probe(islice(cycle(self.inputs), MANY), every=None)
        reading = self._reading(probe, self.operator())
        run_virtual(check, backend=backend)
        assert probe.pulled <= MANY, (
            f"it went through all of {MANY} items, although its run was cancelled early on: it shields itself from "
            "cancellation, or lets no other task have a turn"
        )

    def test_holds_no_scope_open_around_its_items(self, backend: str) -> None:
        async def check() -> None:
            async with (Probe(self.inputs) | operator).open() as run:
                items = aiter(run)
                while True:
                    # A scope that the operator enters here and does not leave overlaps this one, which is an error.
                    with CancelScope():
                        if await anext(items, _END) is _END:
                            break

        self._usual(backend)
        operator = self.operator()
        try:
            run_virtual(check, backend=backend)
        except BaseException as error:
            raise AssertionError(
                f"each item was read within a cancel scope, and {type(error).__name__} came out: {error}. A generator "
                "must not `yield` inside a task group or a cancel scope (PEP 789)"
            ) from error

    # -- starting over ------------------------------------------------------------------------------------

    def test_forgets_at_a_restart(self, backend: str) -> None:
        usual = self._usual(backend)
        if self.keeps_state:
            usual = []
        for given in range(len(self.inputs) + 1):
            restart: Any = Restarted(2, ConnectionError())
            # Where time matters, the times that it remembers do not matter an hour later.
            wait = [0.0] * len(self.inputs)
            wait[:1] = [3600.0 * self.depends_on_time]
            items = [*self.inputs[:given], restart, *self.inputs]
            probe = Probe[A](items, every=[0.0] * (given + 1) + wait)
            reading = self._read(backend, probe)
            where = f"when the stream starts over after {given} items"
            assert not reading.hung, f"{where}, it hangs"
            if isinstance(reading.error, TypeError | AttributeError):
                continue  # the operator is made for another type of items, and says so
            assert reading.error is None, f"{where}, it fails with {reading.error!r}: {_RESTART}"
            after = reading.outputs[max(len(reading.outputs) - len(usual), 0) :]
            assert self._same(after, usual), (
                f"{where}, it gives {reading.outputs!r}, which should end with {usual!r}: {_RESTART}"
            )

    # -- what it says of itself ---------------------------------------------------------------------------

    def test_says_what_it_is(self) -> None:
        self._usual(self._backends[0])
        operator = self.operator()
        pipeline: Stream[B] = Probe(self.inputs) | operator
        shown = io.StringIO()
        with redirect_stdout(shown):
            pipeline.explain()
        for text in (repr(pipeline.stages[-1]), repr(pipeline)):
            assert len(text.splitlines()) == 1, f"its repr should be one line, not {text!r}"
            assert " at 0x" not in text, f"its repr should read like the call that made it, not {text!r}"
        lines = shown.getvalue().splitlines()
        assert len(lines) == len(pipeline.stages) + 1, f"explain() should print a line for it: {lines!r}"
