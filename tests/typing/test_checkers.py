"""
Both type checkers agree with the files beside this one: with the types that they assert, and with each `# error`.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

import streamkit as sk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest.importorskip("mypy", reason="mypy is not installed: it is in the group `typing`")
pytest.importorskip("pyright", reason="pyright is not installed: it is in the group `typing`")

ROOT: Final = Path(__file__).parents[2]
NOT_CHECKED: Final = {"conftest.py", Path(__file__).name, "test_documentation.py"}
FILES: Final = sorted(path for path in Path(__file__).parent.glob("*.py") if path.name not in NOT_CHECKED)

Line = tuple[str, int]


def mistakes() -> set[Line]:
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
    found = re.findall(r"^tests/typing/(.+?):(\d+): error: (.*)", said, re.MULTILINE)
    return {(name, int(line)): message for name, line, message in found}


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
    found, wanted = checker(tmp_path), mistakes()
    assert {line: message for line, message in found.items() if line not in wanted} == {}
    assert sorted(wanted - found.keys()) == [], "these lines should be errors"


def public() -> dict[str, object]:
    """
    The names of the façade, and of `sinks`.
    """
    modules = {"sk": sk, "sk.sinks": sk.sinks}
    return {
        f"{prefix}.{name}": getattr(module, name)
        for prefix, module in modules.items()
        for name in module.__all__
        if name != "ui"  # whose two rooms are imported by name
    }


def used(path: Path) -> Iterator[tuple[str, Line]]:
    """
    The public names in a file, and where.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node), (path.name, node.lineno)
        elif isinstance(node, ast.Name) and node.id in sk.sinks.__all__:
            yield f"sk.sinks.{node.id}", (path.name, node.lineno)


def test_every_public_name_is_used_rightly_and_every_function_wrongly_too() -> None:
    uses = {use for path in FILES for use in used(path)}
    wrong = mistakes()
    names = public()
    assert sorted(names.keys() - {name for name, line in uses if line not in wrong}) == []
    functions = {name for name, value in names.items() if inspect.isfunction(value)}
    assert sorted(functions - {name for name, line in uses if line in wrong}) == []
