"""
Which requests may succeed when they are sent again, and after how long.
"""

from __future__ import annotations

import time
from email.utils import formatdate

import anthropic
import httpx2
import pytest

import streamkit as sk
from streamkit._claude.protocol.retriable import can_retry, is_retriable, retry_after

REQUEST = httpx2.Request("POST", "http://localhost/v1/messages")


def status_error(status: int, body: object = None, **headers: str) -> anthropic.APIStatusError:
    response = httpx2.Response(
        status, headers={name.replace("_", "-"): value for name, value in headers.items()}, request=REQUEST
    )
    return anthropic.APIStatusError("failed", response=response, body=body)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry_after": "2"}, 2),
        ({"retry_after": "0.25"}, 0.25),
        ({"retry_after_ms": "1500", "retry_after": "60"}, 1.5),
        ({"retry_after_ms": "soon", "retry_after": "60"}, 60),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "Fri, 31 Dec 99999 23:59:59 GMT"}, None),
        ({"retry_after": "-1"}, None),
        ({"retry_after": "inf"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(status_error(429, **headers)) == seconds


def test_retry_after_may_be_a_date() -> None:
    date = formatdate(time.time() + 100, usegmt=True)
    assert retry_after(status_error(429, retry_after=date)) == pytest.approx(100, abs=5)


def test_an_error_without_a_response_says_nothing_of_when() -> None:
    assert retry_after(anthropic.APIConnectionError(request=REQUEST)) is None
    assert retry_after(sk.StreamTruncated()) is None


@pytest.mark.parametrize("kind", ["transport", "truncated", "stalled"])
def test_failures_of_the_connection_are_retriable(kind: str) -> None:
    assert is_retriable(kind)


def test_what_the_server_says_goes_first() -> None:
    assert is_retriable("invalid_request_error", 400, should_retry="true")
    assert not is_retriable("overloaded_error", 529, should_retry="false")
    assert is_retriable("overloaded_error", 529, should_retry="maybe")


@pytest.mark.parametrize("status", [408, 409, 429, 500, 501, 502, 503, 504, 529])
def test_statuses_that_may_pass_are_retriable(status: int) -> None:
    assert is_retriable(None, status)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 413, 499, None])
def test_other_statuses_are_not(status: int | None) -> None:
    assert not is_retriable("invalid_request_error", status)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 501, 502, 503, 504, 520, 529, 599])
def test_these_statuses_are_retriable(status: int) -> None:
    assert can_retry(status_error(status))
    assert not can_retry(status_error(status, x_should_retry="false"))


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422, 499])
def test_these_are_not(status: int) -> None:
    assert not can_retry(status_error(status))
    assert can_retry(status_error(status, x_should_retry="true"))


@pytest.mark.parametrize("type_", ["overloaded_error", "api_error", "timeout_error", "rate_limit_error"])
def test_these_error_types_are_retriable_whatever_the_status(type_: str) -> None:
    assert can_retry(status_error(418, {"error": {"type": type_}}))


def test_what_never_got_through_is_retriable() -> None:
    assert can_retry(anthropic.APIConnectionError(request=REQUEST))
    assert can_retry(anthropic.APITimeoutError(request=REQUEST))
    assert can_retry(sk.StreamTruncated())
    assert can_retry(sk.StreamStalled("nothing came"))


def test_nothing_else_is() -> None:
    assert not can_retry(sk.GrammarError("not JSON"))
    assert not can_retry(ValueError("a bug"))
    assert not can_retry(anthropic.APIResponseValidationError(httpx2.Response(200, request=REQUEST), None))
