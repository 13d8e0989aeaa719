"""
params(): what of a page's request becomes a request to Claude, and what is refused.
"""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

import pytest
from anthropic.types import MessageParam
from hypothesis import given, strategies as st
from pydantic import TypeAdapter

import streamkit as sk
from streamkit.ui import ai_sdk

from .client import Client

PARAMS: TypeAdapter[Any] = TypeAdapter(list[MessageParam])

Part = dict[str, Any]


def text(said: str, **fields: Any) -> Part:
    return {"type": "text", "text": said, **fields}


def tool(state: str, call_id: str = "toolu_1", **fields: Any) -> Part:
    return {"type": "tool-look", "toolCallId": call_id, "state": state, "input": {"n": 1}, **fields}


def user(*parts: Part) -> Part:
    return {"id": "u", "role": "user", "parts": list(parts) or [text("Hi")]}


def assistant(*parts: Part) -> Part:
    return {"id": "a", "role": "assistant", "parts": [{"type": "step-start"}, *parts]}


def messages(*given: Part, **options: Any) -> list[Any]:
    """
    The messages for Claude, which the SDK's types accept.
    """
    made: list[Any] = ai_sdk.params({"messages": list(given)}, **options)["messages"]
    PARAMS.validate_python(made)
    return made


CALL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"n": 1}}


def result(content: Any, call_id: str = "toolu_1", **fields: Any) -> Part:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **fields}


# -- what becomes of it --------------------------------------------------------------------------------------


def test_a_question_is_a_message() -> None:
    assert messages(user()) == [{"role": "user", "content": "Hi"}]


def test_an_answer_is_in_the_conversation() -> None:
    assert messages(user(), assistant(text("Ho", state="done")), user()) == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Ho"},
        {"role": "user", "content": "Hi"},
    ]


def test_signed_thoughts_come_back_as_they_were_and_others_do_not() -> None:
    signed = {
        "type": "reasoning",
        "text": "Hm",
        "providerMetadata": {"anthropic": {"signature": "c2ln+/="}},
    }
    withheld = {"type": "reasoning", "text": "", "providerMetadata": {"anthropic": {"redactedData": "b64"}}}
    cut = {"type": "reasoning", "text": "Hmm", "state": "streaming"}
    (_, answer, _) = messages(user(), assistant(signed, withheld, text("Ho"), cut), user())
    assert answer["content"] == [
        {"type": "thinking", "thinking": "Hm", "signature": "c2ln+/="},
        {"type": "redacted_thinking", "data": "b64"},
        {"type": "text", "text": "Ho"},
    ]


