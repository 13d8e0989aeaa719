"""
`streamkit replay`: shows a recorded stream as if it came now.
"""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio

import streamkit as sk
from streamkit._core.foreign_objects import type_of
from streamkit._core.items import is_restart
from streamkit._core.naming import name_of
from streamkit.cli.arguments import UsageError, positive, readable_file
from streamkit.cli.hubs import RunOfHub, names_run, run_of
from streamkit.cli.output import Output
from streamkit.plugins import PluginError, read_operators
from streamkit.sinks._jsonl import json_line

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["DESCRIPTION", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "show a recorded stream, or a run of a hub"
DESCRIPTION: Final = (
    "Show a recorded stream: events that sinks.jsonl has kept, the body of a response (.sse), "
    "a cassette: network reads with their times, as JSON lines, or a run of a hub, such as redis://localhost#chat-42 or "
    "sqlite:///runs.db#chat-42. A run that is still being written is followed to its end."
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

NOTHING: Final = object()
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
    parser.add_argument(
        "recording",
        metavar="FILE|URL#ID",
        type=recording,
        help="the recording, or a hub and the id of its run",
    )
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


def recording(text: str) -> Path | RunOfHub:
    """
    The recording that an argument names.

    Raises:
        ArgumentTypeError: There can be none.
    """
    return run_of(text) if names_run(text) else readable_file(text)


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
        UsageError: The operators do not fit together, or not behind what is shown; or the run cannot be read.
    """
    if isinstance(options.recording, RunOfHub):
        return anyio.run(partial(play_run, options.recording, options))
    recorded = sk.replay(options.recording, speed=options.speed) | sk.meter()
    return anyio.run(partial(play, options.recording, viewed(recorded, options), own=bool(options.through)))


def viewed(recorded: sk.Stream[Any], options: Namespace, view: View | None = None) -> sk.Stream[str]:
    """
    What is shown of a recording.

    Args:
        recorded: All of it.
        options: Those of the command.
        view: What is selected, if not what `--show` says.

    Raises:
        UsageError: The operators do not fit together, or not behind what is shown.
    """
    selected, shown = view or VIEWS[options.show]
    try:
        return reduce(sk.Stream[Any].pipe, (*selected, *options.through), recorded).map(shown)
    except TypeError as error:
        raise UsageError(f"--show {options.show} --through …: {error}") from error


async def play_run(recorded: RunOfHub, options: Namespace) -> int:
    """
    Show a run of a hub, and return the exit status.

    Raises:
        UsageError: It is not there, or has no events to show; or the hub cannot be used.
    """
    try:
        async with recorded.hub as hub:
            view = await view_of(recorded, options.show)
            stream = viewed(hub.replay(recorded.id, speed=options.speed), options, view)
            return await play(recorded, stream, own=True)
    except sk.StreamError as error:
        raise UsageError(str(error)) from error


async def view_of(recorded: RunOfHub, show: str) -> View:
    """
    How a run is shown: one of texts or of other values has no events from which to select.

    Raises:
        UsageError: `--show` wants something that only events have.
        StreamError: The run is not there, or the hub cannot be used.
    """
    if await recorded.hub.status(recorded.id) is None:
        raise UsageError(f"there is no {recorded}: it was deleted, its time is over, or it has never been")
    first = await first_item(recorded)
    if is_restart(first) or type_of(first) is not None:
        return VIEWS[show]
    if show in {"thinking", "tools"} and first is not NOTHING:
        raise UsageError(
            f"--show {show} is for runs of Claude's events, and {recorded} has items of type {name_of(type(first))}: "
            "leave it out, or give --show events"
        )
    return (), line if show == "events" else written


async def first_item(recorded: RunOfHub) -> object:
    """
    What a run begins with; NOTHING where it has ended without an item.
    """
    try:
        async with recorded.hub.replay(recorded.id).open() as items:
            async for item in items:
                return item
    except sk.StreamError:
        pass  # whoever plays it is told
    return NOTHING


async def play(recorded: Path | RunOfHub, stream: sk.Stream[str], *, own: bool) -> int:
    """
    Show a recording.

    Args:
        recorded: The recording.
        stream: What is shown of it.
        own: Whether an error may come from the user's own operators or items.

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
        if isinstance(error, sk.StreamError):
            if isinstance(recorded, Path) and error.type in {"grammar", "truncated"} and is_empty(running):
                raise UsageError(f"{recorded} holds no recorded stream: {error}") from error
            how = str(error)
        elif own:
            how = f"{type(error).__name__}: {error}"
        else:
            raise
        output.end_line()
        print(f"streamkit: {recorded}: {running.outcome.kind}: {how}", file=sys.stderr)
        return 1
    output.end_line()
    return 0


def is_empty(running: sk.JobRun[Any]) -> bool:
    """
    Whether a recording had no event.
    """
    meter = running.report.meter
    return meter is None or meter.time_to_first_event is None
