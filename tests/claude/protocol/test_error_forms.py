"""
An error is read out of any JSON object, whoever has written it.
"""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from streamkit._claude.protocol.error_forms import is_error, read_error

LATER = "Overloaded, please come again"

FORMS: dict[str, tuple[dict[str, Any], str, int | None, bool]] = {
    "the API's": (
        {"type": "error", "error": {"type": "overloaded_error", "message": LATER}},
        "overloaded_error",
        529,
        True,
    ),
    "without its type": (
        {"error": {"type": "overloaded_error", "message": LATER}},
        "overloaded_error",
        529,
        True,
    ),
    "its inside alone": ({"type": "api_error", "message": LATER}, "api_error", 500, True),
    "a request that is wrong": (
        {"error": {"type": "invalid_request_error", "message": LATER}},
        "invalid_request_error",
        400,
        False,
    ),
    "a text": ({"error": "model runner has stopped"}, "unknown_error", None, False),
    "a text with a type": (
        {"type": "error", "message": "model runner has stopped"},
        "unknown_error",
        None,
        False,
    ),
    "a message": ({"message": "model runner has stopped"}, "unknown_error", None, False),
    "a detail": ({"detail": "model runner has stopped"}, "unknown_error", None, False),
    "details of a field": (
        {"detail": [{"loc": ["body"], "msg": "a field is missing"}]},
        "unknown_error",
        None,
        False,
    ),
    "a status": ({"error": {"code": 502, "message": "Provider returned error"}}, "unknown_error", 502, True),
    "a status of a proxy that has only floats": (
        {"error": {"code": 503.0, "message": "upstream"}},
        "unknown_error",
        503,
        True,
    ),
    "no status, but a float": ({"error": {"code": 503.5, "message": "no"}}, "unknown_error", None, False),
    "a failure with such a code": ({"code": 500.0, "msg": "broken"}, "unknown_error", 500, True),
    "a status as text": (
        {"error": {"code": "429", "type": "None", "message": "slow down"}},
        "unknown_error",
        429,
        True,
    ),
    "a status of a wrong request": (
        {"object": "error", "type": "BadRequestError", "code": 400, "message": "no"},
        "BadRequestError",
        400,
        False,
    ),
    "a status outside": (
        {"status": 503, "error": "Service Unavailable", "message": "try"},
        "unknown_error",
        503,
        True,
    ),
    "a type goes before a status": (
        {"error": {"type": "invalid_request_error", "code": 503, "message": "no"}},
        "invalid_request_error",
        400,
        False,
    ),
    "a named code": (
        {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "Exceeded"},
        "REQUEST_LIMIT_EXCEEDED",
        429,
        True,
    ),
    "no success": ({"success": False, "code": 500, "error_msg": "no"}, "unknown_error", 500, True),
    "a code of no HTTP": ({"error": {"code": 1305, "message": "busy"}}, "unknown_error", None, False),
    "known words": ({"error": "Rate limit reached, try again in 20 s"}, "unknown_error", None, True),
    "Google's": (
        {"error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED"}},
        "RESOURCE_EXHAUSTED",
        429,
        True,
    ),
    "AWS's as a union": ({"throttlingException": {"message": "slow"}}, "throttlingException", 429, True),
    "AWS's with a namespace": (
        {"__type": "com.amazon.coral#ThrottlingException", "Message": "slow"},
        "ThrottlingException",
        429,
        True,
    ),
    "wrapped twice": (
        {"error": {"error": {"type": "overloaded_error", "message": LATER}}},
        "overloaded_error",
        529,
        True,
    ),
    "a list of errors": (
        {"success": False, "errors": [{"code": 10000, "message": "who?"}]},
        "unknown_error",
        None,
        False,
    ),
    "a name in a code": (
        {"error": {"code": "rate_limit_exceeded", "message": "slow"}},
        "rate_limit_exceeded",
        429,
        True,
    ),
    "no quota": (
        {"error": {"type": "insufficient_quota", "message": "pay"}},
        "insufficient_quota",
        None,
        False,
    ),
}


@pytest.mark.parametrize(("said", "kind", "status", "retriable"), FORMS.values(), ids=FORMS)
def test_it_is_read_from_a_dict_and_from_its_json(
    said: dict[str, Any], kind: str, status: int | None, retriable: bool
) -> None:
    assert is_error(said)
    for data in (said, json.dumps(said), json.dumps([said]).encode()):
        error = read_error(data)
        assert (error.type, error.status_code, error.retriable) == (kind, status, retriable)
        [text] = [text for text in _texts(said) if text in str(error)]
        assert str(error) == f"{kind}: {text}"


def _texts(said: Any) -> list[str]:
    """
    The texts in an error, without those that name it.
    """
    match said:
        case str():
            return [said]
        case dict():
            inside = cast("dict[str, Any]", said)
            named = {"type", "__type", "status", "code", "error_code"}
            return [text for key in inside.keys() - named for text in _texts(inside[key])]
        case [*several]:
            return [text for each in several for text in _texts(each)]
        case _:
            return []


@pytest.mark.parametrize(
    ("name", "retriable"),
    [
        ("throttlingException", True),
        ("ThrottlingException", True),
        ("internalServerException", True),
        ("InternalServerException", True),
        ("modelStreamErrorException", True),
        ("serviceUnavailableException", True),
        ("modelTimeoutException", True),
        ("modelNotReadyException", True),
        ("tooManyRequestsException", True),
        ("validationException", False),
        ("accessDeniedException", False),
        ("resourceNotFoundException", False),
        ("aBrandNewException", False),
    ],
)
def test_the_exceptions_of_bedrock_are_known_as_they_may_be_written(name: str, retriable: bool) -> None:
    for said, frame in (
        ({"type": name, "message": "m"}, ""),
        ({"type": "error", "error": {"type": name, "message": "m"}}, ""),
        ({name: {"message": "m"}}, ""),
        ({"message": "m"}, name),
    ):
        assert is_error(said, frame)
        error = read_error(said, name=frame)
        assert (error.type, error.retriable, str(error)) == (name, retriable, f"{name}: m")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"type": "message_delta", "delta": {}, "usage": {}, "error": "no"}, ""),
        ({"type": "ping"}, ""),
        ({"type": "news", "message": "hi"}, ""),
        ({"message": {"id": "msg_1"}}, ""),
        ({"total_cost": 3}, ""),
        ({"error": None}, ""),
        ({"error": ""}, ""),
        ({}, ""),
        ({"message": "warming up"}, "progress"),
        ({"index": 0, "error": "x"}, "content_block_delta"),
    ],
)
def test_what_is_no_error_is_none(said: dict[str, Any], name: str) -> None:
    assert not is_error(said, name)


def test_what_says_nothing_is_quoted() -> None:
    assert str(read_error({"error": {"code": 1305}})) == 'unknown_error: {"error": {"code": 1305}}'
    assert str(read_error({})) == "unknown_error: no message"
    assert len(str(read_error({"error": {"x": "y" * 1000}}))) < 250


def test_the_id_of_the_request_may_stand_at_any_level() -> None:
    assert read_error({"request_id": "r", "error": {"message": "m"}}).request_id == "r"
    assert read_error({"error": {"message": "m", "requestId": "r"}}, request_id="other").request_id == "r"


def test_nesting_has_an_end() -> None:
    deep: Any = {"message": "m"}
    for _ in range(500):
        deep = {"error": deep}
    assert read_error(deep).type == "unknown_error"
    assert read_error({"error": {"message": "half \ud83d"}, "request_id": 3}).request_id is None