def test_thinking_with_nothing_behind_it_is_left_out_with_its_message() -> None:
    signed = {"type": "reasoning", "text": "Hm", "providerMetadata": {"anthropic": {"signature": "s"}}}
    assert messages(user(), assistant(signed), user(text("And?"))) == [
        {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": "And?"}]}
    ]


def test_each_step_is_a_message_and_its_results_are_the_users() -> None:
    made = messages(
        user(),
        assistant(
            text("Look:"),
            tool("output-available", output="seen"),
            tool("output-error", "toolu_2", errorText="gone"),
            {"type": "step-start"},
            text("So."),
        ),
        user(text("And?")),
    )
    assert [message["role"] for message in made] == ["user", "assistant", "user", "assistant", "user"]
    assert made[1]["content"] == [{"type": "text", "text": "Look:"}, CALL, {**CALL, "id": "toolu_2"}]
    assert made[2]["content"] == [result("seen"), result("gone", "toolu_2", is_error=True)]
    assert made[3]["content"] == "So."


def test_the_request_after_a_tools_output_ends_with_it() -> None:
    made = messages(user(), assistant(tool("output-available", output="seen")))
    assert made[-1] == {"role": "user", "content": [result("seen")]}


@pytest.mark.parametrize(
    ("output", "content"),
    [
        ("seen", "seen"),
        ("", ""),
        (None, "null"),
        ({"c": 21}, '{"c":21}'),
        ([1, "two"], '[1,"two"]'),
        ([{"type": "text", "text": "seen"}], [{"type": "text", "text": "seen"}]),
        (
            [{"type": "text", "text": ""}, {"type": "text", "text": "seen"}],
            [{"type": "text", "text": "seen"}],
        ),
        ([{"type": "text", "label": "seen"}], '[{"type":"text","label":"seen"}]'),
        ([{"type": "image", "src": "cat.png"}], '[{"type":"image","src":"cat.png"}]'),
    ],
)
def test_any_output_is_a_result(output: Any, content: Any) -> None:
    made = messages(user(), assistant(tool("output-available", output=output)))
    assert made[-1]["content"] == [result(content)]


UNSAID = "The tool has failed, and does not say why."


@pytest.mark.parametrize(
    ("said", "content"),
    [
        ("gone", "gone"),
        ("", UNSAID),
        ("[]", "[]"),
        ('[{"type":"text","text":""}]', UNSAID),
        (
            '[{"type":"image","source":{"type":"url","url":"https://t"}}]',
            [{"type": "text", "text": "[one image, which cannot be shown with an error]"}],
        ),
    ],
)
def test_a_tool_that_has_failed_says_so_in_texts_alone(said: str, content: Any) -> None:
    made = messages(user(), assistant(tool("output-error", errorText=said)))
    assert made[-1]["content"] == [result(content, is_error=True)]


def test_calls_with_one_id_are_told_apart() -> None:
    first = assistant(tool("output-available", output="one"))
    second = assistant(tool("approval-responded", approval={"id": "x", "approved": True}))
    body = {"messages": [user(), first, user(), second]}
    (call,) = ai_sdk.approved(body)
    made = messages(*body["messages"], results=[call.result("two")])
    assert [block for message in made for block in message["content"] if "type" in block] == [
        CALL,
        result("one"),
        {"type": "text", "text": "Hi"},
        {**CALL, "id": "toolu_1_2"},
        result("two", "toolu_1_2"),
    ]


def test_an_approved_call_waits_only_in_the_last_message() -> None:
    waiting = tool("approval-responded", approval={"id": "x", "approved": True})
    given = user(), assistant(waiting), assistant(text(""))
    assert ai_sdk.approved({"messages": list(given)}) == []
    assert messages(*given)[-1]["content"] == [result("This call was not run.", is_error=True)]


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (tool("input-available"), "This call was not run."),
        (tool("output-available", output=1, preliminary=True), "This call was not run."),
        (tool("approval-requested", approval={"id": "x"}), "The user has not approved this call."),
        (
            tool("approval-responded", approval={"id": "x", "approved": False}),
            "The user has denied this call.",
        ),
        (tool("approval-responded", approval={"id": "x", "approved": False, "reason": "No!"}), "No!"),
        (tool("output-denied", approval={"id": "x", "approved": False}), "The user has denied this call."),
    ],
)
@pytest.mark.parametrize("goes_on", [True, False])
def test_a_call_without_a_result_gets_one_that_says_why(part: Part, said: str, goes_on: bool) -> None:
    made = messages(user(), assistant(part), *([user()] if goes_on else []))
    assert made[1]["content"] == [CALL]
    assert made[2]["content"][0] == result(said, is_error=True)


def test_an_approved_call_waits_for_the_application() -> None:
    waiting = tool("approval-responded", approval={"id": "x", "approved": True})
    done = tool("output-available", "toolu_2", output="seen")
    body = {"messages": [user(), assistant(waiting, done)]}
    (call,) = ai_sdk.approved(body)
    assert (call.id, call.name, call.input) == ("toolu_1", "look", {"n": 1})
    made = messages(*body["messages"], results=[call.result("here")])
    assert made[-1]["content"] == [result("here"), result("seen", "toolu_2")]
    assert ai_sdk.approved({"messages": [user()]}) == []
    assert ai_sdk.approved({"messages": [*body["messages"], user()]}) == []


@pytest.mark.parametrize(
    "part",
    [
        {"type": "tool-look", "toolCallId": "toolu_1", "state": "input-streaming", "rawInput": '{"n"'},
        {
            "type": "tool-look",
            "toolCallId": "toolu_1",
            "state": "output-error",
            "errorText": "cut",
            "rawInput": "{",
        },
        tool("output-error", errorText="cut", input='{"n"'),
    ],
)
def test_a_call_whose_input_was_cut_is_left_out(part: Part) -> None:
    assert messages(user(), assistant(text("Look:"), part), user())[1]["content"] == "Look:"


