"""
`ui.ag_ui.params`: what a front-end's request says to Claude, and what is wrong with it.
"""

from __future__ import annotations

import base64
import json
import pickle
from typing import Any, Final

import pytest
from ag_ui.core import RunAgentInput
from anthropic.types.beta import BetaMessageParam
from pydantic import TypeAdapter

from streamkit.ui import ag_ui

Wire = dict[str, Any]

_SDK: Final[TypeAdapter[Any]] = TypeAdapter(BetaMessageParam)


def asked(*messages: Wire, **fields: Any) -> Wire:
    """
    A request with these messages.
    """
    numbered = [{"id": f"m{n}", **message} for n, message in enumerate(messages)]
    return {"threadId": "thread", "runId": "run", "messages": numbered, **fields}


def messages_for(*messages: Wire) -> list[Wire]:
    """
    What Claude gets of them, which the SDK's types accept.
    """
    made: list[Wire] = ag_ui.params(asked(*messages))["messages"]
    for message in made:
        _SDK.validate_python(message)
    return made


def user(content: Any = "Hi") -> Wire:
    return {"role": "user", "content": content}


def call(call_id: str = "toolu_1", arguments: str = '{"at": 1}', **facts: Any) -> Wire:
    function = {"name": "look", "arguments": arguments}
    metadata = {"metadata": {"anthropic": facts}} if facts else {}
    return {"id": call_id, "type": "function", "function": function, **metadata}


def output(call_id: str = "toolu_1", content: Any = "high", **fields: Any) -> Wire:
    return {"role": "tool", "toolCallId": call_id, "content": content, **fields}


UNSAID = "The tool has failed, and does not say why."


# -- messages -----------------------------------------------------------------------------------------------


def test_a_text_is_a_text() -> None:
    assert messages_for(user()) == [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]


def test_it_takes_a_model_a_dict_and_json() -> None:
    wire = asked(user())
    for given in (RunAgentInput.model_validate(wire), wire, json.dumps(wire), json.dumps(wire).encode()):
        assert ag_ui.params(given) == ag_ui.params(wire)


def data(mime_type: str, value: str = "aGk=") -> Wire:
    return {"type": "data", "value": value, "mimeType": mime_type}


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            {"type": "image", "source": data("image/png")},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
        ),
        (
            {"type": "image", "source": {"type": "url", "value": "https://sea.example/a.png"}},
            {"type": "image", "source": {"type": "url", "url": "https://sea.example/a.png"}},
        ),
        (
            {"type": "document", "source": data("application/pdf")},
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="},
            },
        ),
        (
            {
                "type": "document",
                "source": data("text/markdown", base64.b64encode("Wörter".encode()).decode()),
            },
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Wörter"}},
        ),
        (
            {"type": "document", "source": {"type": "file", "value": "file_1", "provider": "anthropic"}},
            {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        ),
        (
            {"type": "binary", "mimeType": "image/png", "data": "aGk="},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
        ),
        (
            {"type": "binary", "mimeType": "application/pdf", "url": "https://sea.example/a.pdf"},
            {"type": "document", "source": {"type": "url", "url": "https://sea.example/a.pdf"}},
        ),
    ],
)
def test_parts_are_blocks(part: Wire, block: Wire) -> None:
    assert messages_for(user([part]))[0]["content"] == [block]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "audio", "source": data("audio/mpeg")},
        {"type": "video", "source": data("video/mp4")},
        {"type": "image", "source": data("image/tiff")},
        {"type": "document", "source": data("application/zip")},
        {"type": "document", "source": data("text/plain", "not base64")},
        {"type": "document", "source": {"type": "file", "value": "file_1", "provider": "openai"}},
        {"type": "image", "source": data("image/png", "not base64")},
        {"type": "document", "source": data("application/pdf", "é")},
        {"type": "image", "source": {"type": "url", "value": "javascript:alert(1)"}},
        {"type": "image", "source": data("image/png", "")},
        {"type": "document", "source": data("text/plain", "")},
        {"type": "document", "source": {"type": "file", "value": "", "provider": "anthropic"}},
        {"type": "image", "source": {"type": "hologram"}},
        {"type": "image"},
        {"type": "binary", "mimeType": "image/png"},
        {"type": "hologram"},
        {"type": "text", "text": " "},
    ],
)
def test_a_part_that_claude_cannot_take_is_left_out(part: Wire) -> None:
    assert messages_for(user([part, {"type": "text", "text": "Hi"}])) == messages_for(user())


@pytest.mark.parametrize("nothing", ["", " ", [{"type": "audio", "source": data("audio/mpeg")}]])
def test_a_message_with_nothing_for_claude_is_refused_and_left_out_when_others_follow(nothing: Any) -> None:
    before = user(), {"role": "assistant", "content": "Ho"}
    with pytest.raises(ag_ui.BadRequest, match=r"messages\[2\] has nothing that Claude can take"):
        messages_for(*before, user(nothing))
    assert messages_for(*before, user(nothing), user("And?")) == messages_for(*before, user("And?"))


