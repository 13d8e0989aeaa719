"""
The hub: runs under an id, which any number of viewers follow, in this process or another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

from anyio import create_task_group

from streamkit._core.algebra import Stream
from streamkit._core.checks import above_zero, seconds_from_zero
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.runtime.failures import has_interruption
from streamkit._core.runtime.ungrouped import ungrouped
from streamkit.hub._ending import Ending
from streamkit.hub._errors import Busy, Fenced, Gone
from streamkit.hub._fork import Fork, checked_end, checked_rest, new_run
from streamkit.hub._given_streams import checked_stream
from streamkit.hub._items import encode_item
from streamkit.hub._parts import BEHIND_ALL, last_place
from streamkit.hub._patience import patiently
from streamkit.hub._playback import Playback
from streamkit.hub._record import Record, checked_run, parse_place
from streamkit.hub._status import Status, status_of
from streamkit.hub._viewer import Viewer
from streamkit.hub._workers import Recipe, Worker, checked_recipe
from streamkit.hub._writers import Writers

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from types import TracebackType

    from anyio.abc import TaskGroup

    from streamkit._core.outcome import Outcome
    from streamkit.hub._metrics import Metrics
    from streamkit.hub._stores.contract import Limits, Store

__all__ = ["Hub"]

R = TypeVar("R", bound=Recipe)


class Hub:
    """
    Runs under an id. Use it inside its `async with`; leaving that waits for the runs that were started, and cancels them where
    it is left with an error.
    """

    def __init__(
        self, make_store: Callable[[], Store], *, limits: Limits, lease: float, metrics: Metrics
    ) -> None:
        self._make_store = make_store
        self._limits = limits
        self._lease = lease
        self.metrics = metrics
        self._store: Store | None = None
        self._writers = Writers(lease=lease, limits=limits, metrics=metrics)
        self._recipes: dict[str, Recipe] = {}

    async def __aenter__(self) -> Self:
        if self._store is not None:
            raise RuntimeError("this hub is open already: one `async with` at a time")
        self._store = await self._make_store().__aenter__()
        self._tasks: TaskGroup = create_task_group()
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        store = self.store
        if error is not None:
            self._tasks.cancel_scope.cancel()
        # The body's own exception comes out as itself. A cancellation has to pass through the group, which knows whose it is.
        passing = error if has_interruption(error) else None
        try:
            with ungrouped():
                await self._tasks.__aexit__(None if passing is None else type(passing), passing, None)
        finally:
            self._store = None
            # In no scope of its own: a store may hold a task group, which was entered outside of it.
            await store.__aexit__(None, None, None)

    @property
    def store(self) -> Store:
        """
        Where the logs are.

        Raises:
            RuntimeError: The hub is not open.
        """
        if self._store is None:
            raise RuntimeError("this hub is not open: use it inside `async with hub.connect(…) as hub`")
        return self._store

    # -- writing --------------------------------------------------------------------------------------------

    def start(self, id: str, stream: Stream[Any]) -> None:  # noqa: A002 -- the word for it
        """
        Run a stream under an id, in the background, until it ends or the hub is left. How it has ended is told to its viewers,
        and by `status`.

        Args:
            id: The run's id. One that has ended is replaced.
            stream: What to run.

        Raises:
            Busy: This hub is writing a run of this id. Where another process is, that is logged as `hub_run_failed`.
            RuntimeError: The hub is not open.
        """
        run, stream, store = checked_run("start", id), checked_stream("start", stream), self.store
        self._tasks.start_soon(self._writers.start, store, run, stream, self._writers.announce(run))

    async def publish(self, id: str, stream: Stream[Any]) -> Outcome:  # noqa: A002 -- the word for it
        """
        Run a stream under an id, and wait for its end.

        Args:
            id: The run's id. One that has ended is replaced.
            stream: What to run.

        Returns:
            How the stream has ended, with its error where it has failed.

        Raises:
            Busy: Another writer has the run.
            TypeError: An item cannot be kept.
            Fenced: Another process has taken the run over, because this one has given no sign of life for too long.
            Gone: It was deleted.
            StreamError: It has become too large, of type `"full"`; or the store cannot be used, `"hub"`.
        """
        run, stream = checked_run("publish", id), checked_stream("publish", stream)
        return await self._writers.publish(self.store, run, stream)

    @keyword_hints
    async def fork(
        self,
        id: str,  # noqa: A002 -- the word for it
        new_id: str | None = None,
        *,
        at: int | str | None = None,
        stream: Stream[Any] | Callable[[Any], Stream[Any] | Awaitable[Stream[Any]]],
    ) -> str:
        """
        Begin another run with the same beginning, and go on with a stream. When this returns, the new run has its beginning;
        the stream runs in the background, as that of `start`. The run that is there does not change, and may go on.

        Args:
            id: The id of the run that is there.
            new_id: That of the new one. One that has ended is replaced. By default one is made.
            at: The last record of the beginning: its number, or its id; 0 for none. By default the last that there is now.
            stream: What comes behind it: a stream, or a function which makes that of the beginning, as a message with which
                `messages(so_far=…)` goes on; None where the beginning cannot be told as one message.

        Returns:
            The new run's id.

        Raises:
            TypeError: An argument is of another type, or the function makes no stream.
            ValueError: An argument cannot be what it is for, or the run has not so many records.
            Busy: Another writer has the new run.
            Gone: The run is not there.
            Gap: Its log was trimmed.
            Diverged: It is not the run that the record is from.
            StreamError: The new run is too large, of type `"full"`; or the store cannot be used, `"hub"`.
        """
        run, end, rest = checked_run("fork", id), checked_end(at), checked_rest(stream)
        new = new_run(run) if new_id is None else checked_run("fork", new_id)
        if new == run:
            raise ValueError(
                f"fork({id!r}, {new_id!r}) needs another id for the new run than that of the old one"
            )
        fork = Fork(self.store, run, end, rest)
        await self.begun(run)
        await fork.look()
        await self._tasks.start(self._writers.fork, self.store, new, fork, self._writers.announce(new))
        return new

    async def begun(self, run: str) -> None:
        """
        Wait until a run has its log that this hub was told to start.
        """
        await self._writers.begun(run)

    # -- reading --------------------------------------------------------------------------------------------

    @keyword_hints
    def subscribe(
        self,
        id: str,  # noqa: A002 -- the word for it
        after: str | None = None,
        wait: float = 10.0,
    ) -> Stream[Record]:
        """
        The records of a run, from any of them on, and then what comes live, until the run ends.

        Args:
            id: The run's id.
            after: The id of the last record that the viewer has; None for all of them.
            wait: Seconds to wait for a run that is not there yet.

        Raises:
            TypeError: An argument is of another type.
            ValueError: `id` or `after` cannot be one, or `wait` is below 0.

        Emits: each record behind `after`, in order, without a gap and none twice.
        Backpressure: a slow viewer reads later, and slows nobody down.
        Completes: with the run. The outcome has what that of the writer had, except for what was said.
        Fails: with `Failed` or `Cancelled` as the run has ended; with `Lost` where its writer has died, `Gone` where it is not
            there, `Gap` where its log was trimmed, and `Diverged` where this is not the log that `after` is from.
        Cancels: at once. The run goes on.
        Memory: 512 records.
        """
        run = checked_run("subscribe", id)
        place = None if after is None else parse_place("subscribe(after=…)", after)
        patience = seconds_from_zero("subscribe", wait, of="wait")
        return Stream(Viewer(self, run, place, patience))

    @keyword_hints
    def replay(self, id: str, *, speed: float | None = None) -> Stream[Any]:  # noqa: A002 -- the word for it
        """
        What a run has published, from its beginning on: its items and not its records. `sk.replay(hub=…, id=…)` is the same.

        Args:
            id: The run's id.
            speed: 1.0 plays it at its own pace, 2.0 twice as fast; None as fast as it can be read.

        Emits: each item, in order. All else is as with `subscribe`.
        """
        run = checked_run("replay", id)
        pace = None if speed is None else above_zero("replay", speed, "a number", of="speed")
        return Stream(Playback(self, run, pace))

    async def status(self, id: str) -> Status | None:  # noqa: A002 -- the word for it
        """
        Where a run stands; None where there is no such run.
        """
        run, store = checked_run("status", id), self.store
        found = await last_place(store, run)
        if found is None:
            return None
        state, place = found
        return status_of(run, state, str(place) if place is not None and place.number else None)

    async def runs(self) -> AsyncGenerator[Status]:
        """
        Where each run stands, in no order.
        """
        async for run, _ in self.store.runs():
            status = await self.status(run)
            if status is not None:
                yield status

    # -- recipes --------------------------------------------------------------------------------------------

    def recipe(self, name: str) -> Callable[[R], R]:
        """
        Name a function that makes the stream of a run, for `work`.

            @hub.recipe("chat")
            def chat(payload, so_far):
                return sk.messages(client, **payload, so_far=so_far) | sk.text()

        It is called with the payload that was submitted, and with what the run has told already, as a message with which
        `messages(so_far=…)` goes on; that is None at the beginning, and where it cannot be told as one message. It returns a
        stream, or is a coroutine function that does.

        Args:
            name: The name for `submit`.

        Raises:
            TypeError: The name is not a string, or what is decorated cannot be called.
            ValueError: The name cannot be one, or is taken.
        """
        checked = checked_recipe("recipe", name)
        if checked in self._recipes:
            raise ValueError(f"recipe({name!r}) is there already: give each recipe a name of its own")

        def register(make: R) -> R:
            if not callable(make):
                raise TypeError(f"recipe({name!r}) needs a function of payload and so_far, not {make!r}")
            self._recipes[checked] = make
            return make

        return register

    async def submit(self, id: str, recipe: str, payload: Any = None) -> None:  # noqa: A002 -- the word for it
        """
        Have a worker run a recipe under an id.

        Args:
            id: The run's id. One that has ended is replaced.
            recipe: The recipe's name, which the workers know.
            payload: What it is called with: a JSON value. It is kept until the run ends.

        Raises:
            TypeError: The payload is nothing that can be kept.
            ValueError: The id or the name cannot be one.
            Busy: There is such a run, and it has not ended.
        """
        run, name, store = checked_run("submit", id), checked_recipe("submit", recipe), self.store
        data = encode_item(payload)
        await patiently(lambda: store.submit(run, name, data, limits=self._limits))

    @keyword_hints
    async def work(
        self, *, concurrency: int = 100, lease: float = 5.0, attempts: int = 3, grace: float = 0.0
    ) -> None:
        """
        Run what was submitted by the recipes of this hub, until it is cancelled: what waits, and what another worker has left
        because it died. Where it is told to stop itself, it takes nothing any more, and hands its runs over to other workers, at
        once or when its `grace` is over.

        Args:
            concurrency: Runs at a time.
            lease: Seconds after which another worker takes a run over whose worker gives no sign of life.
            attempts: How often a run is taken over, at most. Then it is `Lost`.
            grace: Seconds for which it goes on with its runs when it is told to stop, so that they may come to their end. Other
                workers go on with those that have not.

        Raises:
            TypeError: An argument is no number.
            ValueError: A number is too small; or there is no recipe.
            StreamError: The store cannot be used, of type `"hub"`.
        """
        if not self._recipes:
            raise ValueError("work() has no recipe: decorate a function with @hub.recipe(name) before")
        worker = Worker(
            self.store,
            self._recipes,
            self._writers,
            concurrency=concurrency,
            lease=lease,
            attempts=attempts,
            grace=grace,
        )
        await worker.work()

    # -- ending ---------------------------------------------------------------------------------------------

    async def cancel(self, id: str, reason: str = "cancelled") -> bool:  # noqa: A002 -- the word for it
        """
        Cancel a run, whichever process writes it. That hears of it within a second.

        Args:
            id: The run's id.
            reason: Why, for its viewers.

        Returns:
            Whether there was such a run, and it had not ended.
        """
        run, store = checked_run("cancel", id), self.store
        if not isinstance(reason, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"cancel() needs a text for reason, not {type(reason).__name__}")
        found = await patiently(lambda: store.cancel(run, reason))
        if not self._writers.cancel(run, reason) and found:
            await self._end_unwritten(run, reason)
        return found

    async def _end_unwritten(self, run: str, reason: str) -> None:
        """
        End a run that has no writer which could.
        """
        store = self.store
        page = await patiently(lambda: store.read(run, BEHIND_ALL, limit=1))
        if page is None or page.state.alive:
            return
        try:
            grant = await store.open(run, lease=self._lease, limits=self._limits, takeover=True)
            await store.end(run, grant, Ending.cancelled(reason).encode())
        except (Busy, Fenced, Gone):
            pass  # somebody was quicker, and hears of the cancellation

    async def delete(self, id: str) -> bool:  # noqa: A002 -- the word for it
        """
        Forget a run and all of its records. Where it is being written, that fails with `Gone`, and so do its viewers.

        Returns:
            Whether there was such a run.
        """
        run, store = checked_run("delete", id), self.store
        return await patiently(lambda: store.delete(run))
