"""
The command as a whole: help, version, slips, interruptions, and pipes that close.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from typing import IO, TYPE_CHECKING, cast

import pytest

import streamkit as sk
from streamkit.cli import main
from streamkit.testing import reply, text
from tests.support.backends import on_both_backends
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Command, Process, Record


@pytest.mark.parametrize("module", ["streamkit", "streamkit.cli"])
def test_runs_as_a_module(environment: dict[str, str], module: str) -> None:
    line = [sys.executable, "-m", module, "--version"]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"streamkit {sk.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [[], ["--help"], ["demo", "--help"], ["replay", "--help"], ["record", "--help"], ["serve", "--help"]],
)
def test_help_is_a_success(command: Command, arguments: list[str]) -> None:
    status, out, err = command(*arguments)
    assert (status, err) == (0, "")
    assert out.startswith("usage: streamkit")


@pytest.mark.parametrize(("arguments", "status"), [(["operators"], 0), (["dance"], 2)])
def test_it_runs_where_nobody_can_be_told(
    environment: dict[str, str], arguments: list[str], status: int
) -> None:
    """
    As under a service manager that closes what a process would write to.
    """
    line = shlex.join([sys.executable, "-m", "streamkit", *arguments])
    assert (
        subprocess.run(["/bin/sh", "-c", f"{line} >&- 2>&-"], env=environment, check=False).returncode
        == status
    )


@pytest.mark.parametrize("arguments", [["dance"], ["--loud"], ["demo", "--backend", "curio"]])
def test_a_slip_is_told_in_one_line(command: Command, arguments: list[str]) -> None:
    status, out, err = command(*arguments)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith("streamkit")


def test_takes_the_arguments_of_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["streamkit", "replay", "nowhere.sse"])
    assert main() == 2
    assert "nowhere.sse" in capsys.readouterr().err


@on_both_backends
def test_ctrl_c_ends_the_demo_quietly(process: Process, backend: str) -> None:
    with process("demo", "--backend", backend) as running:
        assert read_until(running, b"thinking")
        running.send_signal(signal.SIGINT)
        _, complaint = running.communicate(timeout=PATIENCE)
    assert (running.returncode, complaint) == (130, b"")


def test_ctrl_c_ends_a_replay_quietly(process: Process, tmp_path: Path) -> None:
    recording = tmp_path / "slow.cassette"
    steps = [step for step in reply(text("Cold", " stone")).steps if isinstance(step, bytes)]
    reads = [{"at": 1000.0 * (number > 2), "data": step.decode()} for number, step in enumerate(steps)]
    head = {"streamkit": "cassette", "version": 1}
    recording.write_text("".join(json.dumps(line) + "\n" for line in [head, *reads]))
    with process("replay", recording, "--speed", "1") as running:
        assert read_until(running, b"Cold")
        running.send_signal(signal.SIGINT)
        rest, complaint = running.communicate(timeout=PATIENCE)
    assert (running.returncode, rest, complaint) == (130, b"", b"")


def read_until(running: subprocess.Popen[bytes], word: bytes) -> bool:
    """
    Read the output up to a word. False if it ended before.
    """
    shown = b""
    while not shown.endswith(word) and (character := os.read(stdout(running).fileno(), 1)):
        shown += character
    return shown.endswith(word)


def stdout(running: subprocess.Popen[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", running.stdout)


def stderr(running: subprocess.Popen[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", running.stderr)


@pytest.mark.parametrize("show", ["text", "events"])
def test_a_pipe_that_closes_is_no_complaint(process: Process, record: Record, show: str) -> None:
    path = record(reply(text("moss\n" * 100_000, chunk=500)))
    with process("replay", path, "--show", show) as running:
        stdout(running).readline()
        stdout(running).close()
        complaint = stderr(running).read()
    assert (running.returncode, complaint) == (141, b"")


@pytest.mark.parametrize("arguments", [["demo"], ["--help"]])
def test_a_pipe_that_is_closed_is_no_complaint(process: Process, arguments: list[str]) -> None:
    with process(*arguments) as running:
        stdout(running).close()
        complaint = stderr(running).read()
    assert (running.returncode, complaint) == (141, b"")
