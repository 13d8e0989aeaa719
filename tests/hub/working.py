"""
Workers beside a test, and runs that their workers have left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio

from streamkit.hub._items import encode_item
from tests.hub.places import LEASE, batch, opened

if TYPE_CHECKING:
    from streamkit.hub import Hub

__all__ = ["LONG", "Working", "data", "died"]

LONG = 1_000.0


async def data(hub: Hub, run: str = "run") -> list[Any]:
    return [record.data async for record in hub.subscribe(run, wait=LONG)]


async def died(
    hub: Hub, *items: object, run: str = "run", payload: Any = None, effects: bool = False
) -> None:
    """
    A run that a worker has begun with these items, and then died; with effects, when it had noted that it has some.
    """
    await hub.submit(run, "chat", payload)
    grant = await opened(hub.store, run, takeover=True)
    if items:
        await hub.store.append(run, grant, batch(1, *map(encode_item, items)))
    if effects:
        await hub.store.renew(run, grant, effects=True)
    await hub.store.release(run, grant)  # as if its lease had run out


class Working:
    """
    A worker beside the test.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        concurrency: int = 100,
        lease: float = LEASE,
        attempts: int = 3,
        grace: float = 0.0,
    ) -> None:
        self._hub = hub
        self._settings: dict[str, Any] = {
            "concurrency": concurrency,
            "lease": lease,
            "attempts": attempts,
            "grace": grace,
        }

    async def __aenter__(self) -> None:
        self._tasks = await anyio.create_task_group().__aenter__()
        self._tasks.start_soon(self._work)

    async def __aexit__(self, *error: Any) -> None:
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(*error)

    async def _work(self) -> None:
        await self._hub.work(**self._settings)
