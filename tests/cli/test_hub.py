"""
`streamkit hub`: the runs of a hub, and what is said where there is none.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import streamkit as sk

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Command


@pytest.fixture
def url(tmp_path: Path) -> str:
    """
    A hub with a run of text, one of pairs that has failed, and one that waits.
    """
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    anyio.run(publish, url)
    return url


async def publish(url: str) -> None:
    async with sk.hub.connect(url) as hub:
        await hub.publish("chat-1", sk.from_iterable(["one ", "two\n"]))
        failing = sk.concat(sk.from_iterable([("a", 1)]), sk.from_iterable(fails))
        await hub.publish("chat-2", failing)
        await hub.submit("chat-3", "chat")


def fails() -> Any:
    raise LookupError("the source's own")
    yield


def test_lists_every_run(command: Command, url: str) -> None:
    status, out, err = command("hub", "ls", url)
    assert (status, err) == (0, "")
    assert sorted(line.split() for line in out.splitlines()) == [
        ["complete", "2-1", "10", "chat-1"],
        ["failed", "1-1", "9", "chat-2"],
        ["waiting", "-", "0", "chat-3"],
    ]


def test_shows_where_a_run_stands(command: Command, url: str) -> None:
    status, out, err = command("hub", "show", url, "chat-3")
    told = json.loads(out)
    assert (status, err, told["id"], told["kind"], told["recipe"]) == (0, "", "chat-3", "waiting", "chat")


def test_follows_a_run_to_its_end(command: Command, url: str) -> None:
    assert command("hub", "tail", url, "chat-1") == (0, "one two\n", "")
    assert command("hub", "tail", url, "chat-1", "--after", "1-1") == (0, "two\n", "")
    status, out, err = command("hub", "tail", url, "chat-2")
    assert (status, out, err) == (1, '["a",1]\n', "streamkit: LookupError: the source's own\n")


def test_cancels_a_run(command: Command, url: str) -> None:
    assert command("hub", "cancel", url, "chat-3", "--reason", "enough") == (0, "", "")
    assert json.loads(command("hub", "show", url, "chat-3").out)["reason"] == "enough"
    assert command("hub", "cancel", url, "chat-3") == (
        1,
        "",
        "streamkit: there is no run 'chat-3' that has not ended\n",
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ls", "memory:"], "the runs of 'memory:' are in the memory of their process"),
        (["ls", "mysql://a"], "hub.connect() knows 'memory:', 'sqlite:///runs.db'"),
        (["ls", "URL", "chat-1"], "hub ls needs no ID of a run"),
        (["show", "URL"], "hub show needs the ID of a run"),
        (["tail", "URL", "chat-1", "--after", "x"], "is the id of a record such as '57-1'"),
        (["ls", "sqlite:////not/there/runs.db"], "its folder has to be there"),
    ],
)
def test_says_what_is_wrong_in_one_line(command: Command, url: str, arguments: list[str], said: str) -> None:
    status, out, err = command("hub", *(url if each == "URL" else each for each in arguments))
    assert (status, out) == (2, "")
    assert said in err


@pytest.mark.parametrize("arguments", [["ls"], ["show", "a"], ["tail", "a"], ["cancel", "a"], ["replay"]])
def test_a_file_that_is_not_there_is_told_and_not_made(
    command: Command, tmp_path: Path, arguments: list[str]
) -> None:
    path = tmp_path / "rusn.db"
    url = f"sqlite:///{path}"
    what, *run = arguments
    status, out, err = command("replay", f"{url}#a") if what == "replay" else command("hub", what, url, *run)
    assert (status, out) == (2, "")
    assert f"there is no file {str(path)!r}: correct the path" in err
    assert not path.exists()


def test_a_run_that_is_not_there(command: Command, url: str) -> None:
    assert command("hub", "show", url, "none") == (1, "", "streamkit: there is no run 'none'\n")
    assert command("hub", "tail", url, "none").status == 1
