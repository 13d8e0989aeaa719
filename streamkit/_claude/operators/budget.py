"""
Budget: the most that a conversation may use.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar, Final

from anyio import sleep

from streamkit._claude.protocol.message_head import MessageHead
from streamkit._claude.protocol.progress import Progress
from streamkit._claude.protocol.reading import text_of_field
from streamkit._claude.protocol.stop_reasons import stop_reason
from streamkit._claude.protocol.usage import TotalUsage, total
from streamkit._core.algebra import Same, Transducer
from streamkit._core.checks import above_zero, seconds as checked_seconds, whole_number
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.stage import ConcurrentStage, Stage, pure
from streamkit._operators.take_until import TakenUntil

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context
    from streamkit._core.runtime.loop_spec import LoopSpec

__all__ = ["budget"]

_OF_THE_MESSAGE: Final = frozenset({"message_start", "message_delta", "message_stop"})


@keyword_hints
def budget(
    *,
    tokens: int | None = None,
    cost: float | None = None,
    prices: Mapping[str, float] | None = None,
    turns: int | None = None,
    seconds: float | None = None,
) -> Same:
    """
    The events, until the next step would pass a limit. Then the source is closed, and `outcome.stopped_by` says which limit it
    was: `"budget: tokens"`, `"budget: cost"`, `"budget: turns"` or `"budget: seconds"`.

    Where a message waits for the results of tools or has been paused, another turn would follow. It is not asked for if it would
    be one too many, or if what was used and the least that the next turn uses are more than the limit: it reads again what this
    one has read and written. A message that has begun is stopped in the middle only where its own usage says already that it is
    too much, as its input may. What it writes is told at its end; limit that with `max_tokens`.

    Everything counts that was told: what was read from the cache and written to it, the searches of the server, and messages
    that a restart has made void, because they are billed too; the turns that a tool loop tells again behind a restart are not.

    In the diagram each character of the upper line is an event: `M` begins the message, `D` ends it.

        MTa-bE-DS|
        budget(tokens=4)
        (M|)

    Args:
        tokens: The most tokens: all input, cached or not, and output.
        cost: The most money, in the currency of the prices.
        prices: What it is reckoned with, as in `Usage.cost`: `"input"` and `"output"` at least.
        turns: The most messages.
        seconds: The most seconds from the first read on, also in the middle of a message.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: No limit is given, or one is too small; `cost` and `prices` are not given together, a price is unknown or
            missing; while running, for what was used.

    Emits: every item, unchanged.
    Backpressure: none of its own.
    Completes: with its upstream, or at a limit, after closing upstream. Over a `tool_loop()`, when the tools of the last message
        have ended; `seconds` alone stops these too.
    Fails: with its upstream, or with a `GrammarError` where a message begins inside another.
    Cancels: at once.
    Memory: the usage of one message, and the ids of those before it.
    """
    given = {"tokens": tokens, "cost": cost, "prices": prices, "turns": turns}
    used = {name: value for name, value in given.items() if value is not None}
    stages: list[Stage] = []
    if used:
        stages += pure("budget", Budget, **used)
    if seconds is not None:
        stages.append(_Deadline(seconds))
    if not stages:
        raise ValueError("budget() needs a limit: give tokens=, cost= with prices=, turns= or seconds=")
    return Same(tuple(stages))


class Budget(Transducer[Any, Any]):
    takes: ClassVar[str] = "events"
    expands = False
    memory = "the usage of one message, and the ids of those before it"

    def __init__(
        self,
        *,
        tokens: int | None = None,
        cost: float | None = None,
        prices: Mapping[str, float] | None = None,
        turns: int | None = None,
    ) -> None:
        self.tokens = None if tokens is None else whole_number("budget", tokens, least=1, of="tokens")
        self.turns = None if turns is None else whole_number("budget", turns, least=1, of="turns")
        self.cost = None if cost is None else above_zero("budget", cost, "an amount of money", of="cost")
        if (self.cost is None) != (prices is None):
            raise ValueError("budget() reckons a cost with prices: give cost= and prices= together")
        self.prices: Mapping[str, float] = prices or {}
        if self.cost is not None:
            TotalUsage(input_tokens=1, output_tokens=1).cost(self.prices)  # which refuses other prices
        self.context: Context | None = None
        self.spent: TotalUsage = TotalUsage()  # by the messages before this one
        self.ended: int = 0  # messages
        self.to_tell: Counter[str] = (
            Counter()
        )  # where the stream started over, the ids of those that may be told again
        self.told: Counter[str] = Counter()  # the ids of those that have ended
        self.progress: Progress = Progress()
        self.message: MessageHead | None = None
        self.id: str = ""  # of the message

    def __loop_spec__(self, name: str, context: Context | None, /) -> LoopSpec:
        self.context = context
        return super().__loop_spec__(name, context)

    def feed(self, item: Any) -> Iterable[Any]:
        kind = item.type
        if kind == "content_block_delta" or not self.progress.follow(item):
            return (item,)
        if kind == "message_start":
            self._end_message()
            self.id = text_of_field(getattr(item, "message", None), "id")
            if self.to_tell[self.id]:  # it was counted when it came first
                self.to_tell[self.id] -= 1
                return (item,)
            if self.turns is not None and self.ended >= self.turns:
                self._stop("turns")
                return ()
            self.message = MessageHead()
        if self.message is None or kind not in _OF_THE_MESSAGE:
            return (item,)
        self.message.add(item)
        if kind == "message_stop":
            self._end_turn(self.message)
        elif self.message.stop_reason is None and (limit := self._passed(self._used)):
            self._stop(limit)
        return (item,)

    def reset(self) -> None:
        # What was void is billed all the same. A tool loop tells its earlier turns again, which are not.
        self.spent, self.message = self._used, None
        self.progress = Progress()
        self.to_tell = self.told.copy()

    @property
    def _used(self) -> TotalUsage:
        return self.spent if self.message is None else total([self.spent, self.message.usage])

    def _end_message(self) -> None:
        if self.message is not None:
            self.spent, self.message = self._used, None
            self.ended += 1
            self.told[self.id] += bool(self.id)

    def _end_turn(self, message: MessageHead) -> None:
        self._end_message()
        reason = stop_reason(message.stop_reason)
        if not (reason.awaits_results or reason.pauses):
            return
        if self.turns is not None and self.ended >= self.turns:
            self._stop_behind_turn("turns")
        elif limit := self._passed(total([self.spent, self._least_of_next(message.usage)])):
            self._stop_behind_turn(limit)

    def _least_of_next(self, usage: TotalUsage) -> TotalUsage:
        """
        The least that a turn uses behind one with this usage: it reads all of that again, at the lower price if there is one.
        """
        if {"cache_read", "cache_read_input_tokens"}.isdisjoint(self.prices):
            return TotalUsage(input_tokens=_tokens(usage))
        return TotalUsage(cache_read_input_tokens=_tokens(usage))

    def _passed(self, usage: TotalUsage) -> str | None:
        """
        The limit that this usage passes; None if it is within all of them.
        """
        if self.tokens is not None and _tokens(usage) > self.tokens:
            return "tokens"
        if self.cost is not None:
            cost = usage.cost(self.prices)
            if cost > self.cost and not math.isclose(
                cost, self.cost
            ):  # sums of floats are a little more than what they mean
                return "cost"
        return None

    def _stop_behind_turn(self, limit: str) -> None:
        """
        Stop before the next turn. The tools of this one may have begun to do something, and a loop lets them end it.
        """
        if self.context is None or not self.context.wound_up(f"budget: {limit}"):
            self._stop(limit)

    def _stop(self, limit: str) -> None:
        if self.context is not None:
            self.context.stopped(f"budget: {limit}")
        self.done = True


class _Deadline(ConcurrentStage):
    memory = "nothing"

    def __init__(self, seconds: float) -> None:
        self._seconds = checked_seconds("budget", seconds, of="seconds")
        super().__init__("budget", (), {"seconds": seconds})

    def bind(self, upstream: Chain, context: Context) -> AsyncIterator[Any]:
        return TakenUntil(lambda: sleep(self._seconds), upstream, context, by="budget: seconds").items()


def _tokens(usage: TotalUsage) -> int:
    return (
        usage.input_tokens
        + usage.cache_read_input_tokens
        + usage.cache_creation_input_tokens
        + usage.output_tokens
    )
