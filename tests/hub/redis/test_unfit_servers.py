"""
What is no Redis, or none that may keep runs, is refused when it is connected to, with the remedy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from streamkit import StreamError
from streamkit.hub._stores.redis import RedisStore, parse_address
from tests.support.patience import patience
from tests.support.redis_servers import fresh_redis

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def refusal(url: str) -> StreamError:
    """
    Why the store of a URL cannot be entered.
    """
    with patience(), pytest.raises(StreamError) as raised:
        async with RedisStore(parse_address(url)):
            pass
    assert raised.value.type == "hub"
    assert "secret" not in str(raised.value)
    return raised.value


async def refusal_of(serve: Callable[[SocketStream], Awaitable[None]], scheme: str = "redis") -> StreamError:
    """
    Why a server on loopback is no Redis.
    """
    error: StreamError | None = None
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        error = await refusal(
            f"{scheme}://127.0.0.1:{listener.extra(SocketAttribute.local_port)}?timeout=0.5"
        )
        tasks.cancel_scope.cancel()
    assert error is not None
    return error


def answering(answer: bytes) -> Callable[[SocketStream], Awaitable[None]]:
    async def serve(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(answer)

    return serve


async def test_nobody_is_there() -> None:
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(SocketAttribute.local_port)
    error = await refusal(f"redis://:secret@127.0.0.1:{port}")
    assert str(error).startswith(f"Redis at redis://127.0.0.1:{port} does not answer")
    assert "start it, or correct the URL" in str(error)
    assert error.retriable


async def test_no_socket_is_there() -> None:
    error = await refusal("unix:///nowhere/redis.sock")
    assert "the socket unix:///nowhere/redis.sock is not there: correct the path" in str(error)


async def test_it_does_not_answer() -> None:
    async def silent(stream: SocketStream) -> None:
        async with stream:
            await anyio.sleep_forever()

    error = await refusal_of(silent)
    assert "does not answer (TimeoutError)" in str(error)
    assert error.retriable


async def test_it_is_a_web_server() -> None:
    error = await refusal_of(answering(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    assert "is not a Redis" in str(error)
    assert not error.retriable


async def test_it_speaks_tls_alone() -> None:
    error = await refusal_of(answering(b"\x15\x03\x01\x00\x02\x02\x46"))
    assert "speaks TLS alone: correct the port, or write rediss://" in str(error)


async def test_it_does_not_speak_tls() -> None:
    error = await refusal_of(answering(b"-ERR unknown command\r\n"), scheme="rediss")
    assert "does not speak TLS: write redis:// in place of rediss://" in str(error)


async def test_it_is_too_old() -> None:
    info = b"redis_version:5.0.14\r\nrole:master\r\n"
    error = await refusal_of(answering(b"$%d\r\n%b\r\n" % (len(info), info)))
    assert "is version 5.0.14: a hub needs 6.2 or newer" in str(error)
    assert not error.retriable


async def test_it_is_a_sentinel() -> None:
    info = b"redis_version:7.4.1\r\nredis_mode:sentinel\r\n"
    error = await refusal_of(answering(b"$%d\r\n%b\r\n" % (len(info), info)))
    assert "is a sentinel: give the address of the primary" in str(error)


async def test_it_is_still_reading_its_data() -> None:
    error = await refusal_of(answering(b"-LOADING Redis is loading the dataset in memory\r\n"))
    assert "still reading its data" in str(error)
    assert error.retriable


@pytest.mark.pure
@pytest.mark.parametrize(
    ("settings", "before", "said"),
    [
        ({"requirepass": "right"}, "", "it wants a password"),
        ({"requirepass": "right"}, ":secret@", "its user or password is another one"),
        ({}, ":secret@", "its user or password is another one"),
        ({"requirepass": "right"}, "nobody:secret@", "its user or password is another one"),
        ({"user": "default on nopass ~* +@all -info"}, "", "its ACL forbids what a hub needs"),
        ({"databases": "1"}, "", "DB index is out of range"),
        ({"maxmemory": "64mb", "maxmemory_policy": "volatile-lru"}, "", "set it to noeviction"),
        ({"replicaof": "127.0.0.1 1"}, "", "give the address of the primary, which is 127.0.0.1:1"),
    ],
)
async def test_a_redis_that_may_not_keep_runs(settings: dict[str, str], before: str, said: str) -> None:
    with fresh_redis(**settings) as server:
        error = await refusal(server.url.replace("://", f"://{before}") + "?db=1" * ("databases" in settings))
    assert said in str(error)


@pytest.mark.parametrize("settings", [{"maxmemory_policy": "allkeys-lru"}, {"maxmemory": "64mb"}])
async def test_a_redis_that_never_drops_runs_will_do(settings: dict[str, str]) -> None:
    with fresh_redis(**settings) as server, patience():
        async with RedisStore(parse_address(server.url)) as store:
            assert [run async for run in store.runs()] == []


async def test_a_password_opens_it() -> None:
    with fresh_redis(requirepass="p@ss") as server, patience():
        async with RedisStore(parse_address(server.url.replace("://", "://:p%40ss@"))) as store:
            assert await store.read("nothing", 0) is None


async def test_it_may_listen_at_a_socket() -> None:
    with fresh_redis() as server, patience():
        async with RedisStore(parse_address(f"unix://{server.socket}")) as store:
            assert await store.read("nothing", 0) is None
