"""
Split: one stream through several pipelines.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Never, TypeVar

from anyio import Event, sleep_forever

from streamkit._core.algebra import Operator
from streamkit._core.checks import refuse_uncalled
from streamkit._core.naming import value_text
from streamkit._core.pipeline_checks import levels_of, refuse_reopening, remedies
from streamkit._core.runtime.assembly import assemble
from streamkit._core.runtime.chain_reader import ChainReader
from streamkit._core.runtime.failures_beside import FailuresBeside
from streamkit._core.runtime.fusion import MORE, PUSHED_AT_ONCE, PushLoop
from streamkit._core.runtime.loop_spec import LoopSpec
from streamkit._core.runtime.overflow_queue import OverflowQueue
from streamkit._core.source import Opened
from streamkit._core.stage import ConcurrentStage, PureStage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context
    from streamkit._core.stage import Stage

__all__ = ["split"]

A = TypeVar("A")
B = TypeVar("B")

_BUFFER = 16


def split(*unnamed: Never, ordered: bool = True, **operators: Operator[A, B]) -> Operator[A, tuple[str, B]]:
    """
    One stream through several pipelines, their outputs as pairs: `split(text=text(), calls=tool_calls())`.

    In the diagram each character of the upper line is an event: `a` and `b` are deltas of text, `S` is the stop.

        MTa-bE-DS|
        split(x=text(), y=only("message_stop"))
        --A-B---C|

        A = ("x", "a")
        B = ("x", "b")
        C = ("y", S)

    Args:
        ordered: Whether the pairs come in the order of the items that they were made of, and for one item in
            the order of the pipelines as they are given here. It takes pure pipelines only. Otherwise each
            pipeline runs by itself and its outputs come as they are ready; then any operator will do, and the
            run needs `open()`.
        operators: The pipelines, by the name that their outputs get.

    Raises:
        TypeError: There is no pipeline, one is not an operator, or one is not pure and `ordered` is on.
        ValueError: Pipelines stand in pipelines more than 32 levels deep.

    Emits: `(name, value)` for each output of each pipeline.
    Backpressure: none of its own; unordered, it waits for the slowest pipeline.
    Completes: with its upstream, after the ends of all pipelines; or when all of them have ended: upstream is
        closed.
    Fails: with its upstream, after what the pipelines hold; or with the first pipeline that fails, after what its stages behind
        the failing one hold, as in the main stream. The others are stopped.
    Cancels: at once.
    Memory: what the pipelines hold; unordered, 16 items and as many pairs for each besides.
    """
    if unnamed:
        raise TypeError(f"split() gives each pipeline a name: write split(a={unnamed[0]!r}, …)")
    if not operators:
        raise TypeError("split() needs at least one pipeline: split(text=text(), calls=tool_calls())")
    for name, operator in operators.items():
        if not isinstance(operator, Operator):  # pyright: ignore[reportUnnecessaryIsInstance]
            refuse_uncalled(operator)
            raise TypeError(
                f"split() needs an operator for {name}=, such as text(), not {value_text(operator)}"
            )
        refuse_reopening(operator.stages, "a pipeline of split()")
        for stage in operator.stages:
            if ordered and not isinstance(stage, PureStage):
                raise TypeError(
                    f"split() keeps the order of pure pipelines only, and {stage!r} of {name}= is "
                    f"{stage.kind}: use split(ordered=False, ...)"
                )
    if ordered:
        return Operator((_Ordered(operators),))
    return Operator((_Unordered(operators),))


class _Ordered(PureStage):
    def __init__(self, operators: Mapping[str, Operator[Any, Any]]) -> None:
        super().__init__("split", _pipelines, (), operators)
        self._stages = [stage for operator in operators.values() for stage in operator.stages]
        self.levels: int = levels_of(
            "split", [each.stages for each in operators.values()], loop=PUSHED_AT_ONCE
        )

    @property
    def hides_restarts(self) -> bool:
        return any(stage.hides_restarts for stage in self._stages)

    @property
    def restart_remedy(self) -> str:
        return remedies(self._stages)

    def holds(self) -> str:
        return " + ".join(stage.holds() for stage in self._stages) or "nothing"


def _pipelines(**operators: Operator[Any, Any]) -> _Pipelines:
    # A function of its own, because a pipeline may have any name, such as that of a parameter of the class.
    return _Pipelines(operators)


class _Pipelines:
    """
    One run: each pipeline is a loop of its own, and an item is pushed through one after another.

    Attributes:
        done: Whether all of them want no further item.
    """

    def __init__(self, operators: Mapping[str, Operator[Any, Any]]) -> None:
        self._operators = operators
        self.done = False

    def __loop_spec__(self, name: str, context: Context | None, /) -> LoopSpec:
        self._loops = {
            name: PushLoop([stage.spec(context) for stage in operator.stages if isinstance(stage, PureStage)])
            for name, operator in self._operators.items()
        }
        self._follow_running()
        rescues = any(loop.rescues for loop in self._loops.values())
        return LoopSpec(
            name,
            "feed",
            self._feed,
            owner=self,
            flush=self._flush,
            rescue=self._rescue if rescues else None,
            expands=True,
            takes_restarts=True,  # each pipeline starts over by itself
        )

    def _feed(self, item: Any) -> Iterable[tuple[str, Any]]:
        for name, loop in self._running:
            # loop.feed(item) written out, because it would cost a generator for each item and pipeline.
            send = loop.send
            try:
                value = send(item)
                while value is not MORE:
                    yield name, value
                    value = send(None)
            except StopIteration:
                loop.done = True
                self._follow_running()

    def _flush(self) -> Iterable[tuple[str, Any]]:
        for name, loop in self._loops.items():
            for value in loop.flush():
                yield name, value

    def _rescue(self) -> Iterable[tuple[str, Any]]:
        for name, loop in self._loops.items():
            for value in loop.rescue():
                yield name, value

    def _follow_running(self) -> None:
        # A new list each time, because _feed() may be going through the old one.
        self._running = [(name, loop) for name, loop in self._loops.items() if not loop.done]
        self.done = not self._running


class _Unordered(ConcurrentStage):
    def __init__(self, operators: Mapping[str, Operator[Any, Any]]) -> None:
        super().__init__("split", (), {"ordered": False, **operators})
        self._pipelines = {name: operator.stages for name, operator in operators.items()}
        self.levels: int = levels_of("split", self._pipelines.values())

    @property
    def hides_restarts(self) -> bool:
        return any(stage.hides_restarts for stages in self._pipelines.values() for stage in stages)

    @property
    def restart_remedy(self) -> str:
        return remedies(stage for stages in self._pipelines.values() for stage in stages)

    def holds(self) -> str:
        held = [stage.holds() for stages in self._pipelines.values() for stage in stages]
        return " + ".join([f"{2 * _BUFFER * len(self._pipelines)} items", *held])

    def bind(self, upstream: Chain, context: Context) -> AsyncIterator[Any]:
        return _Splitting(self._pipelines, upstream, context).items()


class _Splitting:
    """
    One run. A task reads upstream and hands each item to the input queue of every pipeline that still runs. Each pipeline is
    read by a task of its own, which puts its outputs into `_ready`.
    """

    def __init__(self, pipelines: Mapping[str, tuple[Stage, ...]], upstream: Chain, context: Context) -> None:
        self._context = context
        self._pipelines = pipelines
        self._inputs: dict[str, OverflowQueue[Any]] = {name: OverflowQueue(_BUFFER) for name in pipelines}
        self._upstream = ChainReader(upstream, context, self._arrived, self._upstream_ended)
        self._upstream_open = True
        self._running = len(pipelines)
        self._error: BaseException | None = None
        self._failed = False
        self._ready: deque[tuple[str, Any]] = deque()
        self._changed = Event()
        self._taken = Event()
        self._left = False

    async def items(self) -> AsyncIterator[tuple[str, Any]]:
        readers = [*map(self._reader, self._pipelines), self._upstream]
        beside = FailuresBeside(self._context)
        failure: BaseException | None = None
        for reader in readers:
            reader.start()
        try:
            while self._ready or (self._running and not self._failed):
                if not self._ready:
                    await self._changed.wait()
                    self._changed = Event()
                    continue
                pair = self._ready.popleft()
                if len(self._ready) == _BUFFER - 1:
                    self._taken.set()
                    self._taken = Event()
                yield pair
            failure = self._error
            if failure is None and self._upstream_open:
                self._context.stopped("split")
        finally:
            self._left = True
            for reader in readers:
                await beside.stop(reader)
            beside.tell(failure)
        if failure is not None:
            raise failure

    def _reader(self, name: str) -> ChainReader:
        # A context of its own: that one pipeline ends early is not the end of the run.
        chain = assemble(
            Opened("async", self._inputs[name].items()), self._pipelines[name], self._context.child()
        )
        return ChainReader(
            chain, self._context, partial(self._made, name), partial(self._pipeline_ended, name)
        )

    def _arrived(self, item: Any) -> Awaitable[None] | None:
        for queue in self._inputs.values():
            queue.write(item)
        if self._left:
            # Pipelines that are being closed make room in their queues, and nobody wants what would fill it.
            return sleep_forever()
        return self._room() if any(queue.full for queue in self._inputs.values()) else None

    async def _room(self) -> None:
        for queue in self._inputs.values():
            await queue.room()

    def _upstream_ended(self, error: BaseException | None) -> None:
        self._upstream_open = False
        for queue in self._inputs.values():
            queue.end(error)

    def _made(self, name: str, value: Any) -> Awaitable[None] | None:
        self._ready.append((name, value))
        self._changed.set()
        return self._demand() if len(self._ready) >= _BUFFER else None

    async def _demand(self) -> None:
        while len(self._ready) >= _BUFFER:
            await self._taken.wait()

    def _pipeline_ended(self, name: str, error: BaseException | None) -> None:
        queue = self._inputs[name]
        if error is not None:
            if self._error is None:
                self._error = error
            # An error of upstream is for each pipeline, after the items before it. A pipeline's own error ends all of them.
            self._failed = self._failed or not queue.handed(error)
        queue.abandon()
        self._running -= 1
        self._changed.set()
