"""
Recipes, and the workers that run what was submitted: also what another worker has left when it died.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from anyio import CancelScope, Semaphore, create_task_group, current_time, move_on_after

from streamkit._core.checks import seconds, seconds_from_zero, whole_number
from streamkit._core.effects import effects_guard
from streamkit._core.log import log_warning, running_in
from streamkit._core.runtime.ungrouped import ungrouped
from streamkit.hub._ending import Ending
from streamkit.hub._given_streams import made_stream
from streamkit.hub._items import decode_item
from streamkit.hub._patience import patiently
from streamkit.hub._publisher import Publisher
from streamkit.hub._takeover import Takeover, items_of
from streamkit.hub._writers import log_failure

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from streamkit._core.algebra import Stream
    from streamkit.hub._stores.contract import Claim, Store
    from streamkit.hub._writers import Writers

__all__ = ["Recipe", "Worker", "checked_recipe"]

_LOOK_EVERY: Final = 0.5
"""Seconds between two looks for leases that have run out."""

_LONGEST_NAME: Final = 200


class Recipe(Protocol):
    """
    What makes the stream of a run.
    """

    def __call__(self, payload: Any, so_far: Any, /) -> Stream[Any] | Awaitable[Stream[Any]]:
        """
        Make it.

        Args:
            payload: As it was submitted.
            so_far: What the run has told already, as a message; None where it is to begin.
        """
        ...


def checked_recipe(call: str, name: object) -> str:
    """
    The name of a recipe, if it can be one.

    Raises:
        TypeError: It is not a string.
        ValueError: It is empty, too long, or has a character that cannot be printed.
    """
    if not isinstance(name, str):
        raise TypeError(f"{call}() needs the name of a recipe, a string, not {type(name).__name__}")
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise ValueError(f"{call}() needs the name of a recipe: 1 to {_LONGEST_NAME} printable characters")
    return name


class Worker:
    """
    Runs what was submitted.

    Args:
        store: Where the logs are.
        recipes: What makes streams, by name.
        writers: The runs that this process writes.
        concurrency: Runs at a time.
        lease: Seconds after which another worker takes a run over whose worker gives no sign of life.
        attempts: How often a run is taken over.
        grace: Seconds for which it goes on with its runs when it is told to stop.
    """

    def __init__(
        self,
        store: Store,
        recipes: dict[str, Recipe],
        writers: Writers,
        *,
        concurrency: int,
        lease: float,
        attempts: int,
        grace: float,
    ) -> None:
        self._store = store
        self._recipes = recipes
        self._writers = writers
        self._free = Semaphore(whole_number("work", concurrency, least=1, of="concurrency"))
        self._lease = seconds("work", lease, of="lease")
        self._attempts = whole_number("work", attempts, least=0, of="attempts")
        self._grace = seconds_from_zero("work", grace, of="grace")
        self._serving: set[CancelScope] = set()
        self._stops_at = math.inf

    async def work(self) -> None:
        """
        Take what waits, and what has an expired lease, until it is cancelled.
        """
        with ungrouped():
            async with create_task_group() as tasks:
                try:
                    while True:
                        await self._free.acquire()
                        claim = await self._claimed()
                        tasks.start_soon(self._serve, claim)
                finally:
                    self._stop_in_time()

    def _stop_in_time(self) -> None:
        self._stops_at = current_time() + self._grace
        for serving in self._serving:
            serving.deadline = self._stops_at

    async def _claimed(self) -> Claim:
        while True:
            claim = await patiently(lambda: self._store.claim([*self._recipes], lease=self._lease))
            if claim is not None:
                return claim
            with move_on_after(_LOOK_EVERY):
                await self._store.submitted()

    async def _serve(self, claim: Claim) -> None:
        # Its task may begin when the worker was told to stop already.
        with CancelScope(deadline=self._stops_at, shield=self._grace > 0) as serving:
            self._serving.add(serving)
            try:
                log_failure(await self._run(claim))
            except Exception as error:
                # Its viewers are told as far as that is possible.
                log_failure(error)
            finally:
                self._serving.discard(serving)
                self._free.release()

    async def _run(self, claim: Claim) -> BaseException | None:
        """
        Run it to its end.

        Returns:
            What its stream has failed with.
        """
        run, grant = claim.run, claim.grant
        if grant.takeovers > self._attempts:
            reason = f"its writers have died {grant.takeovers} times"
            await patiently(lambda: self._store.end(run, grant, Ending.lost(reason).encode()))
            self._writers.metrics.run_is_lost()
            return None
        metrics = self._writers.metrics
        publisher = Publisher(self._store, run, grant, self._lease, metrics, hands_over=True)
        if grant.takeovers:
            log_warning("hub_run_taken_over", running_in.get(), takeovers=grant.takeovers)
            metrics.run_is_taken_over()
        # The records of a call may be appended after its tool has begun, so they cannot tell that none has.
        effects_guard.set(publisher)
        outcome = await self._writers.write(run, publisher, lambda: self._made(claim, publisher))
        return outcome.error

    async def _made(self, claim: Claim, publisher: Publisher) -> Stream[Any]:
        """
        The stream of a run, or the rest of it.
        """
        items = await items_of(self._store, claim.run) if claim.grant.last else []
        takeover = Takeover(claim.run, claim.grant, items)
        recipe = self._recipes[claim.recipe]
        stream = await made_stream("recipe", recipe, decode_item(claim.payload), takeover.so_far)
        publisher.before_first = partial(takeover.before, stream.source)
        return stream
