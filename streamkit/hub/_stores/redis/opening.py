"""
Opens a connection to Redis, on either event loop.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import anyio

from streamkit.hub._stores.redis.refused import without_authority, without_certificate
from streamkit.hub._stores.redis.wire import StreamWire

if TYPE_CHECKING:
    from anyio.abc import ByteStream

    from streamkit.hub._stores.redis.address import Address
    from streamkit.hub._stores.redis.wire import Wire

__all__ = ["open_wire"]


async def open_wire(address: Address) -> Wire:
    """
    Connect to where a Redis should be.

    Raises:
        StreamError: Of type "hub": the certificates to trust, or the one to show, cannot be read.
        OSError: Nobody listens there, or, as `ssl.SSLError`, not with TLS and a certificate that can be trusted.
    """
    if address.tls:
        return StreamWire(await _open_with_tls(address))
    if not anyio.get_cancelled_exc_class().__module__.startswith("trio"):
        from streamkit.hub._stores.redis.asyncio_wire import AsyncioWire

        return await AsyncioWire.connected(address)
    if address.path is not None:
        return StreamWire(await anyio.connect_unix(address.path))
    return StreamWire(await anyio.connect_tcp(address.host, address.port))


async def _open_with_tls(address: Address) -> ByteStream:
    try:
        context = ssl.create_default_context(cafile=address.ca_certs)
    except OSError as error:
        raise without_authority(address, error) from error
    if address.certfile is not None:
        # Without a password of ours, OpenSSL would ask for one at the terminal.
        password = address.key_password or ""
        try:
            context.load_cert_chain(address.certfile, address.keyfile, password=lambda: password)
        except (OSError, ValueError) as error:
            raise without_certificate(address, error) from error
    return await anyio.connect_tcp(
        address.host, address.port, ssl_context=context, tls_standard_compatible=False
    )
