"""
`streamkit hub`: what runs under an id, and where it stands.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio

import streamkit as sk
from streamkit.cli.arguments import UsageError
from streamkit.cli.hubs import hub_of
from streamkit.cli.output import Output
from streamkit.sinks._jsonl import json_line

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["DESCRIPTION", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "list, follow and cancel the runs of a hub"
DESCRIPTION: Final = (
    "List the runs of a hub, show where one stands, follow it as it is written, or cancel it. "
    "A URL is that of hub.connect(), such as sqlite:///runs.db or redis://localhost."
)


def add_arguments(parser: ArgumentParser) -> None:
    """
    Declare the arguments.
    """
    parser.add_argument(
        "action",
        metavar="ls|show|tail|cancel",
        choices=("ls", "show", "tail", "cancel"),
        help="ls: all runs; show: one, as a line of JSON; tail: its records, and what comes; cancel: end it",
    )
    parser.add_argument("hub", metavar="URL", type=hub_of, help="where the runs are kept")
    parser.add_argument("id", metavar="ID", nargs="?", help="the run; for ls none")
    parser.add_argument("--after", metavar="RECORD", help="tail: begin behind this record, such as 57-1")
    parser.add_argument(
        "--reason", metavar="TEXT", default="cancelled", help="cancel: why, for those who follow the run"
    )


def run(options: Namespace) -> int:
    """
    Do what is asked for.

    Raises:
        UsageError: An id is missing or cannot be one, or the hub cannot be used.
    """
    if (options.id is None) != (options.action == "ls"):
        raise UsageError(
            f"hub {options.action} needs {'no' if options.action == 'ls' else 'the'} ID of a run"
        )
    try:
        return anyio.run(partial(act, options.hub, options))
    except ValueError as error:
        raise UsageError(str(error)) from error
    except sk.StreamError as error:
        if error.type != "hub":
            raise
        raise UsageError(str(error)) from error


async def act(hub: sk.hub.Hub, options: Namespace) -> int:
    """
    Do it, and return the exit status.
    """
    async with hub:
        match options.action:
            case "ls":
                return await listed(hub)
            case "show":
                status = await hub.status(options.id)
                return missing(options.id) if status is None else shown(status)
            case "tail":
                return await followed(hub, options.id, options.after)
            case _:
                found = await hub.cancel(options.id, options.reason)
                return 0 if found else missing(options.id, "that has not ended")


async def listed(hub: sk.hub.Hub) -> int:
    """
    Write a line for each run.
    """
    output = Output()
    statuses = [status async for status in hub.runs()]
    for status in sorted(statuses, key=lambda status: (status.started or 0, status.id)):
        output.write(f"{status.kind:<10} {status.last or '-':>10} {status.bytes:>12} {status.id}\n")
    return 0


def shown(status: sk.hub.Status) -> int:
    """
    Write where a run stands.
    """
    Output().write(json_line(status).decode())
    return 0


async def followed(hub: sk.hub.Hub, run: str, after: str | None) -> int:
    """
    Write the records of a run until it ends: texts as they are, everything else as lines of JSON.
    """
    output = Output()
    try:
        async for record in hub.subscribe(run, after, wait=0):
            output.write(record.data if isinstance(record.data, str) else json_line(record.data).decode())
            output.flush()
    except sk.StreamError as error:
        if error.type == "hub":
            raise
        output.end_line()
        print(f"streamkit: {error}", file=sys.stderr)
        return 1
    output.end_line()
    return 0


def missing(run: str, which: str = "") -> int:
    """
    Say that there is no such run.
    """
    print(f"streamkit: there is no run {run!r} {which}".rstrip(), file=sys.stderr)
    return 1
