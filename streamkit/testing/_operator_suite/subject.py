"""
The subject of a suite: what it is told of an operator, how it runs it, and how it compares outputs.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from inspect import isasyncgenfunction
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from anyio import CancelScope, get_available_backends

from streamkit._core.algebra import Operator
from streamkit._core.runtime.closing import CLOSE_TIMEOUT
from streamkit.testing._operator_suite.observed_run import PATIENCE, ObservedRun
from streamkit.testing._operator_suite.probe import Probe
from streamkit.testing._virtual_time.backend import run_virtual
from streamkit.testing._virtual_time.steps import Steps, run_stepwise

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable

__all__ = ["SHARED", "Subject", "must_be", "must_leave_nothing", "must_not_fail"]

__tracebackhide__ = True  # pytest shows the lines of the test, and those of this file with --full-trace

A = TypeVar("A")
B = TypeVar("B")

_CANCELLED: Final = (
    "let a cancellation pass. After `except BaseException`, `except CancelledError` or in a `finally`, raise it again; "
    "give no item, and do not return"
)
_RETURN: Final = "Return an operator, or a function from an async iterable to an async iterable"

SHARED: Final = (
    "keep what it remembers in each run, not in the operator, in a module or in a default argument"
)


class Subject(ABC, Generic[A, B]):
    """
    An operator under test.
    """

    inputs: Sequence[A]
    """Four or five items. Choose them so that something comes out before the end, and something is still held at the end."""

    outputs: Sequence[B] | None = None
    """The outputs for these inputs when all of them are there at once. Without it, the operator is only compared with itself,
    so a suite cannot see that it loses the same item each time."""

    reads_ahead: int = 0
    """How many items it may read at most beyond those that its outputs so far were made of."""

    handles_errors: bool = False
    """Whether it may turn an error from upstream into a clean end or another error."""

    drops_on_error: bool = False
    """Whether items that it is still working on may be lost when upstream fails."""

    needs_input: bool = False
    """Whether it fails on a stream without items."""

    keeps_state: bool = False
    """Whether it keeps its state at a restart, as a counter of all items may."""

    depends_on_time: bool = False
    """Whether its outputs depend on when items come and when outputs are taken."""

    ordered: bool = True
    """Whether its outputs come in the same order each time."""

    closes_upstream: bool = False
    """Whether it closes its upstream, as operators of some libraries do, although streamkit closes it anyway."""

    backends: Sequence[str] | None = None
    """The names of anyio's backends on which it works, or None for every installed one."""

    @abstractmethod
    def operator(self) -> Callable[[AsyncIterable[A]], AsyncIterable[B]]:
        """
        The operator under test, a new one or the same each time.
        """

    def seen(self, output: B, /) -> object:
        """
        What is compared of an output. Override it for outputs that are never equal, such as exceptions.
        """
        return output

    def pytest_generate_tests(self, metafunc: _Metafunc) -> None:
        """
        Run each test on each backend; pytest calls this.
        """
        if "backend" in metafunc.fixturenames:
            metafunc.parametrize("backend", self._backends)

    @property
    def _backends(self) -> Sequence[str]:
        return self.backends or get_available_backends()

    def _reading(
        self, probe: Probe[A], operator: Callable[[AsyncIterable[A]], AsyncIterable[B]]
    ) -> ObservedRun[B]:
        try:
            stream = probe | operator
        except TypeError as error:
            raise AssertionError(f"operator() gave {operator!r}: {error}. {_RETURN}") from error
        return ObservedRun(stream, lambda: probe.pulled)

    def _read(
        self,
        backend: str,
        probe: Probe[A],
        take: float = math.inf,
        *,
        every: float = 0.0,
        linger: float = 0.0,
        patience: float = PATIENCE,
        then: Exception | None = None,
    ) -> ObservedRun[B]:
        """
        Read the probe through the operator, in a run of its own.
        """

        async def read() -> None:
            await reading.read(take, every=every, linger=linger, patience=patience, then=then)

        reading = self._reading(probe, self.operator())
        run_virtual(read, backend=backend)
        return reading

    def _plain(self, backend: str) -> list[B]:
        """
        The outputs for the inputs in an ordinary run.
        """
        assert hasattr(self, "inputs"), "set `inputs` in this class: a few items to try the operator with"
        reading = self._read(backend, Probe(self.inputs))
        if isinstance(reading.error, TypeError):
            made = self.operator()
            if not isinstance(made, Operator) and not isasyncgenfunction(made):
                raise AssertionError(
                    f"operator() gave {made!r}, which fails over a stream with {reading.error!r}. {_RETURN}"
                ) from reading.error
        must_not_fail(reading, "with these inputs")
        return reading.outputs

    def _must_repeat(self, backend: str, usual: Sequence[B]) -> None:
        """
        Check that it gives the same outputs again, because state that is kept between runs looks like many other faults.
        """
        again = self._plain(backend)
        assert self.depends_on_time or self._same(again, usual), (
            f"with the same inputs it gave {list(usual)!r} in one run, and {again!r} in a later one: {SHARED}; or it "
            "loses items in a race"
        )

    def _cancel(self, backend: str, reading: ObservedRun[B], step: int, usual: Sequence[B]) -> bool:
        """
        Cancel it before a step of its tasks. Returns False if it had ended by then.
        """

        async def check(steps: Steps) -> bool:
            def cancel() -> None:
                cancelled.append(not reading.ended)
                scope.cancel()

            with CancelScope() as scope:
                steps.before(step, cancel)
                await reading.read()
            steps.forget()
            return scope.cancelled_caught

        cancelled: list[bool] = []
        caught = run_stepwise(check, backend)
        when = f"when it is cancelled at step {step}"
        assert not reading.hung, f"{when}, it hangs"
        assert reading.error is None, f"{when}, it raises {reading.error!r}: {_CANCELLED}"
        if not any(cancelled):
            return bool(cancelled)
        if reading.ended:
            assert self._same(reading.outputs, usual), (
                f"{when}, it comes to an end as if that were all, having given {reading.outputs!r} of {usual!r}: {_CANCELLED}"
            )
        else:
            assert reading.outcome.kind == "cancelled", (
                f"{when}, the outcome is {reading.outcome!r}: {_CANCELLED}"
            )
        assert caught, f"{when}, it goes on: {_CANCELLED}"
        assert self._begins(usual, reading.outputs), (
            f"{when}, it gives {reading.outputs!r}, and else {usual!r}"
        )
        must_leave_nothing(reading, when)
        return True

    # -- comparing ----------------------------------------------------------------------------------------

    def _same(self, some: Sequence[B], others: Sequence[B]) -> bool:
        return len(some) == len(others) and self._begins(some, others)

    def _begins(self, outputs: Sequence[B], first: Sequence[B]) -> bool:
        """
        Whether `outputs` begins with `first` or, where the order does not matter, contains all of it.
        """
        left = list(map(self.seen, outputs))
        wanted = list(map(self.seen, first))
        if self.ordered:
            return left[: len(wanted)] == wanted
        for each in wanted:
            if each not in left:
                return False
            left.remove(each)
        return True

    def _must_be_closed_once(self, probe: Probe[A], when: str) -> None:
        for closed in probe.closed:
            assert closed, f"{when}, upstream is not closed"
            assert closed == 1 or self.closes_upstream, (
                f"{when}, upstream is closed {closed} times: leave it to streamkit, or set `closes_upstream`"
            )


