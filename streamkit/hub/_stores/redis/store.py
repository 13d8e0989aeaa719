"""
Logs in Redis or Valkey, for any number of processes and machines.

What is acknowledged survives what Redis's persistence makes it survive (docs/hub-operations.md). Each call is one script, which
Redis runs in one step and by its own clock, so that fencing, repeats, leases, caps and the time to live need no second question.
"""

from __future__ import annotations

import math
from os import urandom
from typing import TYPE_CHECKING, Final, Self, cast

import anyio
from msgspec import msgpack

from streamkit.hub._stores.contract import Batch, Claim, Grant, Page, State
from streamkit.hub._stores.redis import scripts
from streamkit.hub._stores.redis.bells import Bells
from streamkit.hub._stores.redis.client import Client
from streamkit.hub._stores.refusals import busy, diverged, fenced, full, gone, over

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from streamkit._core.errors import StreamError
    from streamkit.hub._stores.contract import Limits, Phase
    from streamkit.hub._stores.redis.address import Address
    from streamkit.hub._stores.redis.connection import Reply
    from streamkit.hub._stores.watches import LogWatch

__all__ = ["RedisStore"]

_NOWHERE: Final = 2**53
"""The number of no record, behind all that can be."""

_as_entry = msgpack.Encoder().encode
_of_entry = msgpack.Decoder(tuple[int, float, list[bytes]]).decode


class RedisStore:
    """
    Logs in Redis.

    Args:
        address: Where it is.
    """

    def __init__(self, address: Address) -> None:
        self._base = f"{{{address.prefix}}}"
        self._client = Client(address, self._base)
        self._bells = Bells(address, self._base)
        self._seen = 0
        self._told: list[Reply] = []
        self._page: Page | None = None

    async def __aenter__(self) -> Self:
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        try:
            await self._tasks.start(self._client.run)
            await self._tasks.start(self._bells.run)
            self._tasks.start_soon(self._bells.watches.keep_time)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._tasks.cancel_scope.cancel()
        # Not with the block's own error, which is no error of these tasks.
        await self._tasks.__aexit__(None, None, None)
        self._client.leave()
        self._bells.ring_all()

    async def open(self, run: str, *, lease: float, limits: Limits, takeover: bool = False) -> Grant:
        told = await self._client.run_script(
            scripts.OPEN, run, _token(), _ms(lease), _ms(limits.ttl), limits.max_bytes, int(takeover)
        )
        if told[0] != b"granted":
            raise _refusal(run, told)
        return _grant(told)

    async def append(self, run: str, grant: Grant, batch: Batch) -> str | None:
        told = await self._client.run_script(
            scripts.APPEND,
            *_writer(run, grant),
            batch.first,
            batch.last,
            sum(map(len, batch.records)),
            _as_entry((batch.epoch, batch.at, batch.records)),
        )
        if told[0] != b"done":
            raise _refusal(run, told, batch)
        return _text(told[1])

    async def renew(self, run: str, grant: Grant, *, effects: bool = False) -> str | None:
        told = await self._client.run_script(scripts.RENEW, *_writer(run, grant), int(effects))
        if told[0] != b"done":
            raise _refusal(run, told)
        return _text(told[1])

    async def release(self, run: str, grant: Grant) -> None:
        await self._client.run_script(scripts.RELEASE, *_writer(run, grant))

    async def end(self, run: str, grant: Grant, ending: bytes) -> None:
        told = await self._client.run_script(scripts.END, *_writer(run, grant), ending)
        if told[0] != b"done":
            raise _refusal(run, told)

    async def read(self, run: str, after: int, *, limit: int = 512) -> Page | None:
        told = await self._client.run_script(scripts.READ, run, after, limit, shared=True)
        # Those who share a reply mostly come for it one after another: it is taken apart for the first of them.
        if told is not self._told:
            self._told, self._page = told, self._page_of(run, told)
        return self._page

    def _page_of(self, run: str, told: list[Reply]) -> Page | None:
        if told[0] != b"page":
            return None
        state, left = _state(told)
        self._bells.watches.changes_at(run, anyio.current_time() + left)
        return Page([_batch(entry) for entry in cast("list[Reply]", told[10])], state)

    def watch(self, run: str) -> LogWatch:
        return self._bells.watches.add(run)

    async def cancel(self, run: str, reason: str) -> bool:
        return await self._client.run_script(scripts.CANCEL, run, reason) == [b"done", 1]

    async def delete(self, run: str) -> bool:
        return await self._client.run_script(scripts.DELETE, run) == [b"done", 1]

    async def runs(self) -> AsyncIterator[tuple[str, State]]:
        begins = f"{self._base}:head:"
        seen: set[str] = set()
        cursor = "0"
        while True:
            told = await self._client.ask("SCAN", cursor, "MATCH", f"{begins}*", "COUNT", 1000)
            for name in cast("list[bytes]", told[1]):
                run = name.decode().removeprefix(begins)
                page = None if run in seen else await self.read(run, _NOWHERE)
                seen.add(run)
                if page is not None:
                    yield run, page.state
            cursor = _text(told[0]) or "0"
            if cursor == "0":
                return

    async def submit(self, run: str, recipe: str, payload: bytes, *, limits: Limits) -> None:
        told = await self._client.run_script(
            scripts.SUBMIT, run, _token(), recipe, payload, _ms(limits.ttl), limits.max_bytes
        )
        if told[0] != b"done":
            raise _refusal(run, told)

    async def claim(self, recipes: Collection[str], *, lease: float) -> Claim | None:
        self._seen = self._bells.submitted.rung
        told = await self._client.run_script(scripts.CLAIM, _token(), _ms(lease), *recipes)
        if told[0] != b"claimed":
            return None
        run, recipe, payload = cast("list[bytes]", told[6:9])
        return Claim(run.decode(), recipe.decode(), payload, _grant(told))

    async def submitted(self) -> None:
        await self._bells.submitted.heard(self._seen)


