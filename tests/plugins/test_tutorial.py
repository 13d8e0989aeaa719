"""
What docs/plugins.md tells people to write works, to the letter.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import streamkit as sk
from streamkit.cli import main
from streamkit.testing import reply, text

if TYPE_CHECKING:
    from .conftest import Install

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")


def fence(after: str, kind: str) -> str:
    """
    The first piece of code of a kind after these words.
    """
    found = re.search(rf"^```{kind}\n(.*?)^```$", PAGE[PAGE.index(after) :], re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


@pytest.fixture
def project(install: Install) -> dict[str, Any]:
    """
    The distribution of the page, installed.
    """
    about: dict[str, Any] = tomllib.loads(fence("`pyproject.toml`:", "toml"))["project"]
    code = fence("`src/streamkit_quote/__init__.py`:", "python")
    entry_points = {
        group: {name: target.removeprefix("streamkit_quote:") for name, target in names.items()}
        for group, names in about["entry-points"].items()
    }
    install(about["name"], code, entry_points, about["version"])
    return about


@pytest.mark.usefixtures("project")
async def test_the_pipeline(capsys: pytest.CaptureFixture[str]) -> None:
    code = fence("## 3. In use", "python")
    running = eval(compile(code, "plugins.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), {})
    await running
    assert capsys.readouterr().out == fence("## 3. In use", "text") + "\n"


@pytest.mark.usefixtures("project")
def test_the_check(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMKIT_PLUGINS", "streamkit-quote")
    assert main(["operators", "--check"]) == 0
    shown = [line for line in capsys.readouterr().out.splitlines() if "deselected" not in line]
    assert [line.split() for line in shown] == [line.split() for line in fence("## 2.", "text").splitlines()]


@pytest.mark.usefixtures("project")
def test_the_replay(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def keep() -> None:
        line = compile(
            fence("In a shell, over a recorded stream", "python"),
            "plugins.md",
            "exec",
            ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
        )
        await eval(line, {"sk": sk, "chat": sk.from_sse(reply(text("Cold stone,\n", "patient moss.")).body)})

    command = fence("In a shell, over a recorded stream", "sh")
    monkeypatch.chdir(tmp_path)
    anyio.run(keep)
    found = re.fullmatch(r'streamkit replay run\.jsonl --through "(.*)"\n', command)
    assert found is not None
    assert main(["replay", "run.jsonl", "--through", found[1]]) == 0
    assert capsys.readouterr().out == "| Cold stone,\n| patient moss."


@pytest.mark.usefixtures("project")
def test_the_tests(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile(test_quote=fence("`tests/test_quote.py`:", "python"))
    result = pytester.runpytest("-q", "-p", "no:cacheprovider", "-p", "no:asyncio")
    outcomes = result.parseoutcomes()
    assert outcomes.pop("passed") > 20
    assert not {"failed", "errors"} & {*outcomes}


@pytest.mark.usefixtures("project")
def test_the_version_that_it_asks_for_is_this_one() -> None:
    _ = sk.ops.quote
    assert sys.modules["streamkit_quote"].__streamkit_api__ == sk.plugins.API_VERSION