def test_what_two_users_say_in_a_row_is_one_message() -> None:
    [message] = messages_for(user("Hi"), user("again"))
    assert [block["text"] for block in message["content"]] == ["Hi", "again"]


def test_the_results_of_the_front_ends_tools_begin_the_next_message() -> None:
    calls = {"role": "assistant", "content": "Let me see.", "toolCalls": [call("toolu_1"), call("toolu_2")]}
    answers = [output("toolu_2", "low", error="no tide"), output("toolu_1")]
    _, answer, results = messages_for(user(), calls, *answers, user("And?"))
    assert [block["type"] for block in answer["content"]] == ["text", "tool_use", "tool_use"]
    assert results["content"] == [
        {"type": "tool_result", "tool_use_id": "toolu_2", "content": "low", "is_error": True},
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "high"},
        {"type": "text", "text": "And?"},
    ]


def test_a_tool_that_failed_without_a_word_gives_the_reason() -> None:
    calls = {"role": "assistant", "toolCalls": [call()]}
    *_, results = messages_for(user(), calls, output(content="", error="no tide"))
    assert results["content"][0]["content"] == "no tide"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"content": [], "error": "no tide"}, "no tide"),
        ({"content": "", "metadata": {"anthropic": {"is_error": True}}}, UNSAID),
        ({"content": [{"type": "text", "text": ""}], "error": " "}, UNSAID),
        (
            {"content": [{"type": "image", "source": data("image/png")}], "error": "no tide"},
            [{"type": "text", "text": "[one image, which cannot be shown with an error]"}],
        ),
    ],
)
def test_a_tool_that_has_failed_says_so_in_texts_alone(fields: Wire, said: Any) -> None:
    calls = {"role": "assistant", "toolCalls": [call()]}
    *_, results = messages_for(user(), calls, output(**fields))
    assert results["content"] == [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": said, "is_error": True}
    ]


def test_calls_with_one_id_are_told_apart() -> None:
    calls = {"role": "assistant", "toolCalls": [call()]}
    made = messages_for(user(), calls, output(content="one"), user(), calls, output(content="two"))
    found = [block for message in made for block in message["content"]]
    assert [block["id"] for block in found if block["type"] == "tool_use"] == ["toolu_1", "toolu_1_2"]
    assert [
        (block["tool_use_id"], block["content"]) for block in found if block["type"] == "tool_result"
    ] == [
        ("toolu_1", "one"),
        ("toolu_1_2", "two"),
    ]


def test_a_result_may_have_an_image() -> None:
    calls = {"role": "assistant", "toolCalls": [call()]}
    *_, results = messages_for(
        user(), calls, output(content=[{"type": "image", "source": data("image/png")}])
    )
    assert results["content"][0]["content"][0]["source"]["media_type"] == "image/png"


def test_a_result_that_comes_late_stands_behind_its_call() -> None:
    calls = {"role": "assistant", "toolCalls": [call()]}
    *_, results = messages_for(user(), calls, user("Well?"), output())
    assert [block["type"] for block in results["content"]] == ["tool_result", "text"]


def test_of_two_results_for_a_call_the_first_counts() -> None:
    calls = {"role": "assistant", "toolCalls": [call()]}
    *_, results = messages_for(user(), calls, output(content="one"), output(content="two"))
    assert [block["content"] for block in results["content"]] == ["one"]


def test_a_call_without_a_result_is_left_out_and_so_is_the_thought_that_led_to_it() -> None:
    thought = {"role": "reasoning", "content": "Hm.", "encryptedValue": "c2ln"}
    calls = {"role": "assistant", "toolCalls": [call()]}
    assert messages_for(user(), thought, calls, user("And?")) == messages_for(user(), user("And?"))


@pytest.mark.parametrize(
    "broken", [call(arguments='{"at": '), call(arguments="[1]"), call(broken="truncated")]
)
def test_a_call_that_was_cut_is_left_out_with_its_result(broken: Wire) -> None:
    calls = {"role": "assistant", "content": "Let me see.", "toolCalls": [broken]}
    _, answer, more = messages_for(user(), calls, output(), user("And?"))
    assert answer["content"] == [{"type": "text", "text": "Let me see."}]
    assert more["content"] == [{"type": "text", "text": "And?"}]


def test_thinking_without_a_signature_is_left_out() -> None:
    thought = {"role": "reasoning", "content": "Hm."}
    answer = {"role": "assistant", "content": "So."}
    assert messages_for(user(), thought, answer, user("And?"))[1]["content"] == [
        {"type": "text", "text": "So."}
    ]


def test_what_a_client_only_shows_is_no_part_of_it() -> None:
    shown: Wire = {"role": "activity", "activityType": "plan", "content": {}}
    assert messages_for(user(), shown) == messages_for(user())


def test_a_text_that_the_client_has_changed_is_one_block() -> None:
    facts = {"texts": [{"length": 3, "citations": [{"type": "char_location"}]}, {"length": 2}]}
    answer = {"role": "assistant", "content": "Another text.", "metadata": {"anthropic": facts}}
    assert messages_for(user(), answer, user("And?"))[1]["content"] == [
        {"type": "text", "text": "Another text."}
    ]


