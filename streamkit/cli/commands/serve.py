"""
`streamkit serve`: a scripted Messages API for an application in development, with faults on request.
"""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from itertools import count, cycle
from typing import TYPE_CHECKING, Final

import anyio

import streamkit as sk
from streamkit._claude.exchange.continuation import INTERRUPTED
from streamkit._core.naming import printable
from streamkit.cli.arguments import UsageError, positive, readable_file
from streamkit.cli.output import Output
from streamkit.cli.page_server import PageServer
from streamkit.testing import GARBAGE, Drop, ErrorEvent, FakeClaude, Reply, Stall, error_reply, reply, text

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from pathlib import Path

    from streamkit.testing import Request

__all__ = ["DESCRIPTION", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "answer an application in development"
DESCRIPTION: Final = (
    "Answer an application in development, at the recorded pace: a server on this machine that speaks the Messages API. Each "
    "request gets the next of the recordings, round and round; without any, a text of a few sentences. No model is asked, and "
    "nothing leaves this machine. Ctrl-C ends it."
)

TEXT: Final = (
    "This is `streamkit serve`, not Claude. No model has read what you asked, and nothing is billed. Whatever you send, "
    "this is the answer, a few characters at a time, so that you can watch your application stream it.\n\n"
    "It can play what Claude has really said: keep it with `streamkit record`, and name the file here. And it can fail: "
    "see `streamkit serve --help`."
)

QUESTION: Final = "Who are you?"
"""What the page proposes to ask where it is that text that answers."""

PACE: Final = 0.03
"""Seconds between two events of that text."""

Answer = Callable[["Request"], tuple[str, Reply]]
"""A function of the request that returns the name of a good answer, and the answer."""


def halfway(answer: Reply) -> int:
    """
    How many bytes of an answer come before the first event of its second half.
    """
    body = answer.body
    return body.find(b"\n\n", len(body) // 2) + 2


HALFWAY: Final[Mapping[str, Callable[[Reply], Reply]]] = {
    "overloaded": lambda answer: answer.cut_bytes(halfway(answer), ErrorEvent()),
    "drop": lambda answer: answer.cut_bytes(halfway(answer), Drop()),
    "truncate": lambda answer: answer.cut_bytes(halfway(answer)),
    "stall": lambda answer: answer.cut_bytes(halfway(answer), Stall()),
    "garbage": lambda answer: answer.cut_bytes(halfway(answer), GARBAGE["not-json"]),
}
"""Faults in the middle of an answer, by the name that `--fail` takes."""

INSTEAD: Final[Mapping[str, Reply]] = {
    "overloaded-http": error_reply(529, headers={"retry-after": "1"}),
    "rate-limit": error_reply(429, headers={"retry-after": "1"}),
}
"""Responses in place of an answer, by the name that `--fail` takes."""


def add_arguments(parser: ArgumentParser) -> None:
    """
    Declare the arguments.
    """
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="*",
        type=readable_file,
        help="a recording: a cassette, the body of a response (.sse), or events that sinks.jsonl has kept",
    )
    parser.add_argument("--port", metavar="N", type=port, default=8000, help="the port (%(default)s); 0: any")
    parser.add_argument(
        "--speed", metavar="N", type=positive, default=1.0, help="2 answers twice as fast (%(default)g)"
    )
    parser.add_argument(
        "--fail",
        metavar="NAME",
        choices=("ok", *HALFWAY, *INSTEAD),
        action="append",
        help=(
            "what happens to a request; given several times, to successive ones, round and round. Halfway through the answer: "
            f"{', '.join(HALFWAY)}. In its place: {', '.join(INSTEAD)}. Nothing: ok"
        ),
    )
    parser.add_argument(
        "--ui", action="store_true", help="serve a page too, on which to ask and to watch the answer come"
    )


def port(value: str) -> int:
    """
    The number of a TCP port.

    Raises:
        ArgumentTypeError: `value` is not such a number.
    """
    if not value.isdecimal() or int(value) > 65535:
        raise ArgumentTypeError(f"give a port, 0 to 65535, not {value!r}")
    return int(value)


def run(options: Namespace) -> int:
    """
    Serve until Ctrl-C.
    """
    if options.ui and find_spec("sse_starlette") is None:
        raise UsageError('--ui needs sse-starlette: pip install "claude-streamkit[sse]"')
    if options.files:
        recordings = [recording(file, options.speed) for file in options.files]
        good, questions = in_turn(recordings), [name for name, _ in recordings]
    else:
        good, questions = partial(built_in, PACE / options.speed), [QUESTION]
    anyio.run(serve, options.port, good, cycle(options.fail or ["ok"]), questions if options.ui else None)
    return 0


def recording(file: Path, speed: float) -> tuple[str, Reply]:
    """
    The answer that a file holds.

    Raises:
        UsageError: The file does not hold a stream.
    """
    try:
        recorded = Reply.file(file, speed)
    except sk.StreamError as error:
        raise UsageError(f"{file} holds no recorded stream: {error}") from error
    if b"data:" not in recorded.body:
        raise UsageError(f"{file} holds no recorded stream: it contains no event")
    return file.name, recorded


def in_turn(recordings: list[tuple[str, Reply]]) -> Answer:
    """
    Answers with the recording whose name is asked, and else with the recordings in turn, beginning again after the last.
    """
    turns = cycle(recordings)
    by_name = dict(recordings)

    def answer(request: Request) -> tuple[str, Reply]:
        match request.body:
            case {"messages": [*_, {"role": "user", "content": str(name)}]} if name in by_name:
                return name, by_name[name]
            case _:
                return next(turns)

    return answer


def built_in(pace: float, request: Request) -> tuple[str, Reply]:
    """
    Answers with a text that says where it comes from.
    """
    said = said_before(request)
    rest = TEXT[len(said) :] if TEXT.startswith(said) else TEXT
    return "built-in text", reply(text(rest, chunk=4), model=model_of(request), pace=pace)


def said_before(request: Request) -> str:
    """
    The beginning of the answer that a request wants to be continued, else an empty text.
    """
    match request.body:
        case {"messages": [*_, {"role": "assistant", "content": str(said)}]}:
            return said
        case {
            "messages": [
                *_,
                {"role": "assistant", "content": str(said)},
                {"role": "user", "content": str(asked)},
            ]
        } if asked.startswith(INTERRUPTED):  # any other message asks something new
            return said
        case _:
            return ""


def model_of(request: Request) -> str:
    """
    The model that a request names.
    """
    match request.body:
        case {"model": str(name)}:
            return name
        case _:
            return "?"


async def serve(
    port: int, good: Answer, behaviours: Iterator[str], questions: Sequence[str] | None = None
) -> None:
    """
    Answer requests, and print a line for each, which shows nothing of the prompt.

    Args:
        port: Where to listen.
        good: The answers.
        behaviours: What happens to each request.
        questions: What the page proposes to ask; None for no page.

    Raises:
        UsageError: The port cannot be used.
    """
    output = Output()
    numbers = count(1)

    def say(request: Request, answered: str) -> None:
        output.write(f"{next(numbers):>4}  {printable(model_of(request)[:40])}  {printable(answered)}\n")
        output.flush()

    def answer(request: Request) -> Reply:
        behaviour = next(behaviours)
        if behaviour in INSTEAD:
            say(request, behaviour)
            return INSTEAD[behaviour]
        name, chosen = good(request)
        if behaviour == "ok":
            say(request, name)
            return chosen
        say(request, f"{name}, {behaviour} halfway")
        return HALFWAY[behaviour](chosen)

    page = None if questions is None else PageServer(answer, port=port, questions=questions)
    server = page or FakeClaude(answer, repeat=True, port=port)
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(server)
        except OSError as error:
            raise UsageError(
                f"--port {port} cannot be used: {error.strerror or error}; --port 0 takes any that is free"
            ) from error
        output.write(f"ANTHROPIC_BASE_URL={server.url} ANTHROPIC_API_KEY=anything\n")
        if page is not None:
            output.write(f"{server.url}/ is a page to watch the answers on\n")
        output.flush()
        for number in count():
            request = await server.request_arrived(number)
            # FakeClaude keeps requests so that tests can read them. Nobody does here, and prompts are long.
            server.requests[number] = replace(request, body=None)
            server.connections[request.connection].requests.clear()
            asks_page = page is not None and page.is_for_page(request)
            if (request.method, request.path) != ("POST", "/v1/messages") and not asks_page:
                say(request, f"404, for {request.method} {request.path}")
