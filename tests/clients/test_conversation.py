"""
A conversation with each of the clients arrives at Claude as it was: `params` is the inverse of `chunks` and of `events`, with a
client between them that we did not write.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest
from anthropic.types.beta import BetaMessageParam
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.routing import Route

import streamkit as sk
from streamkit.testing import FakeClaude, reply, text, thinking, tool_use
from streamkit.ui import ag_ui, ai_sdk
from tests.clients.judges import AI_SDK, talked, told_by_ui_message
from tests.clients.site import beside
from tests.support.claude import ASK
from tests.support.servers import uvicorn_serves

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request

    from tests.clients.judges import Judge

pytestmark = pytest.mark.usefixtures("node")

Wire = dict[str, Any]

JUDGES: Final[tuple[Judge, ...]] = ("ai-6", "ai-7", "ag-ui")
PARAMS: Final[TypeAdapter[Any]] = TypeAdapter(list[BetaMessageParam])

# A signature is whatever the API says: it must survive byte for byte.
SIGNATURES: Final = ["c2lnbmF0dXJl/+==", 'Er\u2028\u00e4 \\n"\r\n', "E" * 5000, "\N{WATER WAVE}\t "]
THOUGHTS: Final[list[Wire]] = [
    {"type": "thinking", "thinking": said, "signature": signature}
    for said, signature in zip(["A map?", "Both.", "So.", "\N{WATER WAVE}\r\n"], SIGNATURES, strict=True)
]


def call(name: str, tool: str, given: Wire) -> Wire:
    return {"type": "tool_use", "id": name, "name": tool, "input": given}


FIRST: Final = call("toolu_1", "tides", {"place": "Lindholm", "at": [1, None]})
SECOND: Final = call("toolu_2", "tides", {"place": "V\u00e4der\u00f6", "at": {}})
THIRD: Final = call("toolu_3", "clock", {})
SEARCH: Final = {
    "type": "server_tool_use",
    "id": "srvtoolu_1",
    "name": "web_search",
    "input": {"query": "tides"},
}
SEA: Final = {"url": "https://sea.example", "title": "Sea"}
FOUND: Final = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [{"type": "web_search_result", **SEA, "encrypted_content": "eA=="}],
}
CITED: Final = {
    "type": "web_search_result_location",
    **SEA,
    "cited_text": "high",
    "encrypted_index": "aQ==",
}
WITHHELD: Final = {"type": "redacted_thinking", "data": "ZGF0YQ=="}


def said(piece: str, *citations: Wire) -> Wire:
    return {"type": "text", "text": piece, **({"citations": [*citations]} if citations else {})}


ANSWERS: Final[list[list[Wire]]] = [
    [THOUGHTS[0], said("It is a map.")],
    [THOUGHTS[1], said("Let me look at both."), FIRST, SECOND],
    [THOUGHTS[2], said("Low, and calm.")],
    [THOUGHTS[3], SEARCH, FOUND, said("It is "), said("high", CITED), said(". The time?"), THIRD],
    [WITHHELD, said("It is noon.")],
    [said("You are welcome.")],
]

PNG: Final = {"type": "base64", "media_type": "image/png", "data": "aGk="}
FILES: Final[dict[str, list[Wire]]] = {
    "ai": [{"type": "file", "mediaType": "image/png", "url": "data:image/png;base64,aGk="}],
    "ag": [{"type": "image", "source": {"type": "data", "value": "aGk=", "mimeType": "image/png"}}],
}


def steps(judge: Judge) -> list[Wire]:
    """
    What the user of a page does, and its tools.
    """
    given = [
        {"tool": "tides", "id": "toolu_1", "output": "low"},
        {"tool": "tides", "id": "toolu_2", "error": "down"},
    ]
    return [
        {"say": "What is this?", "files": FILES[judge[:2]]},
        {"say": "How high is it at both places?"},
        {"outputs": given},
        {"say": "And tomorrow?"},
        {"say": "Thank you."},
    ]


def streamed(block: Wire) -> Any:
    """
    A block as it is streamed.
    """
    match block:
        case {"type": "thinking", "thinking": thought, "signature": signature}:
            return thinking(thought, signature=signature)
        case {"type": "text", "text": piece}:
            return text(piece, chunk=3, citations=block.get("citations", ()))
        case {"type": "tool_use" | "server_tool_use" as kind, "id": name, "name": tool, "input": given}:
            return tool_use(tool, given, id=name, type=kind, chunk=4)
        case _:
            return block


# -- the application -------------------------------------------------------------------------------------------------------


class Application:
    """
    Answers by way of both protocols, and runs one of the tools itself.
    """

    def __init__(self, server: FakeClaude) -> None:
        self._client = server.client()
        self._asked: set[str] = set()

    def _turn(self, messages: Any) -> sk.Stream[Any]:
        return sk.messages(self._client, retry=None, **{**ASK, "messages": messages})

    def _conversation(self, messages: Any) -> sk.Stream[Any]:
        async def run_clock(outcome: sk.Outcome) -> sk.Stream[Any] | None:
            results = [call.result("12:00") for call in outcome.tool_calls if call.name == "clock"]
            if not results:
                return None
            history = [*outcome.history, {"role": "user", "content": results}]
            return sk.concat(sk.from_iterable(results), self._turn(history))

        return sk.follow(self._turn(messages), run_clock)

    async def ai(self, request: Request) -> ai_sdk.Response:
        body = await request.json()
        stream = self._conversation(ai_sdk.params(body)["messages"])
        return ai_sdk.Response(stream, body=body, version=6 if request.path_params["version"] == "6" else 7)

    async def asking(self, request: Request) -> ai_sdk.Response:
        """
        Ask the user before a tool is run.
        """
        body = await request.json()
        results = [call.result("paid") for call in ai_sdk.approved(body, asked=self._asked)]
        given = ai_sdk.params(body, results=results, asked=self._asked)

        async def ask(outcome: sk.Outcome) -> sk.Stream[Any] | None:
            requests: list[Wire] = []
            for call in getattr(outcome, "tool_calls", ()):
                approval = f"approval-{call.id}"
                self._asked.add(approval)
                requests.append(
                    {"type": "tool-approval-request", "approvalId": approval, "toolCallId": call.id}
                )
            return sk.from_iterable(requests) if requests else None

        stream = sk.concat(sk.from_iterable(results), sk.follow(self._turn(given["messages"]), ask))
        return ai_sdk.Response(stream, body=body, version=6 if request.path_params["version"] == "6" else 7)

    async def ag(self, request: Request) -> ag_ui.Response:
        run = json.loads(await request.body())
        events = ag_ui.events(run["threadId"], run["runId"], messages=run["messages"])
        return ag_ui.Response(self._conversation(ag_ui.params(run)["messages"]) | events)


def application(server: FakeClaude) -> Starlette:
    both = Application(server)
    return Starlette(
        routes=[
            Route("/ai-{version}", both.ai, methods=["POST"]),
            Route("/asking/ai-{version}", both.asking, methods=["POST"]),
            Route("/ag-ui", both.ag, methods=["POST"]),
        ]
    )


@asynccontextmanager
async def served(answers: list[list[Wire]]) -> AsyncGenerator[tuple[FakeClaude, int]]:
    replies = [reply(*map(streamed, answer)) for answer in answers]
    async with FakeClaude(*replies) as server, uvicorn_serves(application(server)) as port:
        yield server, port


# -- what arrives ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def arrived(node: None) -> dict[Judge, list[Wire]]:
    """
    The messages of the last request of each client's conversation.
    """
    with ExitStack() as stack:
        servers: dict[Judge, tuple[FakeClaude, int]] = {
            judge: stack.enter_context(beside(served(ANSWERS))) for judge in JUDGES
        }
        talks: dict[Judge, Any] = {
            judge: (f"http://127.0.0.1:{port}/{judge}", steps(judge)) for judge, (_, port) in servers.items()
        }
        seen = talked(talks)
        requests: dict[Judge, list[Any]] = {judge: server.requests for judge, (server, _) in servers.items()}
    assert {judge: each.errors for judge, each in seen.items()} == {judge: [] for judge in JUDGES}
    assert {judge: len(asked) for judge, asked in requests.items()} == dict.fromkeys(JUDGES, len(ANSWERS))
    for asked in requests.values():
        for request in asked:
            PARAMS.validate_python(request.body["messages"])
    return {judge: asked[-1].body["messages"] for judge, asked in requests.items()}


def blocks(content: str | list[Wire]) -> list[Wire]:
    return [said(content)] if isinstance(content, str) else content


@pytest.mark.parametrize("judge", JUDGES)
def test_it_arrives_as_it_was(judge: Judge, arrived: dict[Judge, list[Wire]]) -> None:
    image = {"type": "image", "source": PNG}
    question = [said("What is this?")]
    asked = [
        [image, *question] if judge[:2] == "ai" else [*question, image],
        [said("How high is it at both places?")],
        [
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": "low"},
            {"type": "tool_result", "tool_use_id": "toolu_2", "content": "down", "is_error": True},
        ],
        [said("And tomorrow?")],
        [{"type": "tool_result", "tool_use_id": "toolu_3", "content": "12:00"}],
        [said("Thank you.")],
    ]
    messages = arrived[judge]
    assert [message["role"] for message in messages] == ["user", "assistant"] * 5 + ["user"]
    assert [blocks(message["content"]) for message in messages[::2]] == asked
    assert [blocks(message["content"]) for message in messages[1::2]] == ANSWERS[:-1]


@pytest.mark.parametrize("judge", JUDGES)
def test_signatures_are_the_same_byte_for_byte(judge: Judge, arrived: dict[Judge, list[Wire]]) -> None:
    found = [
        block["signature"]
        for message in arrived[judge]
        for block in blocks(message["content"])
        if "signature" in block
    ]
    assert [signature.encode() for signature in found] == [signature.encode() for signature in SIGNATURES]


# -- a user who is asked first ---------------------------------------------------------------------------------------------

PAYMENTS: Final = [call(f"toolu_{number}", "pay", {"amount": number}) for number in (1, 2)]
ANSWERED: Final = [
    {"id": "approval-toolu_1", "approved": True},
    {"id": "approval-toolu_2", "approved": False, "reason": "too dear"},
]


@pytest.mark.usefixtures("node")
def test_what_the_user_has_said_to_a_tool_arrives() -> None:
    with ExitStack() as stack:
        servers: dict[Judge, tuple[FakeClaude, int]] = {
            judge: stack.enter_context(beside(served([PAYMENTS, [said("Paid one.")]]))) for judge in AI_SDK
        }
        steps = [{"say": "Pay both."}, {"answers": ANSWERED}]
        talks: dict[Judge, Any] = {
            judge: (f"http://127.0.0.1:{port}/asking/{judge}", steps) for judge, (_, port) in servers.items()
        }
        seen = talked(talks)
        requests = {judge: server.requests for judge, (server, _) in servers.items()}
    for judge in AI_SDK:
        assert seen[judge].errors == []
        _, last = requests[judge]
        messages = last.body["messages"]
        PARAMS.validate_python(messages)
        assert [blocks(message["content"]) for message in messages] == [
            [said("Pay both.")],
            PAYMENTS,
            [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "paid"},
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": "too dear", "is_error": True},
            ],
        ]
        _, answer = seen[judge].end
        assert told_by_ui_message(answer).text == "Paid one."
        assert told_by_ui_message(answer).results == {"toolu_1": "paid"}
