"""
The parts of the group `hub`, each of which gives tables.
"""

from __future__ import annotations

from contextlib import ExitStack
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.support.redis_servers import fresh_redis

from . import appending, delays, many_runs, takeovers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection

    from ..measure import Table

__all__ = ["PARTS", "tables"]

PARTS: dict[str, Callable[[dict[str, str], int], AsyncIterator[Table]]] = {
    "append": appending.tables,
    "delay": delays.tables,
    "viewers": delays.viewers_tables,
    "takeover": takeovers.tables,
    "soak": many_runs.tables,
}


async def tables(rounds: int, only: Collection[str] = tuple(PARTS)) -> AsyncIterator[Table]:
    """
    What each part measures, on a Redis and a file of its own.

    Args:
        rounds: Timings of each contender.
        only: Parts.
    """
    for name, part in PARTS.items():
        if name not in only:
            continue
        with ExitStack() as places:
            folder = places.enter_context(TemporaryDirectory())
            redis = places.enter_context(fresh_redis())
            urls = {"memory": "memory:", "sqlite": f"sqlite:///{folder}/runs.db", "redis": redis.url}
            async for table in part(urls, rounds):
                yield table  # noqa: ASYNC119 -- it is always read to its end
