"""
`record`: a client that writes what Claude sends to cassettes, with its timing and without the prompts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from errno import EACCES
from io import FileIO
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import anyio

from streamkit._claude.sources.cassette import Cassette
from streamkit._claude.transport.sdk import is_asynchronous

if TYPE_CHECKING:
    from collections.abc import Callable

    import anthropic
    import httpx2
    from anthropic import APIRequest, AsyncCallNext

__all__ = ["record"]

__tracebackhide__ = True  # pytest shows the lines of the test, and those of this file with --full-trace

Client = TypeVar("Client", bound="anthropic.AsyncAnthropic")


def record(client: Client, to: str | os.PathLike[str] = "cassettes") -> Client:
    """
    A client that does the same as `client`, and writes each stream of events that it reads to a cassette, for `replay`.

    A cassette holds the bytes of the response with the time of each network read. Of the request, it holds the model,
    `max_tokens`, and the number of messages and tools, but not what was asked; of the headers, only the response's
    `request-id`, so not the key. It does hold what Claude said: look at that before you share a cassette.

    A file appears when the response is first read, and is whole when the body has ended or was closed. It holds a body that
    was left early as far as it was read. The client asks for uncompressed responses. Bedrock's own framing is not recorded.

    Args:
        client: The SDK's asynchronous client; both clients use the same connections.
        to: A directory, which gets files `001.jsonl`, `002.jsonl`, …, beside those that it has; or a name with a suffix,
            such as `"run.jsonl"`, for the first response, with `run-2.jsonl`, … for further ones. Files of such names are
            replaced. Directories are created.

    Raises:
        TypeError: `client` is not an asynchronous client of the SDK.
        OSError: `to` cannot be written; while a response is read, the disk is full.
        RuntimeError: When a response comes, it is compressed in spite of that.
    """
    if not hasattr(client, "messages") or isinstance(client, type):
        raise TypeError(
            f"record() needs a client of the SDK, anthropic.AsyncAnthropic, not {type(client).__name__}"
        )
    if not is_asynchronous(client):
        raise TypeError(
            "record() needs an asynchronous client, anthropic.AsyncAnthropic, not a synchronous one"
        )
    from streamkit.testing._recorded_body import (
        RecordedBody,  # it imports httpx2, which the client has done already
    )

    make_file = file_maker(Path(to))

    async def recorder(request: APIRequest, call_next: AsyncCallNext) -> anthropic.AsyncAPIResponse[Any]:
        if not request.stream:
            return await call_next(request)
        began = anyio.current_time()
        response = await call_next(request.copy(headers={**request.headers, "accept-encoding": "identity"}))
        # Another middleware may have returned something other than a response.
        http = cast("httpx2.Response | None", getattr(response, "http_response", None))
        if http is not None and is_event_stream(http):
            if (coding := http.headers.get("content-encoding", "identity")) != "identity":
                await http.aclose()
                raise RuntimeError(f"record() asked for a plain response, and cannot record one in {coding}")
            about = described(request.json, http)
            body = cast("httpx2.AsyncByteStream", http.stream)
            http.stream = RecordedBody(body, began, lambda: Cassette(make_file(), about))
        return response

    return client.with_middleware(recorder)


def is_event_stream(response: httpx2.Response) -> bool:
    """
    Whether a response is the answer to a streamed request.
    """
    kind: str = response.headers.get("content-type", "")
    return response.status_code == 200 and kind.startswith("text/event-stream")


def file_maker(to: Path) -> Callable[[], FileIO]:
    """
    A function that opens a new file each time.

    Raises:
        OSError: Files cannot be written there.
    """
    named = to.suffix != "" and not to.is_dir()
    folder = to.parent if named else to
    folder.mkdir(parents=True, exist_ok=True)
    for place in (folder, to):
        if place.exists() and not os.access(place, os.W_OK):
            raise PermissionError(EACCES, "record() cannot write here", str(place))
    numbers = count(1)

    def make_named() -> FileIO:
        number = next(numbers)
        return FileIO(to if number == 1 else to.with_stem(f"{to.stem}-{number}"), "w")

    def make_numbered() -> FileIO:
        while True:
            with suppress(FileExistsError):
                return FileIO(folder / f"{next(numbers):03}.jsonl", "x")

    return make_named if named else make_numbered


def described(asked: object, response: httpx2.Response) -> dict[str, object]:
    """
    The head of a cassette: numbers and names, but nothing that anybody said.
    """
    request: dict[str, object] = {}
    for name, value in cast("Mapping[str, object]", asked if isinstance(asked, Mapping) else {}).items():
        match name, value:
            case ("model", str()) | ("max_tokens", int()):
                request[name] = value
            case ("messages" | "tools", list()):
                request[name] = len(cast("list[object]", value))
            case _:
                pass
    answer = {"status": response.status_code, "request_id": response.headers.get("request-id")}
    return {
        "recorded": datetime.now(UTC).isoformat(timespec="seconds"),
        "request": request,
        "response": answer,
    }
