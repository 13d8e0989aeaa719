"""
`streamkit record`: what it asks, what it shows, what it keeps, and how it fails.
"""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from streamkit.testing import Drop, ErrorEvent, Reply, error_reply, reply, text
from tests.support.patience import patience

if TYPE_CHECKING:
    from pathlib import Path

    from streamkit.testing.pytest_plugin import StartFakeClaude

    from .conftest import Command, Done, Process

HELLO = reply(text("Cold ", "stone."))


async def asked(command: Command, url: str, *args: object) -> Done:
    # In another thread, since it runs an event loop of its own.
    env = {"ANTHROPIC_API_KEY": "very-private", "ANTHROPIC_BASE_URL": url, "NO_PROXY": "127.0.0.1"}
    with patience():
        return await anyio.to_thread.run_sync(lambda: command("record", *args, **env))


def kept(file: Path) -> str | None:
    """
    What is in the file, if there is one.
    """
    return file.read_text("utf-8") if file.exists() else None


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


async def test_shows_the_text_and_keeps_it(
    fake_claude: StartFakeClaude, command: Command, file: Path
) -> None:
    server = await fake_claude(HELLO)
    assert await asked(command, server.url, file, "What is cold?") == (0, "Cold stone.", "")
    body = server.requests[0].body
    assert body["messages"] == [{"role": "user", "content": "What is cold?"}]
    assert (body["model"], body["max_tokens"], "system" in body) == ("claude-sonnet-5", 1024, False)
    assert "What is cold?" not in str(kept(file))
    assert "very-private" not in str(kept(file))
    assert Reply.file(file).body == HELLO.body
    assert await anyio.to_thread.run_sync(lambda: command("replay", file)) == (0, "Cold stone.", "")


async def test_says_what_is_asked_for(fake_claude: StartFakeClaude, command: Command, file: Path) -> None:
    server = await fake_claude(HELLO)
    options = ("--model", "claude-opus-5", "--max-tokens", "7", "--system", "Be brief.")
    assert (await asked(command, server.url, file, "Hi", *options)).status == 0
    body: Any = server.requests[0].body
    assert (body["model"], body["max_tokens"], body["system"]) == ("claude-opus-5", 7, "Be brief.")
    assert "Be brief." not in str(kept(file))


async def test_takes_the_prompt_from_stdin(
    fake_claude: StartFakeClaude, command: Command, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await fake_claude(HELLO)
    monkeypatch.setattr(sys, "stdin", io.StringIO("two\nlines\n"))
    assert (await asked(command, server.url, file, "-")).status == 0
    assert server.requests[0].body["messages"][0]["content"] == "two\nlines\n"


@pytest.mark.parametrize(
    ("ending", "shown", "kind", "complaint"),
    [
        (HELLO.cut(3, ErrorEvent()), "Cold ", "failed", "overloaded_error"),
        (HELLO.cut(3, Drop()), "Cold ", "truncated", "the connection broke"),
        (HELLO.cut(3), "Cold ", "truncated", "the stream ended"),
        (error_reply(401), "", "failed", "Error code: 401"),
    ],
)
async def test_tells_how_it_failed_and_keeps_what_came(
    fake_claude: StartFakeClaude,
    command: Command,
    file: Path,
    ending: Reply,
    shown: str,
    kind: str,
    complaint: str,
) -> None:
    server = await fake_claude(ending)
    status, out, err = await asked(command, server.url, file, "Hi")
    assert (status, out, len(err.splitlines())) == (1, shown, 1)
    assert err.startswith(f"streamkit: {kind}: {complaint}")
    if ending.status != 200:
        assert kept(file) is None
    else:
        assert Reply.file(file).body == ending.body
        again = await anyio.to_thread.run_sync(lambda: command("replay", file))
        assert (again.status, again.out) == (1, shown)


async def test_a_disk_that_is_full(fake_claude: StartFakeClaude, command: Command, tmp_path: Path) -> None:
    server = await fake_claude(HELLO)
    file = tmp_path / "run.jsonl"
    file.symlink_to("/dev/full")
    status, out, err = await asked(command, server.url, file, "Hi")
    assert (status, out, err) == (1, "", "streamkit: failed: [Errno 28] No space left on device\n")


async def test_replaces_the_file_and_creates_its_directory(
    fake_claude: StartFakeClaude, command: Command, tmp_path: Path
) -> None:
    server = await fake_claude(HELLO, HELLO.cut(1))
    file = tmp_path / "new" / "run.jsonl"
    for status in (0, 1):
        assert (await asked(command, server.url, file, "Hi")).status == status
    assert Reply.file(file).body == HELLO.cut(1).body
    assert [path.name for path in file.parent.iterdir()] == ["run.jsonl"]


def test_needs_a_key(
    command: Command, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    monkeypatch.setattr("os.environ", environment)
    complaint = "streamkit: record needs a key for Claude: set ANTHROPIC_API_KEY\n"
    assert command("record", file, "Hello") == (2, "", complaint)
    assert not file.exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "the following arguments are required: FILE, PROMPT"),
        (["run.jsonl"], "the following arguments are required: PROMPT"),
        ([".", "Hi"], "'.' is a directory"),
        (["run", "Hi"], "give a name with a suffix, such as run.jsonl, not 'run'"),
        (["run.jsonl", "Hi", "--max-tokens", "0"], "give a whole number above 0, not '0'"),
        (["run.jsonl", "Hi", "--max-tokens", "1.5"], "give a whole number above 0, not '1.5'"),
        (["run.jsonl", " "], "the prompt is empty"),
    ],
)
def test_a_slip_is_told_in_one_line(command: Command, arguments: list[str], complaint: str) -> None:
    status, out, err = command("record", *arguments)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith("streamkit")
    assert complaint in err


async def test_a_place_where_nothing_can_be_kept(
    fake_claude: StartFakeClaude, command: Command, tmp_path: Path
) -> None:
    server = await fake_claude()
    (tmp_path / "file").touch()
    status, out, err = await asked(command, server.url, tmp_path / "file" / "run.jsonl", "Hi")
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith(f"streamkit: {tmp_path / 'file' / 'run.jsonl'}: ")
    assert server.requests == []


@pytest.mark.pure  # whose command has a process and a loop of its own
async def test_a_reader_that_goes_is_no_complaint(
    fake_claude: StartFakeClaude, process: Process, file: Path
) -> None:
    server = await fake_claude(reply(text(*["moss\n" * 20_000] * 20)))

    def left_early() -> tuple[int, bytes]:
        env = {"ANTHROPIC_API_KEY": "key", "ANTHROPIC_BASE_URL": server.url, "NO_PROXY": "127.0.0.1"}
        with process("record", file, "Hi", **env) as running:
            assert running.stdout is not None
            assert running.stderr is not None
            running.stdout.readline()
            running.stdout.close()
            complaint = running.stderr.read()
        return running.returncode, complaint

    assert await anyio.to_thread.run_sync(left_early) == (141, b"")
    last = str(kept(file)).splitlines()[-1]
    assert json.loads(last)["end"] == "closed"
