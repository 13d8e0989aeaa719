"""
A Redis that speaks TLS: who is trusted, and what is said of who is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trustme

import streamkit as sk
from streamkit import hub as hubs
from tests.support.patience import patience
from tests.support.redis_servers import fresh_redis, running_redis, tls_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
        issued = authority.issue_cert(*names)
        self.settings = {
            "tls_cert_file": str(folder / "server.pem"),
            "tls_key_file": str(folder / "server.key"),
            "tls_ca_cert_file": str(self.authority),
        }
        issued.cert_chain_pems[0].write_to_path(self.settings["tls_cert_file"])
        issued.private_key_pem.write_to_path(self.settings["tls_key_file"])


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
    url = f"{server.url}?ca_file={certificates.authority}&prefix=tls"
    with patience():
        for name in ("127.0.0.1", "localhost"):
            async with hubs.connect(url.replace("127.0.0.1", name)) as hub:
                hub.start("run", sk.from_iterable(["one ", "two " * 50_000]))
                assert await hub.replay("run").collect() == ["one ", "two " * 50_000]


async def test_a_connection_over_tls_that_is_lost_is_made_again(certificates: Certificates) -> None:
    with (
        patience(),
        fresh_redis(**certificates.settings, tls_auth_clients="no", appendfsync="always") as server,
    ):
        async with hubs.connect(f"{server.url}?ca_file={certificates.authority}") as hub:
            await hub.publish("run", sk.from_iterable("ab"))
            server.kill()
            server.start()
            assert await hub.replay("run").collect() == ["a", "b"]


async def test_a_server_that_is_not_trusted_is_refused(server: RedisServer) -> None:
    assert "has a certificate that is not trusted" in (said := await refusal(server.url))
    assert "give its issuer with ?ca_file=" in said


async def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    other = Certificates(tmp_path, "redis.example")
    with fresh_redis(**other.settings, tls_auth_clients="no") as server:
        for name, kind in {"127.0.0.1": "IP address", "localhost": "Hostname"}.items():
            said = await refusal(f"rediss://{name}:{server.port}?ca_file={other.authority}")
            assert f"has a certificate for another name ({kind} mismatch" in said
            assert "write the URL with the name that the certificate has" in said


async def test_a_server_that_asks_for_a_certificate_says_how_to_do_without(
    certificates: Certificates,
) -> None:
    with fresh_redis(**certificates.settings, tls_auth_clients="yes") as server:
        said = await refusal(f"{server.url}?ca_file={certificates.authority}&timeout=1")
    # It says so and hangs up, and the network may lose what it has said.
    assert "wants a certificate of its clients" in said or "does not answer" in said
    assert "tls-auth-clients" in said


async def test_tls_on_one_side_only_is_refused(server: RedisServer, certificates: Certificates) -> None:
    said = await refusal(f"redis://127.0.0.1:{server.port}?timeout=0.5")
    assert "start it, or correct the URL; with TLS it is rediss://" in said
    url = f"rediss://127.0.0.1:{running_redis().port}?timeout=0.5&ca_file={certificates.authority}"
    assert "start it, or correct the URL; without TLS it is redis://" in await refusal(url)


async def test_an_authority_that_cannot_be_read_is_told(server: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    for name, why in {
        "nothing.pem": "FileNotFoundError",
        "no.pem": "SSLError",
        ".": "IsADirectoryError",
    }.items():
        said = await refusal(f"{server.url}?ca_file={tmp_path / name}")
        assert f"ca_file={str(tmp_path / name)!r} cannot be read as certificates ({why}" in said
