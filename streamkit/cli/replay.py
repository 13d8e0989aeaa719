"""
`streamkit replay`: a recorded stream, as if it came now.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio

import streamkit as sk
from streamkit.sinks.jsonl import json_line

from .page import Page
from .usage import UsageError, positive, readable_file

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping
    from pathlib import Path

    from streamkit.claude.events import Event

__all__ = ["DESCRIPTION", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "show a recorded stream"
DESCRIPTION: Final = "Show a recorded stream: a cassette, or the body of a response (.sse)."


def line(value: object) -> str:
    """
    `value` as a line of JSON.
    """
    return json_line(value).decode()


VIEWS: Final[Mapping[str, sk.Operator[Event, str]]] = {
    "text": sk.text(),
    "thinking": sk.thinking(),
    "tools": sk.tool_calls(broken="emit", server=True) | sk.map(line),
    "events": sk.map(line),
}


def add_arguments(parser: ArgumentParser) -> None:
    """
    Declare what the command takes.
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


def run(options: Namespace) -> int:
    """
    Do it.
    """
    return anyio.run(partial(play, options.file, speed=options.speed, view=VIEWS[options.show]))


async def play(file: Path, *, speed: float | None, view: sk.Operator[Event, str]) -> int:
    """
    Show a recording.

    Returns:
        0 if its stream is complete, else 1.

    Raises:
        UsageError: There is no stream in the file.
    """
    page = Page()
    running = (sk.replay(file, speed=speed) | sk.meter() | view | sk.sinks.write(page)).open()
    try:
        async with running:
            await running
    except sk.StreamError as error:
        nothing = running.report.meter is None or running.report.meter.time_to_first_event is None
        if nothing and error.type in {"grammar", "truncated"}:
            raise UsageError(f"{file} holds no recorded stream: {error}") from error
        page.end_line()
        print(f"streamkit: {file}: {running.outcome.kind}: {error}", file=sys.stderr)
        return 1
    page.end_line()
    return 0
