"""
The shape of the package: which way imports point, what is public, what importing and running it cost others.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

import streamkit

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE: Final = Path(streamkit.__file__).parent
PROJECT: Final = Path(__file__).parents[1]
SOURCES: Final = sorted(PACKAGE.rglob("*.py"))

MAY_IMPORT: Final = {
    "core": set[str](),
    "operators": {"core"},
    "claude": {"core", "operators"},
    "sinks": {"core", "claude", "plugins"},
    "events": {"claude"},
    "testing": {"core", "claude", "operators", "sinks", "streamkit"},
    "plugins": {"core"},
    "cli": {"core", "claude", "operators", "plugins", "sinks", "testing", "streamkit"},
    "__main__": {"cli"},
    "__init__": {"core", "claude", "events", "operators", "plugins", "sinks", "testing"},
    "_version": set[str](),
}
"""Which part may import which others, at run time. `streamkit` is the façade itself."""

FORBIDDEN: Final = {
    "core": {"anthropic", "httpx2", "pydantic"},
    "operators": {"anthropic", "httpx2", "pydantic"},
    "sinks": {"httpx2"},
}
"""What else a part knows nothing of."""


def module_of(path: Path) -> str:
    """
    The name under which a file is imported.
    """
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(path: Path) -> str:
    """
    The part of the package that a file belongs to: its folder, or its own name.
    """
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imported(path: Path) -> Iterator[str]:
    """
    The absolute name of everything that a file imports when it runs, at the top or in a function.
    """
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = origin_of(node, path)
            yield from (f"{origin}.{alias.name}" for alias in node.names)
        elif is_for_types(node):
            waiting.extend(node.orelse if isinstance(node, ast.If) else ())
        else:
            waiting.extend(ast.iter_child_nodes(node))


def origin_of(node: ast.ImportFrom, path: Path) -> str:
    """
    The absolute name of the module that a `from` names.
    """
    if not node.level:
        return node.module or ""
    above = path.parent.relative_to(PACKAGE.parent).parts
    package = above[: len(above) - node.level + 1]
    return ".".join((*package, *([node.module] if node.module else [])))


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_imports_point_one_way(path: Path) -> None:
    part = part_of(path)
    for name in imported(path):
        root, _, rest = name.partition(".")
        if root == "streamkit":
            first = rest.split(".")[0]
            target = first if first in MAY_IMPORT else "streamkit"
            free = target == part or first == "_version"
            assert free or target in MAY_IMPORT[part], f"{part} must not import {name}"
        assert root not in FORBIDDEN.get(part, set()), f"{part} must not know {root}"
        if root in {"asyncio", "trio"}:
            assert "virtual_time" in path.parts, f"{name}: the rest goes through anyio"


def test_every_part_has_its_rule() -> None:
    assert {part_of(path) for path in SOURCES} == set(MAY_IMPORT)


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_what_is_said_to_be_public_exists(path: Path) -> None:
    if path.name == "__main__.py":
        return
    module = import_module(module_of(path))
    public: list[str] = getattr(module, "__all__", [])
    assert len(public) == len(set(public)), "a name stands there twice"
    assert [name for name in public if not hasattr(module, name)] == []


FACADES: Final = [
    path
    for path in SOURCES
    if path.name == "__init__.py" and hasattr(import_module(module_of(path)), "__all__")
]


@pytest.mark.parametrize("path", FACADES, ids=module_of)
def test_a_facade_says_what_it_exports(path: Path) -> None:
    module = import_module(module_of(path))
    exported = {name for name in names_in(path) if not name.startswith("_")}
    assert exported == {name for name in module.__all__ if not name.startswith("_")}
    assert dir(module) == sorted(dir(module))
    assert set(module.__all__) <= set(dir(module))


def names_in(path: Path) -> Iterator[str]:
    """
    What a façade defines, and what it imports from the rest of the package, for types or at run time.
    """
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        inside = node.body if is_for_types(node) and isinstance(node, ast.If) else [node]
        for each in inside:
            if isinstance(each, ast.ImportFrom) and origin_of(each, path).startswith("streamkit"):
                yield from (alias.asname or alias.name for alias in each.names)
            elif isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and each is node:
                yield each.name


def test_the_facade_has_the_same_objects_as_checkers_see() -> None:
    path = PACKAGE / "__init__.py"
    for block in filter(is_for_types, ast.parse(path.read_text(encoding="utf-8")).body):
        for node in ast.walk(block):
            if isinstance(node, ast.ImportFrom) and node.module != "streamkit":
                origin = import_module(node.module or "")
                for alias in node.names:
                    assert getattr(streamkit, alias.name) is getattr(origin, alias.name)


def python(code: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-P", "-W", "error", "-c", code]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


def test_importing_it_imports_nothing_heavy() -> None:
    code = "import sys, streamkit; print(sorted({'anthropic', 'httpx2', 'pydantic', 'rich', 'pytest'} & {*sys.modules}))"
    assert python(code).stdout == "[]\n"


def test_a_run_says_nothing_unless_asked() -> None:
    # structlog prints to stdout until it is configured, and this run has something to log.
    code = """
import anyio
import streamkit as sk

async def broken(item):
    raise ConnectionError("down")

async def main():
    pipeline = sk.from_iterable(range(100)) | sk.tee(sk.branch(broken, on_error="detach"))
    async with pipeline.open() as run:
        async for _ in run:
            pass
    assert isinstance(run.report.sinks["broken"].error, ConnectionError)

anyio.run(main)
"""
    done = python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_version_stands_in_one_place() -> None:
    assert metadata.version("claude-streamkit") == streamkit.__version__
    assert [path.name for path in SOURCES if streamkit.__version__ in path.read_text(encoding="utf-8")] == [
        "_version.py"
    ]
    assert streamkit.__version__ not in (PROJECT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_oldest_python_is_the_same_everywhere() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    oldest = project["tool"]["pyright"]["pythonVersion"]
    assert project["project"]["requires-python"] == f">={oldest}"
    assert "target-version" not in project["tool"]["ruff"], "ruff takes it from requires-python"


def test_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


def test_the_readme_and_ci_run_the_same_command() -> None:
    command = "python -m pip install nox && python -m nox"
    assert f"\n{command}\n" in (PROJECT / "README.md").read_text(encoding="utf-8")
    assert command in (PROJECT / ".ci" / "run").read_text(encoding="utf-8")