def _token() -> str:
    """
    What makes a repeated call known for one.
    """
    return urandom(8).hex()


def _ms(seconds: float) -> int:
    return math.ceil(seconds * 1000)


def _writer(run: str, grant: Grant) -> tuple[str, int, str]:
    # The epoch alone would begin with 1 again after a deletion.
    return run, grant.epoch, f"{grant.started:.6f}"


def _grant(told: list[Reply]) -> Grant:
    _, epoch, last, started, takeovers, effects = cast("tuple[bytes, int, int, bytes, int, int]", told[:6])
    return Grant(epoch, last, float(started), takeovers, bool(effects))


def _state(told: list[Reply]) -> tuple[State, float]:
    """
    A log's state, and the seconds until it changes by itself.
    """
    _, epoch, last, size, ending, cancelled, recipe, started, lease, left = cast(
        "tuple[bytes, int, int, int, bytes | None, bytes | None, bytes | None, bytes | None, int, int]",
        told[:10],
    )
    phase: Phase = "ended" if ending is not None else "waiting" if started is None else "live"
    alive = phase == "live" and lease > 0
    state = State(
        phase=phase,
        epoch=epoch,
        last=last,
        size=size,
        alive=alive,
        ending=ending,
        cancelled=_text(cancelled),
        recipe=_text(recipe),
        started=float(started or 0),
    )
    times = [lease] if alive else []
    if left >= 0:  # somebody may have said that it never expires
        times.append(left)
    # A millisecond later, because Redis's clock has no smaller steps.
    return state, (min(times) + 1) / 1000 if times else math.inf


def _batch(entry: Reply) -> Batch:
    name, (_, data) = cast("tuple[bytes, tuple[bytes, bytes]]", entry)
    epoch, at, records = _of_entry(data)
    last = int(name.partition(b"-")[2])
    return Batch(last - len(records) + 1, epoch, at, records)


def _text(told: Reply) -> str | None:
    return told.decode() if isinstance(told, bytes) else None


def _refusal(run: str, told: list[Reply], batch: Batch | None = None) -> StreamError:
    match told:
        case [b"gone", *_]:
            return gone(run)
        case [b"over", *_]:
            return over(run)
        case [b"busy", recipe]:
            return busy(run, recipe=_text(recipe))
        case [b"diverged", int(last)] if batch is not None:
            return diverged(run, batch, last)
        case [b"full", int(max_bytes)]:
            return full(run, max_bytes)
        case _:
            return fenced(run)
