"""
`streamkit replay URL#ID`: a run of a hub, and what is said where there is none.
"""

from __future__ import annotations

import json
import sys
from time import monotonic
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import streamkit as sk
from streamkit.testing import reply, text, thinking, tool_use
from tests.support.redis_servers import running_redis

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from .conftest import Command

ANSWER = reply(thinking("Hm."), text("Cold stone, ", "moss."), tool_use("measure", {"river": "Saône"}))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """
    A hub with a run of events, one of texts, one of other values, and some that have not ended well.
    """
    url = f"sqlite:///{tmp_path_factory.mktemp('hub') / 'runs.db'}"
    anyio.run(publish, url)
    return url


async def publish(url: str) -> None:
    async with sk.hub.connect(url) as hub:
        await hub.publish("events", sk.from_sse([ANSWER.body]))
        await hub.publish("texts", sk.from_iterable(["one ", "two"]))
        await hub.publish("a #1", sk.from_iterable([("a", 1), {"b": 2}]))
        await hub.publish("slow", sk.from_iterable(slowly))
        await hub.publish("failed", sk.concat(sk.from_iterable(["one"]), sk.from_iterable(fails)))
        await hub.publish("nothing", sk.from_iterable(fails))


async def slowly() -> AsyncIterator[str]:
    yield "a"
    await anyio.sleep(0.3)
    yield "b"


def fails() -> Any:
    raise LookupError("the source's own")
    yield


def test_shows_what_is_asked_for_of_a_run_of_events(command: Command, url: str) -> None:
    run = f"{url}#events"
    assert command("replay", run) == (0, "Cold stone, moss.", "")
    assert command("replay", run, "--show", "thinking") == (0, "Hm.", "")
    assert json.loads(command("replay", run, "--show", "tools").out)["input"] == {"river": "Saône"}
    shown = command("replay", run, "--show", "events").out.splitlines()
    assert [json.loads(line) for line in shown] == ANSWER.events
    assert command("replay", run, "--through", "take(1)") == (0, "Cold stone, ", "")


def test_shows_the_items_of_a_run_without_events(command: Command, url: str) -> None:
    assert command("replay", f"{url}#texts") == (0, "one two", "")
    assert command("replay", f"{url}#texts", "--through", "take(1)") == (0, "one ", "")
    assert command("replay", f"{url}#texts", "--show", "events") == (0, '"one "\n"two"\n', "")
    assert command("replay", f"{url}#a #1") == (0, '["a",1]\n{"b":2}\n', "")


def test_plays_at_the_pace_of_the_run(command: Command, url: str) -> None:
    for speed, at_least in {"1": 0.3, "2": 0.15}.items():
        began = monotonic()
        assert command("replay", f"{url}#slow", "--speed", speed) == (0, "ab", "")
        assert monotonic() - began >= at_least


def test_ends_as_the_run_has_ended(command: Command, url: str) -> None:
    said = "streamkit: run {}: failed: LookupError: the source's own\n"
    assert command("replay", f"{url}#failed") == (1, "one", said.format("'failed'"))
    assert command("replay", f"{url}#nothing") == (1, "", said.format("'nothing'"))
    assert command("replay", f"{url}#nothing", "--show", "tools").status == 1


def test_plays_a_run_in_redis(command: Command) -> None:
    url = f"{running_redis().url}?prefix=cli-replay"
    anyio.run(publish, url)
    assert command("replay", f"{url}#events") == (0, "Cold stone, moss.", "")


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("URL#none", "there is no run 'none': it was deleted, its time is over, or it has never been"),
        ("URL", "give the id of a run behind the URL, as in 'redis://localhost#chat-42'"),
        ("URL#", "give the id of a run behind the URL"),
        ("URL#a\nb", "1 to 200 printable characters"),
        ("memory:#run", "the runs of 'memory:' are in the memory of their process"),
        ("mysql://a#run", "hub.connect() knows 'memory:', 'sqlite:///runs.db'"),
        ("sqlite:////not/there/runs.db#run", "its folder has to be there"),
        ("redis://127.0.0.1:1#run", "does not answer"),
        ("redis://user:secret@127.0.0.1:1/x#run", "a Redis's database is a number"),
        ("no-file#run", "there is no file 'no-file#run'"),
    ],
)
def test_says_what_is_wrong_in_one_line(command: Command, url: str, argument: str, said: str) -> None:
    status, out, err = command("replay", argument.replace("URL", url))
    assert (status, out) == (2, "")
    assert said in err
    assert "secret" not in err
    assert err.count("\n") == 1


def test_says_what_cannot_be_shown_of_a_run_without_events(command: Command, url: str) -> None:
    status, out, err = command("replay", f"{url}#texts", "--show", "tools")
    assert (status, out) == (2, "")
    assert err == (
        "streamkit: --show tools is for runs of Claude's events, and run 'texts' has items of type str: leave it out, or give "
        "--show events\n"
    )


@pytest.mark.parametrize(
    ("url", "package"), [("redis://localhost", "hiredis"), ("sqlite:///runs.db", "apsw")]
)
def test_says_which_extra_is_missing(
    command: Command, monkeypatch: pytest.MonkeyPatch, url: str, package: str
) -> None:
    for name in [
        name
        for name in sys.modules
        if name.startswith(("streamkit.hub._stores.redis", "streamkit.hub._stores.sqlite"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    status, out, err = command("replay", f"{url}#run")
    assert (status, out) == (2, "")
    assert f"needs {package}: pip install" in err


def test_a_file_with_a_sign_in_its_name_is_a_file(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "run#1.sse"
    path.write_bytes(ANSWER.body)
    assert command("replay", path) == (0, "Cold stone, moss.", "")