def test_what_the_server_has_run_stays_in_the_answer() -> None:
    found = [{"type": "web_search_result", "title": "T", "url": "https://t", "encrypted_content": "e+/="}]
    search = {
        "type": "tool-web_search",
        "toolCallId": "srv_1",
        "state": "output-available",
        "providerExecuted": True,
        "input": {"query": "tides"},
        "output": found,
    }
    made = messages(user(), assistant(search, text("Ebb.")), user())
    assert made[1]["content"] == [
        {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "tides"}},
        {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": found},
        {"type": "text", "text": "Ebb."},
    ]


def test_a_call_of_the_servers_without_its_result_stays_only_where_the_api_goes_on_with_it() -> None:
    search = {
        "type": "tool-web_search",
        "toolCallId": "srv_1",
        "state": "input-available",
        "providerExecuted": True,
        "input": {"query": "tides"},
    }
    assert len(messages(user(), assistant(text("Look:"), search))[1]["content"]) == 2
    assert messages(user(), assistant(text("Look:"), search), user())[1]["content"] == "Look:"


def test_what_is_for_the_page_alone_is_left_out() -> None:
    made = messages(
        user(text("Hi"), {"type": "data-draft", "data": 1}),
        assistant(
            text("Ho"),
            {"type": "source-url", "sourceId": "1", "url": "https://t"},
            {"type": "source-document", "sourceId": "2", "mediaType": "text/plain", "title": "T"},
            {"type": "data-weather", "data": {"c": 21}},
            text("  "),
        ),
    )
    assert made == [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]


def test_what_a_user_has_said_in_between_stands_there() -> None:
    steering = {"type": "steering-message", "id": "s", "parts": [text("Faster!")]}
    parts = tool("output-available", output="seen"), steering, {"type": "step-start"}, text("So.")
    made = messages(user(), assistant(*parts))
    assert made[2]["content"] == [result("seen"), {"type": "text", "text": "Faster!"}]
    assert made[3]["content"] == "So."


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            {"mediaType": "image/png", "url": "data:image/png;base64,aGk="},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
        ),
        (
            {"mediaType": "image/jpeg", "url": "https://x.example/a.jpg"},
            {"type": "image", "source": {"type": "url", "url": "https://x.example/a.jpg"}},
        ),
        (
            {"mediaType": "application/pdf", "url": "data:application/pdf;base64,aGk=", "filename": "a.pdf"},
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="},
                "title": "a.pdf",
            },
        ),
        (
            {"mediaType": "text/markdown", "url": "data:text/markdown;charset=utf-8;base64,SGkg8J+Mig=="},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hi 🌊"}},
        ),
        (
            {"mediaType": "text/plain", "url": "data:text/plain,a%20b"},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a b"}},
        ),
    ],
)
def test_a_file_is_a_block(part: Part, block: Part) -> None:
    assert messages(user({"type": "file", **part}))[0]["content"] == [block]


@pytest.mark.parametrize("kind", ["text/plain", "image/png", "application/pdf"])
def test_a_file_with_nothing_in_it_is_left_out(kind: str) -> None:
    for url in (f"data:{kind},", f"data:{kind};base64,"):
        assert messages(user(text("Hi"), {"type": "file", "mediaType": kind, "url": url})) == messages(user())


@pytest.mark.parametrize(
    "nothing", [text(" "), {"type": "data-x", "data": 1}, {"type": "file", "url": "data:text/plain,"}]
)  # fmt: skip
def test_a_message_that_says_nothing_is_refused_and_left_out_when_others_follow(nothing: Part) -> None:
    with pytest.raises(ai_sdk.BadRequest, match=r"messages\[2\] is empty"):
        ai_sdk.params({"messages": [user(), assistant(text("Ho")), user(nothing)]})
    made = messages(user(), assistant(text("Ho")), user(nothing), user(text("And?")))
    assert made == messages(user(), assistant(text("Ho")), user(text("And?")))


def test_a_file_that_was_uploaded_is_named() -> None:
    part = {
        "type": "file",
        "mediaType": "application/pdf",
        "url": "x",
        "providerReference": {"anthropic": "file_1"},
    }
    (message,) = ai_sdk.params({"messages": [user(part)]})["messages"]
    assert message["content"] == [{"type": "document", "source": {"type": "file", "file_id": "file_1"}}]


