"""
What a Redis has to be so that a hub may trust it, looked up when a connection is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamkit.hub._stores.refusals import unreachable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamkit._core.errors import StreamError
    from streamkit.hub._stores.redis.address import Address

__all__ = ["fault_of", "server_facts"]

_OLDEST: Final = (6, 2)


def server_facts(info: bytes) -> dict[str, str]:
    """
    What INFO tells.
    """
    pairs = (line.partition(":") for line in info.decode("utf-8", "replace").splitlines())
    return {name: value for name, colon, value in pairs if colon}


def fault_of(address: Address, facts: Mapping[str, str]) -> StreamError | None:
    """
    Why a Redis cannot keep runs; None where it can.
    """
    version = facts.get("redis_version", "")
    if _numbers(version) < _OLDEST:
        needed = ".".join(map(str, _OLDEST))
        return unreachable(
            f"Redis at {address} is version {version or 'unknown'}: a hub needs {needed} or newer, or Valkey",
            retriable=False,
        )
    if facts.get("redis_mode") == "sentinel":
        return unreachable(
            f"{address} is a sentinel: give the address of the primary that it watches", retriable=False
        )
    if facts.get("role") == "slave":
        primary = (
            f", which is {facts['master_host']}:{facts['master_port']}" if "master_host" in facts else ""
        )
        return unreachable(
            f"Redis at {address} is a replica, which only reads: give the address of the primary{primary}",
            retriable=True,
        )
    policy = facts.get("maxmemory_policy", "noeviction")
    if facts.get("maxmemory", "0") != "0" and policy != "noeviction":
        return unreachable(
            f"Redis at {address} may drop runs when its memory is full (maxmemory-policy {policy}): set it to noeviction with "
            "CONFIG SET maxmemory-policy noeviction and in redis.conf, or give the hub a Redis of its own",
            retriable=False,
        )
    return None


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else ()
