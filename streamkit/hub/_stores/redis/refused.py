"""
What Redis's own errors mean for a hub: something that passes, or something that somebody has to repair, and how.
"""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING, Final

import hiredis

from streamkit.hub._stores.refusals import unreachable

if TYPE_CHECKING:
    from streamkit._core.errors import StreamError
    from streamkit.hub._stores.redis.address import Address

__all__ = [
    "kind_of",
    "refused",
    "will_pass",
    "without_authority",
    "without_certificate",
    "without_connection",
]

_PASSING: Final = {
    "ASK",
    "BUSY",
    "CLUSTERDOWN",
    "LOADING",
    "MASTERDOWN",
    "NOREPLICAS",
    "READONLY",
    "TRYAGAIN",
}

_OTHER_NAME: Final = (62, 64)
"""OpenSSL's codes for a host's name and for an IP address that a certificate does not have."""

_IN_SCRIPT: Final = re.compile(r"^ERR .*@user_script: ?\d+: -?([A-Z]+) ")

_SHOW_ONE: Final = "give one with ?ssl_certfile= and ssl_keyfile=, or set tls-auth-clients to no"

_REMEDIES: Final = {
    "ASK": "its cluster is moving the hub's keys; wait for the end of that",
    "BUSY": "a script of somebody's runs there for long; end it with SCRIPT KILL",
    "CLUSTERDOWN": "its cluster is down; see to CLUSTER INFO",
    "CROSSSLOT": "what stands between splits a script's keys; connect to Redis itself",
    "LOADING": "it is still reading its data; wait for it",
    "MASTERDOWN": "its primary is down; give the address of one that is up",
    "MISCONF": "it cannot write its data to disk; free space there, and see to its log",
    "MOVED": "it sends to another node, which could not be followed",
    "NOAUTH": "it wants a password; write the URL as redis://user:password@host",
    "NOPERM": "its ACL forbids what a hub needs; docs/hub-operations.md has the rule to give the user",
    "NOREPLICAS": "it has fewer replicas than min-replicas-to-write; bring them back",
    "OOM": "it is full; raise maxmemory, or keep runs for a shorter time with connect(…, ttl=…)",
    "READONLY": "it is a replica, which only reads; give the address of the primary",
    "WRONGPASS": "its user or password is another one; correct the URL",
    "WRONGTYPE": "another application uses the hub's keys; give the hub a prefix of its own, as redis://host?prefix=chat",
}


def kind_of(reply: hiredis.ReplyError) -> str:
    """
    The word with which Redis begins an error. Before version 7, one from inside a script stands behind the script's line.
    """
    said = str(reply)
    in_script = _IN_SCRIPT.search(said)
    return in_script[1] if in_script is not None else said.partition(" ")[0]


def will_pass(reply: hiredis.ReplyError) -> bool:
    """
    Whether the same command may succeed soon.
    """
    return kind_of(reply) in _PASSING


def refused(address: Address, reply: hiredis.ReplyError) -> StreamError:
    """
    The error for an error of Redis.
    """
    kind = kind_of(reply)
    if kind == "ERR" and "AUTH" in str(reply):
        kind = "WRONGPASS"
    remedy = _REMEDIES.get(kind, "see to its log")
    return unreachable(f"Redis at {address} refuses: {remedy} ({reply})", retriable=kind in _PASSING)


def without_authority(address: Address, error: OSError) -> StreamError:
    """
    The error for certificates to trust that cannot be read.
    """
    return unreachable(
        f"ssl_ca_certs={address.ca_certs!r} cannot be read as certificates ({type(error).__name__}): give a PEM file with the "
        f"certificate of who has issued that of the Redis at {address}",
        retriable=False,
    )


def without_certificate(address: Address, error: Exception) -> StreamError:
    """
    The error for a certificate to show that cannot be read, or not with its key.
    """
    files = f"ssl_certfile={address.certfile!r}"
    if address.keyfile is not None:
        files += f" with ssl_keyfile={address.keyfile!r}"
    why = getattr(error, "reason", None) or type(error).__name__
    return unreachable(
        f"{files} cannot be used as a certificate and its key ({why}): give a PEM file of each, or of both together, and "
        "ssl_password= where the key is encrypted",
        retriable=False,
    )


def without_connection(address: Address, error: BaseException | None) -> StreamError:
    """
    The error for a connection that cannot be made, or does not stay.
    """
    if isinstance(error, ssl.SSLError):
        return unreachable(_meaning_of_tls(address, error), retriable=False)
    if isinstance(error, hiredis.ProtocolError):
        return unreachable(
            f"what listens at {address} is not a Redis, or speaks TLS alone: correct the port, or write rediss://",
            retriable=False,
        )
    if isinstance(error, FileNotFoundError | PermissionError):
        what = "is not there" if isinstance(error, FileNotFoundError) else "must not be opened by this user"
        return unreachable(
            f"the socket {address} {what}: correct the path or its permissions", retriable=True
        )
    why = f" ({type(error).__name__})" if error is not None else ""
    other = (
        f"without TLS it is redis://, and where it wants a certificate of its clients, {_SHOW_ONE}"
        if address.tls and address.certfile is None
        else "without TLS it is redis://, and it may not take the certificate that it is shown"
        if address.tls
        else "with TLS it is rediss://"
    )
    return unreachable(
        f"Redis at {address} does not answer{why}: start it, or correct the URL; {other}",
        retriable=True,
    )


def _meaning_of_tls(address: Address, error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _OTHER_NAME:
            return (
                f"Redis at {address} has a certificate for another name ({error.verify_message}): write the URL with the name "
                "that the certificate has"
            )
        why = error.verify_message
        return f"Redis at {address} has a certificate that is not trusted ({why}): give its issuer with ?ssl_ca_certs="
    if "CERTIFICATE_REQUIRED" in str(error.reason):
        return f"Redis at {address} wants a certificate of its clients: {_SHOW_ONE}"
    if "ALERT" in str(error.reason) and address.certfile is not None:
        return (
            f"Redis at {address} does not take the certificate of ssl_certfile={address.certfile!r} ({error.reason}): give one "
            "whose issuer is in its tls-ca-cert-file"
        )
    return f"what listens at {address} does not speak TLS: write redis:// in place of rediss://, or correct the port"