# -- the rest -----------------------------------------------------------------------------------------------


def test_instructions_and_context_are_the_system_prompt() -> None:
    instructions = [{"role": "system", "content": "Be brief."}, {"role": "developer", "content": "In verse."}]
    context = [{"description": "The place", "value": "Lindholm"}, {"description": "", "value": "It rains."}]
    made = ag_ui.params(asked(*instructions, user(), context=context))
    assert made["system"] == [
        {"type": "text", "text": said}
        for said in ("Be brief.", "In verse.", "The place: Lindholm", "It rains.")
    ]
    assert made["messages"] == messages_for(user())


def test_the_front_ends_tools_are_claudes() -> None:
    schema = {"type": "object", "properties": {"at": {"type": "integer"}}}
    tools = [
        {"name": "look", "description": "Looks.", "parameters": schema},
        {"name": "now", "description": ""},
    ]
    assert ag_ui.params(asked(user(), tools=tools))["tools"] == [
        {"name": "look", "description": "Looks.", "input_schema": schema},
        {"name": "now", "input_schema": {"type": "object"}},
    ]


def test_what_is_empty_is_not_there() -> None:
    made = ag_ui.params(asked(user(), tools=[], context=[], state={"step": 1}, forwardedProps={"a": 1}))
    assert made.keys() == {"messages"}


# -- bad requests -------------------------------------------------------------------------------------------

SECRET: Final = "the secret of the sea"


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (asked(), "the request has no message that Claude can answer"),
        ({"threadId": "thread"}, "the request has no message that Claude can answer"),
        (asked(messages=SECRET), "messages has to be a list"),
        (asked(messages=[SECRET]), r"messages\[0\] has to be an object"),
        (asked({"role": SECRET}), r"messages\[0\].role is none that the protocol has"),
        (asked({"role": "user"}), r"messages\[0\].content has to be a string or a list of parts"),
        (asked(user([SECRET])), r"messages\[0\].content\[0\] has to be an object"),
        (asked(user([{"type": "audio"}])), "the request has no message that Claude can answer"),
        (asked({"role": "system", "content": 7}), r"messages\[0\].content has to be a string"),
        (asked({"role": "developer"}), r"messages\[0\].content is missing"),
        (asked(user(), output(SECRET)), r"messages\[1\] is the output of a tool, and there is no such call"),
        (asked({"role": "assistant", "toolCalls": SECRET}), r"messages\[0\].toolCalls has to be a list"),
        (asked({"role": "assistant", "toolCalls": [{"id": SECRET}]}), "function has to be an object"),
        (asked({"role": "assistant", "content": [SECRET]}), r"messages\[0\].content has to be a string"),
        (asked(user(), tools=[{"description": SECRET}]), r"tools\[0\].name is missing"),
        (
            asked(user(), tools=[{"name": "a", "parameters": SECRET}]),
            r"tools\[0\].parameters has to be an object",
        ),
        (asked(user(), context=SECRET), "context has to be a list"),
        (asked(user(), resume=[{"interruptId": SECRET}]), "resume answers an interrupt, and none was raised"),
        (SECRET, "the request is not JSON"),
        ("[" * 100_000, "the request is nested more than 200 levels deep"),
        (json.dumps([SECRET]), "the request is not a JSON object"),
    ],
)
def test_a_bad_request_is_told_in_one_line_that_quotes_nothing(request_: Any, said: str) -> None:
    with pytest.raises(ag_ui.BadRequest, match=said) as caught:
        ag_ui.params(request_)
    assert caught.value.status == 400
    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("as_text", [False, True])
def test_a_request_that_is_too_large_says_so(as_text: bool) -> None:
    large = asked(user("ä" * 500_000))
    given: Any = json.dumps(large, ensure_ascii=False).encode() if as_text else large
    with pytest.raises(ag_ui.BadRequest, match="larger than 1,000,000 bytes") as caught:
        ag_ui.params(given, limit=1_000_000)
    assert caught.value.status == 413
    assert ag_ui.params(given, limit=1_100_000)


@pytest.mark.parametrize("given", [[], [{"role": "user"}], None, 7, 0.5, True, "[]", b"null", '"text"'])
def test_json_that_is_not_an_object_is_refused(given: Any) -> None:
    with pytest.raises(ag_ui.BadRequest, match="the request is not a JSON object") as caught:
        ag_ui.params(given)
    assert caught.value.status == 400


def test_something_else_is_a_mistake_of_the_application() -> None:
    given: Any = object()
    with pytest.raises(TypeError, match="RunAgentInput, a dict or JSON text, not object"):
        ag_ui.params(given)


def test_the_error_can_be_pickled() -> None:
    error = pickle.loads(pickle.dumps(ag_ui.BadRequest("too large", status=413)))
    assert (type(error), str(error), error.status) == (ag_ui.BadRequest, "too large", 413)
