"""
A coding assistant's `edit_file`, whose new text appears in the terminal while it is being written.

What appears is a preview; a file is edited when its call is complete. Run it with `python examples/edit_file_live.py`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from scripted import MODEL, claude

import streamkit as sk
from streamkit.testing import reply, text, tool_use

if TYPE_CHECKING:
    import anthropic
    from anthropic.types import MessageParam, ToolParam, ToolResultBlockParam

    from streamkit.events import Event

NAME, OLD = "greet.py", 'def greet():\n    print("Hello!")'
NEW = 'def greet(name="world", /):\n    """Greet whoever is there."""\n    print(f"Hello, {name}!")  # naïve, but fine'
ARGUMENTS = ["path", "old_text", "new_text"]
EDIT_FILE: ToolParam = {
    "name": "edit_file",
    "description": "Replace a passage of a file. The old text must be in it exactly once.",
    "input_schema": {
        "type": "object",
        "properties": {name: {"type": "string"} for name in ARGUMENTS},
        "required": ARGUMENTS,
    },
    "eager_input_streaming": True,  # otherwise the API holds an argument back until it is complete
}


def edit_file(call: sk.ToolCall, folder: Path) -> ToolResultBlockParam:
    try:
        path, old_text, new_text = (call.input[name] for name in ARGUMENTS)
        file = (folder / path).resolve()
        source = file.read_text()
        if not file.is_relative_to(folder.resolve()) or source.count(old_text) != 1:
            raise ValueError("the old text must be in a file of this folder, exactly once")
        file.write_text(source.replace(old_text, new_text))
    except (KeyError, OSError, TypeError, ValueError) as error:
        return call.result(repr(error), is_error=True)
    return call.result(f"{path} is edited")


def conversation(client: anthropic.AsyncAnthropic, folder: Path, task: str) -> sk.Stream[Event]:
    def turn(history: list[MessageParam]) -> sk.Stream[Event]:
        return sk.messages(client, model=MODEL, max_tokens=1024, tools=[EDIT_FILE], messages=history)

    async def answer_tools(outcome: sk.Outcome) -> sk.Stream[Event] | None:
        if outcome.stop_reason != "tool_use":
            return None
        results = [edit_file(call, folder) for call in outcome.tool_calls]
        return turn([*outcome.history, {"role": "user", "content": results}])

    return sk.follow(turn([{"role": "user", "content": task}]), answer_tools)


async def main() -> None:
    folder = Path(tempfile.mkdtemp())
    (folder / NAME).write_text(f"{OLD}\n")
    edit = tool_use("edit_file", {"path": NAME, "old_text": OLD, "new_text": NEW}, chunk=5)
    asks = reply(text("A greeting should know whom it greets.", chunk=4), edit, pace=0.02)
    answers = reply(text("Done: without a name it greets the world.", chunk=4), pace=0.02)
    parts: sk.Operator[Event, tuple[str, str]] = sk.split(
        says=sk.text(),
        # With a model a text comes whole, without one as it is written.
        path=sk.tool_input("edit_file", "$.path", model=str).map("\n\n╭─ {}\n│ ".format),
        new_text=sk.tool_input("edit_file", "$.new_text").map(lambda piece: piece.replace("\n", "\n│ ")),
        call=sk.tool_calls().map(lambda call: f"\n╰─ {call.name} is complete\n\n"),
    )
    async with claude(asks, answers) as client:
        events = conversation(client, folder, f"Let greet() take a name. This is {NAME}:\n\n{OLD}")
        async with (events | parts).open() as run:
            async for _, piece in run:
                print(piece, end="", flush=True)
    print(f"\n[{run.outcome.kind}; {NAME} is]\n{(folder / NAME).read_text()}", end="")


anyio.run(main)
