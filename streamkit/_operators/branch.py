"""
`branch`: a sink beside the main stream, with a queue and a task of its own, as `tee` runs it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, get_args

from anyio import CancelScope

from streamkit._core.errors import TimeLimitError
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.log import error_fields, log_warning
from streamkit._core.naming import free_name, nested_text, value_text
from streamkit._core.outcome import SinkReport
from streamkit._core.pipeline_checks import refuse_reopening
from streamkit._core.runtime.assembly import assemble
from streamkit._core.runtime.failures import is_own_failure
from streamkit._core.runtime.overflow_queue import OverflowQueue, check_buffer, check_overflow
from streamkit._core.sink_like import as_sink
from streamkit._core.source import Opened

if TYPE_CHECKING:
    from streamkit._core.algebra import Sink
    from streamkit._core.runtime.context import Context
    from streamkit._core.runtime.overflow_queue import Overflow
    from streamkit._core.runtime.task import Task
    from streamkit._core.sink_like import SinkLike

__all__ = ["Branch", "OnError", "RunningBranch", "branch"]

OnError = Literal["raise", "detach"]


class Branch:
    """
    A sink with settings of its own, made by `branch()`.
    """

    __reads_as_source__ = True

    def __init__(
        self,
        sink: Sink[Any, Any],
        name: str | None,
        buffer: int | None,
        overflow: Overflow | None,
        on_error: OnError | None,
    ) -> None:
        buffer = None if buffer is None else check_buffer(buffer)
        check_overflow("block" if overflow is None else overflow)
        refuse_reopening(sink.stages, "a branch")
        if name == "" or type(name) not in (str, type(None)):
            raise ValueError(f"name must be a text of at least one character, not {name!r}")
        if on_error is not None and on_error not in get_args(OnError):
            raise ValueError(f'on_error must be "raise" or "detach", not {on_error!r}')
        self.sink = sink
        self.name = name
        self.buffer = buffer
        self.overflow: Overflow | None = overflow
        self.on_error: OnError | None = on_error

    def __repr__(self) -> str:
        said = [nested_text(self.sink)]
        settings = {
            "name": self.name,
            "buffer": self.buffer,
            "overflow": self.overflow,
            "on_error": self.on_error,
        }
        said += [f"{key}={value!r}" for key, value in settings.items() if value is not None]
        return f"branch({', '.join(said)})" if len(said) > 1 else said[0]

    if not TYPE_CHECKING:  # for a checker this is an error already

        def __ror__(self, left: object) -> Any:
            raise TypeError(f"a branch is for tee(): write {value_text(left)} | tee({self!r})")

    def or_else(self, buffer: int, overflow: Overflow, on_error: OnError) -> Branch:
        """
        The same branch, with these settings where it has none of its own.
        """
        return Branch(
            self.sink,
            self.name,
            self.buffer if self.buffer is not None else buffer,
            self.overflow or overflow,
            self.on_error or on_error,
        )


@keyword_hints
def branch(
    sink: SinkLike,
    name: str | None = None,
    *,
    buffer: int | None = None,
    overflow: Overflow | None = None,
    on_error: OnError | None = None,
) -> Branch:
    """
    A sink for `tee`, with settings of its own.

    Args:
        sink: A sink, an async function of one item, or an anyio send stream.
        name: Its name in `run.report.sinks`; by default that of the sink.
        buffer: The bound of its queue, in items.
        overflow: What happens when the queue is full: `"block"`, `"drop_oldest"`, `"drop_incoming"`, `"latest"` or `"error"`.
        on_error: What happens when the sink fails: `"raise"` ends the run with its error, `"detach"` lets the others go on.

    Raises:
        TypeError: `sink` cannot consume items.
        ValueError: A policy is unknown, or the bound is below 1.
    """
    return Branch(as_sink(sink), name, buffer, overflow, on_error)


class RunningBranch:
    """
    A branch in one run.
    """

    def __init__(self, settings: Branch, context: Context) -> None:
        self._sink = settings.sink
        self._detached = settings.on_error == "detach"
        self._context = context.child()
        self._judged = context.judged
        self._name = free_name(settings.name or settings.sink.name, context.report.sinks)
        self.report: SinkReport = SinkReport()
        self.queue: OverflowQueue[Any] = OverflowQueue(
            settings.buffer or 1, settings.overflow or "block", self.report
        )
        context.report.sinks[self._name] = self.report
        self._task: Task | None = None

    def start(self) -> None:
        """
        Start the sink.
        """
        self._task = self._context.spawn(self._serve)

    async def finished(self, ended: float) -> None:
        """
        Wait until the sink has ended. One that has failed by being too slow may be stuck: it has `close_timeout` to notice.

        Args:
            ended: The time at which the stream has ended.
        """
        if self._task is None:
            return
        patience = math.inf if self.queue.overflowed is None else self._context.close_timeout
        with CancelScope(deadline=ended + patience):
            await self._task.wait()
            return
        await self._task.stop()

    def finish_later(self) -> None:
        """
        Have the run wait for the sink, when it is left; for one that has failed by being too slow, as long as closing may take.
        """
        if self._task is not None and self.queue.overflowed is None:
            self._context.wait_for(self._task)

    async def _serve(self) -> None:
        chain = assemble(Opened("async", self.queue.items()), self._sink.stages, self._context)
        unread = 0
        try:
            try:
                self.report.result = await self._sink.consume(chain.iterator, self._judged)
            finally:
                unread = self.queue.waiting
                self.queue.abandon()
                await self._context.closing(chain)
            if self.queue.overflowed is not None:
                raise self.queue.overflowed
        except BaseException as error:
            if self._task is None or not self._task.is_end(error):
                self._failed(error)
                return
            if self._context.outermost.abandoned:
                self.report.error = error
                raise
            self._failed(
                self.queue.overflowed
                or TimeLimitError(
                    f"sink {self._name!r} had not finished {self._context.close_timeout:g} s after the run ended; "
                    f"{unread} items were still waiting for it",
                    limit="close_timeout",
                    seconds=self._context.close_timeout,
                )
            )
            raise

    def _failed(self, error: BaseException) -> None:
        self.report.error = error
        if self.queue.handed(error):
            return
        if self._detached and is_own_failure(error):
            log_warning("sink_detached", self._context.run_id, sink=self._name, **error_fields(error))
        else:
            self._context.sink_failed(error)
