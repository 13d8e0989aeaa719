"""
Where the jobs of a run live, and how its block is interrupted.

A run in an ordinary block has a task group there, which the block's own task enters and leaves, so that it can interrupt the
block at any checkpoint. A run in an async generator cannot have one: see `hosted_tasks.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar, cast

from anyio import CancelScope, create_task_group

from streamkit._core.runtime.failures import has_interruption, is_interruption
from streamkit._core.runtime.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

    from anyio.abc import TaskGroup

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.host_loop import HostLoop

__all__ = ["BlockTasks", "InterruptibleReads", "RunTasks", "left_while_waiting", "read_by_another_task"]

T = TypeVar("T")


def left_while_waiting() -> RuntimeError:
    """
    The error of a read that waits in another task when the run is left.
    """
    return RuntimeError("the run was left while this read was waiting")


def read_by_another_task() -> RuntimeError:
    """
    The error of a read while another one waits.
    """
    return RuntimeError(
        "this run is already running a read of another task: a run has one reader, and tee() serves several"
    )


class RunTasks(ABC):
    """
    The jobs of one run, and what is awaited of it outside of them.
    """

    __slots__ = ("_wait_over", "_waits", "_why_no_wait")

    def __init__(self) -> None:
        self._waits: list[CancelScope] = []
        self._wait_over = Wakeup()
        self._why_no_wait: Callable[[], BaseException] | None = None

    @abstractmethod
    async def enter(self) -> None:
        """
        The block begins.
        """

    @abstractmethod
    def keep(self, chain: Chain) -> None:
        """
        Have the chain of the run outlive whoever reads it, until the block is left.
        """

    @abstractmethod
    def start(self, work: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
        """
        Begin a job. It reports its failures itself.
        """

    @abstractmethod
    def interruption_is_due(self) -> None:
        """
        The block will be interrupted as soon as the loop can do that. It may be called anywhere, also in a signal handler.
        """

    @abstractmethod
    def interrupt(self) -> None:
        """
        Interrupt the block.
        """

    @abstractmethod
    async def leave(self, error: BaseException | None) -> bool:
        """
        The block has ended with `error`. Wait until no job is left.

        Returns:
            Whether that was only our own interruption, so that the program goes on behind the block.
        """

    @abstractmethod
    def reads(self, iterator: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """
        The items for whoever reads the run in the current task.
        """

    def end_reads(self) -> bool:
        """
        The block is being left: end the reads that wait in other tasks, so that the chain can be closed.

        Returns:
            Whether there are any, and `reads_ended` is to be awaited.
        """
        self._end_waits(left_while_waiting)
        return bool(self._waits)

    async def reads_ended(self) -> None:
        """
        Wait until no read waits any more.
        """
        while self._waits:
            await self._wait_over.wait()

    async def interruptible(self, wait: Callable[[], Awaitable[T]]) -> T:
        """
        Await `wait()`, something of the run, for as long as the block is not interrupted or left.

        Raises:
            BaseException: What interrupts the block, or says that it was left; and what `wait` raises.
        """
        if self._why_no_wait is None:
            with CancelScope() as scope:
                self._waits.append(scope)
                try:
                    return await wait()
                except StopAsyncIteration:
                    # A source may end because its read was cancelled, and then that is not its own end.
                    if not scope.cancel_called:
                        raise
                finally:
                    self._waits.remove(scope)
                    self._wait_over.wake()
        # It was set before the scope was cancelled.
        raise cast("Callable[[], BaseException]", self._why_no_wait)()

    def _end_waits(self, why: Callable[[], BaseException]) -> None:
        self._why_no_wait = self._why_no_wait or why
        for scope in self._waits:
            scope.cancel()

    def is_own(self, error: BaseException | None) -> bool:
        """
        Whether `error` may be our interruption of the block.
        """
        return is_interruption(error)


class InterruptibleReads:
    """
    The items of a run, each read of which can be ended by the run.
    """

    def __init__(self, iterator: AsyncIterator[Any], tasks: RunTasks) -> None:
        self._iterator = iterator
        self._tasks = tasks

    def __aiter__(self) -> InterruptibleReads:
        return self

    def __anext__(self) -> Coroutine[Any, Any, Any]:
        if getattr(self._iterator, "ag_running", False):
            raise read_by_another_task()
        return self._tasks.interruptible(self._iterator.__anext__)


class BlockTasks(RunTasks):
    """
    Those of a run in an ordinary block.
    """

    __slots__ = ("_group", "_interrupted", "_loop", "_owner")

    def __init__(self, loop: HostLoop) -> None:
        super().__init__()
        self._loop = loop
        self._group: TaskGroup = create_task_group()
        self._interrupted = False

    async def enter(self) -> None:
        self._owner = self._loop.current_task()
        await self._group.__aenter__()

    def keep(self, chain: Chain) -> None:
        pass  # the block's own task knows it

    def start(self, work: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
        self._group.start_soon(work, *args)

    def interruption_is_due(self) -> None:
        pass  # the block reads the chain itself

    def interrupt(self) -> None:
        self._interrupted = True
        self._group.cancel_scope.cancel()

    def reads(self, iterator: AsyncIterator[Any]) -> AsyncIterator[Any]:
        # The block itself is interrupted by its scope, and a scope for each item costs microseconds.
        is_owner = self._loop.current_task() is self._owner
        return iterator if is_owner else InterruptibleReads(iterator, self)

    async def leave(self, error: BaseException | None) -> bool:
        if self._loop.current_task() is not self._owner:
            raise RuntimeError(
                "this run was opened in one task and left in another: leave it in the task that opened it. In an async generator "
                "write `async with stream.open() as run` itself, and where something else holds the block, such as an "
                "AsyncExitStack, close that in the same task"
            ) from error
        # Jobs report their errors themselves, and the body's own exception is kept out of the group, so neither is wrapped.
        # A cancellation has to pass through, because the group alone knows whether it was its own.
        passing = error if has_interruption(error) else None
        try:
            left = await self._group.__aexit__(type(passing) if passing else None, passing, None)
        except BaseExceptionGroup as group:
            if group is passing or len(group.exceptions) != 1:
                raise
            alone = group.exceptions[0]
            raise alone from alone.__cause__
        # The group cancels itself where somebody else has cancelled a job that had not begun, which asyncio alone allows.
        is_own = self._interrupted or self._loop.begins_every_task
        return passing is not None and bool(left) and is_own
