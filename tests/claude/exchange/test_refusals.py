"""
Refusals: complete, with their reason, and known as far as they have come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

import streamkit as sk
from streamkit.testing import Drop, FakeClaude, Reply, Stall, reply, text
from tests.support.claude import ASK

if TYPE_CHECKING:
    from .stopping import Resume

pytestmark = pytest.mark.skips_idle_time

DETAILS = {"type": "refusal", "category": "cyber", "explanation": "It could do harm."}
REFUSED = reply(text("I can"), stop_reason="refusal", stop_details=DETAILS, input_tokens=7, output_tokens=5)
REFUSALS = {
    "whole": REFUSED,
    "without message_stop": REFUSED.cut(-1),
    "dropped behind the reason": REFUSED.cut(-1, Drop()),
    "without a word": reply(stop_reason="refusal", stop_details=DETAILS, input_tokens=7, output_tokens=5),
}


@pytest.mark.parametrize("resume", ["never", "restart", "continue"])
@pytest.mark.parametrize("answer", REFUSALS.values(), ids=REFUSALS)
async def test_a_refusal_is_complete_and_says_why(answer: Reply, resume: Resume) -> None:
    async with FakeClaude(answer) as server:
        run = sk.messages(server.client(), **ASK, retry=sk.RetryPolicy(base=0, resume=resume)).open()
        with anyio.fail_after(10):
            async with run:
                async for _ in run:
                    pass
        outcome = run.outcome
        assert (outcome.kind, outcome.error, outcome.stopped_by) == ("complete", None, None)
        assert outcome.message is not None
        told = outcome.message.to_dict()
        assert (told["stop_reason"], told["stop_details"]) == ("refusal", DETAILS)
        assert outcome.stop_reason == "refusal"
        assert (outcome.usage.input_tokens, outcome.usage.output_tokens) == (7, 5)
        assert len(server.requests) == 1


async def test_a_refusal_that_is_left_early_is_known_as_far_as_it_has_come() -> None:
    async with FakeClaude(REFUSED.cut(-1, Stall())) as server:
        async with sk.messages(server.client(), **ASK).open() as run:
            async for item in run:
                if item.type == "message_delta":
                    break
        assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "consumer")
        assert run.outcome.message is not None
        assert run.outcome.message.to_dict()["stop_details"] == DETAILS
        assert run.outcome.usage.output_tokens == 5
