"""
Operators with one fault each, as a plugin could have it; but for that they hand on what they are given.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import anyio
import trio

import streamkit as sk
from streamkit._core.runtime.chain_reader import ChainReader
from streamkit._core.stage import ConcurrentStage
from streamkit.testing import OperatorSuite

if TYPE_CHECKING:
    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context
    from streamkit._core.runtime.loop_spec import LoopSpec

__all__ = ["FAULTS", "Fault"]

Items = AsyncIterator[Any]
Made = Callable[[AsyncIterable[str]], AsyncIterable[Any]]
Check = Callable[..., None]


class Fault:
    """
    A faulty operator, and the tests of the suite that are to fail: these alone, unless it is one that may break any.
    """

    def __init__(
        self,
        make: Callable[[], Made],
        *caught_by: Check,
        outputs: Iterable[Any] = "abcd",
        breaks_more: bool = False,
    ) -> None:
        self.make = make
        self.caught_by = {check.__name__ for check in caught_by}
        self.outputs = tuple(outputs)
        self.breaks_more = breaks_more


# -- tasks --------------------------------------------------------------------------------------------------

_kept: list[object] = []


@sk.operator
async def leaks_a_task(items: Items) -> Items:
    if trio.lowlevel.in_trio_run():
        trio.lowlevel.spawn_system_task(trio.sleep_forever)
    else:
        _kept.append(asyncio.ensure_future(anyio.sleep_forever()))
    async for item in items:
        yield item


class LeavesItsJob(ConcurrentStage):
    def __init__(self) -> None:
        super().__init__("leaves_its_job")

    async def bind(self, upstream: Chain, context: Context) -> Items:
        context.spawn(anyio.sleep_forever)
        async for item in upstream.iterator:
            yield item


# -- errors -------------------------------------------------------------------------------------------------


@sk.operator
async def swallows_errors(items: Items) -> Items:
    try:
        async for item in items:
            yield item
    except Exception:
        pass


@sk.operator
async def wraps_errors(items: Items) -> Items:
    try:
        async for item in items:
            yield item
    except Exception as error:
        raise RuntimeError("upstream failed") from error


@sk.operator
async def raises_a_copy(items: Items) -> Items:
    try:
        async for item in items:
            yield item
    except Exception as error:
        raise type(error)(*error.args) from None


# -- reading ahead ------------------------------------------------------------------------------------------


class ReadsAhead(ConcurrentStage):
    """
    A queue of two items between a reader and the consumer; right, without a fault.
    """

    def __init__(self, *faults: str) -> None:
        super().__init__("reads_ahead", faults)
        self._faults = faults

    def bind(self, upstream: Chain, context: Context) -> Items:
        queue = _Queue(upstream, context, self._faults)
        if "eager" in self._faults:
            queue.reader.start()
        return queue.items()


class _Queue:
    def __init__(self, upstream: Chain, context: Context, faults: tuple[str, ...]) -> None:
        self.reader = ChainReader(upstream, context, self._arrived, self._upstream_ended)
        self._faults = faults
        self._waiting: deque[Any] = deque()
        self._changed = anyio.Event()
        self._taken = anyio.Event()
        self._ended = False
        self._error: BaseException | None = None

    async def items(self) -> Items:
        if "eager" not in self._faults:
            self.reader.start()
        try:
            while True:
                overtakes = self._error is not None and "overtakes" in self._faults
                if self._waiting and not overtakes:
                    item = self._waiting.popleft()
                    self._taken.set()
                    yield item
                elif self._ended:
                    break
                else:
                    self._changed = anyio.Event()
                    await self._changed.wait()
                    if self._ended and "races" in self._faults:
                        break
            if self._error is not None:
                raise self._error
        finally:
            await self.reader.stop()

    def _arrived(self, item: Any) -> Awaitable[None] | None:
        self._waiting.append(item)
        self._changed.set()
        return self._room() if len(self._waiting) >= 2 and "unbounded" not in self._faults else None

    async def _room(self) -> None:
        while len(self._waiting) >= 2:
            self._taken = anyio.Event()
            await self._taken.wait()

    def _upstream_ended(self, error: BaseException | None) -> None:
        self._ended, self._error = True, error
        self._changed.set()


# -- closing ------------------------------------------------------------------------------------------------


@sk.operator
async def closes_twice(items: Any) -> Items:
    try:
        async for item in items:
            yield item
    finally:
        await items.aclose()


@sk.operator
async def drains_when_it_is_left(items: Items) -> Items:
    try:
        async for item in items:
            yield item
    finally:
        async for _ in items:
            pass


@sk.operator
async def has_a_last_word(items: Items) -> Items:
    complete = False
    try:
        async for item in items:
            yield item
        complete = True
    finally:
        if not complete:
            yield "bye"


# -- items --------------------------------------------------------------------------------------------------


@sk.operator
async def loses_the_last(items: Items) -> Items:
    held: list[Any] = []
    async for item in items:
        held.append(item)
        if len(held) > 1:
            yield held.pop(0)


@sk.operator
async def repeats_the_last(items: Items) -> Items:
    item = None
    async for item in items:
        yield item
    if item is not None:
        yield item


@sk.operator
async def hangs_without_input(items: Items) -> Items:
    begun = anyio.Event()
    async for item in items:
        begun.set()
        yield item
    await begun.wait()


# -- state --------------------------------------------------------------------------------------------------


class Numbers:
    """
    It numbers the items of all its runs.
    """

    def __init__(self) -> None:
        self._number = 0

    async def __call__(self, items: AsyncIterable[str]) -> AsyncIterator[tuple[str, int]]:
        async for item in items:
            self._number += 1
            yield (item, self._number)


class Pairs(sk.Transducer[str, tuple[str, str]]):
    """
    Right but for its reset(), which should forget.
    """

    def __init__(self) -> None:
        self.waiting: list[str] = []

    def feed(self, item: str) -> Iterable[tuple[str, str]]:
        self.waiting.append(item)
        if len(self.waiting) == 2:
            yield (self.waiting[0], self.waiting[1])
            self.waiting.clear()

    def reset(self) -> None:
        pass


@sk.operator
async def chokes_on_restarts(items: Items) -> Items:
    async for item in items:
        if getattr(item, "__restart__", False):
            raise KeyError("restart")
        yield item


# -- cancellation -------------------------------------------------------------------------------------------


@sk.operator
async def ends_when_it_is_cancelled(items: Items) -> Items:
    try:
        async for item in items:
            yield item
    except anyio.get_cancelled_exc_class():
        pass


@sk.operator
async def wraps_cancellation(items: Items) -> Items:
    try:
        async for item in items:
            yield item
    except anyio.get_cancelled_exc_class() as error:
        raise TimeoutError("cancelled") from error


@sk.operator
async def is_deaf_at_one_await(items: Items) -> Items:
    async for item in items:
        if item == "c":
            try:
                await anyio.sleep(1)
            except anyio.get_cancelled_exc_class():
                break
        yield item


async def gives_an_item_when_it_is_cancelled(items: AsyncIterable[str]) -> Items:
    try:
        async for item in items:
            yield item
    except anyio.get_cancelled_exc_class():
        yield "cancelled"
        raise


@sk.operator
async def shields_its_reading(items: Items) -> Items:
    everything: list[Any] = []
    with anyio.CancelScope(shield=True):
        everything += [item async for item in items]
    for item in everything:
        yield item


@sk.operator
async def yields_in_a_scope(items: Items) -> Items:
    with anyio.move_on_after(60):
        async for item in items:
            yield item  # noqa: ASYNC119 -- the fault


# -- descriptions -------------------------------------------------------------------------------------------


class TellsItsAddress(ReadsAhead):
    def __repr__(self) -> str:
        return object.__repr__(self)


class DiffersOffline(sk.Transducer[str, str]):
    def __loop_spec__(self, name: str, context: Context | None, /) -> LoopSpec:
        self.offline = context is None
        return super().__loop_spec__(name, context)

    def feed(self, item: str) -> Iterable[str]:
        return () if self.offline else (item,)


def stage(make: Callable[[], ConcurrentStage]) -> Callable[[], Made]:
    return lambda: sk.Operator[str, str]((make(),))


S = OperatorSuite[Any, Any]

FAULTS: Final[dict[str, Fault]] = {
    "a leaked task": Fault(leaks_a_task, S.test_leaves_no_task_behind, S.test_can_be_cancelled_at_every_step),
    "a job that is not stopped": Fault(
        stage(LeavesItsJob), S.test_leaves_no_task_behind, S.test_can_be_cancelled_at_every_step
    ),
    "a swallowed error": Fault(swallows_errors, S.test_hands_on_an_error_after_the_items_before_it),
    "a wrapped error": Fault(wraps_errors, S.test_hands_on_an_error_after_the_items_before_it),
    "a copied error": Fault(raises_a_copy, S.test_hands_on_an_error_after_the_items_before_it),
    "an error that overtakes": Fault(
        stage(lambda: ReadsAhead("overtakes")), S.test_hands_on_an_error_after_the_items_before_it
    ),
    "an unbounded buffer": Fault(
        stage(lambda: ReadsAhead("unbounded")), S.test_reads_no_further_ahead_than_it_says
    ),
    "an eager pull": Fault(
        stage(lambda: ReadsAhead("eager")),
        S.test_reads_nothing_before_it_is_asked,
        S.test_closes_upstream_when_it_is_left,
        S.test_leaves_no_task_behind,
    ),
    "a double close": Fault(
        closes_twice,
        S.test_ends_once_and_says_so,
        S.test_closes_upstream_when_it_is_left,
        S.test_can_be_cancelled_at_every_step,
    ),
    "reading on when left": Fault(
        drains_when_it_is_left,
        S.test_closes_upstream_when_it_is_left,
        S.test_reads_no_further_ahead_than_it_says,
        S.test_lets_others_interrupt_it_while_it_is_busy,
    ),
    "an item when closed": Fault(
        has_a_last_word,
        S.test_closes_upstream_when_it_is_left,
        S.test_can_be_cancelled_at_every_step,
        S.test_hands_on_an_error_after_the_items_before_it,
        breaks_more=True,
    ),
    "a lost last item": Fault(loses_the_last, S.test_gives_the_declared_outputs),
    "a last item lost in a race": Fault(
        stage(lambda: ReadsAhead("races")),
        S.test_does_the_same_whether_items_are_fast_or_slow,
        breaks_more=True,
    ),
    "a doubled item": Fault(repeats_the_last, S.test_gives_the_declared_outputs),
    "a hang without input": Fault(hangs_without_input, S.test_ends_at_once_without_input),
    "state between runs": Fault(
        Numbers,
        S.test_gives_the_same_when_it_is_opened_again,
        S.test_gives_the_same_in_two_runs_at_once,
        S.test_forgets_at_a_restart,
        outputs=[("a", 1), ("b", 2), ("c", 3), ("d", 4)],
    ),
    "a restart ignored": Fault(Pairs, S.test_forgets_at_a_restart, outputs=[("a", "b"), ("c", "d")]),
    "a crash at a restart": Fault(chokes_on_restarts, S.test_forgets_at_a_restart),
    "an end when cancelled": Fault(ends_when_it_is_cancelled, S.test_can_be_cancelled_at_every_step),
    "an end when cancelled at one await": Fault(is_deaf_at_one_await, S.test_can_be_cancelled_at_every_step),
    "a wrapped cancellation": Fault(wraps_cancellation, S.test_can_be_cancelled_at_every_step),
    "an item when cancelled": Fault(
        lambda: gives_an_item_when_it_is_cancelled, S.test_can_be_cancelled_at_every_step, breaks_more=True
    ),
    "a shield": Fault(
        shields_its_reading,
        S.test_lets_others_interrupt_it_while_it_is_busy,
        S.test_hands_on_an_error_after_the_items_before_it,
    ),
    "a yield in a scope": Fault(
        yields_in_a_scope,
        S.test_holds_no_scope_open_around_its_items,
        S.test_closes_upstream_when_it_is_left,
        breaks_more=True,
    ),
    "an address for a name": Fault(stage(TellsItsAddress), S.test_says_what_it_is),
    "another result offline": Fault(DiffersOffline, S.test_gives_the_same_offline),
}
"""The faults, by their names."""
