"""
What a store does for the hub: it keeps logs of bytes. Memory, SQLite and Redis keep one contract, and one suite tests it.

A log has a name, one writer at a time, and any number of readers. Its records are numbered from 1 without a gap. They are kept
in batches, as the writer hands them over: one batch is one row or one entry, named by the number of its last record. What a
record holds, and how a run ended, is nothing that a store looks into.

Each opening of a log by a writer raises its epoch. Whatever an older epoch still tries is refused, so two writers never mix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, Self

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence
    from types import TracebackType

__all__ = ["Batch", "Claim", "Grant", "Limits", "Page", "State", "Store", "Watch"]

Phase = Literal["waiting", "live", "ended"]
"""A log that was submitted and has no writer yet; one that has, or whose writer has died; and one that has its ending."""


class Limits(Struct, frozen=True):
    """
    What a log is kept within.

    Attributes:
        ttl: Seconds that it is kept after its last change.
        max_bytes: The bytes of all its records together.
    """

    ttl: float
    max_bytes: int


class Batch(Struct, frozen=True):
    """
    Records that were appended together.

    Attributes:
        first: The number of its first record.
        epoch: That of the writer.
        at: When it was handed over, in seconds since the writer of the first epoch opened the log, for playing it again.
        records: What they hold.
    """

    first: int
    epoch: int
    at: float
    records: Sequence[bytes]

    @property
    def last(self) -> int:
        """
        The number of its last record.
        """
        return self.first + len(self.records) - 1

    def holds(self, number: int) -> bool:
        """
        Whether the record of this number is one of its own.
        """
        return self.first <= number <= self.last

    def part(self, first: int, last: int) -> Batch:
        """
        Its records from one number to another.
        """
        if first == self.first and last == self.last:
            return self
        return Batch(first, self.epoch, self.at, self.records[first - self.first : last + 1 - self.first])


class State(Struct, frozen=True):
    """
    What is known of a log beside its records.

    Attributes:
        phase: Where it stands.
        epoch: How often it was opened; 0 for never.
        last: The number of the last record, 0 without one.
        size: The bytes of all its records.
        alive: Whether its writer's lease has not run out. Only a live log has one.
        ending: How it ended.
        cancelled: The reason with which somebody asked to cancel it.
        recipe: The name of the recipe that it was submitted with.
        started: When it was first opened, in seconds since the epoch of Unix; 0 for never.
    """

    phase: Phase
    epoch: int
    last: int
    size: int
    alive: bool
    ending: bytes | None = None
    cancelled: str | None = None
    recipe: str | None = None
    started: float = 0.0


class Page(Struct, frozen=True):
    """
    A part of a log, and its state at the moment when it was read.

    Attributes:
        batches: In order, each as a whole; the first may begin before what was asked for.
        state: That of the log. Where `batches` reach its `last`, there was nothing behind them.
    """

    batches: Sequence[Batch]
    state: State


class Grant(Struct, frozen=True):
    """
    A writer's right to a log.

    Attributes:
        epoch: The writer's.
        last: The number of the last record that an earlier epoch has appended; 0 without one.
        started: When the log was first opened, in seconds since the epoch of Unix.
        takeovers: How many writers it has had before, since it was begun; those of a log that it has replaced do not count.
        effects: Whether one of them has noted that it has effects.
    """

    epoch: int
    last: int
    started: float
    takeovers: int = 0
    effects: bool = False


class Claim(Struct, frozen=True):
    """
    A log that was submitted, and that this worker has been given.

    Attributes:
        run: The log's name.
        recipe: What makes its stream.
        payload: The application's, for the recipe.
        grant: The worker's right to it.
    """

    run: str
    recipe: str
    payload: bytes
    grant: Grant


class Watch(Protocol):
    """
    Tells a reader when a log may have changed.
    """

    async def changed(self) -> None:
        """
        Wait until something may have changed since the last call, in this process or in another; the first call counts from when
        the watch began. It may return for nothing. It returns too when the lease of a live log runs out, and when the time of a
        log is over.
        """
        ...

    def close(self) -> None:
        """
        Stop watching.
        """
        ...


class Store(Protocol):
    """
    Where logs are kept. It is entered once, and left when no task uses it any more.

    Each method may be called from any task. A cancelled call may have had its effect. Where the store cannot be reached, or
    refuses to write, they raise `StreamError` of type "hub", which names the fix.
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None: ...

    async def open(self, run: str, *, lease: float, limits: Limits, takeover: bool = False) -> Grant:
        """
        Become the writer of a log. One that has ended, or whose writer's lease has run out, is replaced where it is not taken
        over; its epochs are counted on, so that a reader of the old one can tell.

        Args:
            run: Its name.
            lease: Seconds after which it is taken for dead where nothing is appended or renewed.
            limits: What it is kept within.
            takeover: Whether to go on with a log that nobody writes: whose lease has run out, or which waits for a worker.

        Raises:
            Busy: It has a writer whose lease has not run out, or a recipe by which a worker is to go on with it.
            Fenced: It is to be taken over, and has ended.
            Gone: It is to be taken over, and is not there.
        """
        ...

    async def append(self, run: str, grant: Grant, batch: Batch) -> str | None:
        """
        Append records behind the last. The same batch again changes nothing, so that whoever has seen no answer can repeat the
        call. The lease and the time to live begin anew.

        Returns:
            The reason with which somebody asked to cancel the run.

        Raises:
            Fenced: Another writer has the log, or it has ended.
            Gone: It was deleted, or its time is over.
            Diverged: The log does not have the records before these: the store has lost what it had acknowledged.
            StreamError: Of type "full": it would have more bytes than it may.
        """
        ...

    async def renew(self, run: str, grant: Grant, *, effects: bool = False) -> str | None:
        """
        Begin the lease and the time to live anew.

        Args:
            run: The log's name.
            grant: The writer's right to it.
            effects: Note, for whoever takes the log over, that the writer changes something outside from now on.

        Returns:
            The reason with which somebody asked to cancel the run.

        Raises:
            Fenced: Another writer has the log, or it has ended.
            Gone: It was deleted, or its time is over.
        """
        ...

    async def release(self, run: str, grant: Grant) -> None:
        """
        End the lease now, so that another worker can claim the log at once. A writer that has none any more changes nothing.
        """
        ...

    async def end(self, run: str, grant: Grant, ending: bytes) -> None:
        """
        End a log: nothing can be appended any more, and a payload is forgotten. The same ending again changes nothing.

        Raises:
            Fenced: Another writer has the log, or it has another ending.
            Gone: It was deleted, or its time is over.
        """
        ...

    async def read(self, run: str, after: int, *, limit: int = 512) -> Page | None:
        """
        The batches that hold the records behind number `after`, about `limit` records of them; None where there is no such log.
        The batch that holds record `after` itself comes first where there is one, so that a reader can see that it is still the
        one that it knows.
        """
        ...

    def watch(self, run: str) -> Watch:
        """
        Watch a log, which may not be there yet. The caller closes the watch.
        """
        ...

    async def cancel(self, run: str, reason: str) -> bool:
        """
        Ask a log's writer to stop; a log that has none, because it waits or because its writer has died, is only marked.

        Returns:
            Whether there is such a log, and it has not ended.
        """
        ...

    async def delete(self, run: str) -> bool:
        """
        Forget a log. Its writer's next call raises `Gone`. How often it was opened is kept for its time to live, so that the
        epochs of another log of this name are counted on.

        Returns:
            Whether there was one.
        """
        ...

    def runs(self) -> AsyncIterator[tuple[str, State]]:
        """
        All logs, in no order.
        """
        ...

    async def submit(self, run: str, recipe: str, payload: bytes, *, limits: Limits) -> None:
        """
        Keep a payload for whichever worker claims it.

        Raises:
            Busy: There is such a log, and it has not ended.
        """
        ...

    async def claim(self, recipes: Collection[str], *, lease: float) -> Claim | None:
        """
        Become the writer of a log of one of these recipes that waits, or whose writer's lease has run out; None without one.
        """
        ...

    async def submitted(self) -> None:
        """
        Wait until a log was submitted since the last `claim` began. It may return for nothing. Whoever waits for leases that run
        out looks again by itself.
        """
        ...
