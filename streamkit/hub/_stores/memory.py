"""
Logs in the memory of this process, for one process and for tests.
"""

from __future__ import annotations

from bisect import bisect_left
from time import time
from typing import TYPE_CHECKING, Self

from anyio import create_task_group

from streamkit._core.runtime.host_loop import host_loop
from streamkit._core.runtime.wakeup import Wakeup
from streamkit.hub._stores.contract import Claim, Grant, Page, State
from streamkit.hub._stores.refusals import diverged, fenced, full, gone, over, refuse_opening
from streamkit.hub._stores.watches import LogWatch, Watches

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection

    from streamkit.hub._stores.contract import Batch, Limits, Phase

__all__ = ["MemoryStore"]


class MemoryStore:
    """
    Logs in memory. What is acknowledged survives nothing.
    """

    def __init__(self) -> None:
        self._logs: dict[str, _Log] = {}
        self._watches = Watches()
        self._submitted = Wakeup()
        self._unseen = False
        self._left = False

    async def __aenter__(self) -> Self:
        self._now = host_loop().time
        self._tasks = create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._watches.keep_time)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._left = True
        self._logs.clear()
        self._watches.all_changed()
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(None, None, None)

    async def open(self, run: str, *, lease: float, limits: Limits, takeover: bool = False) -> Grant:
        log = self._find(run)
        refuse_opening(run, log, takeover=takeover)
        self._drop_expired()
        if not takeover:
            log = self._made(run, limits)
        assert log is not None
        return self._grant(run, log, lease)

    async def append(self, run: str, grant: Grant, batch: Batch) -> str | None:
        log = self._owned(run, grant)
        if batch.first <= log.last:
            return log.renew()
        if batch.first > log.last + 1:
            raise diverged(run, batch, log.last)
        size = log.size + sum(map(len, batch.records))
        if size > log.limits.max_bytes:
            raise full(run, log.limits.max_bytes)
        log.batches.append(batch)
        log.ends.append(batch.last)
        log.last, log.size = batch.last, size
        self._watches.changed(run)
        return log.renew()

    async def renew(self, run: str, grant: Grant, *, effects: bool = False) -> str | None:
        log = self._owned(run, grant)
        log.effects = log.effects or effects
        return log.renew()

    async def release(self, run: str, grant: Grant) -> None:
        log = self._find(run)
        if log is not None and log.is_of(grant):
            log.lease_until = self._now()
            self._unseen = True
            self._submitted.wake()
            self._watches.changed(run)

    async def end(self, run: str, grant: Grant, ending: bytes) -> None:
        log = self._find(run)
        if log is not None and log.is_of(grant) and log.ending == ending:
            return
        log = self._owned(run, grant)
        log.renew()
        log.ending = ending
        log.payload = b""
        self._watches.changed(run)

    async def read(self, run: str, after: int, *, limit: int = 512) -> Page | None:
        if self._left:
            raise RuntimeError("the hub of these logs was left")
        log = self._find(run)
        if log is None:
            return None
        first = bisect_left(log.ends, after)
        batches: list[Batch] = []
        records = 0
        for batch in log.batches[first:]:
            batches.append(batch)
            records += len(batch.records)
            if records >= limit:
                break
        state = log.state
        self._watches.changes_at(run, min(log.expires_at, log.lease_until) if state.alive else log.expires_at)
        return Page(batches, state)

    def watch(self, run: str) -> LogWatch:
        return self._watches.add(run)

    async def cancel(self, run: str, reason: str) -> bool:
        log = self._find(run)
        if log is None or log.ending is not None:
            return False
        log.cancelled = log.cancelled or reason
        self._watches.changed(run)
        return True

    async def delete(self, run: str) -> bool:
        log = self._find(run)
        if log is not None:
            log.delete()
        self._watches.changed(run)
        return log is not None

    async def runs(self) -> AsyncIterator[tuple[str, State]]:
        for run in list(self._logs):
            log = self._find(run)
            if log is not None:
                yield run, log.state

    async def submit(self, run: str, recipe: str, payload: bytes, *, limits: Limits) -> None:
        refuse_opening(run, self._find(run))
        self._drop_expired()
        log = self._made(run, limits)
        log.recipe, log.payload = recipe, payload
        self._unseen = True
        self._submitted.wake()
        self._watches.changed(run)

    async def claim(self, recipes: Collection[str], *, lease: float) -> Claim | None:
        self._unseen = False
        for run in list(self._logs):
            log = self._find(run)
            if log is not None and log.recipe in recipes and log.ending is None and not log.alive:
                grant = self._grant(run, log, lease)
                return Claim(run, log.recipe or "", log.payload, grant)
        return None

    async def submitted(self) -> None:
        while not self._unseen:
            await self._submitted.wait()

    def _find(self, run: str) -> _Log | None:
        log = self._kept(run)
        return None if log is None or log.deleted else log

    def _kept(self, run: str) -> _Log | None:
        log = self._logs.get(run)
        if log is not None and log.expires_at <= self._now():
            del self._logs[run]
            return None
        return log

    def _made(self, run: str, limits: Limits) -> _Log:
        old = self._kept(run)
        log = self._logs[run] = _Log(self._now, limits, epoch=0 if old is None else old.epoch)
        return log

    def _owned(self, run: str, grant: Grant) -> _Log:
        log = self._find(run)
        if log is None:
            raise gone(run)
        if not log.is_of(grant):
            raise fenced(run)
        if log.ending is not None:
            raise over(run)
        return log

    def _grant(self, run: str, log: _Log, lease: float) -> Grant:
        log.epoch += 1
        log.lease = lease
        log.started = log.started or time()
        log.renew()
        self._watches.changed(run)
        return Grant(log.epoch, log.last, log.started, log.epoch - log.before - 1, log.effects)

    def _drop_expired(self) -> None:
        for run in list(self._logs):
            self._kept(run)


