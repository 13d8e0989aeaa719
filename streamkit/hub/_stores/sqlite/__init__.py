"""
Logs in a SQLite file, for the processes of one machine: `"sqlite:///runs.db"`.

`store.py` has what the hub calls. It hands each call to a thread (`group_thread.py`), which makes all that have gathered in one
transaction. `log_tables.py` has the statements, `database.py` opens the file and says what its errors mean, and `clock.py` has
the times.
"""

from __future__ import annotations

from streamkit.hub._stores.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
