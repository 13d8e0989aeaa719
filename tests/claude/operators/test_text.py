"""
Text, thinking, citations and usage: what a consumer wants of the events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

import anthropic
import httpx2
import pytest

from streamkit import citations, messages, split, text, thinking, usage
from streamkit._claude.protocol.codec import Unknown
from streamkit._claude.protocol.errors import GrammarError
from streamkit._claude.protocol.message import MessageBuilder
from streamkit._claude.protocol.sse import EventDecoder
from streamkit._core.algebra import Operator, Stream
from streamkit._core.from_iterable import from_iterable
from streamkit.events import AnyEvent, Event, Restarted, Usage, from_dict, to_dict
from streamkit.testing import (
    PING,
    FakeClaude,
    Reply,
    reply,
    text as text_block,
    thinking as thinking_block,
    tool_use,
)
from tests.support.claude import RESTARTED, decoded

if TYPE_CHECKING:
    from pathlib import Path

CITATION = {"type": "char_location", "cited_text": "rivers", "document_index": 0, "start_char_index": 1}


def by_the_sdk(body: bytes) -> list[Any]:
    """
    The events that the real SDK gives for these bytes.
    """
    response = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)
    transport = httpx2.MockTransport(lambda _: response)
    with anthropic.Anthropic(api_key="none", http_client=httpx2.Client(transport=transport)) as client:
        return list(client.messages.create(model="claude-x", max_tokens=9, messages=[], stream=True))


def begin(block: dict[str, Any], index: int = 0) -> Event:
    return from_dict({"type": "content_block_start", "index": index, "content_block": block})


REPLY = reply(
    thinking_block("Let me ", "think."),
    PING,
    text_block("Riv", "", "ers", citations=[CITATION]),
    tool_use("look", {"a": "no text"}),
    text_block(" end."),
    output_tokens=9,
)


def test_text_comes_piece_by_piece() -> None:
    assert list(text().over(decoded(REPLY))) == ["Riv", "", "ers", " end."]


def test_thinking_comes_without_its_signature() -> None:
    assert list(thinking().over(decoded(REPLY))) == ["Let me ", "think."]


def test_the_text_of_several_messages_follows_on() -> None:
    assert "".join(text().over(decoded(REPLY, reply(text_block(" More."))))) == "Rivers end. More."


def test_the_sdks_own_events_are_read_alike() -> None:
    events = by_the_sdk(REPLY.body)
    assert not any(isinstance(event, type(decoded(REPLY)[0])) for event in events)
    assert list(text().over(events)) == ["Riv", "", "ers", " end."]
    assert list(thinking().over(events)) == ["Let me ", "think."]
    assert [citation.cited_text for citation in citations().over(events)] == ["rivers"]
    assert [each.output_tokens for each in usage().over(events)] == [1, 9]


def test_a_delta_is_known_by_its_type_and_not_by_its_class() -> None:
    # The SDK gives an unknown delta the class TextDelta.
    frame = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":%s}\n\n'
    events = by_the_sdk(frame % b'{"type":"mood_delta","text":"no text"}')
    assert type(events[0].delta).__name__ == "TextDelta"
    assert list(text().over(events)) == []


def test_what_this_version_does_not_know_is_no_text() -> None:
    events = [
        from_dict({"type": "message_pause", "text": "no"}),
        from_dict({"type": "content_block_delta", "index": 0, "delta": {"type": "mood_delta", "text": "no"}}),
        begin({"type": "mood", "text": "no"}),
    ]
    for operator in (text(), thinking(), citations(), usage()):
        assert list(operator.over(events)) == []


def test_text_that_stands_in_the_beginning_of_its_block_or_message() -> None:
    events = decoded(reply(text_block("!")))
    first: Any = events[0]
    whole = [{"type": "text", "text": "Oh"}, {"type": "thinking", "thinking": "Hm", "signature": ""}]
    start = {
        "type": "message_start",
        "message": {"id": "m", "type": "message", "role": "assistant", "model": "x", "content": whole}
        | {"stop_reason": None, "stop_sequence": None, "usage": {"output_tokens": 1}},
    }
    events = [from_dict(start), begin({"type": "text", "text": ", hello"}), *events[2:]]
    assert first.type == "message_start"
    assert list(text().over(events)) == ["Oh", ", hello", "!"]
    assert list(thinking().over(events)) == ["Hm"]


def test_a_restart_is_shown_in_its_place_or_not_at_all() -> None:
    events = [*decoded(REPLY)[:9], RESTARTED, *decoded(REPLY)]
    assert list(text(restarts=True).over(events)) == ["Riv", RESTARTED, "Riv", "", "ers", " end."]
    assert list(text().over(events)) == ["Riv", "Riv", "", "ers", " end."]
    assert list(thinking().over(events)) == ["Let me ", "think.", "Let me ", "think."]
    assert list(thinking(restarts=True).over(events)) == ["Let me ", "think.", RESTARTED, "Let me ", "think."]


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (text(), "text()"),
        (text(restarts=True), "text(restarts=True)"),
        (text(restarts=False), "text()"),
        (thinking(), "thinking()"),
        (thinking(restarts=True), "thinking(restarts=True)"),
        (citations(), "citations()"),
        (usage(), "usage()"),
    ],
)
def test_they_read_like_their_source(made: object, code: str) -> None:
    assert repr(made) == code


def test_each_citation_as_it_came() -> None:
    other = {"type": "web_search_result_location", "url": "https://example.com", "new_field": [1, {"a": 2}]}
    events = decoded(reply(text_block("Rivers", citations=[CITATION, other]), text_block(".")))
    whole = begin({"type": "text", "text": "", "citations": [CITATION, other]})
    assert list(citations().over([*events, whole])) == [CITATION, other, CITATION, other]


def test_usage_is_a_total_that_changes_what_it_names() -> None:
    first = reply(text_block("a"), input_tokens=7, output_tokens=5, usage={"service_tier": "priority"})
    events = decoded(first)
    totals = {"input_tokens": None, "output_tokens": 6}
    more = from_dict({"type": "message_delta", "delta": {}, "usage": totals})
    bare = from_dict({"type": "message_delta", "delta": {"stop_reason": "end_turn"}})
    seen = list(usage().over([*events[:-1], more, bare, events[-1]]))
    assert [each.output_tokens for each in seen] == [1, 5, 6]
    assert [each.input_tokens for each in seen] == [7, 7, 7]
    assert [each.service_tier for each in seen] == ["priority"] * 3
    assert all(isinstance(each, Usage) for each in seen)


def test_usage_keeps_what_this_version_does_not_know() -> None:
    seen: list[Any] = list(usage().over(decoded(reply(usage={"watts": {"peak": 3}}))))
    assert [each.watts["peak"] for each in seen] == [3, 3]


def test_usage_starts_from_nothing_at_each_message_and_restart() -> None:
    first, second = reply(output_tokens=5, usage={"service_tier": "priority"}), reply(output_tokens=2)
    seen = list(usage().over(decoded(first, second)))
    assert [(each.output_tokens, each.service_tier) for each in seen] == [
        (1, "priority"),
        (5, "priority"),
        (1, "standard"),
        (2, "standard"),
    ]
    cut = [*decoded(first)[:2], RESTARTED, *decoded(second)]
    assert [each.output_tokens for each in usage().over(cut)] == [1, 5, 1, 2]


def test_usage_refuses_a_message_inside_another() -> None:
    with pytest.raises(GrammarError, match="message_start inside another message"):
        list(usage().over([*decoded(REPLY)[:3], *decoded(reply(id="msg_another"))]))


def test_recorded_text_is_the_text_of_the_message(recording: Path) -> None:
    events = EventDecoder().feed(recording.read_bytes())
    messages: list[MessageBuilder] = []
    for event in events:
        if event.type == "message_start":
            messages.append(MessageBuilder())
        messages[-1].add(event)
    blocks = [block for message in messages for block in message.to_dict()["content"]]
    for operator, kind in ((text(), "text"), (thinking(), "thinking")):
        whole = "".join(block[kind] for block in blocks if block["type"] == kind)
        assert "".join(operator.over(events)) == whole
    cited: list[list[Any]] = [block.get("citations") or [] for block in blocks if block["type"] == "text"]
    assert list(citations().over(events)) == [each for some in cited for each in some]
    told = list(usage().over(events))
    assert told[-1] == messages[-1].usage


async def test_text_of_a_run() -> None:
    assert await (from_iterable(decoded(REPLY)) | text()).collect() == ["Riv", "", "ers", " end."]


def test_their_types() -> None:
    assert_type(text(), Operator[AnyEvent, str])
    assert_type(text(restarts=True), Operator[AnyEvent, str | Restarted])
    assert_type(from_iterable(decoded(REPLY)) | thinking(), Stream[str])
    assert_type(from_iterable(decoded(REPLY)) | citations(), Stream[Unknown])
    assert_type(from_iterable(decoded(REPLY)) | usage(), Stream[Usage])


# -- between blocks ------------------------------------------------------------------------------------------


def pieces_between(*events: Any, **settings: Any) -> list[Any]:
    options: Any = {"between": "\n\n", **settings}
    return list(text(**options).over(events))


def test_a_separator_stands_between_the_texts_of_two_blocks() -> None:
    events = decoded(
        reply(text_block("I ", "look."), tool_use("look", {}), text_block("", "Found"), text_block("!"))
    )
    assert pieces_between(*events) == ["I ", "look.", "\n\n", "Found", "\n\n", "!"]


def test_there_is_none_before_the_first_text_nor_for_a_block_without_any() -> None:
    events = decoded(reply(thinking_block("Hm"), text_block(""), text_block("One"), text_block("")))
    assert pieces_between(*events) == ["One"]


def test_the_text_of_the_next_message_is_another_block() -> None:
    assert pieces_between(*decoded(reply(text_block("One")), reply(text_block("Two")))) == [
        "One",
        "\n\n",
        "Two",
    ]


def test_a_block_whose_start_was_left_out_is_known_by_its_index() -> None:
    def said(index: int, piece: str) -> Event:
        wire = {"type": "text_delta", "text": piece}
        return from_dict({"type": "content_block_delta", "index": index, "delta": wire})

    assert "".join(pieces_between(said(0, "a"), said(0, "b"), said(1, "c"))) == "ab\n\nc"
    one_index = [
        begin({"type": "text", "text": ""}),
        said(0, "a"),
        begin({"type": "text", "text": ""}),
        said(0, "b"),
    ]
    assert "".join(pieces_between(*one_index)) == "a\n\nb"


def test_texts_that_stand_in_their_starts_are_separated_too() -> None:
    whole = [{"type": "text", "text": "One"}, {"type": "text", "text": "Two"}]
    first: Any = decoded(reply(text_block("")))[0]
    start = from_dict({"type": "message_start", "message": {**to_dict(first)["message"], "content": whole}})
    assert (
        "".join(pieces_between(start, begin({"type": "text", "text": "Three"}, 2))) == "One\n\nTwo\n\nThree"
    )


def test_after_a_restart_the_text_begins_anew() -> None:
    events = [*decoded(reply(text_block("Cut")))[:3], RESTARTED, *decoded(reply(text_block("Whole")))]
    assert pieces_between(*events, restarts=True) == ["Cut", RESTARTED, "Whole"]
    assert pieces_between(*events) == ["Cut", "Whole"]
    assert repr(text(between="\n", restarts=True)) == 'text(restarts=True, between="\\n")'.replace('"', "'")


def test_a_separator_is_a_string() -> None:
    with pytest.raises(TypeError, match="between= as a str"):
        text(between=3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]


# -- halves of a character -----------------------------------------------------------------------------------

HALVES = ["a\ud83c", "\udf0ab", "\ud83c", "\udf0a", "c"]
WHOLE = ["a", "\U0001f30ab", "\U0001f30a", "c"]


def halved(kind: str = "text", *, index: int = 0) -> list[Event]:
    return [
        from_dict(
            {"type": "content_block_delta", "index": index, "delta": {"type": f"{kind}_delta", kind: piece}}
        )
        for piece in HALVES
    ]


def test_half_of_a_character_waits_for_the_other_half() -> None:
    assert list(text().over(halved())) == WHOLE
    assert list(text(restarts=True).over(halved())) == WHOLE
    assert list(text(between="\n").over(halved())) == WHOLE
    assert list(thinking().over(halved("thinking"))) == WHOLE


def test_half_of_one_that_nothing_follows_is_handed_on_at_the_end() -> None:
    for operator in (text(), text(between="\n")):
        assert list(operator.over(halved()[:1])) == ["a", "\ud83c"]
        assert list(operator.over([halved()[0], halved()[4]])) == ["a", "\ud83cc"]


def test_half_of_one_stays_in_its_block() -> None:
    events = [halved()[0], halved(index=1)[1]]
    assert list(text(between="|").over(events)) == ["a", "\ud83c|", "\udf0ab"]


def test_a_restart_drops_the_half_that_waits() -> None:
    assert list(text().over([halved()[0], RESTARTED, halved()[1]])) == ["a", "\udf0ab"]
    assert list(thinking().over([halved("thinking")[0], RESTARTED, halved("thinking")[1]])) == [
        "a",
        "\udf0ab",
    ]
    assert list(text(between="|").over([halved()[0], RESTARTED, halved()[1]])) == ["a", "\udf0ab"]


def test_split_hands_on_whole_characters() -> None:
    pairs = split(x=text(), y=thinking()).over([*halved(), *halved("thinking")])
    assert list(pairs) == [*(("x", piece) for piece in WHOLE), *(("y", piece) for piece in WHOLE)]


async def test_over_a_real_connection() -> None:
    body = reply(text_block("X", "Y")).body.replace(b'"X"', b'"Oh \\ud83c"').replace(b'"Y"', b'"\\udf0a!"')
    async with FakeClaude(Reply([body])) as server:
        asked: Any = {"model": "claude-x", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
        async with (messages(server.client(), **asked) | text()).open() as run:
            assert [piece async for piece in run] == ["Oh ", "\U0001f30a!"]
        assert run.outcome.message is not None
        assert run.outcome.message.content[0].to_dict()["text"] == "Oh \U0001f30a!"
