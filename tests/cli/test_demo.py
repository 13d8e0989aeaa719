"""
`streamkit demo`: what it shows, on both event loops, in a terminal and elsewhere, scripted and live.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from streamkit.cli.commands.demo import open_screen
from streamkit.cli.plain_screen import PlainScreen
from streamkit.cli.rich_screen import RichScreen
from streamkit.testing import Drop, error_reply, reply, text
from tests.support.backends import on_both_backends
from tests.support.patience import patience

if TYPE_CHECKING:
    from pathlib import Path

    from streamkit.testing import Reply
    from streamkit.testing.pytest_plugin import StartFakeClaude

    from .conftest import Command, Done


def figure(shown: str, name: str) -> str:
    """
    What stands behind a name at the beginning of a line.
    """
    found = re.search(rf"^{name} +(.*?) *$", shown, re.MULTILINE)
    assert found is not None, f"{name} is not shown"
    return found[1]


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The scripted answers, without the pace at which people like to read them.
    """

    def sooner(*blocks: Any, pace: float, **options: Any) -> Reply:
        return reply(*blocks, pace=pace / 10, **options)

    monkeypatch.setattr("streamkit.cli.demo_conversation.reply", sooner)


@on_both_backends
@pytest.mark.usefixtures("hurried")
def test_shows_a_conversation_and_what_became_of_it(command: Command, backend: str, tmp_path: Path) -> None:
    kept = tmp_path / "events.jsonl"
    status, shown, err = command("demo", "--backend", backend, "--save", kept)
    assert (status, err) == (0, "")
    speakers = [line.split()[0] for line in shown.splitlines() if re.match(r"\S+  ", line)]
    assert speakers[:5] == ["you", "thinking", "claude", "tool", "claude"]
    assert figure(shown, "tool") == "tide_table(place='Lindholm', day='tomorrow')"
    assert figure(shown, "outcome") == "complete · end_turn"
    assert figure(shown, "requests") == "4, one more after OverloadedError, one more after StreamTruncated"
    assert shown.count("give the island two hours") == 1
    assert re.fullmatch(r"1,561 tokens in, \d+ out", figure(shown, "usage"))
    assert re.fullmatch(r"after \d\.\d\d s", figure(shown, "first text"))
    assert re.fullmatch(r"\d+ tokens/s", figure(shown, "speed"))
    events = [json.loads(line)["type"] for line in kept.read_text().splitlines()]
    assert events.count("message_stop") == 2
    assert figure(shown, "jsonl").split() == [str(len(events)), "0", "done"]
    delivered, dropped, _ = figure(shown, "slow_viewer").split()
    assert int(delivered) + int(dropped) == len(events)


@pytest.mark.usefixtures("hurried")
def test_leaves_nothing_behind(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert command("demo").status == 0
    assert list(tmp_path.iterdir()) == []


def test_has_colours_in_a_terminal(in_terminal: Command) -> None:
    status, shown, _ = in_terminal("demo")
    assert status == 0
    assert re.search(r"\x1b\[2;3mThe ", shown), "thinking is dimmed"
    assert "complete · end_turn" in shown


@pytest.mark.full("the demo takes its time, and test_who_gets_colours knows which screen it is")
def test_has_none_where_they_are_not_wanted(in_terminal: Command) -> None:
    status, shown, _ = in_terminal("demo", NO_COLOR="1")
    assert (status, "\x1b" in shown) == (0, False)
    assert "complete · end_turn" in shown


class FakeTerminal:
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("env", "kind"),
    [
        ({}, RichScreen),
        ({"NO_COLOR": ""}, RichScreen),
        ({"NO_COLOR": "1"}, PlainScreen),
        ({"TERM": "dumb"}, PlainScreen),
    ],
)
def test_who_gets_colours(env: dict[str, str], kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", FakeTerminal())
    for name, value in {"TERM": "xterm", "NO_COLOR": "", **env}.items():
        monkeypatch.setenv(name, value)
    assert type(open_screen()) is kind


def test_does_without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", FakeTerminal())
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.delitem(sys.modules, "streamkit.cli.rich_screen")
    assert type(open_screen()) is PlainScreen


def test_a_backend_that_is_not_installed(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anyio, "get_available_backends", lambda: ("asyncio",))
    assert command("demo", "--backend", "trio") == (
        2,
        "",
        "streamkit: --backend trio is not installed: pip install trio\n",
    )


@pytest.mark.parametrize(
    ("target", "complaint"),
    [("nowhere/events.jsonl", "create the directory"), (".", "this is a directory")],
)
def test_a_place_where_nothing_can_be_kept(
    command: Command, tmp_path: Path, target: str, complaint: str
) -> None:
    status, out, err = command("demo", "--save", tmp_path / target)
    assert (status, out) == (2, "")
    assert err.startswith(f"streamkit: --save {tmp_path / target}: ")
    assert complaint in err
    assert len(err.splitlines()) == 1


@pytest.mark.usefixtures("hurried")
def test_a_disk_that_is_full(command: Command) -> None:
    status, shown, err = command("demo", "--save", "/dev/full")
    assert status == 1
    assert figure(shown, "outcome") == "complete · end_turn"
    assert figure(shown, "jsonl").endswith("OSError")
    assert err == "streamkit: sink jsonl failed: [Errno 28] No space left on device\n"


def test_live_needs_a_key(
    command: Command, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.environ", environment)
    assert command("demo", "--live", "Hello") == (
        2,
        "",
        "streamkit: --live needs a key for Claude: set ANTHROPIC_API_KEY\n",
    )


async def live(command: Command, url: str, *args: str) -> Done:
    # In another thread, since it runs an event loop of its own.
    env = {"ANTHROPIC_API_KEY": "key", "ANTHROPIC_BASE_URL": url, "NO_PROXY": "127.0.0.1"}
    with patience():
        return await anyio.to_thread.run_sync(lambda: command("demo", "--live", "Hello", *args, **env))


async def test_live_asks_claude(fake_claude: StartFakeClaude, command: Command) -> None:
    server = await fake_claude(reply(text("Hello ", "yourself.")))
    status, shown, err = await live(command, server.url, "--model", "claude-opus-5")
    assert (status, err) == (0, "")
    assert figure(shown, "claude") == "Hello yourself."
    assert figure(shown, "outcome") == "complete · end_turn"
    request = server.requests[0].body
    assert isinstance(request, dict)
    assert request["model"] == "claude-opus-5"
    assert request["messages"] == [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize(
    ("ending", "said", "kind", "complaint"),
    [
        (error_reply(401), "Hello", "failed", "Error code: 401"),
        (reply(text("Hel", Drop())), "Hel", "truncated", ""),
    ],
)
async def test_live_tells_how_it_failed(
    fake_claude: StartFakeClaude, command: Command, ending: Reply, said: str, kind: str, complaint: str
) -> None:
    server = await fake_claude(ending)
    status, shown, err = await live(command, server.url)
    assert status == 1
    assert figure(shown, "claude" if kind == "truncated" else "you") == said
    assert figure(shown, "outcome") == kind
    assert err.startswith(f"streamkit: {kind}: {complaint}")
    assert len(err.splitlines()) == 1
