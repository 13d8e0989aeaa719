"""
`rate_limit`: delays items so that no more than a number of them pass in a time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from anyio import current_time, sleep_until

from streamkit._core.algebra import Same
from streamkit._core.checks import above_zero, as_number, plain_function, seconds
from streamkit._core.items import is_restart
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.stage import AsyncStage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

__all__ = ["rate_limit"]


@keyword_hints
def rate_limit(
    rate: float, per: float = 1.0, burst: float = 1, cost: Callable[[Any], float] | None = None
) -> Same:
    """
    Delay the items so that no more than `rate` of them pass in `per` seconds. None is dropped.

    It is a token bucket: `rate` tokens flow in every `per` seconds, at most `burst` of them are saved, and it is full at first.
    An item takes out as many tokens as it costs, and waits until they are there. An item that costs more than `burst` waits
    until its tokens have flowed in.

        (abc)-----de|
        rate_limit(1, per=2, burst=2)
        (ab)-c---de|

    Args:
        rate: Tokens that flow in every `per` seconds; an item costs one, unless `cost` is given.
        per: Seconds.
        burst: How many tokens can be saved up. After a pause, as many items may pass at once.
        cost: A plain function of an item that returns how many tokens it costs, which may be 0. It is not called for a
            restart, which is free.

    Raises:
        TypeError: An argument is of the wrong kind; while running, a cost is not a number.
        ValueError: A number is not above 0; while running, a cost is negative or not finite.

    Emits: every item, unchanged, when its tokens are there.
    Backpressure: reads an item only when the one before it has been taken.
    Completes: with its upstream.
    Fails: with its upstream, or with what `cost` raises.
    Cancels: at once, dropping the item that waits.
    Memory: one item.
    """
    bucket = (
        above_zero("rate_limit", rate, "a number of tokens", of="rate"),
        seconds("rate_limit", per, of="per"),
        above_zero("rate_limit", burst, "a number of tokens", of="burst"),
    )
    if cost is not None:
        plain_function("rate_limit", "cost", cost)
    settings = {"per": (per, 1.0), "burst": (burst, 1), "cost": (cost, None)}
    changed = {name: value for name, (value, usual) in settings.items() if value != usual}
    return Same((_RateLimit(rate, bucket, cost, changed),))


class _RateLimit(AsyncStage):
    memory = "1 item"

    def __init__(
        self,
        rate: float,
        bucket: tuple[float, float, float],
        cost: Callable[[Any], float] | None,
        changed: Mapping[str, object],
    ) -> None:
        super().__init__("rate_limit", _limited, (rate,), changed)
        self._bucket = bucket
        self._cost = cost

    def bind(self, upstream: AsyncIterator[Any]) -> AsyncIterator[Any]:
        return _limited(upstream, _Bucket(*self._bucket), self._cost)


async def _limited(
    upstream: AsyncIterator[Any], bucket: _Bucket, cost: Callable[[Any], float] | None
) -> AsyncIterator[Any]:
    async for item in upstream:
        if not is_restart(item):
            now = current_time()
            passes = bucket.take(1 if cost is None else _tokens(cost(item)), now)
            if passes > now:
                await sleep_until(passes)
        yield item


class _Bucket:
    """
    A token bucket. It remembers when it was full last and how much was taken since, so each time comes from one multiplication
    and does not drift, however long the bucket is busy.
    """

    def __init__(self, rate: float, per: float, burst: float) -> None:
        self._rate = rate
        self._per = per
        self._burst = burst
        self._full_at = -math.inf
        self._taken: float = 0

    def take(self, tokens: float, now: float) -> float:
        """
        Take `tokens`. Returns the time at which they are there, which may have passed.
        """
        if now >= self._after(self._taken):
            self._full_at, self._taken = now, 0
        self._taken += tokens
        return self._after(self._taken - self._burst)

    def _after(self, tokens: float) -> float:
        """
        The time at which so many tokens have flowed in since it was full.
        """
        return self._full_at + tokens * self._per / self._rate


def _tokens(cost: object) -> float:
    number = float(cost) if isinstance(cost, bool) else as_number(cost)
    if number is None:
        raise TypeError(f"rate_limit() needs a number of tokens from cost, not {type(cost).__name__}")
    if not 0 <= number < math.inf:
        raise ValueError(f"rate_limit() needs a finite number of tokens from cost, at least 0, not {cost!r}")
    return number
