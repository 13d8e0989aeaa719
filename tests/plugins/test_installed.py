"""
Plugins that are really installed: `nox -s plugins` installs streamkit-redact, and broken ones beside it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import streamkit as sk
from streamkit.testing import reply, text
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

NEEDED = {"streamkit-redact", "streamkit-broken", "streamkit-twin"}
INSTALLED = {str(each.metadata["Name"]) for each in metadata.distributions()}

pytestmark = pytest.mark.skipif(
    not NEEDED <= INSTALLED,
    reason="streamkit-redact and the broken plugins are not installed: nox -s plugins does",
)

COMMAND = Path(sys.executable).with_name("streamkit")
SECRET = "sk-ant-api03-AbCdEfGhIjKlMnOpQrStUvWxYz"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("STREAMKIT_PLUGINS", raising=False)
    sk.plugins.rescan()
    yield
    sk.plugins.rescan()


def streamkit(*arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
    line = [str(COMMAND), *map(str, arguments)]
    return subprocess.run(
        line, env=os.environ | env, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def states(done: subprocess.CompletedProcess[str]) -> dict[str, tuple[str, str | None]]:
    """
    Distribution, state and problem of each plugin, by name.
    """
    entries: list[dict[str, Any]] = json.loads(done.stdout)["entries"]
    plugins = [entry for entry in entries if entry["state"] != "built-in"]
    return {
        f"{entry['distribution']} {entry['name']}": (entry["state"], entry["problem"]) for entry in plugins
    }


async def test_the_plugin_works_in_a_pipeline() -> None:
    pieces = sk.from_iterable(["my key is ", SECRET[:9], SECRET[9:], ", use it wisely"])
    assert await (pieces | sk.ops.redact() | sk.sinks.join()) == "my key is [redacted], use it wisely"


def test_the_check_names_each_of_the_broken_ones_and_nothing_else() -> None:
    done = streamkit("operators", "--check", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    checked = states(done)
    problems = {name: problem for name, (_, problem) in checked.items() if problem is not None}
    assert checked["streamkit-redact redact"] == ("ok", None)
    assert {*problems} == {*checked} - {"streamkit-redact redact"}
    expected = {
        "streamkit-broken raises": "RuntimeError: this plugin needs a flux capacitor",
        "streamkit-broken wrong": "it is of type int",
        "streamkit-broken turns_out_wrong": "its result is of type list",
        "streamkit-broken newer": "asks for version 99 of the plugin API",
        "streamkit-broken take": "streamkit's own wins",
        "streamkit-broken echo": "streamkit-broken 0.1.0 and streamkit-twin 0.1.0 both offer it",
        "streamkit-twin echo": "streamkit-broken 0.1.0 and streamkit-twin 0.1.0 both offer it",
    }
    assert {*problems} == {*expected}
    for name, problem in problems.items():
        assert expected[name] in problem


def test_the_check_for_people_says_the_same() -> None:
    done = streamkit("operators", "--check")
    assert (done.returncode, done.stderr) == (1, "")
    for word in ("flux capacitor", "of type int", "version 99", "streamkit-twin 0.1.0 both offer it"):
        assert word in done.stdout


def test_the_list_imports_none_of_them() -> None:
    done = streamkit("operators", "--json")
    assert done.returncode == 0
    assert {state for state, _ in states(done).values()} == {"found", "conflict"}


@pytest.mark.parametrize("through", ["redact", "redact(mark='***')", "take(9),redact"])
def test_a_recording_goes_through_it(tmp_path: Path, through: str) -> None:
    recording = tmp_path / "run.sse"
    recording.write_bytes(reply(text("Your key: ", f"{SECRET[:9]}", f"{SECRET[9:]}.")).body)
    done = streamkit("replay", recording, "--through", through)
    mark = "***" if "***" in through else "[redacted]"
    assert (done.returncode, done.stdout, done.stderr) == (0, f"Your key: {mark}.", "")


@pytest.mark.parametrize("name", ["raises", "wrong", "turns_out_wrong", "newer", "echo"])
def test_only_who_uses_a_broken_one_is_harmed(name: str) -> None:
    with pytest.raises(sk.PluginError, match="streamkit-broken"):
        getattr(sk.ops, name)()
    assert isinstance(sk.ops.redact(), sk.Operator)


def test_a_selection_leaves_the_broken_ones_out() -> None:
    done = streamkit("operators", "--check", STREAMKIT_PLUGINS="Streamkit_Redact,streamkit.twin")
    assert (done.returncode, done.stderr) == (0, "")
    done = streamkit("operators", "--check", STREAMKIT_PLUGINS="streamkit-reduct")
    assert (done.returncode, "streamkit-reduct" in done.stderr) == (1, True)
