"""
The shape of the package: which way imports point, what is public, what importing and running it cost others.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib import import_module, metadata
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Final

import pytest

import streamkit
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE: Final = Path(streamkit.__file__).parent
PROJECT: Final = Path(__file__).parents[1]
SOURCES: Final = sorted(PACKAGE.rglob("*.py"))

PROTOCOL: Final = {"_core", "_partial_json", "_surrogates", "_claude.protocol"}
EVERYTHING: Final = {
    *PROTOCOL,
    "_claude.anthropic_adapter",
    "_claude.exchange",
    "_claude.operators",
    "_claude.sinks",
    "_claude.sources",
    "_claude.tools",
    "_claude.transport",
    "_operators",
    "_serving",
    "_version",
    "durable_streams",
    "events",
    "hub",
    "plugins",
    "sinks",
    "ui",
    "ui.ag_ui",
    "ui.ai_sdk",
}

MAY_IMPORT: Final = {
    "_surrogates": set[str](),
    "_core": {"_core", "_surrogates"},
    "_partial_json": {"_partial_json", "_surrogates"},
    "_operators": {"_core", "_operators", "_surrogates"},
    "_claude.protocol": PROTOCOL,
    "_claude.transport": {*PROTOCOL, "_claude.transport"},
    "_claude.exchange": {*PROTOCOL, "_claude.transport", "_claude.exchange"},
    "_claude.sources": {
        *PROTOCOL,
        "_claude.transport",
        "_claude.exchange",
        "_claude.tools",
        "_claude.sources",
        "_operators",
    },
    "_claude.tools": {*PROTOCOL, "_claude.operators", "_claude.tools"},
    "_claude.operators": {*PROTOCOL, "_operators", "_claude.operators"},
    "_claude.anthropic_adapter": PROTOCOL,
    "_claude.sinks": PROTOCOL,
    "durable_streams": {*PROTOCOL, "_serving", "durable_streams", "hub"},
    "events": {"_core", "_claude.protocol"},
    "hub": {*PROTOCOL, "_claude.exchange", "_operators", "_version", "hub"},
    "plugins": {"_core", "plugins", "streamkit"},
    "_serving": {*PROTOCOL, "_operators", "_serving", "hub"},
    "sinks": {*PROTOCOL, "_claude.sinks", "_serving", "plugins", "sinks"},
    "sse": {*PROTOCOL, "_serving", "hub"},
    "ui": {"ui.ag_ui", "ui.ai_sdk"},
    "ui.ag_ui": {*PROTOCOL, "_serving", "hub", "ui.ag_ui"},
    "ui.ai_sdk": {*PROTOCOL, "_serving", "hub", "ui.ai_sdk"},
    "testing": {*EVERYTHING, "testing", "streamkit"},
    "cli": {*EVERYTHING, "testing", "cli", "streamkit"},
    "_api": EVERYTHING,
    "_version": set[str](),
    "__init__": {
        "_core",
        "_version",
        "_api",
        "durable_streams",
        "events",
        "hub",
        "plugins",
        "sinks",
        "sse",
        "testing",
        "ui",
    },
    "__main__": {"cli"},
}
"""Which room may import which, also for types and inside functions. `streamkit` is the façade itself."""

ALLOWED: Final = {("streamkit._core.outcome", "streamkit._claude.protocol.facts")}
"""What Claude's sources add to an outcome, which checkers alone are to see there."""

FORBIDDEN: Final = {
    "_core": {"anthropic", "httpx2", "pydantic"},
    "_operators": {"anthropic", "httpx2", "pydantic"},
    "_partial_json": {"anthropic", "httpx2", "anyio", "pydantic"},
    "sinks": {"httpx2"},
}
"""What else a room knows nothing of, in its types neither."""


KNOWS_THE_LOOP: Final = re.compile(
    r"_virtual_time|/runtime/host_loop\.py|/transport/(direct|aiohttp|http11)_body\.py|/redis/asyncio_wire\.py"
)
"""The files that may know asyncio and trio: what stands in for the loop, and what reads below HTTP clients and anyio."""


