"""
The writer of one run: it reads the stream, appends what that gives, keeps the lease, and writes how it has ended.

Two tasks work beside the one that reads the stream. One appends the batches, the other renews the lease and hears of a
cancellation. Neither is reached by a cancellation from outside, so that what was read is appended, and the log gets its ending,
when the program is told to stop.
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any, Final

from anyio import CancelScope, Event, create_task_group, sleep_until

from streamkit._core.errors import StreamError
from streamkit._core.log import error_fields, log_warning, running_in
from streamkit._core.outcome import Outcome
from streamkit._core.runtime.closing import CLOSE_TIMEOUT
from streamkit._core.runtime.failures import ends_program, is_interruption
from streamkit._core.runtime.host_loop import host_loop
from streamkit._core.runtime.ungrouped import ungrouped
from streamkit.hub._batches import Batches
from streamkit.hub._ending import Ending
from streamkit.hub._errors import Diverged, Fenced, Gone, Lost
from streamkit.hub._items import encode_item
from streamkit.hub._patience import patiently
from streamkit.hub._stores.contract import Batch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from streamkit._core.algebra import Stream
    from streamkit._core.runtime.run import Run
    from streamkit.hub._ending import EndingKind
    from streamkit.hub._metrics import Metrics
    from streamkit.hub._stores.contract import Grant, Store

__all__ = ["Publisher"]

_FAILED: Final = "the hub has failed"
_BEAT: Final = 0.5
"""Seconds at most until a cancellation is heard of, while nothing is appended."""


class Publisher:
    """
    Writes one run.

    Args:
        store: Where its log is.
        run: Its id.
        grant: The right to write it.
        lease: Seconds for which it is given.
        metrics: Where appends are measured.
        hands_over: Whether another worker is to go on with it where this program is told to stop. Otherwise that cancels it.

    Attributes:
        before_first: Gives what stands before the first item.
        ends: Whether the log is being ended, or was.
        ended_as: How it was ended; None where this publisher has not done that.
        ended: Set when nothing of the run is left.
    """

    def __init__(
        self,
        store: Store,
        run: str,
        grant: Grant,
        lease: float,
        metrics: Metrics,
        *,
        hands_over: bool = False,
    ) -> None:
        self._store = store
        self._run = run
        self._grant = grant
        self._metrics = metrics
        self._hands_over = hands_over
        self._last = grant.last
        self._beat_every = min(lease / 3, _BEAT)
        self._now = host_loop().time
        self._renewed = self._now()
        # The clocks of two processes differ, so only one that takes a log over looks at the wall's.
        self._begun = self._now() - (max(0.0, time() - grant.started) if grant.last else 0.0)
        self._batches = Batches(self._append)
        self._beside = CancelScope(shield=True)
        self._beside_is_over = Event()
        self._failure: Exception | None = None
        self._cancelled_for: str | None = None
        self._opened: Run[Any] | None = None
        self._effects_noted = False
        self.before_first: Callable[[object], Sequence[object]] | None = None
        self.ends: bool = False
        self.ended_as: EndingKind | None = None
        self.ended: Event = Event()

    async def publish(self, make: Callable[[], Awaitable[Stream[Any]]]) -> Outcome:
        """
        Write a stream to its end.

        Args:
            make: Makes it, while the lease is kept already.

        Returns:
            How the stream has ended, also where it has failed.

        Raises:
            TypeError: An item cannot be kept.
            Fenced: Another writer has the run.
            Gone: It was deleted, or its time is over.
            Diverged: The store has lost what it had acknowledged.
            Lost: It cannot go on.
            StreamError: The run has become too large (`"full"`), or the store cannot be used (`"hub"`).
        """
        outcome = Outcome()
        try:
            with ungrouped():
                async with create_task_group() as tasks:
                    tasks.start_soon(self._work_beside)
                    try:
                        run = await self._opened_run(make, outcome)
                        if run is not None:
                            outcome = run.outcome
                            await self._read(run)
                        await self._finish(outcome)
                    except BaseException as error:
                        if is_interruption(error) or ends_program(error):
                            await self._finish_in_time(outcome)
                        raise
                    finally:
                        self._beside.cancel()
        finally:
            self.ended.set()
        return outcome

    def cancel(self, reason: str) -> None:
        """
        End the run on purpose.
        """
        if self._cancelled_for is None:
            self._cancelled_for = reason
            self._interrupt(reason)

    def at_opening(self) -> None:
        """
        A source with effects is opened.

        Raises:
            Lost: An earlier writer has had effects, which must not be repeated.
        """
        if self._grant.effects:
            error = Lost(
                f"run {self._run!r} cannot go on: a tool with effects had begun when its writer died or was stopped, and must "
                "not run twice"
            )
            self._fail(error)
            raise error

    async def before_effect(self) -> None:
        """
        Note that there are effects, for whoever takes the run over.

        Raises:
            StreamError: It cannot be noted, because another writer has the run, or it is gone, or the store cannot be used.
        """
        if self._effects_noted:
            return
        try:
            await self._call(lambda: self._store.renew(self._run, self._grant, effects=True))
        except Exception as error:
            self._fail(error)
            raise
        self._effects_noted = True

    @property
    def is_stopped(self) -> bool:
        """
        Whether the run was cancelled, or cannot go on.
        """
        return self._cancelled_for is not None or self._failure is not None

    async def retell(self, told: Batch) -> None:
        """
        Append what another run has told, before there is a stream. What follows comes behind it in time, too.

        Raises:
            StreamError: It cannot be appended.
        """
        self._begun = self._now() - told.at
        await self._append(told.records)

    def _fail(self, error: Exception) -> None:
        self._failure = self._failure or error
        self._interrupt(_FAILED)

    def _interrupt(self, reason: str) -> None:
        if self._opened is not None:
            self._opened.cancel(reason)

    async def _opened_run(
        self, make: Callable[[], Awaitable[Stream[Any]]], outcome: Outcome
    ) -> Run[Any] | None:
        """
        The run of the stream; None where that cannot be made, which is how it ends.
        """
        try:
            stream = await make()
        except Exception as error:
            outcome.fail(error)
            return None
        self._opened = stream.open()
        if self.is_stopped:
            self._opened.cancel(self._cancelled_for or _FAILED)
        return self._opened

    async def _read(self, run: Run[Any]) -> None:
        try:
            async with run:
                async for item in run:
                    if self.before_first is not None:
                        await self._begin(self.before_first, item)
                    await self._batches.add(self._encoded(item))
        except Exception:
            # Both are told where the run is ended.
            if self._failure is None and run.outcome.error is None:
                raise

    async def _begin(self, before: Callable[[object], Sequence[object]], first: object) -> None:
        self.before_first = None
        try:
            items = before(first)
        except Lost as error:
            self._failure = self._failure or error
            raise
        for item in items:
            await self._batches.add(self._encoded(item))

    def _encoded(self, item: object) -> bytes:
        try:
            return encode_item(item)
        except TypeError as error:
            self._failure = self._failure or error
            raise

    # -- the end --------------------------------------------------------------------------------------------

    async def _finish(self, outcome: Outcome) -> None:
        """
        Append the rest, and end the log.

        Raises:
            Exception: What has failed, of the hub.
        """
        try:
            await self._write_rest()
        except Exception as error:
            self._failure = self._failure or error
        if isinstance(self._failure, Fenced | Gone | Diverged):
            raise self._failure
        try:
            await self._end(self._ending(outcome))
        except StreamError as error:
            raise self._failure or error from None
        if self._failure is not None:
            raise self._failure

    async def _finish_in_time(self, outcome: Outcome) -> None:
        """
        The same, where the program was told to stop.
        """
        with CancelScope(shield=True, deadline=self._now() + CLOSE_TIMEOUT):
            try:
                await self._write_rest()
                if self._hands_over:
                    await self._store.release(self._run, self._grant)
                else:
                    await self._end(Ending.cancelled("its process was stopped", outcome))
                return
            except Exception as error:
                log_warning("hub_run_left_open", running_in.get(), **error_fields(error))
                return
        log_warning("hub_run_left_open", running_in.get())

    async def _write_rest(self) -> None:
        """
        Append the rest. After that the lease is not renewed any more: a renewal behind the end would be refused, and one behind a
        handing over would undo it.
        """
        failure: Exception | None = None
        try:
            await self._batches.end()
        except Exception as error:
            failure = error
        self._beside.cancel()
        await self._beside_is_over.wait()
        if failure is not None:
            raise failure

    def _ending(self, outcome: Outcome) -> Ending:
        if isinstance(self._failure, Lost):
            return Ending.lost(str(self._failure))
        if self._failure is not None:
            return Ending.of(outcome, error=self._failure)
        if self._cancelled_for is not None and outcome.stopped_by == f"cancel: {self._cancelled_for}":
            return Ending.cancelled(self._cancelled_for, outcome)
        return Ending.of(outcome)

    async def _end(self, ending: Ending) -> None:
        data = ending.encode()
        self.ends = True
        await patiently(lambda: self._store.end(self._run, self._grant, data))
        self.ended_as = ending.kind

    # -- beside the reading ---------------------------------------------------------------------------------

    async def _work_beside(self) -> None:
        try:
            with self._beside:
                async with create_task_group() as tasks:
                    tasks.start_soon(self._guarded, self._batches.write)
                    tasks.start_soon(self._guarded, self._keep_lease)
        finally:
            self._beside_is_over.set()

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        """
        Do work whose failure ends the reading.
        """
        try:
            await work()
        except Exception as error:
            self._fail(error)

    async def _append(self, records: Sequence[bytes]) -> None:
        began = self._now()
        batch = Batch(self._last + 1, self._grant.epoch, began - self._begun, records)
        await self._call(lambda: self._store.append(self._run, self._grant, batch))
        self._last = batch.last
        self._metrics.appended(batch, self._now() - began)

    async def _keep_lease(self) -> None:
        while True:
            await sleep_until(self._renewed + self._beat_every)
            if self._now() >= self._renewed + self._beat_every:
                await self._call(lambda: self._store.renew(self._run, self._grant))

    async def _call(self, call: Callable[[], Awaitable[str | None]]) -> None:
        """
        Make a call that renews the lease, and tells whether somebody has cancelled the run.
        """
        began = self._now()
        reason = await patiently(call)
        self._renewed = began
        if reason is not None:
            self.cancel(reason)
