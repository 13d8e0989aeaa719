"""
The runs that a hub writes in this process: those that begin, and the publishers of those that run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyio import Event

from streamkit._core.log import error_fields, log_warning, running_in
from streamkit.hub._patience import patiently
from streamkit.hub._publisher import Publisher
from streamkit.hub._stores.refusals import busy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import TaskStatus

    from streamkit._core.algebra import Stream
    from streamkit._core.outcome import Outcome
    from streamkit.hub._fork import Fork
    from streamkit.hub._metrics import Metrics
    from streamkit.hub._stores.contract import Limits, Store

__all__ = ["Writers", "log_failure"]


class Writers:
    """
    The writers of one hub.

    Args:
        lease: Seconds for which each has its run.
        limits: What a run is kept within.
        metrics: Where they are counted.
    """

    def __init__(self, *, lease: float, limits: Limits, metrics: Metrics) -> None:
        self._lease = lease
        self._limits = limits
        self.metrics = metrics
        self._begun: dict[str, Event] = {}
        self._publishers: dict[str, Publisher] = {}

    def announce(self, run: str) -> Event:
        """
        Say that a run is to begin. The event is for what begins it, and is set when it has its log.

        Raises:
            Busy: It is being written here, or is to begin already.
        """
        publisher = self._publishers.get(run)
        if run in self._begun or (publisher is not None and not publisher.ends):
            raise busy(run)
        begun = self._begun[run] = Event()
        return begun

    async def begun(self, run: str) -> None:
        """
        Wait until a run has its log that was announced.
        """
        begun = self._begun.get(run)
        if begun is not None:
            await begun.wait()

    async def publish(
        self, store: Store, run: str, stream: Stream[Any], begun: Event | None = None
    ) -> Outcome:
        """
        Run a stream under an id.

        Args:
            store: Where its log is to be.
            run: The id.
            stream: What to run.
            begun: As `announce` has given it.

        Raises:
            Busy: Another writer has the run.
            Exception: What writing fails with.
        """

        async def as_it_is(publisher: Publisher) -> Stream[Any]:
            return stream

        return await self._begin(store, run, as_it_is, begun or Event())

    async def start(self, store: Store, run: str, stream: Stream[Any], begun: Event) -> None:
        """
        The same where nobody awaits it. Its viewers are told what it fails with, as far as that is possible.
        """
        try:
            outcome = await self.publish(store, run, stream, begun)
        except Exception as error:
            log_failure(error)
        else:
            log_failure(outcome.error)

    async def fork(
        self, store: Store, run: str, fork: Fork, begun: Event, *, task_status: TaskStatus[None]
    ) -> None:
        """
        Run a fork. It has started when it has its beginning.

        Raises:
            Busy: Another writer has the run.
            Exception: It cannot have its beginning.
        """

        async def make(publisher: Publisher) -> Stream[Any]:
            return await fork.make(publisher, task_status.started)

        try:
            outcome = await self._begin(store, run, make, begun)
        except Exception as error:
            if not fork.is_copied:
                raise
            log_failure(error)
        else:
            if not fork.is_copied and outcome.error is not None:
                raise outcome.error
            log_failure(outcome.error)

    async def _begin(
        self, store: Store, run: str, make: Callable[[Publisher], Awaitable[Stream[Any]]], begun: Event
    ) -> Outcome:
        try:
            before = self._publishers.get(run)
            if before is not None and before.ends:
                await before.ended.wait()
            grant = await patiently(lambda: store.open(run, lease=self._lease, limits=self._limits))
        finally:
            if self._begun.get(run) is begun:
                del self._begun[run]
            begun.set()
        publisher = Publisher(store, run, grant, self._lease, self.metrics)
        return await self.write(run, publisher, lambda: make(publisher))

    async def write(
        self, run: str, publisher: Publisher, make: Callable[[], Awaitable[Stream[Any]]]
    ) -> Outcome:
        """
        Write a run to its end.

        Args:
            run: Its id.
            publisher: Its writer.
            make: Makes the stream.

        Raises:
            Exception: What writing fails with.
        """
        self._publishers[run] = publisher
        self.metrics.run_begins()
        try:
            return await publisher.publish(make)
        finally:
            self.metrics.run_ends(publisher.ended_as or "left")
            if self._publishers.get(run) is publisher:
                del self._publishers[run]

    def cancel(self, run: str, reason: str) -> bool:
        """
        Cancel a run that is written here.

        Returns:
            Whether it is.
        """
        publisher = self._publishers.get(run)
        if publisher is not None:
            publisher.cancel(reason)
        return publisher is not None


def log_failure(error: BaseException | None) -> None:
    """
    Log what a run has failed with that nobody awaits, if anything.
    """
    if error is not None:
        log_warning("hub_run_failed", running_in.get(), **error_fields(error))
