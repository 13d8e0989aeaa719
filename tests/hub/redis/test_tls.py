"""
A Redis that speaks TLS: who is trusted, and what is said of who is not.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

import streamkit as sk
from streamkit import hub as hubs
from tests.support.patience import patience
from tests.support.redis_servers import SURVIVES_KILLS, fresh_redis, running_redis, tls_program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.redis_servers import RedisServer

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(tls_program() is None, reason="no redis-server or valkey-server on PATH has TLS"),
]


class Certificates:
    """
    An authority's, and a server's, as files.
    """

    def __init__(self, folder: Path, *names: str) -> None:
        authority = trustme.CA()
        self.authority = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.authority))
        self.issuer = authority
        issued = authority.issue_cert(*names)
        self.settings = {
            "tls_cert_file": str(folder / "server.pem"),
            "tls_key_file": str(folder / "server.key"),
            "tls_ca_cert_file": str(self.authority),
        }
        issued.cert_chain_pems[0].write_to_path(self.settings["tls_cert_file"])
        issued.private_key_pem.write_to_path(self.settings["tls_key_file"])

    def of_a_client(self, folder: Path) -> tuple[Path, Path]:
        """
        A certificate for a client, and its key.
        """
        issued = self.issuer.issue_cert("hub.example")
        certificate, key = folder / "hub.pem", folder / "hub.key"
        issued.cert_chain_pems[0].write_to_path(str(certificate))
        issued.private_key_pem.write_to_path(str(key))
        return certificate, key


def encrypted(key: Path, password: str) -> Path:
    """
    The key in another file, which can be read with the password alone.
    """
    locked = key.with_suffix(".locked")
    encryption = BestAvailableEncryption(password.encode())
    loaded = load_pem_private_key(key.read_bytes(), None)
    locked.write_bytes(loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return locked


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"), "localhost", "127.0.0.1")


@pytest.fixture(scope="module")
def server(certificates: Certificates) -> Iterator[RedisServer]:
    with fresh_redis(**certificates.settings, tls_auth_clients="no") as server:
        yield server


async def refusal(url: str) -> str:
    with patience(), pytest.raises(sk.StreamError) as raised:
        async with hubs.connect(url):
            pass
    assert raised.value.type == "hub"
    return str(raised.value)


async def test_a_run_is_written_and_followed_over_tls(
    server: RedisServer, certificates: Certificates
) -> None:
    url = f"{server.url}?ssl_ca_certs={certificates.authority}&prefix=tls"
    with patience():
        for name in ("127.0.0.1", "localhost"):
            async with hubs.connect(url.replace("127.0.0.1", name)) as hub:
                hub.start("run", sk.from_iterable(["one ", "two " * 50_000]))
                assert await hub.replay("run").collect() == ["one ", "two " * 50_000]


async def test_a_connection_over_tls_that_is_lost_is_made_again(certificates: Certificates) -> None:
    settings = {**certificates.settings, **SURVIVES_KILLS}
    with patience(), fresh_redis(**settings, tls_auth_clients="no") as server:
        async with hubs.connect(f"{server.url}?ssl_ca_certs={certificates.authority}") as hub:
            await hub.publish("run", sk.from_iterable("ab"))
            server.kill()
            server.start()
            assert await hub.replay("run").collect() == ["a", "b"]


async def test_a_server_that_is_not_trusted_is_refused(server: RedisServer) -> None:
    assert "has a certificate that is not trusted" in (said := await refusal(server.url))
    assert "give its issuer with ?ssl_ca_certs=" in said


async def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    other = Certificates(tmp_path, "redis.example")
    with fresh_redis(**other.settings, tls_auth_clients="no") as server:
        for name, kind in {"127.0.0.1": "IP address", "localhost": "Hostname"}.items():
            said = await refusal(f"rediss://{name}:{server.port}?ssl_ca_certs={other.authority}")
            assert f"has a certificate for another name ({kind} mismatch" in said
            assert "write the URL with the name that the certificate has" in said


async def test_a_server_that_asks_for_a_certificate_is_shown_one(
    certificates: Certificates, tmp_path: Path
) -> None:
    certificate, key = certificates.of_a_client(tmp_path)
    both = tmp_path / "both.pem"
    both.write_text(certificate.read_text() + key.read_text())
    locked = encrypted(key, "open it")
    with patience(), fresh_redis(**certificates.settings, tls_auth_clients="yes") as server:
        url = f"{server.url}?ssl_ca_certs={certificates.authority}"
        for shown in (
            f"ssl_certfile={certificate}&ssl_keyfile={key}",
            f"ssl_certfile={both}",
            f"ssl_certfile={certificate}&ssl_keyfile={locked}&ssl_password=open%20it",
        ):
            async with hubs.connect(f"{url}&{shown}") as hub:
                await hub.publish("run", sk.from_iterable("ab"))
                assert await hub.replay("run").collect() == ["a", "b"]
        said = await refusal(f"{url}&timeout=1")
        # It says so and hangs up, and the network may lose what it has said.
        assert "wants a certificate of its clients" in said
        assert "give one with ?ssl_certfile= and ssl_keyfile=, or set tls-auth-clients to no" in said


async def test_a_certificate_that_the_server_does_not_take_is_told(
    certificates: Certificates, tmp_path: Path
) -> None:
    certificate, key = Certificates(tmp_path, "redis.example").of_a_client(tmp_path)
    with fresh_redis(**certificates.settings, tls_auth_clients="yes") as server:
        said = await refusal(
            f"{server.url}?ssl_ca_certs={certificates.authority}&timeout=1&ssl_certfile={certificate}&ssl_keyfile={key}"
        )
    # It says so and hangs up, and the network may lose what it has said.
    assert "does not take the certificate" in said or "may not take the certificate" in said


async def test_a_certificate_that_cannot_be_shown_is_told(
    server: RedisServer, certificates: Certificates, tmp_path: Path
) -> None:
    certificate, key = certificates.of_a_client(tmp_path)
    other = Path(certificates.settings["tls_key_file"])
    locked = encrypted(key, "open it")
    for cert, its_key, password, why in (
        (tmp_path / "nothing.pem", key, "", "FileNotFoundError"),
        (certificate, tmp_path / "nothing.key", "", "FileNotFoundError"),
        (key, certificate, "", "SSLError"),
        (certificate, other, "", "KEY_VALUES_MISMATCH"),
        (certificate, locked, "", ""),
        (certificate, locked, "&ssl_password=sesame", ""),
    ):
        said = await refusal(
            f"{server.url}?ssl_ca_certs={certificates.authority}&ssl_certfile={cert}&ssl_keyfile={its_key}{password}"
        )
        assert f"ssl_certfile={str(cert)!r} with ssl_keyfile={str(its_key)!r} cannot be used as" in said
        assert f"({why}" in said
        assert "sesame" not in said


async def test_tls_on_one_side_only_is_refused(server: RedisServer, certificates: Certificates) -> None:
    said = await refusal(f"redis://127.0.0.1:{server.port}?timeout=0.5")
    assert "start it, or correct the URL; with TLS it is rediss://" in said
    url = f"rediss://127.0.0.1:{running_redis().port}?timeout=0.5&ssl_ca_certs={certificates.authority}"
    assert "start it, or correct the URL; without TLS it is redis://" in await refusal(url)


async def test_an_authority_that_cannot_be_read_is_told(server: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    for name, why in {
        "nothing.pem": "FileNotFoundError",
        "no.pem": "SSLError",
        ".": "IsADirectoryError",
    }.items():
        said = await refusal(f"{server.url}?ssl_ca_certs={tmp_path / name}")
        assert f"ssl_ca_certs={str(tmp_path / name)!r} cannot be read as certificates ({why}" in said