def test_instructions_are_taken_from_a_page_only_where_that_is_wanted() -> None:
    body = {"messages": [{"role": "system", "parts": [text("Be brief.")]}, user()]}
    with pytest.raises(ai_sdk.BadRequest, match="role system"):
        ai_sdk.params(body)
    assert ai_sdk.params(body, system=True)["system"] == "Be brief."
    for nothing in (text(""), text(" "), {"type": "text"}, {"type": "text", "text": None}):
        silent = {"messages": [{"role": "system", "parts": [nothing]}, user()]}
        assert "system" not in ai_sdk.params(silent, system=True)


def test_the_text_of_a_request_will_do() -> None:
    body = json.dumps({"messages": [user()]})
    assert (
        ai_sdk.params(body)
        == ai_sdk.params(body.encode())
        == {"messages": [{"role": "user", "content": "Hi"}]}
    )


def test_half_a_character_is_replaced_because_no_request_can_carry_it() -> None:
    (message,) = messages(user(text("a\ud83d")))
    assert message["content"] == "a�"


# -- what is refused -----------------------------------------------------------------------------------------

SECRET = "hunter2"
DEEP: Any = json.loads("[" * 500 + "]" * 500)

REFUSED: dict[str, Any] = {
    "nothing": None,
    "a list": [],
    "no JSON": "{",
    "no object": "7",
    "no messages": {},
    "an empty list of messages": {"messages": []},
    "messages that are no list": {"messages": {"role": "user"}},
    "a message that is no object": {"messages": [SECRET]},
    "no role": {"messages": [{"parts": [text(SECRET)]}]},
    "an unknown role": {"messages": [{"role": SECRET, "parts": [text("Hi")]}]},
    "the role tool": {"messages": [{"role": "tool", "parts": [text("Hi")]}]},
    "no parts": {"messages": [{"role": "user", "content": SECRET}]},
    "nothing said": {"messages": [{"role": "user", "parts": []}]},
    "answers with nothing in them": {"messages": [assistant(), assistant()]},
    "white space said": {"messages": [user(text("  \n"))]},
    "a part that is no object": {"messages": [user(SECRET)]},  # type: ignore[arg-type]
    "a part without a type": {"messages": [user({"text": SECRET})]},
    "a part of an unknown type": {"messages": [user(), assistant({"type": SECRET})]},
    "a text without text": {"messages": [user({"type": "text", "text": 7})]},
    "a call by the user": {"messages": [user(tool("output-available", output=SECRET))]},
    "an output without the id of a call": {
        "messages": [user(), assistant({"type": "tool-look", "state": "output-available", "output": SECRET})]
    },
    "an output without the input of a call": {
        "messages": [user(), assistant({**tool("output-available", output=SECRET), "input": None})]
    },
    "a state that is not known": {"messages": [user(), assistant(tool(SECRET))]},
    "an approval without an id": {
        "messages": [user(), assistant(tool("approval-responded", approval={"approved": True}))]
    },
    "an approval of nothing": {"messages": [user(), assistant(tool("approval-responded"))]},
    "an approval of a call that did not ask": {
        "messages": [user(), assistant(tool("input-available", approval={"id": "x", "approved": True}))]
    },
    "an approval that is a part of its own": {
        "messages": [
            user(),
            assistant(
                {"type": "tool-approval-response", "approvalId": "x", "approved": True, "toolCallId": "y"}
            ),
        ]
    },
    "an approval that says nothing": {
        "messages": [user(), assistant(tool("approval-responded", approval={"id": "x", "approved": "yes"}))]
    },
    "a file without a url": {"messages": [user({"type": "file", "mediaType": "image/png"})]},
    "a file on a disk": {
        "messages": [user({"type": "file", "mediaType": "image/png", "url": "file:///etc/passwd"})]
    },
    "a file that is not base64": {
        "messages": [
            user({"type": "file", "mediaType": "image/png", "url": f"data:image/png;base64,{SECRET}!"})
        ]
    },
    "a file of a type that Claude does not take": {
        "messages": [user({"type": "file", "mediaType": "video/mp4", "url": "https://x.example/a.mp4"})]
    },
    "a text file that is no text": {
        "messages": [
            user(
                {
                    "type": "file",
                    "mediaType": "text/plain",
                    "url": "data:text/plain;base64," + base64.b64encode(b"\xff\xfe\xfd").decode(),
                }
            )
        ]
    },
    "endless nesting": {"messages": [user(), assistant(tool("output-available", output=DEEP))]},
    "endless nesting in a text": '{"messages": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "a value that JSON does not have": {
        "messages": [user(), assistant(tool("output-available", output={1, 2}))]
    },
    "a number that JSON does not have": {
        "messages": [user(), assistant(tool("output-available", output=float("nan")))]
    },
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_answered_is_refused_in_one_clear_line(body: Any) -> None:
    with pytest.raises(ai_sdk.BadRequest) as caught:
        ai_sdk.params(body)
    error = caught.value
    assert isinstance(error, ValueError)
    assert error.status == 400
    assert SECRET not in str(error)
    assert "\n" not in str(error)
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize(
    "parts",
    [
        [text("x" * 40_000)],
        [text("é" * 20_001)],
        [text("x")] * 1000,
        [{"type": "data-x", "data": [0] * 20_000}],
    ],
)
def test_what_is_too_large_is_refused(parts: list[Part], as_text: bool) -> None:
    body: Any = {"messages": [user(*parts)]}
    with pytest.raises(ai_sdk.BadRequest, match="larger than 20,000 bytes") as caught:
        ai_sdk.params(json.dumps(body) if as_text else body, most_bytes=20_000)
    assert caught.value.status == 413


