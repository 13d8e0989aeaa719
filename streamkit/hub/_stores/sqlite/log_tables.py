"""
The logs in a file, as one connection sees them: what the store does, without waiting for anything.

Each method that writes stands in a transaction, which its caller begins and commits, and which may have several of them in it. It
looks first and writes then, so what is refused has written nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from streamkit.hub._stores.contract import Batch, Claim, Grant, Page, State
from streamkit.hub._stores.refusals import diverged, fenced, full, gone, over, refuse_opening
from streamkit.hub._stores.sqlite.clock import lease_clock, wall_clock

if TYPE_CHECKING:
    from collections.abc import Collection

    from streamkit.hub._stores.contract import Limits
    from streamkit.hub._stores.sqlite.database import Database, Value

__all__ = ["OFFERED", "LogTables"]

_HALF: Final = 32
"""The bits of a batch's place that have its last record's number."""

OFFERED: Final = ""
"""What stands among the logs that have changed when a worker has something to claim. No log has this name."""

_KEPT_CHANGES: Final = 4096
_MOST_DROPPED: Final = 16
"""Logs whose time is over, and that one call drops."""

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[bytes]).decode


class _Row(NamedTuple):
    """
    A row of `logs`.
    """

    id: int
    run: str
    epoch: int
    before: int
    last: int
    size: int
    ttl: float
    max_bytes: int
    lease: float
    lease_until: float
    expires_at: float
    started: float
    ending: bytes | None
    cancelled: str | None
    recipe: str | None
    effects: int

    def is_of(self, grant: Grant) -> bool:
        """
        Whether this is still the log that a writer was given, and nobody else has it.
        """
        return self.epoch == grant.epoch and self.started == grant.started

    @property
    def alive(self) -> bool:
        return self.ending is None and self.lease_left > 0

    @property
    def lease_left(self) -> float:
        """
        Seconds until the lease runs out; 0 where it has. One that would last longer than a lease is of another start of the
        machine.
        """
        left = self.lease_until - lease_clock()
        return left if 0 < left <= self.lease else 0.0

    @property
    def state(self) -> State:
        return State(
            "ended" if self.ending is not None else "live" if self.started else "waiting",
            self.epoch,
            self.last,
            self.size,
            self.alive,
            self.ending,
            self.cancelled,
            self.recipe,
            self.started,
        )


_COLUMNS: Final = ", ".join(_Row._fields)


class LogTables:
    """
    The logs in a file.

    Args:
        database: The connection.

    Attributes:
        touched: The logs that the open transaction has changed.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.touched: set[str] = set()

    # -- writers --------------------------------------------------------------------------------------------

    def open(self, run: str, lease: float, limits: Limits, takeover: bool) -> Grant:
        row = self._find(run)
        refuse_opening(run, row, takeover=takeover)
        self._drop_expired()
        return self._grant(row if takeover and row is not None else self._made(run, limits), lease)

    def append(self, run: str, grant: Grant, batch: Batch) -> str | None:
        row = self._owned(run, grant)
        if batch.first > row.last + 1:
            raise diverged(run, batch, row.last)
        if batch.first <= row.last:
            self._renew(row)
            return row.cancelled
        size = row.size + sum(map(len, batch.records))
        if size > row.max_bytes:
            raise full(run, row.max_bytes)
        self.database.execute(
            "INSERT INTO batches (place, first, epoch, at, records) VALUES (?, ?, ?, ?, ?)",
            (_place(row.id, batch.last), batch.first, batch.epoch, batch.at, _pack(batch.records)),
        )
        self.database.execute(
            "UPDATE logs SET last = ?, size = ?, lease_until = ?, expires_at = ? WHERE id = ?",
            (batch.last, size, lease_clock() + row.lease, _expiry(row), row.id),
        )
        self.touched.add(run)
        return row.cancelled

    def renew(self, run: str, grant: Grant, effects: bool) -> str | None:
        row = self._owned(run, grant)
        self._renew(row)
        if effects:
            self.database.execute("UPDATE logs SET effects = 1 WHERE id = ?", (row.id,))
        return row.cancelled

    def release(self, run: str, grant: Grant) -> None:
        self.database.execute(
            "UPDATE logs SET lease_until = 0 WHERE run = ? AND epoch = ? AND started = ? AND ending IS NULL",
            (run, grant.epoch, grant.started),
        )
        self.touched |= {run, OFFERED}

    def end(self, run: str, grant: Grant, ending: bytes) -> None:
        row = self._find(run)
        if row is not None and row.is_of(grant) and row.ending == ending:
            return
        row = self._owned(run, grant)
        self.database.execute(
            "UPDATE logs SET ending = ?, payload = NULL, expires_at = ? WHERE id = ?",
            (ending, _expiry(row), row.id),
        )
        self.touched.add(run)

    # -- readers --------------------------------------------------------------------------------------------

    def read(self, run: str, after: int, limit: int) -> tuple[Page, float] | None:
        """
        A page, and the seconds until time alone changes the log.
        """
        row = self._find(run)
        if row is None:
            return None
        batches: list[Batch] = []
        records = 0
        found = self.database.rows(
            "SELECT first, epoch, at, records FROM batches WHERE place BETWEEN ? AND ? ORDER BY place",
            (_place(row.id, after), _place(row.id, row.last)),
        )
        for first, epoch, at, data in found if after <= row.last else ():
            batch = Batch(first, epoch, at, _unpack(data))
            batches.append(batch)
            records += len(batch.records)
            if records >= limit:
                break
        left = row.expires_at - wall_clock()
        return Page(batches, row.state), min(left, row.lease_left) if row.alive else left

    def runs(self, after: str, limit: int) -> list[tuple[str, State]]:
        """
        Some logs, in the order of their names, behind a name.
        """
        rows = self._rows(
            "run > ? AND expires_at > ? AND NOT deleted ORDER BY run LIMIT ?", (after, wall_clock(), limit)
        )
        return [(row.run, row.state) for row in rows]

    # -- anybody --------------------------------------------------------------------------------------------

    def cancel(self, run: str, reason: str) -> bool:
        row = self._find(run)
        if row is None or row.ending is not None:
            return False
        self.database.execute(
            "UPDATE logs SET cancelled = coalesce(cancelled, ?) WHERE id = ?", (reason, row.id)
        )
        self.touched.add(run)
        return True

    def delete(self, run: str) -> bool:
        row = self._find(run)
        if row is None:
            return False
        self._drop_batches(row)
        # How often it was opened is kept for a while, so that the next log of this name is known for another one.
        self.database.execute(
            "UPDATE logs SET deleted = 1, recipe = NULL, payload = NULL, expires_at = ? WHERE id = ?",
            (wall_clock() + row.ttl, row.id),
        )
        self.touched.add(run)
        return True

    # -- workers --------------------------------------------------------------------------------------------

    def submit(self, run: str, recipe: str, payload: bytes, limits: Limits) -> None:
        refuse_opening(run, self._find(run))
        self._drop_expired()
        made = self._made(run, limits)
        self.database.execute(
            "UPDATE logs SET recipe = ?, payload = ? WHERE id = ?", (recipe, payload, made.id)
        )
        self.touched.add(OFFERED)

    def claim(self, recipes: Collection[str], lease: float) -> Claim | None:
        now = lease_clock()
        marks = ", ".join("?" * len(recipes))
        for row in self._rows(
            f"recipe IN ({marks}) AND ending IS NULL AND expires_at > ? "
            "AND NOT (lease_until > ? AND lease_until <= ? + lease) ORDER BY id LIMIT 1",
            (*recipes, wall_clock(), now, now),
        ):
            [[payload]] = self.database.execute("SELECT payload FROM logs WHERE id = ?", (row.id,))
            return Claim(row.run, row.recipe or "", payload, self._grant(row, lease))
        return None

    # -- changes --------------------------------------------------------------------------------------------

    def last_change(self) -> int:
        """
        The number of the last change.
        """
        number: int
        [[number]] = self.database.execute("SELECT coalesce(max(number), 0) FROM changes")
        return number

    def changes(self, since: int) -> tuple[int, set[str] | None]:
        """
        The number of the last change, and the logs that have changed since another one; None where nobody can tell.
        """
        rows = self.database.execute(
            "SELECT number, run FROM changes WHERE number > ? ORDER BY number", (since,)
        )
        if not rows:
            return since, set()
        return rows[-1][0], {run for _, run in rows} if rows[0][0] == since + 1 else None

    def note_changes(self) -> int:
        """
        Note what the open transaction has changed, for other processes.

        Returns:
            The number of the last change.
        """
        for run in self.touched:
            self.database.execute("INSERT INTO changes (run) VALUES (?)", (run,))
        number = self.last_change()
        self.database.execute("DELETE FROM changes WHERE number <= ?", (number - _KEPT_CHANGES,))
        return number

    # -- rows -----------------------------------------------------------------------------------------------

    def _rows(self, where: str, values: tuple[Value, ...]) -> list[_Row]:
        found = self.database.execute(f"SELECT {_COLUMNS} FROM logs WHERE {where}", values)
        return [_Row(*row) for row in found]

    def _find(self, run: str) -> _Row | None:
        found = self._rows("run = ? AND expires_at > ? AND NOT deleted", (run, wall_clock()))
        return next(iter(found), None)

    def _owned(self, run: str, grant: Grant) -> _Row:
        row = self._find(run)
        if row is None:
            raise gone(run)
        if not row.is_of(grant):
            raise fenced(run)
        if row.ending is not None:
            raise over(run)
        return row

    def _made(self, run: str, limits: Limits) -> _Row:
        """
        A new log, in the place of an old one.
        """
        epoch = 0
        for old in self._rows("run = ?", (run,)):  # also one that was deleted, or whose time is over
            epoch = old.epoch if old.expires_at > wall_clock() else 0
            self._drop(old)
        self.database.execute(
            "INSERT INTO logs (run, epoch, before, ttl, max_bytes, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
            (run, epoch, epoch, limits.ttl, limits.max_bytes, wall_clock() + limits.ttl),
        )
        self.touched.add(run)
        [row] = self._rows("run = ?", (run,))
        return row

    def _grant(self, row: _Row, lease: float) -> Grant:
        epoch, started = row.epoch + 1, row.started or wall_clock()
        self.database.execute(
            "UPDATE logs SET epoch = ?, started = ?, lease = ?, lease_until = ?, expires_at = ? WHERE id = ?",
            (epoch, started, lease, lease_clock() + lease, _expiry(row), row.id),
        )
        self.touched.add(row.run)
        return Grant(epoch, row.last, started, epoch - row.before - 1, bool(row.effects))

    def _renew(self, row: _Row) -> None:
        self.database.execute(
            "UPDATE logs SET lease_until = ?, expires_at = ? WHERE id = ?",
            (lease_clock() + row.lease, _expiry(row), row.id),
        )

    def _drop(self, row: _Row) -> None:
        self.database.execute("DELETE FROM logs WHERE id = ?", (row.id,))
        self._drop_batches(row)
        self.touched.add(row.run)

    def _drop_batches(self, row: _Row) -> None:
        self.database.execute(
            "DELETE FROM batches WHERE place BETWEEN ? AND ?", (_place(row.id, 0), _place(row.id + 1, 0) - 1)
        )

    def _drop_expired(self) -> None:
        for row in self._rows("expires_at <= ? LIMIT ?", (wall_clock(), _MOST_DROPPED)):
            self._drop(row)


def _place(log: int, last: int) -> int:
    return (log << _HALF) + min(last, (1 << _HALF) - 1)


def _expiry(row: _Row) -> float:
    return wall_clock() + max(row.ttl, row.lease)
