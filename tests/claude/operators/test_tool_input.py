"""
The input of a tool while it is being written.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
import pydantic
import pytest

import streamkit as sk
from streamkit.events import from_dict
from streamkit.testing import (
    Block,
    Drop,
    ErrorEvent,
    FakeClaude,
    Reply,
    event,
    reply,
    text,
    thinking,
    tool_use,
)
from tests.support.claude import ASK, events_of

if TYPE_CHECKING:
    from pathlib import Path

EDIT: dict[str, Any] = {
    "path": "river.py",
    "edits": [{"line": 3, "text": "stone"}, {"line": 17, "text": 'a "moss" \u2603\U0001f600\n'}],
    "dry": False,
    "notes": None,
}


def shown(operator: sk.Operator[Any, Any], *blocks: Any, **settings: Any) -> list[Any]:
    """
    What an operator gives; views as they were when they came.
    """
    given = operator.over(events_of(*blocks, **settings))
    return [item.copy() if isinstance(item, sk.Partial) else item for item in given]


def failing(
    operator: sk.Operator[Any, Any], *blocks: Any, **settings: Any
) -> tuple[list[Any], sk.ToolInputError]:
    came: list[Any] = []
    with pytest.raises(sk.ToolInputError) as caught:
        for item in operator.over(events_of(*blocks, **settings)):
            came.append(item.copy() if isinstance(item, sk.Partial) else item)
    return came, caught.value


def test_the_whole_input_as_it_grows() -> None:
    came = shown(
        sk.tool_input(), tool_use("edit", '{"path": "ri', 'ver.py", "n', '": [1', "2, tr", "ue]", "}")
    )
    assert came == [
        sk.Partial({"path": "ri"}, False),
        sk.Partial({"path": "river.py"}, False),
        sk.Partial({"path": "river.py", "n": []}, False),
        sk.Partial({"path": "river.py", "n": [12]}, False),
        sk.Partial({"path": "river.py", "n": [12, True]}, False),
        sk.Partial({"path": "river.py", "n": [12, True]}, True),
    ]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 1000])
def test_whatever_the_cuts(chunk: int) -> None:
    edit = tool_use("edit", EDIT, chunk=chunk)
    *growing, last = shown(sk.tool_input("edit"), edit)
    assert last == sk.Partial(EDIT, True)
    assert not any(item.complete for item in growing)
    assert "".join(shown(sk.tool_input("edit", "$.path"), edit)) == "river.py"
    assert "".join(shown(sk.tool_input("edit", "$.edits[1].text"), edit)) == EDIT["edits"][1]["text"]
    assert shown(sk.tool_input("edit", "$.edits[*]"), edit) == EDIT["edits"]
    assert shown(sk.tool_input("edit", "$.edits[*].line"), edit) == [3, 17]
    assert shown(sk.tool_input("edit", "$.edits[*].text"), edit) == [each["text"] for each in EDIT["edits"]]
    assert shown(sk.tool_input("edit", "$.dry"), edit) == [False]
    assert shown(sk.tool_input("edit", "$.notes"), edit) == [None]


def test_text_comes_with_its_delta_and_an_element_with_its_last_character() -> None:
    deltas = ['{"body": "one', " two\\", 'n", "items": [{"a"', ": 1}", ", 2, 3", "]}"]
    events = events_of(tool_use("edit", *deltas))
    first = next(n for n, item in enumerate(events) if item.type == "content_block_delta") + 1  # an empty one
    for path, grown in (
        ("$.body", [["one"], [" two"], ["\n"], [], [], []]),
        ("$.items[*]", [[], [], [], [{"a": 1}], [2], [3]]),
    ):
        before: list[Any] = []
        for number, new in enumerate(grown, 1):
            came: list[Any] = []
            # What comes so far ends inside the input, which is said only after all of this.
            with suppress(sk.ToolInputError):
                came.extend(sk.tool_input(None, path).over(events[: first + number]))
            assert came[len(before) :] == new
            before = came


def test_which_tools() -> None:
    blocks = [
        thinking("Hm"),
        text("Let me."),
        tool_use("edit", {"a": 1}),
        tool_use("run", {"b": 2}),
        tool_use("web_search", {"q": "c"}, type="server_tool_use"),
        tool_use("edit", {"a": 3}),
    ]
    whole = [item.value for item in shown(sk.tool_input(), *blocks) if item.complete]
    assert whole == [{"a": 1}, {"b": 2}, {"a": 3}]
    assert shown(sk.tool_input("edit", "$.a"), *blocks) == [1, 3]
    assert "".join(shown(sk.tool_input("web_search", "$.q"), *blocks)) == "c"
    assert shown(sk.tool_input("none"), *blocks) == []


def test_a_call_without_arguments_and_one_that_came_whole() -> None:
    assert shown(sk.tool_input(), tool_use("go")) == [sk.Partial({}, True)]
    assert shown(sk.tool_input(None, "$.a"), tool_use("go")) == []
    came_whole = Block({"type": "tool_use", "id": "toolu_1", "name": "go", "input": {"to": "Rome"}})
    assert shown(sk.tool_input(), came_whole) == [sk.Partial({"to": "Rome"}, True)]


@pytest.mark.parametrize(
    ("raw", "reason", "offset", "before"),
    [
        ('{"items": [1, {"a": 2}, nope]}', "invalid", 24, [1, {"a": 2}]),
        ('{"items": [1, 2]} {', "extra_data", 18, [1, 2]),
        ('{"items": [1, "\\q"]}', "invalid", 16, [1]),
        ('{"items": [1, 2', "truncated", 15, [1]),
        ('{"items": [1, "tw', "truncated", 17, [1]),
        ('["items"]', "not_object", None, []),
        ("12", "not_object", None, []),
    ],
)
def test_what_is_no_object_is_reported_with_its_place_after_what_came_before(
    raw: str, reason: str, offset: int | None, before: list[Any]
) -> None:
    for chunk in (1, 4, 100):
        came, error = failing(sk.tool_input("edit", "$.items[*]"), tool_use("edit", raw, chunk=chunk))
        assert came == before
        assert (error.call.reason, error.offset, error.call.name) == (reason, offset, "edit")
        assert raw.startswith(error.call.raw)
        assert "nope" not in str(error)


def test_a_block_that_max_tokens_cuts_is_truncated() -> None:
    cut = tool_use("edit", '{"path": "ri', closed=False)
    came, error = failing(sk.tool_input(), cut, stop_reason="max_tokens")
    assert came == [sk.Partial({"path": "ri"}, False)]
    assert (error.call.reason, error.offset) == ("truncated", 12)
    assert str(error).endswith(
        "cannot be used: the text ends inside a value at character 12, because the answer was cut (stop_reason "
        "'max_tokens'): send the request with a larger max_tokens, or ask for a shorter answer"
    )
    came, error = failing(sk.tool_input(), tool_use("edit", closed=False), stop_reason="max_tokens")
    assert (came, error.call.reason) == ([], "truncated")


async def test_an_upstream_error_wins() -> None:
    for end, type_ in ((Drop(), "transport"), (ErrorEvent(), "overloaded_error")):
        async with FakeClaude(reply(tool_use("edit", '{"path": "ri', end))) as server:
            came: list[Any] = []
            chat = sk.messages(server.client(), **ASK) | sk.tool_input("edit", "$.path")
            with pytest.raises(sk.StreamError) as caught:
                async with chat.open() as run:
                    async for piece in run:
                        came.append(piece)
            assert (came, caught.value.type) == (["ri"], type_)


def test_events_out_of_order_are_a_grammar_error() -> None:
    lost = event(
        {
            "type": "content_block_delta",
            "index": 3,
            "delta": {"type": "input_json_delta", "partial_json": "{"},
        }
    )
    with pytest.raises(sk.GrammarError, match="input_json_delta for block 3, which is not open"):
        list(sk.tool_input().over([from_dict(item) for item in Reply([lost]).events]))


def test_several_messages_and_restarts() -> None:
    once = events_of(tool_use("edit", {"a": 1}))
    assert [item.value for item in sk.tool_input().over(once + once) if item.complete] == [{"a": 1}, {"a": 1}]
    again = sk.Restarted(2, ConnectionError())
    cut = events_of(tool_use("edit", '{"a": 2', closed=False), end="content")
    came = [item.copy() for item in sk.tool_input().over([*cut, again, *once])]
    assert came == [sk.Partial({}, False), sk.Partial({"a": 1}, True)]


async def test_what_starts_over_may_only_be_shown_as_a_whole() -> None:
    async with FakeClaude() as server:
        policy = sk.RetryPolicy(resume="restart")
        chat = sk.messages(server.client(), **ASK, retry=policy)
        async with (chat | sk.tool_input()).open():
            pass
        for hiding in (sk.tool_input(None, "$.a"), sk.tool_input(model=dict[str, int])):
            with pytest.raises(TypeError, match="may start over"):
                async with (chat | hiding).open():
                    pass


# -- models --------------------------------------------------------------------------------------------------


class Line(pydantic.BaseModel):
    line: int
    text: str


class LineStruct(msgspec.Struct):
    line: int
    text: str


@pytest.mark.parametrize("model", [Line, LineStruct])
def test_each_complete_element_becomes_an_instance(model: Any) -> None:
    came = shown(sk.tool_input("edit", "$.edits[*]", model=model), tool_use("edit", EDIT, chunk=5))
    assert came == [model(**each) for each in EDIT["edits"]]
    assert all(type(item) is model for item in came)


def test_the_whole_becomes_an_instance_at_its_end() -> None:
    came = shown(sk.tool_input(model=LineStruct), tool_use("edit", {"line": 1, "text": "x"}, chunk=2))
    assert came == [LineStruct(1, "x")]
    assert shown(sk.tool_input(None, "$.text", model=str), tool_use("edit", {"text": "stone"}, chunk=3)) == [
        "stone"
    ]


def test_what_fits_no_model_is_that_librarys_own_error() -> None:
    came: list[Any] = []
    wrong = tool_use("edit", {"edits": [{"line": 1, "text": "x"}, {"line": "one"}]})
    with pytest.raises(pydantic.ValidationError):
        came.extend(sk.tool_input("edit", "$.edits[*]", model=Line).over(events_of(wrong)))
    with pytest.raises(msgspec.ValidationError):
        list(sk.tool_input("edit", "$.edits[*]", model=LineStruct).over(events_of(wrong)))


# -- previews are no calls -----------------------------------------------------------------------------------


def test_a_preview_is_no_call() -> None:
    edit = tool_use("edit", EDIT, chunk=9)
    both = sk.split(preview=sk.tool_input("edit"), call=sk.tool_calls())
    came: list[Any] = list(both.over(events_of(edit)))
    previews = [value for name, value in came if name == "preview"]
    [call] = [value for name, value in came if name == "call"]
    assert came[-1] == ("call", call)
    assert isinstance(call, sk.ToolCall)
    assert call.input == EDIT
    for preview in previews:
        assert not isinstance(preview, sk.ToolCall)
        assert not any(hasattr(preview, name) for name in ("id", "name", "input", "result"))
    with pytest.raises(TypeError):
        previews[0].value["path"] = "elsewhere"


# -- construction --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"name": ""}, TypeError, "needs the name of a tool, or None for all, not ''"),
        ({"name": 3}, TypeError, "needs the name of a tool"),
        ({"name": "$.body"}, ValueError, r"write path='\$\.body'"),
        ({"path": "items"}, ValueError, r"must begin with \$, which is the whole: '\$\.items'"),
        ({"path": "$.new-text"}, ValueError, r"any other name stands in brackets, as in \['new-text'\]"),
        ({"path": "$..items"}, ValueError, "it searches at every depth"),
        ({"path": 3}, TypeError, "path must be a string"),
        ({"model": 3}, TypeError, "model must be a pydantic model or a type that msgspec converts to, not 3"),
        ({"model": "Line"}, TypeError, "model must be"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_at_once(
    given: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        sk.tool_input(**given)
    if "name" not in given:
        with pytest.raises(error, match=message):
            sk.json(**given)


def test_it_reads_like_its_source() -> None:
    assert repr(sk.tool_input()) == "tool_input()"
    assert repr(sk.tool_input("edit", "$.body")) == "tool_input('edit', path='$.body')"
    assert repr(sk.json("$.a[*]")) == "json(path='$.a[*]')"


# -- recordings ----------------------------------------------------------------------------------------------


async def test_every_recorded_input_is_what_json_loads_makes_of_it(recording: Path) -> None:
    try:
        events = await sk.replay(recording).collect()
    except sk.StreamError:
        pytest.skip("this recording is broken on purpose")
    open_blocks: dict[int, list[str]] = {}
    written: list[tuple[str, Any]] = []
    for item in events:
        if item.type == "content_block_start":
            open_blocks[item.index] = [getattr(item.content_block, "name", "")]
        elif item.type == "content_block_delta" and item.delta.type == "input_json_delta":
            open_blocks[item.index].append(item.delta.partial_json)
        elif item.type == "content_block_stop":
            name, *pieces = open_blocks.pop(item.index)
            written += [(name, json.loads("".join(pieces)))] if "".join(pieces) else []
    shown_whole = [
        (name, item.value)
        for name in sorted({name for name, _ in written})
        for item in tolerant(sk.tool_input(name), events)
        if item.complete and item.value
    ]
    assert sorted(shown_whole, key=repr) == sorted((each for each in written if each[1]), key=repr)


def tolerant(operator: sk.Operator[Any, Any], events: list[Any]) -> list[Any]:
    """
    What comes before an input that was recorded half-way.
    """
    came: list[Any] = []
    try:
        for item in operator.over(events):
            came.append(item.copy())
    except sk.ToolInputError as error:
        if error.call.reason != "truncated":
            raise
    return came