def test_fifty_megabytes_are_too_large() -> None:
    with pytest.raises(ai_sdk.BadRequest) as caught:
        ai_sdk.params({"messages": [user(text("x" * 1_000_000))] * 50})
    assert caught.value.status == 413


def test_an_approval_of_an_earlier_request_need_not_be_kept() -> None:
    done = tool("output-available", output="paid", approval={"id": "x", "approved": True})
    denied = tool("approval-responded", "toolu_2", approval={"id": "y", "approved": False})
    made = messages(user(), assistant(done, denied), user(), asked=set())
    assert len(made[2]["content"]) == 3


def test_an_approval_that_this_server_has_not_asked_for_is_refused() -> None:
    granted = tool("approval-responded", approval={"id": "x", "approved": True})
    body = {"messages": [user(), assistant(granted)]}
    assert ai_sdk.approved(body, asked={"x"})
    for read in (ai_sdk.params, ai_sdk.approved):
        with pytest.raises(ai_sdk.BadRequest, match="approval was never asked for"):
            read(body, asked={"y"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
NAMES = [
    "type",
    "text",
    "state",
    "toolCallId",
    "toolName",
    "input",
    "output",
    "errorText",
    "approval",
    "url",
    "mediaType",
    "providerMetadata",
    "callProviderMetadata",
    "resultProviderMetadata",
    "providerExecuted",
    "data",
]
TYPES = [
    "text",
    "reasoning",
    "file",
    "tool-look",
    "dynamic-tool",
    "step-start",
    "custom",
    "data-anthropic-block",
]
STATES = ["input-available", "output-available", "output-error", "approval-responded", "output-denied"]
METADATA = st.fixed_dictionaries(
    {"anthropic": st.dictionaries(st.sampled_from(["type", "caller", "later", "more"]), JSON)}
)
PARTS = st.lists(
    st.dictionaries(
        st.sampled_from(NAMES),
        JSON | st.sampled_from(STATES) | METADATA | st.just({"id": "x", "approved": True}),
    ).flatmap(lambda part: st.sampled_from(TYPES).map(lambda kind: {**part, "type": kind})),
    max_size=4,
)


@given(
    st.fixed_dictionaries(
        {
            "messages": st.lists(
                st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "parts": PARTS})
                | JSON,
                max_size=4,
            )
        }
    )
    | JSON
)
def test_whatever_comes_is_taken_or_refused(body: Any) -> None:
    try:
        made = ai_sdk.params(body)["messages"]
    except ai_sdk.BadRequest:
        return
    json.dumps(made, allow_nan=False)
    roles = [message["role"] for message in made]
    assert all(one != other for one, other in itertools.pairwise(roles))
    assert all(message["content"] for message in made)
    ai_sdk.approved(body)
    list(ai_sdk.chunks(body=body).over([]))


