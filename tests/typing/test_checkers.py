"""
Both type checkers agree with these files: with the types that they assert, and with each `# error`.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("mypy", reason="mypy is not installed: it is in the group `typing`")
pytest.importorskip("pyright", reason="pyright is not installed: it is in the group `typing`")

ROOT = Path(__file__).parents[2]
FILES = sorted(path for path in Path(__file__).parent.glob("*.py") if path != Path(__file__))

Line = tuple[str, int]


def expected() -> set[Line]:
    return {
        (path.name, number)
        for path in FILES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line.endswith("# error")
    }


def run(*command: str, cwd: Path) -> str:
    made = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, check=False, cwd=cwd
    )
    assert made.returncode in {0, 1}, made.stdout + made.stderr
    return made.stdout


def mypy(_: Path) -> dict[Line, str]:
    said = run("mypy", "--strict", "--no-error-summary", *map(str, FILES), cwd=ROOT)
    found = re.findall(r"^(.+?):(\d+): error: (.*)", said, re.MULTILINE)
    return {(Path(path).name, int(line)): message for path, line, message in found}


def pyright(project: Path) -> dict[Line, str]:
    # Copied, for the project excludes the mistakes, and pyright goes by that even for files that it is given.
    for path in FILES:
        shutil.copy(path, project)
    (project / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}', encoding="utf-8")
    said = run("pyright", "--outputjson", f"--pythonpath={sys.executable}", cwd=project)
    found = json.loads(said)["generalDiagnostics"]
    return {
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1): each["message"]
        for each in found
        if each["severity"] == "error"
    }


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_the_checker_finds_every_mistake_and_nothing_else(
    checker: Callable[[Path], dict[Line, str]], tmp_path: Path
) -> None:
    found, wanted = checker(tmp_path), expected()
    assert {line: message for line, message in found.items() if line not in wanted} == {}
    assert sorted(wanted - found.keys()) == [], "these lines should be errors"


def test_there_is_something_to_check() -> None:
    assert {path.name for path in FILES} >= {"algebra.py", "claude.py", "mistakes.py", "own.py"}
    assert len(expected()) > 50