class _Log:
    """
    One log.
    """

    def __init__(self, now: Callable[[], float], limits: Limits, *, epoch: int) -> None:
        self._now = now
        self.limits = limits
        self.before = self.epoch = epoch
        self.batches: list[Batch] = []
        self.ends: list[int] = []  # the number of the last record of each
        self.last = 0
        self.size = 0
        self.lease = 0.0
        self.lease_until = 0.0
        self.expires_at = now() + limits.ttl
        self.ending: bytes | None = None
        self.cancelled: str | None = None
        self.recipe: str | None = None
        self.payload = b""
        self.started = 0.0
        self.effects = False
        self.deleted = False

    def is_of(self, grant: Grant) -> bool:
        """
        Whether this is still the log that a writer was given, and nobody else has it.
        """
        return self.epoch == grant.epoch and self.started == grant.started

    def delete(self) -> None:
        """
        Forget all but how often it was opened, and that for a while.
        """
        self.deleted = True
        self.batches.clear()
        self.ends.clear()
        self.payload = b""
        self.expires_at = self._now() + self.limits.ttl

    def renew(self) -> str | None:
        """
        Begin the lease and the time to live anew.

        Returns:
            The reason with which somebody asked to cancel it.
        """
        now = self._now()
        self.lease_until = now + self.lease
        self.expires_at = now + max(self.limits.ttl, self.lease)
        return self.cancelled

    @property
    def alive(self) -> bool:
        return self.phase == "live" and self.lease_until > self._now()

    @property
    def phase(self) -> Phase:
        if self.ending is not None:
            return "ended"
        return "live" if self.started else "waiting"

    @property
    def state(self) -> State:
        return State(
            self.phase,
            self.epoch,
            self.last,
            self.size,
            self.alive,
            self.ending,
            self.cancelled,
            self.recipe,
            self.started,
        )
