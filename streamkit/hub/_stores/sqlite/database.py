"""
The file: how it is opened, what its tables are, and what its errors mean.
"""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

import apsw

from streamkit.hub._stores.refusals import unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streamkit._core.errors import StreamError

__all__ = ["Address", "Database", "meaning_of", "open_database", "parse_address"]

Value: TypeAlias = str | bytes | int | float | None

_OURS: Final = 0x736B6875
"""What the header of the file says of who has made it (`PRAGMA application_id`): "skhu"."""

_VERSION: Final = 3
_PATIENCE: Final = 5.0
"""Seconds to wait for another process's transaction."""

# The place of a batch is its log's id in the upper half and the number of its last record in the lower, so that the batches of
# a log stand together and in order, and there is one tree to write to.
_SCHEMA: Final = """
    CREATE TABLE logs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run TEXT NOT NULL UNIQUE,
        epoch INTEGER NOT NULL,
        before INTEGER NOT NULL,
        last INTEGER NOT NULL DEFAULT 0,
        size INTEGER NOT NULL DEFAULT 0,
        ttl REAL NOT NULL,
        max_bytes INTEGER NOT NULL,
        lease REAL NOT NULL DEFAULT 0,
        lease_until REAL NOT NULL DEFAULT 0,
        expires_at REAL NOT NULL,
        started REAL NOT NULL DEFAULT 0,
        ending BLOB,
        cancelled TEXT,
        recipe TEXT,
        payload BLOB,
        effects INTEGER NOT NULL DEFAULT 0,
        deleted INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX logs_by_expiry ON logs (expires_at);
    CREATE INDEX logs_to_claim ON logs (recipe) WHERE recipe IS NOT NULL AND ending IS NULL;
    CREATE TABLE batches (
        place INTEGER PRIMARY KEY,
        first INTEGER NOT NULL,
        epoch INTEGER NOT NULL,
        at REAL NOT NULL,
        records BLOB NOT NULL
    ) STRICT;
    CREATE TABLE changes (number INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL) STRICT;
"""


class Address(NamedTuple):
    """
    What a URL says.

    Attributes:
        path: The file.
        synchronous: `"normal"`: what is acknowledged survives the death of every process; `"full"`: also a power cut.
    """

    path: str
    synchronous: Literal["normal", "full"]


def parse_address(url: str) -> Address:
    """
    What a URL says.

    Raises:
        ValueError: It is malformed.
    """
    parts = urlsplit(url)
    path = unquote(parts.path.removeprefix("/"))
    if parts.netloc or parts.fragment or not url.lower().startswith("sqlite:///") or path in {"", ":memory:"}:
        raise ValueError(
            "hub.connect() needs 'sqlite:///runs.db', with three slashes before a path from the working directory and four "
            f"before one from the root, not {url!r}"
        )
    synchronous = "normal"
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name != "synchronous" or value not in {"normal", "full"}:
            raise ValueError(
                f"hub.connect({url!r}): the one thing behind '?' is synchronous=normal or synchronous=full"
            )
        synchronous = value
    return Address(path, "full" if synchronous == "full" else "normal")


class Database:
    """
    A connection, as far as it is used. Its types are here, because those of apsw are not complete.

    Args:
        path: The file.

    Raises:
        apsw.Error: It cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self._connection: Any = apsw.Connection(path)
        self._connection.set_busy_timeout(int(_PATIENCE * 1000))
        self.close: Callable[[], None] = self._connection.close

    @property
    def is_read_only(self) -> bool:
        """
        Whether it was opened all the same, though the file may not be written.
        """
        read_only: bool = self._connection.readonly("main")
        return read_only

    @property
    def in_transaction(self) -> bool:
        """
        Whether a transaction is open.
        """
        begun: bool = self._connection.in_transaction
        return begun

    def execute(self, statement: str, values: tuple[Value, ...] = ()) -> list[tuple[Any, ...]]:
        """
        The rows that a statement gives.
        """
        rows: list[tuple[Any, ...]] = self._connection.execute(statement, values).fetchall()
        return rows

    def rows(self, statement: str, values: tuple[Value, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """
        The same one by one, for as long as somebody asks.
        """
        rows: Iterator[tuple[Any, ...]] = self._connection.execute(statement, values)
        return rows

    def pragma(self, name: str, value: str | int | None = None) -> Any:
        """
        Read a setting, or make it.
        """
        return self._connection.pragma(name) if value is None else self._connection.pragma(name, value)


def open_database(address: Address) -> Database:
    """
    Open the file, and make it if it is not there.

    Raises:
        StreamError: It cannot be used.
    """
    give_up_at = monotonic() + _PATIENCE
    while True:
        try:
            return _open(address)
        except apsw.BusyError as error:  # several processes make it at once
            if monotonic() > give_up_at:
                raise meaning_of(error, address.path) from error
            sleep(0.01)
        except apsw.Error as error:
            raise meaning_of(error, address.path) from error


def _open(address: Address) -> Database:
    database = Database(address.path)
    try:
        if database.is_read_only:
            raise _read_only(address.path)
        database.pragma("journal_mode", "wal")
        database.pragma("synchronous", address.synchronous)
        database.execute("BEGIN IMMEDIATE")  # one of several processes makes the tables
        _prepare(database, address.path)
        database.execute("COMMIT")
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: Database, path: str) -> None:
    owner = database.pragma("application_id")
    if owner == _OURS:
        version = database.pragma("user_version")
        if version != _VERSION:
            raise unreachable(
                f"{path!r} is of version {version} of the hub's tables, and this streamkit knows {_VERSION}: use the same "
                "release in all processes, or another file",
                retriable=False,
            )
        return
    if owner or database.execute("SELECT 1 FROM sqlite_schema LIMIT 1"):
        raise unreachable(
            f"{path!r} is the database of another program: give the hub a file of its own", retriable=False
        )
    database.execute(_SCHEMA)
    database.pragma("application_id", _OURS)
    database.pragma("user_version", _VERSION)


def meaning_of(error: apsw.Error, path: str) -> StreamError:
    """
    What an error of SQLite means for the hub.
    """
    match error:
        case apsw.FullError():
            return unreachable(f"there is no room left for {path!r}: make some on its disk", retriable=False)
        case apsw.ReadOnlyError() | apsw.PermissionsError():
            return _read_only(path)
        case apsw.CantOpenError():
            return unreachable(
                f"{path!r} cannot be opened: its folder has to be there, and this process has to be allowed to write in it",
                retriable=False,
            )
        case apsw.NotADBError() | apsw.CorruptError():
            return unreachable(f"{path!r} is no database of SQLite, or is broken ({error})", retriable=False)
        case apsw.BusyError() | apsw.LockedError():
            return unreachable(f"{path!r} is locked by another process for too long", retriable=True)
        case apsw.IOError():
            return unreachable(
                f"{path!r} cannot be read or written ({error}): see to its disk, and to limits on the size of files",
                retriable=False,
            )
        case _:
            return unreachable(f"{path!r}: {type(error).__name__}: {error}", retriable=False)


def _read_only(path: str) -> StreamError:
    return unreachable(
        f"{path!r} cannot be written: the hub needs a file, and a folder, that this process is allowed to write",
        retriable=False,
    )
