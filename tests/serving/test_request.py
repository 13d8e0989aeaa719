"""
Requests of front-ends: what is read of them, and that no request costs more time than its size.
"""

from __future__ import annotations

import json
from time import process_time
from typing import TYPE_CHECKING, Any, Final

import pytest

from streamkit._serving import request
from streamkit._serving.bad_request import BadRequest
from streamkit._serving.request import read_request
from streamkit.ui import ag_ui, ai_sdk

if TYPE_CHECKING:
    from collections.abc import Callable

Wire = dict[str, Any]

LIMIT: Final = 32_000_000


@pytest.mark.parametrize("kind", [str, bytes, bytearray, dict])
def test_a_request_is_an_object_or_the_text_of_one(kind: Any) -> None:
    said = '{"messages": [1, 2.5, "é", null, {"a": true}]}'
    body = json.loads(said) if kind is dict else said if kind is str else kind(said.encode())
    assert read_request(body, LIMIT) == json.loads(said)


@pytest.mark.parametrize(
    "body",
    [
        {"a": "x\ud83d", "\udc00": 1},
        '{"a": "x\\ud83d", "\\udc00": 1}',
        b'{"a": "x\\uD83D", "\\uDC00": 1}',
        '{"a": "x\ud83d", "\udc00": 1}',
    ],
)
def test_half_a_character_is_replaced_however_it_is_written(body: Any) -> None:
    assert read_request(body, LIMIT) == {"a": "x�", "�": 1}


def test_both_halves_of_a_character_are_one_character() -> None:
    assert read_request(b'{"a": "\\ud83d\\ude00\\ud83d"}', LIMIT) == {"a": "😀�"}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"{} {}",
        b"\xef\xbb\xbf{}",
        b'{"a": "\xff"}',
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": \x00}',
    ],
)
def test_what_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(BadRequest, match="the request is not JSON") as caught:
        read_request(text, LIMIT)
    assert caught.value.status == 400


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize("inside", [{}, [], 1, {"a": 1}])
def test_a_request_of_a_few_bytes_may_not_have_millions_of_values(
    inside: object, as_text: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request, "MOST_VALUES", 1000)
    body: Any = {"a": [inside] * 1001}
    with pytest.raises(BadRequest, match="more than 1,000 values in it") as caught:
        read_request(json.dumps(body).encode() if as_text else body, LIMIT)
    assert caught.value.status == 413


def test_what_is_said_is_not_counted_as_values() -> None:
    body = {"a": "[,:{" * 300_000}
    assert request.MOST_VALUES == 1_000_000
    assert read_request(json.dumps(body), LIMIT) == body


# -- how long it takes ---------------------------------------------------------------------------------------


def message(role: str, *parts: Wire) -> Wire:
    return {"role": role, "parts": [{"type": "step-start"}, *parts]} if parts else {"role": role}


def shown(text: str) -> Wire:
    return {"type": "text", "text": text}


def tool(number: int, **fields: Any) -> Wire:
    return {
        "type": "tool-look",
        "toolCallId": f"toolu_{number}",
        "state": "output-available",
        "input": {},
        "output": "x",
        **fields,
    }


def called(number: int, **fields: Any) -> Wire:
    call = {"id": f"toolu_{number}", "function": {"name": "look", "arguments": "{}"}, **fields}
    return {"id": f"m{number}:0", "role": "assistant", "toolCalls": [call]}


def output(number: int, **fields: Any) -> Wire:
    return {"role": "tool", "toolCallId": f"toolu_{number}", "content": "[]", **fields}


def note(kind: str) -> Wire:
    return {"metadata": {"anthropic": {"type": kind}}}


ASKED: Final[Wire] = {"role": "user", "parts": [shown("Hi")], "content": "Hi"}
THOUGHT: Final[Wire] = {
    "type": "reasoning",
    "text": "Hm",
    "providerMetadata": {"anthropic": {"signature": "s"}},
}

LONG: dict[str, tuple[Callable[[Any], Any], Callable[[int], Any]]] = {
    "ai_sdk: turns": (ai_sdk.params, lambda n: [ASKED, message("assistant", shown("Ho"))] * n),
    "ai_sdk: thoughts": (ai_sdk.params, lambda n: [ASKED, message("assistant", THOUGHT)] * n),
    "ai_sdk: steps": (
        ai_sdk.params,
        lambda n: [
            ASKED,
            message("assistant", *(part for i in range(n) for part in ({"type": "step-start"}, tool(i)))),
        ],
    ),
    "ai_sdk: tools of the server": (
        ai_sdk.params,
        lambda n: [ASKED, message("assistant", *(tool(i, providerExecuted=True) for i in range(n)))],
    ),
    "ag_ui: turns": (ag_ui.params, lambda n: [ASKED, {"role": "assistant", "content": "Ho"}] * n),
    "ag_ui: tools": (
        ag_ui.params,
        lambda n: [ASKED, *(each for i in range(n) for each in (called(i), output(i)))],
    ),
    "ag_ui: tools of the server": (
        ag_ui.params,
        lambda n: [
            ASKED,
            *(called(i, **note("server_tool_use")) for i in range(n)),
            *(output(i, **note("web_search_tool_result")) for i in range(n)),
        ],
    ),
}


@pytest.mark.parametrize(("read", "conversation"), LONG.values(), ids=LONG)
def test_a_long_conversation_takes_time_in_proportion(
    read: Callable[[Any], Any], conversation: Callable[[int], Any]
) -> None:
    def seconds(length: int) -> float:
        body = {"messages": conversation(length)}
        began = process_time()
        read(body)
        return process_time() - began

    once = min(seconds(200) for _ in range(3))
    assert min(seconds(2000) for _ in range(2)) < 40 * once, (
        "10 times as long would be in proportion, 100 a square"
    )


@pytest.mark.parametrize("read", [ai_sdk.params, ag_ui.params])
@pytest.mark.parametrize("head", ["[" * 201, "," * 1_000_001], ids=["brackets", "commas"])
def test_a_text_that_does_not_end_is_read_once(read: Callable[[Any], Any], head: str) -> None:
    began = process_time()
    with pytest.raises(BadRequest):
        read(f'{head}"' + '\\"' * 100_000)
    assert process_time() - began < 5
