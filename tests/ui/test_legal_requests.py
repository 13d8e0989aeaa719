"""
Whatever conversation a page has, the request that is made of it is one that the API takes.
"""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import given, settings, strategies as st

from streamkit.ui import ag_ui, ai_sdk
from tests.support.messages_api import check_conversation
from tests.support.profiles import examples

Wire = dict[str, Any]

TRIES: Final = examples(pr=200, full=2_000)

fixed: Any = st.fixed_dictionaries
just: Any = st.just

IDS: Final = st.sampled_from(["toolu_1", "toolu_2", "toolu_3"])
TEXTS: Final = st.sampled_from(["Hi", "", " ", "\ud83c"])
OWN_DATA: Final[Any] = st.sampled_from(
    [None, 0, {"c": 21}, [], [{"type": "text"}], [{"type": "text", "text": 5}], [{"type": "image", "src": "cat.png"}]]
)  # fmt: skip
TEXT_PARTS: Final = fixed({"type": just("text"), "text": TEXTS})


def check(messages: list[Any]) -> None:
    if messages and messages[-1]["role"] == "assistant":  # it is for the application to go on
        messages = [*messages, {"role": "user", "content": "Go on."}]
    check_conversation(messages, in_order=False)


# -- the AI SDK ----------------------------------------------------------------------------------------------

BLOCKS: Final = st.lists(
    TEXT_PARTS | just({"type": "image", "source": {"type": "url", "url": "https://t"}}), max_size=2
)
FILES: Final = fixed(
    {
        "type": just("file"),
        "mediaType": just("text/plain"),
        "url": st.sampled_from(
            [
                f"data:{kind};base64,{data}"
                for kind in ("text/plain", "image/png", "application/pdf")
                for data in ("", "aGk=")
            ]
        ),
    }
)
THOUGHTS: Final = fixed(
    {
        "type": just("reasoning"),
        "text": TEXTS,
        "providerMetadata": st.sampled_from(
            [{}, {"anthropic": {"signature": "c2ln"}}, {"anthropic": {"redactedData": "b64"}}]
        ),
    }
)
CALL: Final = {"type": just("tool-look"), "toolCallId": IDS, "input": just({})}
CALLS: Final = st.one_of(
    fixed({**CALL, "state": just("input-available")}),
    fixed({**CALL, "state": just("output-available"), "output": TEXTS | OWN_DATA | BLOCKS}),
    fixed({**CALL, "state": just("output-error"), "errorText": TEXTS | (OWN_DATA | BLOCKS).map(json.dumps)}),
    fixed({**CALL, "state": just("approval-requested"), "approval": just({"id": "x"})}),
    fixed(
        {
            **CALL,
            "state": just("approval-responded"),
            "approval": fixed({"id": just("x"), "approved": st.booleans(), "reason": TEXTS}),
        }
    ),
)
SEARCHES: Final = fixed(
    {
        "type": just("tool-web_search"),
        "toolCallId": IDS,
        "input": just({}),
        "state": just("output-available"),
        "output": just([]),
        "providerExecuted": just(True),
        "resultProviderMetadata": fixed(
            {"anthropic": fixed({"type": just("web_search_tool_result"), "later": st.integers(0, 2)})}
        ),
    }
)
STEPS: Final = just({"type": "step-start"})
ANSWERS: Final = fixed(
    {
        "role": just("assistant"),
        "parts": st.lists(STEPS | TEXT_PARTS | THOUGHTS | CALLS | SEARCHES, max_size=6),
    }
)
HI: Final = {"type": "text", "text": "Hi"}
QUESTIONS: Final = fixed({"role": just("user"), "parts": st.lists(TEXT_PARTS | FILES, max_size=2)})


@settings(max_examples=TRIES)
@given(st.lists(ANSWERS | QUESTIONS, max_size=6))
def test_of_usechat(messages: list[Wire]) -> None:
    said = {"role": "user", "parts": [HI]}
    ends_with_answer = messages and messages[-1]["role"] == "assistant"
    body = {"messages": [said, *messages, *([] if ends_with_answer else [said])]}
    results = [call.result("done") for call in ai_sdk.approved(body)]
    check(ai_sdk.params(body, results=results)["messages"])


# -- AG-UI ---------------------------------------------------------------------------------------------------


def media(kind: str, *mime_types: str) -> Any:
    data = {
        "type": just("data"),
        "mimeType": st.sampled_from(mime_types),
        "value": st.sampled_from(["", "aGk="]),
    }
    return fixed({"type": just(kind), "source": fixed(data)})


MEDIA: Final = media("image", "image/png") | media("document", "text/plain", "application/pdf")
ASKED: Final = fixed({"role": just("user"), "content": TEXTS | st.lists(TEXT_PARTS | MEDIA, max_size=3)})
FUNCTIONS: Final = fixed({"name": just("look"), "arguments": st.sampled_from(["{}", "", "{", "[]"])})
ANSWERED: Final = fixed(
    {
        "role": just("assistant"),
        "content": TEXTS,
        "toolCalls": st.lists(
            fixed({"id": IDS, "type": just("function"), "function": FUNCTIONS}), max_size=3
        ),
    }
)
GIVEN: Final = fixed(
    {
        "role": just("tool"),
        "toolCallId": IDS,
        "content": TEXTS | st.lists(TEXT_PARTS | MEDIA, max_size=2),
        "error": st.sampled_from([None, "", " ", "gone"]),
        "metadata": st.sampled_from([{}, {"anthropic": {"is_error": True}}]),
    }
)
THOUGHT: Final = fixed(
    {"role": just("reasoning"), "content": TEXTS, "encryptedValue": st.sampled_from([None, "c2ln"])}
)


@settings(max_examples=TRIES)
@given(st.lists(ASKED | ANSWERED | GIVEN | THOUGHT, max_size=8))
def test_of_ag_ui(messages: list[Wire]) -> None:
    called: set[str] = set()
    told: list[Wire] = [{"role": "user", "content": "Hi"}]
    for message in messages:
        called |= {call["id"] for call in message.get("toolCalls", ())}
        if message["role"] != "tool" or message["toolCallId"] in called:  # or it is refused
            told.append(message)
    if told[-1]["role"] != "assistant":
        told.append({"role": "user", "content": "Go on."})
    numbered = [{"id": f"m{number}", **message} for number, message in enumerate(told)]
    check(ag_ui.params({"threadId": "t", "runId": "r", "messages": numbered})["messages"])
