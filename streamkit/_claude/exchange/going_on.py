"""
Decides how an answer goes on that another run has begun: with its rest, from the beginning, or not at all.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from streamkit._claude.exchange.continuation import continuation, obstacle
from streamkit._claude.exchange.output_format import has_format
from streamkit._claude.exchange.request_plan import RequestPlan
from streamkit._claude.protocol.errors import StreamTruncated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from streamkit._claude.protocol.message import MessageBuilder

__all__ = ["first_plan", "is_over", "obstacle_to"]


def is_over(message: MessageBuilder) -> bool:
    """
    Whether nothing more comes of a message. Where its stop reason is there, no text follows.
    """
    return message.ended or message.stop_reason is not None


def obstacle_to(message: MessageBuilder, params: Mapping[str, Any]) -> str | None:
    """
    Why an answer cannot go on with a message, in words; None if it can, or is over.

    Args:
        message: The message.
        params: The parameters of the first request.
    """
    if is_over(message):
        return None
    if has_format(params):
        return "each request gives a whole answer in the format that was asked for"
    return obstacle(message)


def first_plan(
    so_far: Sequence[MessageBuilder], params: Mapping[str, Any], most_turns: int, beta: bool | None
) -> RequestPlan | None:
    """
    The first request of a run that goes on with messages; None where they are all of the answer.

    Args:
        so_far: The messages. Each but the last was paused.
        params: The parameters of the first request.
        most_turns: How many messages the answer may have.
        beta: Whether a message is a `BetaMessage`.
    """
    *paused, last = so_far
    plan = RequestPlan(params)
    for message in paused:
        following = plan.after_pause(message, len(so_far))
        if following is None:  # there is nothing of it that could be sent back
            return None
        plan = following
    if is_over(last):
        return plan.after_pause(last, most_turns)
    why = obstacle_to(last, params)
    remark = "" if why is None else f"; it cannot be continued: {why}"
    cut = StreamTruncated(f"the message so far was cut{remark}", partial=partial(last.build, beta))
    if why is not None:
        return RequestPlan(params, interruption=cut)
    return replace(plan, interruption=cut, continuation=continuation(last, plan.params))
