"""
A thread that makes calls in groups: while it makes one group, the next one gathers.

A commit costs more than what is in it, and so does waking the event loop. Both are paid once for a group.
"""

from __future__ import annotations

from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from anyio import CancelScope, Event

from streamkit._core.runtime.host_loop import host_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Call", "GroupThread"]

T = TypeVar("T")
C = TypeVar("C")


class Call(Generic[C, T]):
    """
    One call: a function of what the thread has opened.

    Attributes:
        failed: Whether it has.
        ended: Set when its outcome is there.
    """

    def __init__(self, function: Callable[[C], T]) -> None:
        self._function = function
        self._result: T | None = None
        self._error: BaseException | None = None
        self.failed: bool = False
        self.ended: Event = Event()

    def make(self, opened: C) -> None:
        """
        Call the function, and keep what it gives.

        Raises:
            BaseException: What the function raises, unless it is its answer.
        """
        self._error, self.failed = None, False
        self._result = self._function(opened)

    def fail(self, error: BaseException) -> None:
        """
        The call has failed.
        """
        self._error, self.failed = error, True

    def outcome(self) -> T:
        """
        What the function has given.

        Raises:
            BaseException: What the call has failed with.
        """
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # its traceback holds this frame
        return cast("T", self._result)


class GroupThread(Generic[C]):
    """
    Makes calls in groups. Where the wait for a call is cancelled, the call goes on.

    Args:
        name: What it does, for debuggers.
        start: Opens what the calls need.
        serve: Makes the calls of a group, each of which then has its outcome.
        stop: Closes what was opened.
        turn: Called again and again, after a group and where there is none for a while.
        pause: How many seconds that while is; None as long as nobody needs it.
    """

    def __init__(
        self,
        name: str,
        *,
        start: Callable[[], C],
        serve: Callable[[C, Sequence[Call[C, Any]]], None],
        stop: Callable[[C], None],
        turn: Callable[[C], None] | None = None,
        pause: Callable[[], float | None] | None = None,
    ) -> None:
        self._name = name
        self._start = start
        self._serve = serve
        self._stop = stop
        self._turn = turn
        self._pause = pause
        self._changed = Condition()
        self._gathered: list[Call[C, Any]] = []
        self._shared: dict[object, Call[C, Any]] = {}
        self._ends = False
        self._ended = Event()
        self._loop = host_loop()

    async def begin(self) -> None:
        """
        Begin the thread, and wait until it is ready.

        Raises:
            BaseException: What opening fails with.
        """
        began: Call[C, C] = Call(lambda opened: opened)
        Thread(target=self._run, args=(began,), name=f"streamkit: {self._name}", daemon=True).start()
        with CancelScope(shield=True):
            await began.ended.wait()
        began.outcome()

    async def call(self, function: Callable[[C], T], *, shared: object = None) -> T:
        """
        Make a call, and wait for it.

        Args:
            function: What is called.
            shared: What is asked by it, where it only reads, so that one call will do for all who ask the same before it is made.

        Raises:
            BaseException: What it fails with.
        """
        while True:
            with self._changed:
                if self._ends:
                    raise RuntimeError(f"the thread that {self._name} has ended")
                others: Call[C, T] | None = self._shared.get(shared)
                if others is None:
                    call = Call(function)
                    self._gathered.append(call)
                    if shared is not None:
                        self._shared[shared] = call
                    self._changed.notify()
                    break
            await others.ended.wait()
            if not others.failed:  # its failure is told to whoever has made it
                return others.outcome()
        await call.ended.wait()
        return call.outcome()

    def look_again(self) -> None:
        """
        The pause may be another one now.
        """
        with self._changed:
            self._changed.notify()

    async def end(self) -> None:
        """
        Make the calls that have gathered, and end the thread.
        """
        with self._changed:
            self._ends = True
            self._changed.notify()
        await self._ended.wait()

    def _run(self, began: Call[C, C]) -> None:
        try:
            opened = self._start()
            began.make(opened)
        except BaseException as error:
            began.fail(error)
            self._tell([began])
            return
        self._tell([began])
        try:
            while (calls := self._next()) is not None:
                if calls:
                    self._serve(opened, calls)
                    self._tell(calls)
                if self._turn is not None:
                    self._turn(opened)
        finally:
            self._stop(opened)
            self._loop.call_soon(self._ended.set)

    def _next(self) -> list[Call[C, Any]] | None:
        """
        What has gathered, maybe nothing; None at the end.
        """
        with self._changed:
            if not self._gathered and not self._ends:
                self._changed.wait(None if self._pause is None else self._pause())
            calls, self._gathered = self._gathered, []
            self._shared.clear()
            return None if self._ends and not calls else calls

    def _tell(self, calls: Sequence[Call[C, Any]]) -> None:
        def tell() -> None:
            for call in calls:
                call.ended.set()

        self._loop.call_soon(tell)
