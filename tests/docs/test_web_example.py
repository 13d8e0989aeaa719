"""
The application in examples/web answers on each of its ways. What a browser makes of it is in tests/clients/test_page.py.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import httpx2
import pytest
from websockets.sync.client import connect

from tests.clients.web_example import served_example
from tests.serving.asgi import parsed
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

QUESTION: Final = "Can we walk over to the island tomorrow?"
ASKED: Final = {"messages": [{"role": "user", "content": QUESTION}]}
BEGINS: Final = "Let me look at the tides.Yes, if you start early."
ENDS: Final = "faster than a person walks."


@pytest.fixture(scope="module")
def example() -> Iterator[str]:
    with served_example() as url:
        yield url


def post(url: str, body: Any) -> httpx2.Response:
    return httpx2.post(url, json=body, trust_env=False, timeout=PATIENCE).raise_for_status()


def check(parts: list[tuple[str, Any]]) -> None:
    """
    The parts of the answer that the page shows.
    """
    text = "".join(value for name, value in parts if name == "text")
    assert text.startswith(BEGINS)
    assert text.endswith(ENDS)
    [call] = [value for name, value in parts if name == "call"]
    [result] = [value for name, value in parts if name == "result"]
    assert (call["name"], call["input"]) == ("tide_table", {"place": "Lindholm", "day": "tomorrow"})
    assert result["tool_use_id"] == call["id"]
    assert "".join(value for name, value in parts if name == "thinking").endswith("and not guess.")


def test_server_sent_events(example: str) -> None:
    *parts, (name, end) = [
        (name, json.loads(data)) for name, data in parsed(post(f"{example}sse", ASKED).text)
    ]
    check(parts)
    assert (name, end["kind"], end["stop_reason"]) == ("done", "complete", "end_turn")


@pytest.mark.parametrize(
    "message",
    ["5", "NaN", '{"role": "user"}', '{"role": "user", "content": "\\ud83d"}', "[" * 5000 + "]" * 5000],
    ids=["number", "NaN", "silence", "half", "deep"],
)
def test_what_the_page_does_not_send_is_refused(example: str, message: str) -> None:
    body = f'{{"messages": [{message}]}}'.encode()
    refused = httpx2.post(f"{example}sse", content=body, trust_env=False, timeout=PATIENCE)
    assert (refused.status_code, refused.json()["message"]) == (
        400,
        "the request is not JSON with messages",
    )


def test_a_websocket(example: str) -> None:
    with connect(f"{example}ws".replace("http", "ws", 1), proxy=None) as client:
        client.send(json.dumps(ASKED))
        *parts, end = map(json.loads, client)
    check([(part["type"], part["content"]) for part in parts])
    assert (end["type"], end["kind"]) == ("complete", "complete")


def test_the_protocol_of_the_ai_sdk(example: str) -> None:
    question = {"id": "1", "role": "user", "parts": [{"type": "text", "text": QUESTION}]}
    answer = post(f"{example}ai-sdk", {"messages": [question]})
    assert answer.headers["x-vercel-ai-ui-message-stream"] == "v1"
    *chunks, (_, done) = parsed(answer.text)
    said = [json.loads(chunk) for _, chunk in chunks]
    assert "".join(chunk["delta"] for chunk in said if chunk["type"] == "text-delta").startswith(BEGINS)
    assert [chunk["output"][:8] for chunk in said if chunk["type"] == "tool-output-available"] == ["Lindholm"]
    assert (said[-1]["type"], said[-1]["finishReason"], done) == ("finish", "stop", "[DONE]")


def test_the_protocol_of_ag_ui(example: str) -> None:
    question = {"id": "1", "role": "user", "content": QUESTION}
    names = {"threadId": "thread", "runId": "run"}
    nothing: dict[str, Any] = {"tools": [], "context": [], "state": {}, "forwardedProps": {}}
    answer = post(f"{example}ag-ui", {**names, **nothing, "messages": [question]})
    said = [json.loads(event) for _, event in parsed(answer.text)]
    assert "".join(e["delta"] for e in said if e["type"] == "TEXT_MESSAGE_CONTENT").startswith(BEGINS)
    assert [e["content"][:8] for e in said if e["type"] == "TOOL_CALL_RESULT"] == ["Lindholm"]
    assert [entry["inputTokens"] for entry in said[-1]["usage"]] == [20]
    assert (said[0]["type"], said[-1]["type"]) == ("RUN_STARTED", "RUN_FINISHED")


@pytest.mark.parametrize("way", ["sse", "ai-sdk", "ag-ui"])
@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"messages": []}', b'{"messages": "Hi"}'])
def test_what_is_no_request_is_refused_in_one_line(example: str, way: str, body: bytes) -> None:
    refused = httpx2.post(f"{example}{way}", content=body, trust_env=False, timeout=PATIENCE)
    assert refused.status_code == 400
    assert len(refused.json()["message"].splitlines()) == 1


@pytest.mark.parametrize(
    "names", [{}, {"threadId": "t"}, {"threadId": 1, "runId": "r"}, {"threadId": "", "runId": "r"}]
)
def test_a_run_without_its_names_is_refused_too(example: str, names: Any) -> None:
    body = {**names, "messages": [{"id": "1", "role": "user", "content": QUESTION}]}
    refused = httpx2.post(f"{example}ag-ui", json=body, trust_env=False, timeout=PATIENCE)
    assert (refused.status_code, refused.json()["message"]) == (
        400,
        "the request has no threadId or no runId",
    )


def test_the_page(example: str) -> None:
    page = httpx2.get(example, trust_env=False)
    assert "<title>streamkit</title>" in page.text
    assert httpx2.get(f"{example}about", trust_env=False).json()["ways"] == ["sse", "websocket"]
