"""
Where a Redis is, out of its URL.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct
from msgspec.structs import replace

__all__ = ["Address", "parse_address"]

_WITHOUT_TLS: Final = ("redis", "valkey", "unix")
_WITH_TLS: Final = ("rediss", "valkeys")
_OF_TLS: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_password")
"""Options for TLS, which the other clients of Redis call the same."""

_OPTIONS: Final = ("db", "prefix", "timeout", *_OF_TLS)
_OTHER_NAMES: Final = {"ca_file": "ssl_ca_certs"}
_PREFIX: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)


class Address(Struct, frozen=True):
    """
    A Redis, and what is needed to use it.

    Attributes:
        host: Its name or IP address; empty where it listens at a path.
        port: Its TCP port.
        path: Of its Unix socket.
        tls: Whether it speaks TLS.
        ca_certs: The file of the certificates to trust, where they are not the system's.
        certfile: That of the certificate to show.
        keyfile: That of its key, where it is another one.
        key_password: With which the key is encrypted.
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
    ca_certs: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    key_password: str | None = None
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
    the same. Options behind `?` are `db`, `prefix`, `timeout` and, with TLS, `ssl_ca_certs`, `ssl_certfile`, `ssl_keyfile` and
    `ssl_password`.

    Raises:
        ValueError: It is none of these.
    """
    parts = urlsplit(url)
    if parts.scheme not in _WITHOUT_TLS + _WITH_TLS:
        raise ValueError(f"a Redis has a URL such as 'redis://localhost', not one of {parts.scheme!r}")
    # The URL itself stands in no message, because it may have a password.
    tls = parts.scheme in _WITH_TLS
    options = _options(parts.query)
    _check_tls(options, parts.scheme)
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
        ca_certs=options.get("ssl_ca_certs"),
        certfile=options.get("ssl_certfile"),
        keyfile=options.get("ssl_keyfile"),
        key_password=options.get("ssl_password"),
        db=_db(options.get("db", "0")),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        prefix=_prefix(options.get("prefix", "streamkit")),
        timeout=_timeout(options.get("timeout", "5")),
    )


def _options(query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for given, value in parse_qsl(query, keep_blank_values=True):
        name = _OTHER_NAMES.get(given, given)
        if name not in _OPTIONS:
            raise ValueError(f"a Redis's URL has no option {name!r}: give {', '.join(_OPTIONS)}")
        if name in options:
            raise ValueError(f"the option {name!r} stands twice in the URL")
        options[name] = value
    return options


def _check_tls(options: dict[str, str], scheme: str) -> None:
    given = [name for name in _OF_TLS if name in options]
    if given and scheme not in _WITH_TLS:
        raise ValueError(f"{given[0]}= is for rediss://, not {scheme}://")
    for name in given:
        if not options[name]:
            raise ValueError(f"{name}= in a URL is empty: give it a value, or leave it out")
        if name in {"ssl_keyfile", "ssl_password"} and "ssl_certfile" not in options:
            raise ValueError(f"{name}= belongs to a certificate: give its file with ssl_certfile=")


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
