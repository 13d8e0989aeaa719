"""
A coding assistant: it reads and edits the files of a folder, what it writes appears while it is being written, and it asks before
a file is changed.

Run it with `python examples/coding_assistant.py`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import anthropic
import anyio
from scripted import MODEL, claude, person

import streamkit as sk
from streamkit.testing import reply, text, tool_use

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamkit.events import AnyEvent

NAME, OLD = "greet.py", 'def greet():\n    print("Hello!")'
NEW = 'def greet(name="world", /):\n    """Greet whoever is there."""\n    print(f"Hello, {name}!")  # naïve, but fine'


class Folder:
    """
    The two tools. What they raise, Claude is told.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()

    async def read_file(self, path: str) -> str:
        """Read a file of the folder.

        Args:
            path: Its path in the folder.
        """
        return self._file(path).read_text(encoding="utf-8")

    async def edit_file(self, path: str, old_text: str, new_text: str) -> str:
        """Replace a passage of a file. The old text must be in it exactly once.

        Args:
            path: The file's path in the folder.
            old_text: The passage, as it is.
            new_text: What is to stand there.
        """
        file = self._file(path)
        source = file.read_text(encoding="utf-8")
        if source.count(old_text) != 1:
            raise ValueError(f"the old text is {source.count(old_text)} times in the file")
        file.write_text(source.replace(old_text, new_text), encoding="utf-8")
        return "edited"

    def _file(self, path: str) -> Path:
        file = (self._path / path).resolve()
        if not file.is_relative_to(self._path):
            raise PermissionError("this file is not in the folder")
        return file


def tools(folder: Folder, ask: Callable[[str], Awaitable[str]]) -> list[sk.Tool]:
    async def allows(call: sk.ToolCall) -> bool | tuple[Literal[False], str]:
        said = await ask(f"Edit {call.input.get('path')}? (y, or why not) ")
        return said == "y" or (False, said)

    # Without eager input, the API holds an argument back until it is complete.
    edit_file = anthropic.beta_async_tool(folder.edit_file, eager_input_streaming=True)
    return [
        sk.tool(folder.read_file, effect=False),  # begins while Claude is still writing
        sk.tool(sk.approve(allows)(edit_file), start="message"),  # asks when nothing is printed any more
    ]


def screen() -> sk.Operator[AnyEvent, tuple[str, str]]:
    """
    What is printed, piece by piece, in the order of the stream.
    """
    return sk.split(
        says=sk.text(),
        # With a model a text comes whole, without one as it is written.
        path=sk.tool_input("edit_file", "$.path", model=str).map("\n\n╭─ {}\n│ ".format),
        new_text=sk.tool_input("edit_file", "$.new_text").map(lambda piece: piece.replace("\n", "\n│ ")),
        call=sk.tool_calls().map(lambda call: f"\n╰─ {call.name}\n"),
        result=sk.only("tool_result").map(
            lambda result: f"→ {result.name}: {len(result.content)} characters\n\n"
        ),
    )


async def main() -> None:
    path = Path(tempfile.mkdtemp())
    (path / NAME).write_text(f"{OLD}\n", encoding="utf-8")
    look = reply(text("Let me see.", chunk=4), tool_use("read_file", {"path": NAME}), pace=0.02)
    edit = tool_use("edit_file", {"path": NAME, "old_text": OLD, "new_text": NEW}, chunk=5)
    asks = reply(text("A greeting should know whom it greets.", chunk=4), edit, pace=0.02)
    answers = reply(text("Done: without a name it greets the world.", chunk=4), pace=0.02)
    async with claude(look, asks, answers) as client:
        loop = sk.tool_loop(
            client,
            tools=tools(Folder(path), person("y")),
            model=MODEL,
            max_tokens=2048,
            messages=[{"role": "user", "content": f"Let greet() in {NAME} take a name."}],
        )
        async with (loop | screen()).open() as run:
            async for _, piece in run:
                print(piece, end="", flush=True)
    print(f"\n[{run.outcome.kind}; {NAME} is]\n{(path / NAME).read_text(encoding='utf-8')}", end="")


anyio.run(main)
