"""
The picture of when tools run is what a run in virtual time gives.
"""

from __future__ import annotations

import pytest

from .tool_timeline import PICTURE, TOOL, WAYS, drawn, timed


def test_the_picture_is_what_the_runs_give() -> None:
    assert PICTURE.read_text(encoding="utf-8") == drawn(), "run python -m tests.docs.tool_timeline"


def test_a_tool_without_effects_saves_all_that_the_message_takes_behind_it() -> None:
    eager, late, by_hand = map(timed, WAYS)
    message_end = late.tools[0][0]
    assert eager.next_request == pytest.approx(message_end)
    assert late.next_request == pytest.approx(message_end + TOOL)
    assert by_hand.next_request == pytest.approx(message_end + 2 * TOOL)
