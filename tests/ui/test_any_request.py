"""
Whatever a page sends, `ui.ai_sdk.params` makes parameters of it, or says in one line what is wrong; and so does all else that
reads a request of a page.
"""

from __future__ import annotations

import json
from copy import deepcopy
from itertools import pairwise
from typing import Any, Final

import pytest
from hypothesis import given, settings

from streamkit.testing import text, thinking, tool_use
from streamkit.ui import ai_sdk
from tests.support.claude import events_of
from tests.support.profiles import examples
from tests.ui.any_json import changed
from tests.ui.client import Client

Wire = dict[str, Any]

FOUND: Final[Wire] = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
FILE: Final = {
    "type": "file",
    "mediaType": "image/png",
    "filename": "a.png",
    "url": "data:image/png;base64,aGk=",
}


def conversation() -> Wire:
    """
    A request with everything in it.
    """
    question = {"id": "q", "role": "user", "parts": [{"type": "text", "text": "Hi"}, FILE]}
    blocks: list[Any] = [
        thinking("Hm."),
        {"type": "redacted_thinking", "data": "eA=="},
        {"type": "compaction", "content": "all"},
        text("So."),
        tool_use("web_search", {"q": 1}, id="srvtoolu_1", type="server_tool_use"),
        FOUND,
        tool_use("find", {}, id="mcptoolu_1", type="mcp_tool_use", server_name="s"),
        {"type": "mcp_tool_result", "tool_use_id": "mcptoolu_1", "content": [{"type": "text", "text": "x"}]},
        tool_use("go", {"n": 1}, id="toolu_1"),
        tool_use("pay", {"n": 2}, id="toolu_2"),
    ]
    page = Client().read(ai_sdk.chunks().over(events_of(*blocks)))
    calls = {part["toolCallId"]: part for part in page["parts"] if part.get("toolCallId")}
    calls["toolu_1"] |= {"state": "output-available", "output": [{"type": "text", "text": "done"}]}
    approval = {"id": "a1", "approved": True, "reason": "why not"}
    calls["toolu_2"] |= {"state": "approval-responded", "approval": approval}
    page["parts"].append({"type": "data-note", "id": "n", "data": {"a": 1}})
    return {"id": "chat", "trigger": "submit-message", "messageId": page["id"], "messages": [question, page]}


REQUEST: Final = conversation()


@settings(max_examples=examples(pr=400, full=5000))
@given(changed(REQUEST))
def test_it_is_understood_or_refused_in_one_line(request_: Wire) -> None:
    before = deepcopy(request_)
    for read in (ai_sdk.params, ai_sdk.approved):
        try:
            made: Any = read(request_)
        except ai_sdk.BadRequest as error:
            assert error.status == 400  # noqa: PT017 -- most requests are understood
            assert "\n" not in str(error)  # noqa: PT017
        else:
            if read is ai_sdk.params:
                check(made)
        assert request_ == before, "a request is not changed"
    list(ai_sdk.chunks(body=request_).over(events_of(text("So."))))


def check(made: Any) -> None:
    """
    Whether parameters are such as can be sent.
    """
    json.dumps(made, ensure_ascii=False).encode()
    assert made["messages"]
    roles = [message["role"] for message in made["messages"]]
    assert all(first != second for first, second in pairwise(roles))
    assert all(message["content"] for message in made["messages"])


@pytest.mark.parametrize("empty", [[], [{"type": "step-start"}], [{"type": "text", "text": " "}]])
def test_a_request_in_which_nothing_is_said_is_refused(empty: list[Wire]) -> None:
    with pytest.raises(ai_sdk.BadRequest, match="the request has no message that Claude can answer"):
        ai_sdk.params({"messages": [{"id": "a", "role": "assistant", "parts": empty}]})


def test_the_request_of_these_tests_has_everything() -> None:
    made = ai_sdk.params(REQUEST)["messages"]
    kinds = [block["type"] for block in made[1]["content"]]
    assert kinds == [
        "thinking",
        "redacted_thinking",
        "compaction",
        "text",
        "server_tool_use",
        "web_search_tool_result",
        "mcp_tool_use",
        "mcp_tool_result",
        "tool_use",
        "tool_use",
    ]
    assert [call.id for call in ai_sdk.approved(REQUEST)] == ["toolu_2"]
