"""
The page of `streamkit serve --ui`, on the server that answers it: what is asked there is answered as an application would be.
"""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import streamkit as sk
from streamkit.testing import FakeClaude, Reply
from streamkit.testing._fake_claude.faults.wire import WireFault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from streamkit._core.algebra import Operator, Stream
    from streamkit.testing import Request

__all__ = ["PageServer"]

FILES: Final = resources.files("streamkit.cli") / "chat_page"
TYPES: Final = {"html": "text/html", "js": "text/javascript", "css": "text/css"}

PARTS: Final[Operator[Any, tuple[str, Any]]] = sk.split(
    thinking=sk.thinking(),
    text=sk.text(),
    block=sk.only("content_block_start"),
    input=sk.only("input_json_delta"),
    call=sk.tool_calls(broken="emit"),
    found=sk.tool_results(),
    usage=sk.usage(),
)
"""What the page shows."""


class PageServer(FakeClaude):
    """
    A FakeClaude with a page on which it can be asked.

    Args:
        answer: What to answer.
        port: The TCP port on 127.0.0.1; 0 takes a free one.
        questions: What the page proposes to ask.
    """

    def __init__(self, answer: Callable[[Request], Reply], *, port: int, questions: Sequence[str]) -> None:
        super().__init__(answer, repeat=True, port=port)
        self._files = {
            f"/{file.name}": Reply([file.read_bytes()], headers=_typed(TYPES[file.name.partition(".")[2]]))
            for file in FILES.iterdir()
        }
        self._files["/"] = self._files["/index.html"]
        about = {"note": "no model is asked", "ways": ["sse"], "questions": questions}
        self._files["/about"] = Reply([json.dumps(about).encode()], headers=_typed("application/json"))

    def serves(self, request: Request) -> bool:
        """
        Whether a request is one of the page's.
        """
        return request.path == "/sse" if request.method == "POST" else request.path in self._files

    def _answer_other(self, request: Request) -> Reply:
        if not self.serves(request):
            return super()._answer_other(request)
        if request.method != "POST":
            return self._files[request.path]
        # One request for each question, and nothing mended, so that the page shows what was sent.
        asked = {"model": "claude-sonnet-5", "max_tokens": 1024, **(request.body or {})}
        chat = sk.messages(self.client(), retry=None, timeouts=None, **asked)
        return Reply([Streamed(chat | PARTS)], headers=_typed("text/event-stream"))


@dataclass(frozen=True, slots=True)
class Streamed(WireFault):
    """
    Send a stream as server-sent events while it runs.
    """

    stream: Stream[Any]

    async def play(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        async with aclosing(sk.sse.events(self.stream)) as frames:
            async for frame in frames:
                await send(frame)


def _typed(media_type: str) -> dict[str, str]:
    return {"content-type": f"{media_type}; charset=utf-8"}
