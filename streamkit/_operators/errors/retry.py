"""
`retry`: opens a stream again when it fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyio import sleep

from streamkit._core.algebra import Same
from streamkit._core.items import Restarted
from streamkit._core.log import error_fields, log_warning
from streamkit._core.naming import nested_text
from streamkit._core.retry_policy import RetryPolicy, retry_advice
from streamkit._core.runtime.assembly import begin
from streamkit._core.runtime.closing import close_after
from streamkit._core.source import Opened, Source
from streamkit._core.stage import DescriptionStage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamkit._core.runtime.context import Context
    from streamkit._core.stage import Stage

__all__ = ["retry"]


def retry(policy: RetryPolicy | None = None, /) -> Same:
    """
    The stream before it, which is opened again when it fails, as the policy says.

    Before the first item, nobody sees a retry. After it, a policy with `resume="never"` raises, and one with
    `resume="restart"` emits a `Restarted`, at which every operator forgets what came before. A pipeline that would hide that
    item is rejected when it is opened. An error whose `retriable` is false is raised at once, and so is an API error of a
    kind that would come again. After every other error, the stream is opened again.

    `messages()` retries by itself, and knows more about its errors. Put `retry` behind it only with `messages(retry=None)`;
    the SDK's own retries are then turned off.

        -#
        retry(RetryPolicy(attempts=2, base=3, jitter=False))
        -----#

    Args:
        policy: How often to retry, and how long to wait before that; by default `RetryPolicy()`.

    Raises:
        TypeError: `policy` is not a `RetryPolicy`; when the run is opened, the source can be read only once.
        ValueError: The policy's `resume` is `"continue"`.

    Emits: the items of each try, with a `Restarted` before those of a try that starts over.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with the last try, or with an error that a retry would not mend.
    Cancels: at once, also while it waits. A try that has failed is closed before the next one is opened.
    Memory: nothing.
    """
    if policy is not None and not isinstance(policy, RetryPolicy):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"retry() needs a RetryPolicy, such as RetryPolicy(attempts=3), not {policy!r}")
    if policy is not None and policy.resume == "continue":
        raise ValueError(
            'retry() cannot continue a stream in its middle, as RetryPolicy(resume="continue") asks it to: '
            'messages(retry=…) can; here, use resume="never" or "restart"'
        )
    return Same((_Retry(policy),))


class _Retry(DescriptionStage):
    memory = "nothing"

    def __init__(self, policy: RetryPolicy | None) -> None:
        super().__init__("retry", () if policy is None else (policy,))
        self.policy: RetryPolicy = policy or RetryPolicy()

    def around(self, source: Source, stages: tuple[Stage, ...]) -> Source:
        if not source.repeatable:
            raise TypeError(
                f"{self!r} opens its source again, and {source!r} can be read only once: give from_iterable() a "
                "function that makes a new one, or use messages()"
            )
        if source.goes_on and self.policy.resume == "restart":
            raise TypeError(
                f"{self!r} would give {source!r} a new beginning, which has only the rest of a message: let the source itself "
                'start over, with messages(retry=RetryPolicy(resume="restart"))'
            )
        return _Retried(self, self.policy, source.retried(), stages)


class _Retried(Source):
    """
    A source that opens a stream again when it fails.
    """

    def __init__(self, stage: Stage, policy: RetryPolicy, source: Source, stages: tuple[Stage, ...]) -> None:
        self._stage = stage
        self._policy = policy
        self._source = source
        self._stages = stages
        self.restarts: bool = policy.resume == "restart" or source.restarts
        self.goes_on: bool | None = source.goes_on
        self.tells_effects: bool = source.tells_effects

    def __repr__(self) -> str:
        return " | ".join((nested_text(self._source), *map(repr, (*self._stages, self._stage))))

    def open(self, context: Context) -> Opened:
        return Opened("async", self._items(context))

    async def _items(self, context: Context) -> AsyncIterator[Any]:
        policy, number = self._policy, 1
        while True:
            chain = await begin(self._source, self._stages, context.child())
            begun = False
            try:
                async for item in chain.iterator:
                    begun = True
                    yield item
                return
            except Exception as error:
                failure = error
                await close_after(error, chain, context)
            finally:
                await context.closing(chain)
            wait = policy.again(number, retry_advice(failure))
            if wait is None or (begun and policy.resume == "never"):
                raise failure
            log_warning("stream_retried", context.run_id, attempt=number, wait=wait, **error_fields(failure))
            await sleep(wait)
            number += 1
            if begun:
                log_warning("stream_restarted", context.run_id, attempt=number, **error_fields(failure))
                yield Restarted(number, failure)
            del failure  # its traceback keeps the frames of the failed try alive
