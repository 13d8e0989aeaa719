"""
URLs of Redis.
"""

from __future__ import annotations

import pytest

from streamkit.hub._stores.redis.address import Address, parse_address

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://localhost", Address(host="localhost")),
        ("redis://", Address(host="localhost")),
        ("valkey://cache:7000/2", Address(host="cache", port=7000, db=2)),
        ("redis://cache?db=2", Address(host="cache", db=2)),
        ("redis://:p%40ss@cache", Address(host="cache", password="p@ss")),
        ("redis://me:secret@[::1]:7000", Address(host="::1", port=7000, username="me", password="secret")),
        ("rediss://cache?ssl_ca_certs=ca.pem", Address(host="cache", tls=True, ca_certs="ca.pem")),
        ("rediss://cache?ca_file=ca.pem", Address(host="cache", tls=True, ca_certs="ca.pem")),
        (
            "rediss://cache?ssl_certfile=a.pem&ssl_keyfile=a.key&ssl_password=p%40ss",
            Address(host="cache", tls=True, certfile="a.pem", keyfile="a.key", key_password="p@ss"),
        ),
        ("valkeys://cache", Address(host="cache", tls=True)),
        ("unix:///run/redis.sock?db=1", Address(path="/run/redis.sock", db=1)),
        ("redis://cache?prefix=chat&timeout=0.5", Address(host="cache", prefix="chat", timeout=0.5)),
    ],
)
def test_a_url_names_a_redis(url: str, address: Address) -> None:
    assert parse_address(url) == address


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://cache", "not one of 'http'"),
        ("redis://cache:70000", "up to 65535"),
        ("redis://cache/first", "a number from 0 on, not 'first'"),
        ("redis://cache/1?db=2", "twice"),
        ("redis://cache?db=-1", "a number from 0 on, not '-1'"),
        ("redis://cache?ttl=5", "no option 'ttl': give db, prefix, timeout, ssl_ca_certs"),
        ("redis://cache?db=1&db=2", "'db' stands twice"),
        ("redis://cache?prefix={x}", "not '{x}'"),
        ("redis://cache?timeout=soon", "not 'soon'"),
        ("redis://cache?timeout=0", "above 0, not '0'"),
        ("redis://cache?timeout=nan", "above 0, not 'nan'"),
        ("redis://cache?ssl_ca_certs=ca.pem", "ssl_ca_certs= is for rediss://, not redis://"),
        ("unix:///run/redis.sock?ssl_certfile=a.pem", "ssl_certfile= is for rediss://, not unix://"),
        ("rediss://cache?ca_file=a.pem&ssl_ca_certs=b.pem", "'ssl_ca_certs' stands twice"),
        ("rediss://cache?ssl_certfile=", "ssl_certfile= in a URL is empty"),
        ("rediss://cache?ssl_keyfile=a.key", "ssl_keyfile= belongs to a certificate: give its file with"),
        ("rediss://cache?ssl_password=secret", "ssl_password= belongs to a certificate"),
        ("unix://run/redis.sock", "absolute path"),
    ],
)
def test_a_url_that_names_none_is_refused(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_address(url)


@pytest.mark.parametrize(
    "url", ["redis://me:secret@cache:7", "rediss://:secret@[::1]", "unix://me:secret@/run/redis.sock"]
)
def test_no_message_has_the_password(url: str) -> None:
    address = parse_address(url)
    assert address.password == "secret"
    assert "secret" not in str(address)


def test_no_refusal_has_the_password() -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 -- what it does not say is looked at
        parse_address("redis://me:secret@cache:port")
    assert "secret" not in str(raised.value)