def module_of(path: Path) -> str:
    """
    The name under which a file is imported.
    """
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """
    The room that a module stands in: the longest name in `MAY_IMPORT`; `streamkit` for the façade.
    """
    parts = module.split(".")[1:]
    names = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((name for name in names if name in MAY_IMPORT), "streamkit")


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imported(path: Path) -> Iterator[str]:
    """
    The absolute name of every module that a file imports: when it runs, in a function, or for types.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module_of(path)}: imports are absolute"
            origin = node.module or ""
            for alias in node.names:
                name = f"{origin}.{alias.name}"
                yield name if name in MODULES else origin


MODULES: Final = {module_of(path): path for path in SOURCES}


def test_imports_point_one_way() -> None:
    assert [wrong for module in MODULES for wrong in wrong_imports(module)] == []


def wrong_imports(module: str) -> Iterator[str]:
    path = MODULES[module]
    room = "__init__" if path == PACKAGE / "__init__.py" else room_of(module)
    for name in imported(path):
        root = name.partition(".")[0]
        if root == "streamkit" and (module, name) not in ALLOWED and room_of(name) not in MAY_IMPORT[room]:
            yield f"{module}: {room} must not import {name}"
        if root in FORBIDDEN.get(room, set()):
            yield f"{module}: {room} must not know {root}"
        if root in {"asyncio", "trio"} and not KNOWS_THE_LOOP.search(path.as_posix()):
            yield f"{module}: {name}, where the rest goes through anyio"


def test_every_room_has_its_rule() -> None:
    folders = {path.parent for path in SOURCES if path.parent != PACKAGE} | {*SOURCES}
    rooms = {".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in folders}
    assert {room for room in MAY_IMPORT if room not in rooms} == set()
    assert {module for module in MODULES if room_of(module) == "streamkit"} <= {
        "streamkit",
        "streamkit._claude",
    }


def test_no_module_imports_itself_by_way_of_others() -> None:
    """
    Counting imports for types and inside functions. The façade is left out: it imports everything, lazily.
    """
    graph = {
        module: {name for name in imported(path) if name in MODULES and name not in FACADE}
        for module, path in MODULES.items()
        if module not in FACADE
    }
    assert list(circles(graph)) == []


FACADE: Final = {"streamkit", "streamkit._api"}


def circles(graph: dict[str, set[str]]) -> Iterator[list[str]]:
    """
    The groups of modules that reach one another.
    """
    reachable = {module: reached(graph, module) for module in graph}
    seen: set[str] = set()
    for module in graph:
        group = sorted(other for other in reachable[module] if module in reachable[other])
        if group and module not in seen:
            seen.update(group)
            yield group


def reached(graph: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [*graph[start]]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting.extend(graph[module])
    return found


PUBLIC: Final = {
    "streamkit": streamkit,
    **{
        f"streamkit.{room}": import_module(f"streamkit.{room}")
        for room in (
            "durable_streams",
            "events",
            "hub",
            "plugins",
            "sinks",
            "sse",
            "testing",
            "testing.marbles",
            "ui.ag_ui",
            "ui.ai_sdk",
        )
    },
}


@pytest.mark.parametrize("module", PUBLIC)
def test_what_is_public_says_where_it_is_imported_from(module: str) -> None:
    for name in PUBLIC[module].__all__:
        thing = getattr(PUBLIC[module], name)
        if isinstance(thing, type | FunctionType):
            home = PUBLIC.get(thing.__module__)
            assert getattr(home, thing.__qualname__, None) is thing, (
                f"{name} says it is from {thing.__module__}"
            )


def test_no_file_is_long_without_saying_why() -> None:
    sources = {path: path.read_text(encoding="utf-8") for path in SOURCES}
    long = [path for path, source in sources.items() if len(source.splitlines()) > 400]
    docstrings = {module_of(path): ast.get_docstring(ast.parse(sources[path])) or "" for path in long}
    assert [module for module, docstring in docstrings.items() if "one file" not in docstring] == []


def test_what_is_said_to_be_public_exists() -> None:
    for name, path in MODULES.items():
        if path.name != "__main__.py":
            module = import_module(name)
            public: list[str] = getattr(module, "__all__", [])
            assert len(public) == len(set(public)), f"{name}: a name stands there twice"
            assert [each for each in public if not hasattr(module, each)] == [], name


FACADES: Final = [
    path
    for path in SOURCES
    if path.name == "__init__.py" and "\n__all__ = " in path.read_text(encoding="utf-8")
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
            if isinstance(each, ast.ImportFrom) and (each.module or "").startswith("streamkit"):
                yield from (alias.asname or alias.name for alias in each.names if alias.name != "publish")
            elif isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and each is node:
                yield each.name


def test_the_facade_lists_every_name_once() -> None:
    names: list[str] = PUBLIC["streamkit"].__all__
    assert len(names) == len({*names})
    assert names == dir(streamkit) == sorted(names)
    assert [name for name in names if not hasattr(streamkit, name)] == []


def python(code: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-P", "-W", "error", "-c", code]
    return subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_importing_it_imports_nothing_heavy() -> None:
    code = "import sys, streamkit; print(sorted({'anthropic', 'httpx2', 'pydantic', 'rich', 'pytest'} & {*sys.modules}))"
    assert python(code).stdout == "[]\n"


def test_a_name_loads_what_it_needs_alone() -> None:
    code = """
import sys
import streamkit as sk

sk.from_iterable, sk.map, sk.merge
print([name for name in sys.modules if name.startswith("streamkit._claude")])
"""
    assert python(code).stdout == "[]\n"


def test_no_name_loads_an_event_loop() -> None:
    # but the one that names the SDK's errors, the kit, whose server is built on one, and sse, whose Response is Starlette's
    code = """
import sys
import streamkit as sk

for name in {*dir(sk)} - {"ERRORS", "durable_streams", "sse", "testing"}:
    getattr(sk, name)
print(sorted({"asyncio", "trio", "ssl", "anthropic"} & {*sys.modules}))
"""
    assert python(code).stdout == "[]\n"


def test_what_a_name_brings_along_says_where_it_is_imported_from() -> None:
    code = """
import streamkit as sk

sk.messages
from streamkit._core.outcome import Outcome
print(Outcome)
"""
    assert python(code).stdout == "<class 'streamkit.Outcome'>\n"


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
    command = 'python -m pip install "nox[uv]" && python -m nox'
    assert f"\n{command}\n" in (PROJECT / "README.md").read_text(encoding="utf-8")
    assert command in (PROJECT / ".ci" / "run").read_text(encoding="utf-8")
