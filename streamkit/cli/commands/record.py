"""
`streamkit record`: asks Claude, and writes the stream to a cassette.
"""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio

import streamkit as sk
from streamkit.cli.arguments import UsageError, needs_key, whole_number
from streamkit.cli.output import Output
from streamkit.testing import record

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["DESCRIPTION", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "ask Claude, and keep the stream as a cassette"
DESCRIPTION: Final = (
    "Ask Claude, show the text as it comes, and keep the stream as a cassette: network reads with their times, as JSON "
    "lines. Neither the key nor the prompt is in it. `streamkit replay` and `streamkit serve` play it. Needs "
    "ANTHROPIC_API_KEY."
)


def add_arguments(parser: ArgumentParser) -> None:
    """
    Declare the arguments.
    """
    parser.add_argument(
        "file", metavar="FILE", type=named_file, help="the cassette, such as run.jsonl; it is replaced"
    )
    parser.add_argument("prompt", metavar="PROMPT", help="what to ask; - reads it from stdin")
    parser.add_argument("--model", default="claude-sonnet-5", help="the model (%(default)s)")
    parser.add_argument(
        "--max-tokens", metavar="N", type=whole_number, default=1024, help="the longest answer (%(default)s)"
    )
    parser.add_argument("--system", metavar="TEXT", help="the system prompt")


def named_file(name: str) -> Path:
    """
    A path with a suffix, which tells a file from a directory before either exists.

    Raises:
        ArgumentTypeError: It is a directory, or has no suffix.
    """
    path = Path(name)
    if path.is_dir():
        raise ArgumentTypeError(f"{name!r} is a directory")
    if not path.suffix:
        raise ArgumentTypeError(f"give a name with a suffix, such as run.jsonl, not {name!r}")
    return path


def run(options: Namespace) -> int:
    """
    Record one answer.

    Raises:
        UsageError: The prompt is empty.
    """
    prompt = sys.stdin.read() if options.prompt == "-" else options.prompt
    if not prompt.strip():
        raise UsageError("the prompt is empty")
    params: dict[str, Any] = {
        "model": options.model,
        "max_tokens": options.max_tokens,
        "messages": [{"role": "user", "content": prompt}],
    }
    if options.system is not None:
        params["system"] = options.system
    return anyio.run(ask, options.file, params)


async def ask(file: Path, params: dict[str, Any]) -> int:
    """
    Ask once and without a retry, because a second attempt would be another recording.

    Returns:
        The exit status: 0 if the answer is complete, else 1.

    Raises:
        UsageError: The environment has no key, or the file cannot be written.
    """
    import anthropic

    output = Output()
    async with anthropic.AsyncAnthropic() as client:
        needs_key(client, "record")
        try:
            recorded = record(client, file)
        except OSError as error:
            raise UsageError(f"{file}: {error}") from error
        running = (sk.messages(recorded, retry=None, **params) | sk.text() | sk.sinks.write(output)).open()
        try:
            async with running:
                await running
        except BrokenPipeError:
            raise
        except (sk.StreamError, anthropic.APIError, OSError) as error:
            output.end_line()
            print(f"streamkit: {running.outcome.kind}: {error}", file=sys.stderr)
            return 1
    output.end_line()
    return 0
