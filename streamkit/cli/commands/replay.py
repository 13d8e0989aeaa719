"""
`streamkit replay`: shows a recorded stream as if it came now.
"""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping
from functools import partial, reduce
from typing import TYPE_CHECKING, Any, Final

import anyio

import streamkit as sk
from streamkit.cli.arguments import UsageError, positive, readable_file
from streamkit.cli.output import Output
from streamkit.plugins import PluginError, read_operators
from streamkit.sinks._jsonl import json_line

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from pathlib import Path

__all__ = ["DESCRIPTION", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "show a recorded stream"
DESCRIPTION: Final = (
    "Show a recorded stream: events that sinks.jsonl has kept, the body of a response (.sse), "
    "or a cassette: network reads with their times, as JSON lines."
)


def line(value: object) -> str:
    """
    `value` as a line of JSON.
    """
    return json_line(value).decode()


def written(value: object) -> str:
    """
    Text as it is. Anything else, which operators may have made of it, is a line of JSON.
    """
    return value if isinstance(value, str) else line(value)


View = tuple[tuple[sk.Operator[Any, Any], ...], Callable[[object], str]]
"""The operators that select something, and the function that makes a text of each item; the user's operators stand between."""

VIEWS: Final[Mapping[str, View]] = {
    "text": ((sk.text(restarts=True),), written),
    "thinking": ((sk.thinking(restarts=True),), written),
    "tools": ((sk.tool_calls(broken="emit", server=True, when="message"),), line),
    "events": ((), line),
}


def add_arguments(parser: ArgumentParser) -> None:
    """
    Declare the arguments.
    """
    parser.add_argument("file", metavar="FILE", type=readable_file, help="the recording")
    parser.add_argument(
        "--speed",
        metavar="N",
        type=positive,
        help="1 plays at the recorded pace, 2 twice as fast; by default as fast as it can be read",
    )
    parser.add_argument(
        "--show",
        choices=VIEWS,
        default="text",
        help="its text (the default) or thinking, or as lines of JSON its tool calls or events",
    )
    parser.add_argument(
        "--through",
        metavar="NAME[(ARGS)],…",
        type=operators,
        action="append",
        default=[],
        help="operators for what --show selects, such as redact or 'take(3)'; `streamkit operators` lists them",
    )


def operators(text: str) -> sk.Operator[Any, Any]:
    """
    The operators that an argument names.

    Raises:
        ArgumentTypeError: They cannot be used.
    """
    try:
        return read_operators(text)
    except (ValueError, PluginError) as error:
        raise ArgumentTypeError(str(error)) from error


def run(options: Namespace) -> int:
    """
    Show the recording.

    Raises:
        UsageError: The operators do not fit together, or not behind what is shown.
    """
    selected, shown = VIEWS[options.show]
    recorded = sk.replay(options.file, speed=options.speed) | sk.meter()
    try:
        stream = reduce(sk.Stream[Any].pipe, (*selected, *options.through), recorded).map(shown)
    except TypeError as error:
        raise UsageError(f"--show {options.show} --through …: {error}") from error
    return anyio.run(partial(play, options.file, stream, own=bool(options.through)))


async def play(file: Path, stream: sk.Stream[str], *, own: bool) -> int:
    """
    Show a recording.

    Args:
        file: The recording.
        stream: What is shown of it.
        own: Whether the user has named operators, so that an error may come from one of them.

    Returns:
        The exit status: 0 if the stream is complete or was ended on purpose, else 1.

    Raises:
        UsageError: The file does not hold a stream.
    """
    output = Output()
    running = (stream | sk.sinks.write(output)).open()
    try:
        async with running:
            await running
    except BrokenPipeError:
        raise
    except Exception as error:
        nothing = running.report.meter is None or running.report.meter.time_to_first_event is None
        if isinstance(error, sk.StreamError):
            if nothing and error.type in {"grammar", "truncated"}:
                raise UsageError(f"{file} holds no recorded stream: {error}") from error
            how = str(error)
        elif own:
            how = f"{type(error).__name__}: {error}"
        else:
            raise
        output.end_line()
        print(f"streamkit: {file}: {running.outcome.kind}: {how}", file=sys.stderr)
        return 1
    output.end_line()
    return 0
