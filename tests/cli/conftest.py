"""
The command as its users have it: called, as a process with pipes, or in a terminal.
"""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pytest

from streamkit.cli import main
from streamkit.testing import Reply, reply, text, thinking, tool_use
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

"""Seconds after which a command that should have ended counts as hung."""


class Done(NamedTuple):
    """
    What a command has done.
    """

    status: int
    out: str
    err: str


class Command(Protocol):
    """
    Runs `streamkit` with these arguments, and these additions to its environment.
    """

    def __call__(self, *args: object, **env: str) -> Done: ...


class Process(Protocol):
    """
    Starts `streamkit` with these arguments, with pipes for its output.
    """

    def __call__(self, *args: object, **env: str) -> subprocess.Popen[bytes]: ...


Record = Callable[[Reply], "Path"]
"""Writes a reply's body into a file."""


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """
    The command, called as a function.
    """

    def run(*args: object, **env: str) -> Done:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in env.items():
                patch.setenv(name, value)
            status = main([*map(str, args)])
        out, err = capsys.readouterr()
        return Done(status, out, err)

    return run


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """
    The environment of a user who has no key, and no wish about colours.
    """
    private = ("ANTHROPIC_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTHONUNBUFFERED")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(private)}
    return {**kept, "HOME": str(tmp_path), "TERM": "xterm", "PYTHONWARNINGS": "error"}


@pytest.fixture
def process(environment: dict[str, str]) -> Process:
    """
    The command, started as a process.
    """

    def start(*args: object, **env: str) -> subprocess.Popen[bytes]:
        line = [sys.executable, "-m", "streamkit", *map(str, args)]
        pipe = subprocess.PIPE
        # Where the tests themselves run in the background, Ctrl-C is ignored, and that would be inherited.
        heard = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
        return subprocess.Popen(line, env=environment | env, stdout=pipe, stderr=pipe, preexec_fn=heard)

    return start


@pytest.fixture
def in_terminal(environment: dict[str, str]) -> Command:
    """
    The command in a terminal, which shows what goes to stdout and stderr alike.
    """

    def run(*args: object, **env: str) -> Done:
        ours, theirs = pty.openpty()
        line = [sys.executable, "-m", "streamkit", *map(str, args)]
        with subprocess.Popen(
            line, env=environment | env, stdin=theirs, stdout=theirs, stderr=theirs
        ) as process:
            os.close(theirs)
            shown = b"".join(iter(lambda: _read(ours), b""))
            os.close(ours)
            return Done(process.wait(PATIENCE), shown.decode().replace("\r\n", "\n"), "")

    return run


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # how Linux says that nobody has the terminal open any more
        return b""


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """
    Recordings to replay.
    """

    def write(answer: Reply) -> Path:
        path = tmp_path / "recording.sse"
        path.write_bytes(answer.body)
        return path

    return write


@pytest.fixture
def answer() -> Reply:
    """
    A message with something of everything.
    """
    return reply(
        thinking("Rivers", " are long."),
        text("Cold stone,\n", "patient moss."),
        tool_use("measure", {"river": "Saône"}),
    )
