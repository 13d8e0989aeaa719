"""
Which store a URL names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamkit.hub._stores.contract import Store

__all__ = ["file_of", "store_kind", "store_maker"]


def store_maker(url: object) -> Callable[[], Store]:
    """
    What makes the store of a URL, each time that a hub is opened.

    Raises:
        TypeError: The URL is not a string.
        ValueError: It names no store, or is malformed.
        ImportError: The client of its store is not installed.
    """
    if not isinstance(url, str):
        raise TypeError(f"hub.connect() needs a URL, a string, not {type(url).__name__}")
    scheme = _scheme(url)
    make = _STORES.get(scheme)
    if make is None:
        raise ValueError(
            f"hub.connect() knows {', '.join(_EXAMPLES)}, and no URL that begins with {scheme + ':' if scheme else url[:20]!r}"
        )
    return make(url)


def store_kind(url: str) -> str:
    """
    What kind of store a URL names: memory, sqlite or redis.
    """
    scheme = _scheme(url)
    return scheme if scheme in {"memory", "sqlite"} else "redis"


def file_of(url: str) -> str | None:
    """
    The path of the file in which a URL's store is; None where it is in none.

    Raises:
        ValueError: The URL is malformed.
    """
    if _scheme(url) != "sqlite":
        return None
    from streamkit.hub._stores.sqlite.database import parse_address

    return parse_address(url).path


def _scheme(url: str) -> str:
    return url.partition(":")[0].lower() if ":" in url else ""


def _memory(url: str) -> Callable[[], Store]:
    from streamkit.hub._stores.memory import MemoryStore

    if url.partition(":")[2].strip("/"):
        raise ValueError(f"hub.connect('memory:') takes nothing behind the colon, not {url!r}")
    return MemoryStore


def _sqlite(url: str) -> Callable[[], Store]:
    try:
        from streamkit.hub._stores.sqlite import SQLiteStore
    except ModuleNotFoundError as error:
        raise ImportError(
            "hub.connect('sqlite:…') needs apsw: pip install \"claude-streamkit[sqlite]\""
        ) from error
    return SQLiteStore.from_url(url)


def _redis(url: str) -> Callable[[], Store]:
    try:
        from streamkit.hub._stores.redis import RedisStore, parse_address
    except ModuleNotFoundError as error:
        raise ImportError(
            'hub.connect("redis://…") needs hiredis: pip install "claude-streamkit[redis]"'
        ) from error
    address = parse_address(url)
    return lambda: RedisStore(address)


_STORES: Final[dict[str, Callable[[str], Callable[[], Store]]]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    **dict.fromkeys(("redis", "rediss", "unix", "valkey", "valkeys"), _redis),
}

_EXAMPLES: Final = ("'memory:'", "'sqlite:///runs.db'", "'redis://localhost'")
