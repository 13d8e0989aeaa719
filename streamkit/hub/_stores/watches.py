"""
The watches of one process: who is waiting for which log to change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio import CancelScope

from streamkit._core.runtime.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LogWatch", "Watches"]


class Watches:
    """
    All watches of a store.

    Args:
        deadline: Tells at which time of the event loop a log changes by time alone, because its lease runs out or its time is
            over.
        forget: Called with a log that nobody watches any more.
    """

    def __init__(
        self, deadline: Callable[[str], float], forget: Callable[[str], object] | None = None
    ) -> None:
        self._deadline = deadline
        self._forget = forget
        self._watches: dict[str, set[LogWatch]] = {}

    def __bool__(self) -> bool:
        return bool(self._watches)

    def __contains__(self, run: str) -> bool:
        return run in self._watches

    def add(self, run: str) -> LogWatch:
        """
        Watch a log.
        """
        watch = LogWatch(self, run)
        self._watches.setdefault(run, set()).add(watch)
        return watch

    def remove(self, run: str, watch: LogWatch) -> None:
        """
        Watch it no longer.
        """
        watches = self._watches.get(run, set())
        watches.discard(watch)
        if not watches:
            self._watches.pop(run, None)
            if self._forget is not None:
                self._forget(run)

    def changed(self, run: str) -> None:
        """
        A log may have changed.
        """
        for watch in self._watches.get(run, ()):
            watch.wake()

    def all_changed(self) -> None:
        """
        Any log may have changed.
        """
        for run in [*self._watches]:
            self.changed(run)

    def deadline(self, run: str) -> float:
        """
        When time alone changes a log.
        """
        return self._deadline(run)


class LogWatch:
    """
    One watch of one log.
    """

    def __init__(self, watches: Watches, run: str) -> None:
        self._watches = watches
        self._run = run
        self._wakeup = Wakeup()
        self._is_new = False

    def wake(self) -> None:
        """
        The log may have changed.
        """
        self._is_new = True
        self._wakeup.wake()

    async def changed(self) -> None:
        """
        Wait until the log may have changed since the last call.
        """
        if not self._is_new:
            with CancelScope(deadline=self._watches.deadline(self._run)):
                while not self._is_new:
                    await self._wakeup.wait()
        self._is_new = False

    def close(self) -> None:
        """
        Stop watching.
        """
        self._watches.remove(self._run, self)
