"""
What the SDK has made of JSON that is not an event.
"""

from __future__ import annotations

from typing import Any

import pytest
from anthropic.types import RawMessageStopEvent

import streamkit as sk
from streamkit._claude.protocol.oddities import Oddities
from streamkit._claude.transport.sdk import from_sdk_event


def untyped(**fields: Any) -> Any:
    return RawMessageStopEvent.model_construct(**{"type": None, **fields})


def test_an_error_without_a_type_is_that_error() -> None:
    with pytest.raises(sk.StreamError, match="Bad gateway") as caught:
        from_sdk_event(untyped(error={"message": "Bad gateway", "code": 502}), Oddities())
    assert (caught.value.status_code, caught.value.retriable) == (502, True)


@pytest.mark.parametrize("item", [untyped(total_cost=1), 7, None, "x"])
def test_anything_else_without_a_type_is_skipped(item: object) -> None:
    oddities = Oddities()
    assert from_sdk_event(item, oddities) is None
    assert oddities == {"skipped_frame": 1}
