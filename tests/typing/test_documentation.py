"""
The code on the pages and in the examples passes a type checker, so that whoever copies it gets no errors from theirs.

mypy reads it as it reads code that is not annotated everywhere. What the pages leave out on purpose is not asked for: checks for
None and for the kind of a content block, and the types of empty lists.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from textwrap import indent
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from tests.docs.test_examples import EXAMPLES, PROGRAMS
from tests.docs.test_fences import FENCES, ROOT, Fence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

pytest.importorskip("mypy", reason="mypy is not installed: it is in the group `typing`")

WEB_EXAMPLE: Final = EXAMPLES / "web" / "app.py"
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
LENIENT: Final = """
check_untyped_defs = true
allow_redefinition = true
disable_error_code = ["union-attr", "var-annotated", "import-not-found", {codes}]
disallow_any_generics = false
disallow_incomplete_defs = false
disallow_subclassing_any = false
disallow_untyped_calls = false
disallow_untyped_decorators = false
disallow_untyped_defs = false
extra_checks = false
implicit_reexport = true
strict_equality = false
warn_return_any = false
warn_unused_ignores = false
"""
"""What is asked of the code on the pages."""
NOT_CHECKED: Final = {
    "asyncio only": "aiostream has types of its own",
    "not run": "it has names of a program, or needs another package",
}


class Module(NamedTuple):
    """
    A fence as a module: in a function, because a page may await at the top, and a module may not.
    """

    fence: Fence
    above: str
    """The code whose names the fence uses. It is checked where it stands."""

    @property
    def code(self) -> str:
        own = re.sub(r"^from __future__ .*", "", self.fence.code, flags=re.MULTILINE)
        return self.above + indent(own, "    ")

    def place(self, line: int) -> str | None:
        """
        The place on the page of a line of the module; None if it stands above the fence.
        """
        line -= self.above.count("\n")
        return None if line < 1 else f"{self.fence.page.relative_to(ROOT)}:{self.fence.line + line - 1}"


def module(fence: Fence) -> Module:
    above = indent("".join(each.code for each in before(fence)), "    ")
    return Module(fence, f"async def page() -> None:\n{above}")


def before(fence: Fence) -> Iterator[Fence]:
    for earlier in FENCES if fence.special == "continues" else ():
        if earlier.page == fence.page and earlier.line < fence.line and earlier.special != "not run":
            yield earlier


def settings(pages: Path, examples: Sequence[Path]) -> str:
    """
    The project's for everything else, so that what mypy has found out about the package and the SDK is taken from its cache.
    """
    modules = ["pages.*", *(path.stem for path in examples)]
    codes = [*PROJECT["enable_error_code"]]
    return f"""
[tool.mypy]
strict = {json.dumps(PROJECT["strict"])}
explicit_package_bases = true
enable_error_code = {json.dumps(codes)}
mypy_path = {json.dumps([str(pages.parent), str(EXAMPLES), str(WEB_EXAMPLE.parent)])}

[[tool.mypy.overrides]]
module = {json.dumps(modules)}
{LENIENT.format(codes=", ".join(map(json.dumps, codes)))}
"""


def test_a_type_checker_finds_nothing_on_the_pages_and_in_the_examples(tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    modules = {
        pages / f"fence_{number}.py": module(fence)
        for number, fence in enumerate(FENCES)
        if fence.special not in NOT_CHECKED
    }
    for path, made in modules.items():
        path.write_text(made.code, encoding="utf-8")
    config = tmp_path / "pyproject.toml"
    config.write_text(settings(pages, [*EXAMPLES.glob("*.py"), WEB_EXAMPLE]), encoding="utf-8")
    paths = map(str, [*modules, *PROGRAMS, WEB_EXAMPLE])
    command = [sys.executable, "-m", "mypy", f"--config-file={config}", "--no-error-summary", *paths]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert ran.returncode in {0, 1}, ran.stdout + ran.stderr
    found = re.findall(r"^(.+?):(\d+): error: (.*)", ran.stdout, re.MULTILINE)
    placed = [
        (modules[path].place(int(line)) if (path := (ROOT / name)) in modules else f"{name}:{line}", message)
        for name, line, message in found
    ]
    assert [f"{place}: {message}" for place, message in placed if place is not None] == []
