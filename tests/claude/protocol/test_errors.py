"""
Errors say what happened, and whether trying again may help.
"""

from __future__ import annotations

import pytest

from streamkit._claude.protocol.error_forms import read_error
from streamkit._claude.protocol.errors import (
    GrammarError,
    StreamStalled,
    StreamTruncated,
    ToolInputError,
    status_of,
)
from streamkit._claude.protocol.tool_call import BrokenToolCall
from streamkit._core.errors import StreamError


@pytest.mark.parametrize(
    ("kind", "status", "retriable"),
    [
        ("invalid_request_error", 400, False),
        ("authentication_error", 401, False),
        ("billing_error", 402, False),
        ("permission_error", 403, False),
        ("not_found_error", 404, False),
        ("request_too_large", 413, False),
        ("rate_limit_error", 429, True),
        ("api_error", 500, True),
        ("timeout_error", 504, True),
        ("overloaded_error", 529, True),
        ("brand_new_error", None, False),
    ],
)
def test_an_error_type_has_its_status(kind: str, status: int | None, retriable: bool) -> None:
    error = read_error({"type": "error", "error": {"type": kind, "message": "m"}, "request_id": "req_1"})
    assert (error.type, error.status_code, error.retriable) == (kind, status, retriable)
    assert error.request_id == "req_1"
    assert str(error) == f"{kind}: m"
    assert status_of(kind) == status


@pytest.mark.parametrize("data", ["upstream \ud800", b"\xff", "", '{"error":"x"}', "[1]", "{" * 100_000])
def test_what_is_no_error_object_is_an_unknown_error(data: str | bytes) -> None:
    error = read_error(data)
    assert (error.type, error.status_code, error.retriable) == ("unknown_error", None, False)
    assert len(str(error)) < 250


def test_a_gateways_own_words_are_quoted() -> None:
    assert str(read_error(b"upstream connect error")) == "unknown_error: 'upstream connect error'"


def test_the_request_id_of_the_frame_goes_before_that_of_the_response() -> None:
    frame = {"type": "error", "error": {"type": "api_error", "message": "m"}, "request_id": "req_1"}
    assert read_error(frame, request_id="req_2").request_id == "req_1"
    assert read_error(b"gateway", request_id="req_2").request_id == "req_2"


def test_context_fills_what_an_error_does_not_know() -> None:
    error = StreamTruncated()
    assert error.with_context(request_id="req_1", partial=list, remark="no retry is left") is error
    assert (error.request_id, error.partial) == ("req_1", [])
    assert str(error) == "the stream ended before the message did; no retry is left"
    error.with_context(request_id="req_2", partial="other")
    assert (error.request_id, error.partial) == ("req_1", [])


def test_a_partial_can_be_fixed_before_more_is_added() -> None:
    words = ["Hel"]
    growing, fixed = (GrammarError("x", partial=lambda: "".join(words)) for _ in range(2))
    fixed.with_fixed_partial()
    words.append("lo")
    assert (growing.partial, fixed.partial) == ("Hello", "Hel")


def test_a_stall_is_not_retriable_once_the_time_is_up() -> None:
    assert not StreamStalled("late", time_is_up=True).retriable


def test_a_broken_connection_is_a_truncation_of_another_type() -> None:
    error = StreamTruncated("the connection broke", type="transport")
    assert (error.type, error.retriable, error.outcome_kind) == ("transport", True, "truncated")


def test_the_classes_say_what_happened() -> None:
    assert (StreamTruncated().type, StreamTruncated().retriable) == ("truncated", True)
    assert StreamTruncated().outcome_kind == "truncated"
    stalled = StreamStalled("no event in 60 s", request_id="req_1")
    assert (stalled.type, stalled.retriable, stalled.outcome_kind) == ("stalled", True, "failed")
    assert isinstance(stalled, TimeoutError)
    assert str(stalled) == "no event in 60 s"
    assert stalled.request_id == "req_1"
    assert (GrammarError("x").type, GrammarError("x").retriable) == ("grammar", False)
    assert all(isinstance(error, StreamError) for error in (StreamTruncated(), stalled, GrammarError("x")))


def test_a_tool_input_error_has_its_call_and_does_not_quote_it() -> None:
    call = BrokenToolCall("toolu_1", "search", "[secret]", "not_object", 2)
    error = ToolInputError(call)
    assert error.call is call
    assert (error.type, error.retriable) == ("tool_input", False)
    assert str(error) == "the input of tool 'search' (block 2) cannot be used: not_object"
    assert "secret" not in str(error)
