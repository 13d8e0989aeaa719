"""
The watches of one process: who is waiting for which log to change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._core.runtime.wakeup import Wakeup
from streamkit.hub._stores.alarms import Alarms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["LogWatch", "Watches"]


def _nothing(_: str) -> None:
    pass


class Watches:
    """
    All watches of a store.

    Args:
        begin: Called with a log that somebody watches, and nobody did.
        forget: Called with a log that nobody watches any more.
    """

    def __init__(
        self, begin: Callable[[str], object] = _nothing, forget: Callable[[str], object] = _nothing
    ) -> None:
        self._begin = begin
        self._forget = forget
        self._watches: dict[str, set[LogWatch]] = {}
        self._alarms = Alarms(self.changed)

    async def keep_time(self) -> None:
        """
        Tell when time alone changes a log, until this is cancelled.
        """
        await self._alarms.run()

    def __bool__(self) -> bool:
        return bool(self._watches)

    def __iter__(self) -> Iterator[str]:
        return iter(self._watches)

    def add(self, run: str) -> LogWatch:
        """
        Watch a log.
        """
        watch = LogWatch(self, run)
        if run in self._watches:
            self._watches[run].add(watch)
        else:
            self._watches[run] = {watch}
            self._begin(run)
        return watch

    def remove(self, run: str, watch: LogWatch) -> None:
        """
        Watch it no longer.
        """
        watches = self._watches.get(run, set())
        watches.discard(watch)
        if not watches and self._watches.pop(run, None) is not None:
            self._alarms.drop(run)
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

    def changes_at(self, run: str, due: float) -> None:
        """
        Somebody has looked at a log, and this is when time alone changes it: its lease runs out, or its time is over.

        Args:
            run: The log.
            due: By the clock of the event loop; infinite for never.
        """
        if run in self._watches:
            self._alarms.set(run, due)


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
        while not self._is_new:
            await self._wakeup.wait()
        self._is_new = False

    def close(self) -> None:
        """
        Stop watching.
        """
        self._watches.remove(self._run, self)
