"""
Where a Redis is, out of its URL.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct
from msgspec.structs import replace

__all__ = ["Address", "parse_address"]

_WITHOUT_TLS: Final = ("redis", "valkey", "unix")
_WITH_TLS: Final = ("rediss", "valkeys")
_OPTIONS: Final = ("ca_file", "db", "prefix", "timeout")
_PREFIX: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)


class Address(Struct, frozen=True):
    """
    A Redis, and what is needed to use it.

    Attributes:
        host: Its name or IP address; empty where it listens at a path.
        port: Its TCP port.
        path: Of its Unix socket.
        tls: Whether it speaks TLS.
        ca_file: The certificates to trust, where they are not the system's.
        db: The number of the database.
        username: For AUTH.
        password: For AUTH.
        prefix: How the names of all keys begin, in braces, so that a cluster keeps them in one place.
        timeout: Seconds to wait for an answer, and for a lost connection to come back.
    """

    host: str = ""
    port: int = 6379
    path: str | None = None
    tls: bool = False
    ca_file: str | None = None
    db: int = 0
    username: str | None = None
    password: str | None = None
    prefix: str = "streamkit"
    timeout: float = 5.0

    def __str__(self) -> str:
        """
        The address without the password, for messages.
        """
        if self.path is not None:
            return f"unix://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'rediss' if self.tls else 'redis'}://{host}:{self.port}"

    def moved(self, host: str, port: int) -> Address:
        """
        The same at another node of a cluster. A node that names no host has the one that was asked.
        """
        return replace(self, host=host or self.host, port=port, path=None)


def parse_address(url: str) -> Address:
    """
    Read `redis://[user[:password]@]host[:port][/db]`, `rediss://…` for TLS, or `unix:///path`; `valkey://…` and `valkeys://…` are
    the same. Options behind `?` are `db`, `prefix`, `timeout` and, with TLS, `ca_file`.

    Raises:
        ValueError: It is none of these.
    """
    parts = urlsplit(url)
    if parts.scheme not in _WITHOUT_TLS + _WITH_TLS:
        raise ValueError(f"a Redis has a URL such as 'redis://localhost', not one of {parts.scheme!r}")
    # The URL itself stands in no message, because it may have a password.
    tls = parts.scheme in _WITH_TLS
    options = _options(parts.query)
    if "ca_file" in options and not tls:
        raise ValueError(f"ca_file= is for rediss://, not {parts.scheme}://")
    path = unquote(parts.path)
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f"the port in a {parts.scheme}:// URL is a number up to 65535") from None
    if parts.scheme == "unix":
        if not path.startswith("/") or parts.hostname:
            raise ValueError(
                f"unix:// needs the absolute path of a socket, as in unix:///run/redis.sock, not {path!r}"
            )
    elif path.strip("/"):
        if "db" in options:
            raise ValueError("the number of the database stands twice in the URL: as a path and as db=")
        options["db"], path = path.strip("/"), ""
    return Address(
        host="" if parts.scheme == "unix" else parts.hostname or "localhost",
        port=port or 6379,
        path=path if parts.scheme == "unix" else None,
        tls=tls,
        ca_file=options.get("ca_file"),
        db=_db(options.get("db", "0")),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        prefix=_prefix(options.get("prefix", "streamkit")),
        timeout=_timeout(options.get("timeout", "5")),
    )


def _options(query: str) -> dict[str, str]:
    found = parse_qs(query, keep_blank_values=True)
    for name, values in found.items():
        if name not in _OPTIONS:
            raise ValueError(f"a Redis's URL has no option {name!r}: give {', '.join(_OPTIONS)}")
        if len(values) > 1:
            raise ValueError(f"the option {name!r} stands twice in the URL")
    return {name: values[0] for name, values in found.items()}


def _db(text: str) -> int:
    if not text.isdecimal() or not text.isascii():
        raise ValueError(f"a Redis's database is a number from 0 on, not {text!r}")
    return int(text)


def _prefix(text: str) -> str:
    if _PREFIX.fullmatch(text) is None:
        raise ValueError(f"prefix= in a URL is 1 to 64 letters, digits, and any of _.:-, not {text!r}")
    return text


def _timeout(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise ValueError(f"timeout= in a URL is a number of seconds above 0, not {text!r}")
    return seconds