def test_the_results_of_a_program_come_where_the_api_has_sent_them() -> None:
    """
    A program that Anthropic runs calls a tool of the application's, and ends only when that has given its result.
    """
    program: Part = {
        "type": "tool-code_execution",
        "toolCallId": "srv_1",
        "state": "output-available",
        "providerExecuted": True,
        "input": {"code": "look()"},
        "output": {
            "type": "code_execution_result",
            "stdout": "1",
            "stderr": "",
            "return_code": 0,
            "content": [],
        },
    }
    caller = {"anthropic": {"caller": {"type": "code_execution_20250825", "toolId": "srv_1"}}}
    call = tool("output-available", output="seen", callProviderMetadata=caller)
    made = messages(user(), assistant(program, call, {"type": "step-start"}, text("So.")), user())
    assert [block["type"] for block in made[1]["content"]] == ["server_tool_use", "tool_use"]
    assert made[1]["content"][1]["caller"] == {"type": "code_execution_20250825", "tool_id": "srv_1"}
    assert [block["type"] for block in made[3]["content"]] == ["code_execution_tool_result", "text"]


def searched(**fields: Any) -> Part:
    return {
        "type": "tool-web_search",
        "toolCallId": "srv_1",
        "state": "output-available",
        "providerExecuted": True,
        "input": {"query": "tides"},
        "output": [],
        **fields,
    }


def test_a_result_stands_in_the_step_in_which_it_has_come() -> None:
    told = {"anthropic": {"type": "web_search_tool_result", "later": 1}}
    call = tool("output-available", output="seen")
    made = messages(
        user(),
        assistant(searched(resultProviderMetadata=told), call, {"type": "step-start"}, text("So.")),
        user(),
    )
    assert [block["type"] for block in made[1]["content"]] == ["server_tool_use", "tool_use"]
    assert [block["type"] for block in made[3]["content"]] == ["web_search_tool_result", "text"]


def test_the_result_of_a_search_by_a_program_says_so_too() -> None:
    """
    Clients of version 6 keep no metadata of outputs.
    """
    caller = {"anthropic": {"caller": {"type": "code_execution_20250825", "toolId": "srv_0"}}}
    made = messages(user(), assistant(searched(callProviderMetadata=caller), text("So.")), user())
    assert made[1]["content"][1]["caller"] == {"type": "code_execution_20250825", "tool_id": "srv_0"}


@pytest.mark.parametrize("told", ["tool_result", "text", 7, None])
def test_a_page_cannot_make_another_block_of_what_the_server_has_found(told: Any) -> None:
    part = searched(resultProviderMetadata={"anthropic": {"type": told}})
    made = messages(user(), assistant(part, text("So.")), user())
    assert made[1]["content"][1]["type"] == "web_search_tool_result"


def test_a_tool_of_an_mcp_server_comes_back_with_its_server_or_not_at_all() -> None:
    metadata = {"anthropic": {"type": "mcp-tool-use", "serverName": "dice"}}
    part = {
        **searched(callProviderMetadata=metadata, state="output-error", errorText="down"),
        "type": "dynamic-tool",
        "toolName": "roll",
    }
    content = ai_sdk.params({"messages": [user(), assistant(part, text("So.")), user()]})["messages"][1][
        "content"
    ]
    assert content[0]["server_name"] == "dice"
    assert content[1] == {
        "type": "mcp_tool_result",
        "tool_use_id": "srv_1",
        "content": "down",
        "is_error": True,
    }
    nameless = {**part, "callProviderMetadata": {"anthropic": {"type": "mcp-tool-use"}}}
    assert messages(user(), assistant(nameless, text("So.")), user())[1]["content"] == "So."


def test_the_page_of_this_library_and_its_requests_agree_on_calls() -> None:
    broken = sk.BrokenToolCall("toolu_1", "look", "{", "truncated", 0)
    chunk = {
        "type": "tool-input-error",
        "toolCallId": broken.id,
        "toolName": broken.name,
        "input": broken.raw,
        "errorText": "cut",
    }
    for version in (6, 7):
        message = Client(version=version).read([{"type": "start-step"}, chunk])
        assert messages(user(), message, user()) == [
            {"role": "user", "content": [{"type": "text", "text": "Hi"}] * 2}
        ]
