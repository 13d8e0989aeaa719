"""
`streamkit demo`: a pipeline at work, against a scripted Messages API on this machine or against the real one.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import anyio

import streamkit as sk
from streamkit.cli.arguments import UsageError, needs_key
from streamkit.cli.demo_conversation import QUESTION, conversation, replies
from streamkit.cli.plain_screen import PlainScreen
from streamkit.cli.run_summary import complaints, figures, sinks
from streamkit.testing import FakeClaude

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from streamkit._claude.protocol.events import Event
    from streamkit.cli.screen import Screen

__all__ = ["DESCRIPTION", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "show a pipeline at work"
DESCRIPTION: Final = (
    "Show a pipeline at work: one stream of events, split into thinking, text and tool calls, with two sinks "
    "beside it. A server on this machine, which speaks the Messages API, answers from a script."
)

# Elsewhere than at a checkpoint, Ctrl-C may hit between the making of a coroutine and its first step, which Python complains of.
BACKEND_OPTIONS: Final = {"trio": {"restrict_keyboard_interrupt_to_checkpoints": True}}


def add_arguments(parser: ArgumentParser) -> None:
    """
    Declare the arguments.
    """
    parser.add_argument("--live", metavar="PROMPT", help="ask Claude this instead; needs ANTHROPIC_API_KEY")
    parser.add_argument("--model", default="claude-sonnet-5", help="the model for --live (%(default)s)")
    parser.add_argument("--save", metavar="FILE", type=Path, help="keep the events there, as lines of JSON")
    parser.add_argument(
        "--backend", choices=("asyncio", "trio"), default="asyncio", help="the event loop (%(default)s)"
    )


def run(options: Namespace) -> int:
    """
    Run the demo.
    """
    if options.backend not in anyio.get_available_backends():
        raise UsageError(f"--backend {options.backend} is not installed: pip install {options.backend}")
    with TemporaryDirectory() as scratch:
        try:
            record = sk.sinks.jsonl(options.save or Path(scratch) / "events.jsonl")
        except OSError as error:
            raise UsageError(f"--save {options.save}: {error}") from error
        play = scripted if options.live is None else partial(live, options.live, options.model)
        return anyio.run(
            play, record, backend=options.backend, backend_options=BACKEND_OPTIONS.get(options.backend)
        )


async def scripted(record: sk.Sink[Event, None]) -> int:
    """
    Run the demo against a scripted API on this machine.
    """
    async with FakeClaude(*replies()) as server:
        return await show(QUESTION, conversation(server.client()), record)


async def live(prompt: str, model: str, record: sk.Sink[Event, None]) -> int:
    """
    Run the demo against Claude.

    Raises:
        UsageError: The environment has no key.
    """
    import anthropic

    async with anthropic.AsyncAnthropic() as client:
        needs_key(client, "--live")
        question: anthropic.types.MessageParam = {"role": "user", "content": prompt}
        chat = sk.messages(client, model=model, max_tokens=1024, messages=[question])
        return await show(prompt, chat, record)


async def slow_viewer(event: Event) -> None:
    """
    A consumer that cannot keep up, such as a dashboard far away.
    """
    await anyio.sleep(0.1)


async def show(question: str, chat: sk.Stream[Event], record: sk.Sink[Event, None]) -> int:
    """
    Run a conversation through the pipeline, and show what the pipeline did.

    Returns:
        The exit status: 0 if the conversation is complete and every sink has received it, else 1.
    """
    import anthropic

    beside = sk.tee(
        sk.branch(record, on_error="detach"),
        sk.branch(slow_viewer, overflow="latest"),
    )
    parts = sk.split(thinking=sk.thinking(), claude=sk.text(), tool=sk.tool_calls() | sk.map(call_line))
    running = (chat | sk.meter() | beside | parts | sk.throttle(0.05)).open()

    screen = open_screen()
    screen.say("you", question)
    with suppress(sk.StreamError, anthropic.APIError):  # complaints() reads it from the outcome
        async with running:
            async for speaker, words in running:
                screen.say(speaker, words, quiet=speaker == "thinking")
    screen.pause()
    screen.table((), figures(running))
    screen.table(("sink", "delivered", "dropped", "result"), sinks(running))
    problems = list(complaints(running))
    for problem in problems:
        print(f"streamkit: {problem}", file=sys.stderr)
    return 1 if problems else 0


def open_screen() -> Screen:
    """
    A screen with colours if stdout is a terminal, its owner has not refused them (https://no-color.org), and rich is
    installed; else one without.
    """
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb":
        try:
            from streamkit.cli.rich_screen import RichScreen
        except ImportError:
            pass
        else:
            return RichScreen()
    return PlainScreen()


def call_line(call: sk.ToolCall) -> str:
    """
    A tool call, written like a call in Python.
    """
    return f"{call.name}({', '.join(f'{name}={value!r}' for name, value in call.input.items())})\n"
