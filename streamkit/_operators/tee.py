"""
`tee`: hands items on, and to sinks beside the stream.

Each sink has a bounded queue (`_core/runtime/overflow_queue.py`, where the overflow policies are) and a task (`branch.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from anyio import current_time

from streamkit._core.algebra import Same
from streamkit._core.checks import choice
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.pipeline_checks import levels_of, remedies
from streamkit._core.runtime.overflow_queue import check_buffer, check_overflow
from streamkit._core.stage import ConcurrentStage
from streamkit._operators.branch import Branch, OnError, RunningBranch, branch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context
    from streamkit._core.runtime.overflow_queue import Overflow, OverflowQueue
    from streamkit._core.sink_like import SinkLike

__all__ = ["branch", "tee"]


Wait = Literal["end", "exit"]


@keyword_hints
def tee(
    *sinks: SinkLike | Branch,
    buffer: int = 64,
    overflow: Overflow = "block",
    on_error: OnError = "raise",
    wait: Wait = "end",
) -> Same:
    """
    Hand the items on, and also to each of `sinks`, which has a bounded queue and a task of its own.

    At the end of the stream the sinks are awaited; one that has failed under `"error"` for `close_timeout` at most, because it
    may be stuck. When the run ends in another way, they still get what is queued and then the end, or the error, within the run's
    `close_timeout`. `run.report.sinks` tells what each of them received.

        -a-b-c|
        tee(sinks.collect())
        -a-b-c|

    Args:
        sinks: Sinks, async functions of one item, anyio send streams, or `branch(…)` around one of these.
        buffer: The bound of each queue, in items.
        overflow: What happens when a queue is full: `"block"` waits, `"drop_oldest"` and `"drop_incoming"` drop an item,
            `"latest"` keeps only the newest one, `"error"` fails the sink.
        on_error: What happens when a sink fails: `"raise"` ends the run with its error, `"detach"` lets the others go on; the
            failure is logged and reported.
        wait: Where the sinks' end is awaited when the stream has ended: `"end"`, before the iteration ends; `"exit"`, when the
            run is left, so that a slow sink does not hold up what the block does after its last item.

    Raises:
        TypeError: No sink is given, or one cannot consume items.
        ValueError: A policy or `wait` is unknown, the bound is below 1, or pipelines stand in pipelines more than 32 levels deep.

    Emits: every item, unchanged.
    Backpressure: with `"block"`, waits for room in every queue before it asks upstream for an item.
    Completes: with its upstream, after every sink has finished; with `wait="exit"` at once.
    Fails: with its upstream. The error of a sink fails the run, not the stream.
    Cancels: at once; the sinks then have `close_timeout` seconds to finish.
    Memory: `buffer` items for each sink.
    """
    if not sinks:
        raise TypeError("tee() needs at least one sink")
    buffer = check_buffer(buffer)
    check_overflow(overflow)
    choice("tee", "wait", wait, get_args(Wait))
    branches = [sink if isinstance(sink, Branch) else branch(sink) for sink in sinks]
    settings = {
        "buffer": (buffer, 64),
        "overflow": (overflow, "block"),
        "on_error": (on_error, "raise"),
        "wait": (wait, "end"),
    }
    changed = {name: value for name, (value, usual) in settings.items() if value != usual}
    return Same((_Tee([each.or_else(buffer, overflow, on_error) for each in branches], sinks, changed),))


class _Tee(ConcurrentStage):
    def __init__(
        self, branches: list[Branch], sinks: tuple[object, ...], changed: Mapping[str, object]
    ) -> None:
        super().__init__("tee", sinks, changed)
        self._branches = branches
        self.levels: int = levels_of("tee", [each.sink.stages for each in branches])
        bounds = [1 if each.overflow == "latest" else each.buffer or 1 for each in branches]
        self.memory: str = " + ".join(map(str, bounds)) + " items"

    @property
    def hides_restarts(self) -> bool:
        return any(stage.hides_restarts for each in self._branches for stage in each.sink.stages)

    @property
    def restart_remedy(self) -> str:
        return remedies(stage for each in self._branches for stage in each.sink.stages)

    def bind(self, upstream: Chain, context: Context) -> AsyncIterator[Any]:
        branches = [RunningBranch(each, context) for each in self._branches]
        return _items(upstream, branches, waits=self.kwargs.get("wait") != "exit")


async def _items(upstream: Chain, branches: list[RunningBranch], *, waits: bool) -> AsyncIterator[Any]:
    # Sinks start with the first read, because a generator that never ran has no cleanup that could end them.
    for each in branches:
        each.start()
    queues = [each.queue for each in branches]
    try:
        async for item in upstream.iterator:
            for queue in queues:
                queue.write(item)
            yield item
            for queue in queues:
                if queue.keeps_waiting:
                    await queue.room()
    except Exception as error:
        _end(queues, error)
        raise
    finally:
        _end(queues)
    ended = current_time()
    for each in branches:
        if waits:
            await each.finished(ended)
        else:
            each.finish_later()


def _end(queues: Iterable[OverflowQueue[Any]], error: Exception | None = None) -> None:
    for queue in queues:
        queue.end(error)
