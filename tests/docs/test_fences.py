"""
Every ```python fence of the README and of the pages runs, offline, and prints what the ```text fence after it says.

A comment right above a fence says what is special about it:

    <!-- not run: it needs a Redis server -->        it is only compiled
    <!-- asyncio only: aiostream is -->              it runs on that event loop alone
    <!-- continues -->                               it uses the names of the fences before it on its page
"""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anthropic
import pytest
from anyio import to_thread

from streamkit.testing import Block, FakeClaude, Reply, Request, reply, text, thinking, tool_use

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from types import CodeType

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

HAIKU: Final = "Cold stone, patient moss.\nThe river forgets each name\nand sings all of them.\n"
"""What Claude answers to every fence that does not script its own answer."""

FENCE: Final = re.compile(r"^```(?P<kind>\S*).*\n(?P<body>(?:.*\n)*?)^```$", re.MULTILINE)
COMMENT: Final = re.compile(r"<!-- (?P<word>not run|asyncio only|continues)(?:: (?P<reason>.+?))? -->\s*\Z")


@dataclass(frozen=True)
class Fence:
    """
    One piece of code on a page.

    Attributes:
        page: Its page.
        line: The line on which the code begins.
        code: The code.
        printed: What the page says that it prints, or None.
        special: `"not run"`, `"asyncio only"`, `"continues"` or nothing.
        reason: Why it is not run everywhere.
    """

    page: Path
    line: int
    code: str
    printed: str | None
    special: str
    reason: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def compiled(self) -> CodeType:
        """
        Compile it, so that a traceback shows its line on the page.
        """
        lines_above = "\n" * (self.line - 1)
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code: CodeType = compile(lines_above + self.code, str(self.page), "exec", flags, dont_inherit=True)
        return code


def fences(page: Path) -> Iterator[Fence]:
    """
    The Python on a page, in order.
    """
    source = page.read_text(encoding="utf-8")
    found = list(FENCE.finditer(source))
    for match, following in zip(found, [*found[1:], None], strict=False):  # a page may have none
        if match["kind"] != "python":
            continue
        line = source[: match.start("body")].count("\n") + 1
        comment = COMMENT.search(source[: match.start()])
        special, reason = comment.group("word", "reason") if comment is not None else ("", None)
        if special not in {"", "continues"} and reason is None:
            raise ValueError(f"{page.name}:{line}: say why: <!-- {special}: because … -->")
        printed = following["body"] if following is not None and tells(source, match, following) else None
        yield Fence(page, line, match["body"], printed, special, reason or "")


def tells(source: str, code: re.Match[str], following: re.Match[str]) -> bool:
    """
    Whether a fence is text, right after the code that prints it.
    """
    return following["kind"] == "text" and not source[code.end() : following.start()].strip()


FENCES: Final = [fence for page in PAGES for fence in fences(page)]


@pytest.fixture
async def claude(
    anyio_backend: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[FakeClaude]:
    """
    Clients made without arguments talk to a scripted API; files land in a directory of their own.
    """
    async with FakeClaude(answer, repeat=True) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "not-a-key")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.chdir(tmp_path)
        yield server


@pytest.mark.parametrize("fence", [each for each in FENCES if each.special != "asyncio only"], ids=str)
async def test_fence(fence: Fence, claude: FakeClaude, capsys: pytest.CaptureFixture[str]) -> None:
    if fence.special == "not run":
        fence.compiled()
        pytest.skip(fence.reason)
    await prints_what_it_says(fence, capsys)


@pytest.mark.parametrize("fence", [each for each in FENCES if each.special == "asyncio only"], ids=str)
async def test_fence_of_asyncio(
    fence: Fence, claude: FakeClaude, anyio_backend_name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if anyio_backend_name != "asyncio":
        pytest.skip(fence.reason)
    await prints_what_it_says(fence, capsys)


async def prints_what_it_says(fence: Fence, capsys: pytest.CaptureFixture[str]) -> None:
    """
    Run it behind those whose names it uses.
    """
    code = fence.compiled()
    names: dict[str, Any] = {"__name__": "__main__"}
    for earlier in FENCES if fence.special == "continues" else ():
        if earlier.page == fence.page and earlier.line < fence.line and earlier.special != "not run":
            await execute(earlier.compiled(), names)
            capsys.readouterr()
    await execute(code, names)
    for value in names.values():
        if isinstance(value, anthropic.AsyncAnthropic):
            await value.close()
    if fence.printed is not None:
        assert capsys.readouterr().out.splitlines() == fence.printed.splitlines()


async def execute(code: CodeType, names: dict[str, Any]) -> None:
    """
    Run code as a person would: with top-level await in a running loop, as in a notebook, else as a script.
    """
    if code.co_flags & inspect.CO_COROUTINE:
        await eval(code, names)
    else:
        # In a thread, since it may run an event loop of its own.
        await to_thread.run_sync(exec, code, names)


def answer(request: Request) -> Reply:
    """
    What Claude might say: it thinks if it may, calls the first tool once, and answers with a haiku.
    """
    body: Any = request.body
    blocks: list[Block] = []
    if body.get("thinking", {}).get("type", "disabled") != "disabled":
        blocks.append(thinking("Rivers. Five, seven, five."))
    if body.get("tools") and "tool_result" not in str(body["messages"][-1]):
        tool = body["tools"][0]
        blocks.append(tool_use(tool["name"], sample(tool.get("input_schema", {}), "input"), chunk=8))
    else:
        blocks.append(text(HAIKU, chunk=3))
    return reply(*blocks, model=body["model"])


def sample(schema: dict[str, Any], name: str) -> Any:
    """
    A value that fits a JSON schema.
    """
    if "enum" in schema:
        return schema["enum"][0]
    made: dict[str, Callable[[], Any]] = {
        "object": lambda: {key: sample(value, key) for key, value in schema.get("properties", {}).items()},
        "array": lambda: [sample(schema.get("items", {}), name)] * 2,
        "integer": lambda: 3,
        "number": lambda: 1.5,
        "boolean": lambda: True,
    }
    return made.get(schema.get("type", "string"), lambda: name)()
