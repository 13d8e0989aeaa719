"""
The page of `streamkit serve --ui`, on the server that answers it: what is asked there is answered as an application would be.
"""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import streamkit as sk
from streamkit._surrogates import legal
from streamkit.testing import FakeClaude, Reply
from streamkit.testing._fake_claude.faults.wire import WireFault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import anthropic

    from streamkit._core.algebra import Operator, Stream
    from streamkit.testing import Request

__all__ = ["PageServer"]

FILES: Final = resources.files("streamkit.cli") / "chat_page"
NOTE: Final = "streamkit serve: no model is asked"
TYPES: Final = {"html": "text/html", "js": "text/javascript", "css": "text/css"}

PARTS: Final[Operator[Any, tuple[str, Any]]] = sk.split(
    thinking=sk.thinking(),
    text=sk.text(),
    block=sk.only("content_block_start"),
    input=sk.only("input_json_delta"),
    call=sk.tool_calls(broken="emit", server=True),
    found=sk.tool_results(),
    source=sk.citations(),
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
        self._pages = {
            f"/{file.name}": Reply([file.read_bytes()], headers=_typed(TYPES[file.name.rpartition(".")[2]]))
            for file in FILES.iterdir()
        }
        self._pages["/"] = self._pages["/index.html"]
        self._pages["/about"] = _json({"note": NOTE, "ways": ["sse"], "questions": [*questions]})

    def is_for_page(self, request: Request) -> bool:
        """
        Whether a request is one that the page makes.
        """
        return request.path == "/sse" if request.method == "POST" else request.path in self._pages

    def _answer_other(self, request: Request) -> Reply:
        if not self.is_for_page(request):
            return super()._answer_other(request)
        if request.method != "POST":
            return self._pages[request.path]
        match request.body:
            case {"messages": [_, *_] as given} if all(messages := [*map(_said, given)]):
                return Reply([Streamed(self._chat(messages) | PARTS)], headers=_typed("text/event-stream"))
            case _:
                return _json({"message": "the request has no messages of the page's"}, status=400)

    def _chat(self, messages: Any) -> Stream[Any]:
        # One request, and nothing is mended, so that the page shows what was sent.
        return sk.messages(
            self._asks, retry=None, model="claude-sonnet-5", max_tokens=1024, messages=messages
        )

    @cached_property
    def _asks(self) -> anthropic.AsyncAnthropic:
        return self.client()


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


def _said(message: object) -> dict[str, str] | None:
    """
    A message of the page's; None for what it does not send, which must not end the server as a mistake of the script's does.
    """
    match message:
        case {"role": str(role), "content": str(text)} if role in ("user", "assistant"):
            return {"role": role, "content": legal(text)}
        case _:
            return None


def _typed(media_type: str) -> dict[str, str]:
    return {"content-type": f"{media_type}; charset=utf-8"}


def _json(document: object, status: int = 200) -> Reply:
    return Reply([json.dumps(document).encode()], status, _typed("application/json"))
