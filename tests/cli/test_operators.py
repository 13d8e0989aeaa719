"""
`streamkit operators`: the list, for people and for programs, and the check.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

import streamkit as sk

from ..plugins.distribution import OPERATORS, SHOUT, SINKS, SOURCES, write_distribution

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Command, Process


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """
    A folder of distributions, with one that is fine.
    """
    folder = tmp_path / "site"
    groups = {OPERATORS: {"shout": "shout"}, SOURCES: {"ticks": "ticks"}, SINKS: {"count": "count"}}
    write_distribution(folder, "streamkit-shout", SHOUT, groups)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    monkeypatch.delenv("STREAMKIT_PLUGINS", raising=False)
    sk.plugins.rescan()
    yield folder
    for module in [name for name in sys.modules if name.startswith("streamkit_")]:
        del sys.modules[module]
    sk.plugins.rescan()


def entries(text: str) -> dict[str, Any]:
    """
    The entries of the JSON, by kind and name.
    """
    return {f"{entry['kind']} {entry['name']}": entry for entry in json.loads(text)["entries"]}


@pytest.mark.usefixtures("site")
def test_lists_what_there_is_without_importing_plugins(command: Command) -> None:
    status, out, err = command("operators")
    assert (status, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert [line for line in lines if line.endswith("s")] == ["operators", "sources", "sinks", "plugins"]
    assert "take The first `n` items." in lines
    assert "shout operator streamkit-shout 1.0 found" in lines
    assert "ticks source streamkit-shout 1.0 found" in lines
    assert "count sink streamkit-shout 1.0 found" in lines
    assert "streamkit_shout" not in sys.modules
    assert max(map(len, out.splitlines())) < 200


@pytest.mark.usefixtures("site")
def test_every_built_in_one_is_listed_with_a_line(command: Command) -> None:
    listed = entries(command("operators", "--json").out)
    built_in = {key: entry for key, entry in listed.items() if entry["state"] == "built-in"}
    assert {"operator take", "operator text", "source messages", "sink jsonl"} <= {*built_in}
    for key, entry in built_in.items():
        assert entry["summary"], key
        assert (entry["distribution"], entry["version"]) == ("claude-streamkit", sk.__version__)


@pytest.mark.usefixtures("site")
def test_the_json_has_all_there_is_to_know(command: Command) -> None:
    status, out, err = command("operators", "--json")
    assert (status, err, json.loads(out)["problems"]) == (0, "", [])
    assert entries(out)["operator shout"] == {
        "name": "shout",
        "kind": "operator",
        "group": "streamkit.operators",
        "distribution": "streamkit-shout",
        "version": "1.0",
        "state": "found",
        "summary": None,
        "problem": None,
    }
    assert "streamkit_shout" not in sys.modules


@pytest.mark.usefixtures("site")
def test_a_check_imports_them_and_says_that_they_are_fine(command: Command) -> None:
    status, out, err = command("operators", "--check")
    assert (status, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "shout operator streamkit-shout 1.0 ok Text in capitals." in lines
    assert "streamkit_shout" in sys.modules
    checked = entries(command("operators", "--check", "--json").out)
    assert checked["operator shout"]["state"] == "ok"
    assert checked["operator shout"]["summary"] == "Text in capitals."


def test_without_plugins_there_is_nothing_to_check(command: Command) -> None:
    sk.plugins.rescan()
    try:
        status, out, _ = command("operators", "--check", STREAMKIT_PLUGINS="")
    finally:
        sk.plugins.rescan()
    assert status == 0
    assert out.startswith("plugins")


@pytest.mark.parametrize(
    ("name", "code", "offered", "state", "complaint"),
    [
        (
            "streamkit-broken",
            "1 / 0",
            "thing",
            "broken",
            "cannot be imported: ZeroDivisionError: division by zero",
        ),
        (
            "streamkit-broken",
            "thing = 42",
            "thing",
            "broken",
            "is not of type Operator, and does not make one: it is of type int",
        ),
        (
            "streamkit-broken",
            SHOUT + "\n    __streamkit_api__ = 9",
            "loudly",
            "broken",
            "version 9 of the plugin API",
        ),
        ("streamkit-broken", "def thing(): return 1", "thing", "broken", "its result is of type int"),
        ("streamkit-broken", "thing = 'a\\nb'.no\\nsuch", "thing", "broken", "SyntaxError"),
        (
            "streamkit-twin",
            SHOUT,
            "shout",
            "conflict",
            "streamkit-shout 1.0 and streamkit-twin 1.0 both offer it",
        ),
        (
            "streamkit-greedy",
            SHOUT,
            "take",
            "conflict",
            "streamkit-greedy offers it, and streamkit's own wins",
        ),
    ],
)
def test_a_check_finds_what_cannot_be_used(
    command: Command, site: Path, name: str, code: str, offered: str, state: str, complaint: str
) -> None:
    attribute = offered if offered in code else "shout"
    write_distribution(site, name, code, {OPERATORS: {offered: attribute}})
    sk.plugins.rescan()

    status, out, err = command("operators", "--check")
    assert (status, err) == (1, "")
    assert complaint in out
    [row] = [line for line in out.splitlines() if line.split()[:4] == [offered, "operator", name, "1.0"]]
    assert row.split()[4] == state

    status, out, _ = command("operators", "--check", "--json")
    assert status == 1
    plugins = [entry for entry in json.loads(out)["entries"] if entry["distribution"] == name]
    assert [(entry["state"], complaint in entry["problem"]) for entry in plugins] == [(state, True)]
    assert entries(out)["source ticks"]["state"] == "ok"

    assert command("operators").status == 0, "the list alone is not a check"


def test_a_selection_is_seen_and_a_slip_in_it_reported(command: Command, site: Path) -> None:
    write_distribution(site, "streamkit-broken", "1 / 0", {OPERATORS: {"thing": "thing"}})
    sk.plugins.rescan()
    status, out, err = command("operators", "--check", STREAMKIT_PLUGINS="Streamkit_Shout")
    assert (status, err) == (0, "")
    assert "deselected" in out

    sk.plugins.rescan()
    status, out, err = command("operators", "--check", STREAMKIT_PLUGINS="streamkit-shuot")
    assert status == 1
    assert err == (
        "streamkit: STREAMKIT_PLUGINS names 'streamkit-shuot', and no installed distribution of that name offers anything\n"
    )
    assert json.loads(command("operators", "--json").out)["problems"]


def test_as_a_process(process: Process, site: Path) -> None:
    write_distribution(site, "streamkit-broken", "print('hello'); 1 / 0", {OPERATORS: {"thing": "thing"}})
    with process("operators", "--json", PYTHONPATH=str(site)) as running:
        out, err = running.communicate()
    assert (running.returncode, err) == (0, b"")
    assert entries(out.decode())["operator thing"]["state"] == "found"
    with process("operators", "--check", "--json", PYTHONPATH=str(site)) as running:
        out, err = running.communicate()
    assert (running.returncode, err) == (1, b"hello\n")
    assert entries(out.decode())["operator thing"]["state"] == "broken"