class _Metafunc(Protocol):
    """
    The part of pytest's `Metafunc` that is used. pytest is not imported, because the kit is usable without it.
    """

    fixturenames: list[str]

    def parametrize(self, argnames: str, argvalues: Sequence[object], /) -> None: ...


def must_not_fail(reading: ObservedRun[Any], when: str) -> None:
    """
    Check that the run came to its end.
    """
    assert not reading.hung, f"{when}, it hangs: it was given up after {PATIENCE:g} s of virtual time"
    if reading.error is not None:
        raise AssertionError(f"{when}, it fails with {reading.error!r}") from reading.error


def must_be(error: Exception, reading: ObservedRun[Any], when: str) -> None:
    """
    Check that the run failed with this very error.
    """
    assert not reading.hung, f"{when}, it hangs"
    got = reading.error
    assert got is not None, f"{when}, it ends as if all were well: raise what you catch, unless you handle it"
    assert got is error, f"{when}, it raises {got!r} in place of that very error, {error!r}"
    assert reading.outcome.kind == "failed", f"{when}, the outcome is {reading.outcome!r}"


def must_leave_nothing(reading: ObservedRun[Any], when: str) -> None:
    """
    Check that the run left no task behind, and no job that had to be cut off.
    """
    assert not reading.tasks, (
        f"{when}, tasks are left: {', '.join(reading.tasks)}. Start them with `context.spawn` in a concurrent "
        "stage, and stop them in a `finally`"
    )
    assert reading.closing < CLOSE_TIMEOUT, (
        f"{when}, leaving it takes {reading.closing:g} s, its whole close_timeout: stop, in a `finally`, every job "
        "that you start, and await nothing there that may never come"
    )
