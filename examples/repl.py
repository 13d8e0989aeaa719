"""
A conversation in the terminal: it keeps its history, with thinking and the results of tools, and goes on after an error.

Run it with `python examples/repl.py`. An empty line ends it.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import anyio
from scripted import MODEL, claude, person

import streamkit as sk
from streamkit.testing import Drop, reply, text, thinking, tool_use

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import anthropic
    from anthropic.types import MessageParam


@sk.tool(effect=False)
def today() -> str:
    """The date of today, as YYYY-MM-DD."""
    return date.today().isoformat()


async def repl(client: anthropic.AsyncAnthropic, ask: Callable[[str], Awaitable[str]]) -> list[MessageParam]:
    history: list[MessageParam] = []
    while line := await ask("> "):
        chat = sk.tool_loop(
            client,
            tools=[today],
            model=MODEL,
            max_tokens=4096,
            thinking={"type": "adaptive"},
            messages=[*history, {"role": "user", "content": line}],
        )
        run = (chat | sk.text()).open()
        try:
            async with run:
                async for piece in run:
                    print(piece, end="", flush=True)
        except sk.ERRORS as error:
            print(f"[{error}]", end="")
        print()
        history = run.outcome.history
    return history


async def main() -> None:
    looks = reply(thinking("Which day is it?"), text("Let me look. "), tool_use("today"), pace=0.02)
    answers = reply(text("It is in the past.", chunk=4), pace=0.02)
    breaks = reply(text("The first one was in Ath", Drop(), chunk=4), pace=0.02)
    again = reply(text("In Athens, in 1896.", chunk=4), pace=0.02)
    async with claude(looks, answers, breaks, again) as client:
        ask = person("Are the games of 2024 over?", "Where were the first ones?", "Sorry?")
        history = await repl(client, ask)
    print(f"[{len(history)} messages]")


anyio.run(main)
