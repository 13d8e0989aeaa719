"""
The reasons for which a message stops, and what follows from each.

They are those of https://docs.claude.com/en/api/handling-stop-reasons. A reason that this version does not know ends a
message like any other.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["STOP_REASONS", "StopReason", "stop_reason", "why_cut"]


class StopReason(NamedTuple):
    """
    What follows from the `stop_reason` of a message.

    Attributes:
        is_answer: Whether the message is all that the model wanted to say.
        pauses: Whether the API has paused its work, and goes on with it in the answer to another request.
        awaits_results: Whether the API waits for the results of the caller's tools, and has not done its own work before that.
        excuses_json: Whether a message that should hold JSON may well be without any.
        cuts: Whether the model was stopped in the middle of what it wrote.
        remedy: What the next request should have instead, where that would help.
    """

    is_answer: bool = False
    pauses: bool = False
    awaits_results: bool = False
    excuses_json: bool = False
    cuts: bool = False
    remedy: str = ""


STOP_REASONS: Final = {
    "end_turn": StopReason(is_answer=True),
    "max_tokens": StopReason(cuts=True, remedy="a larger max_tokens"),
    "stop_sequence": StopReason(is_answer=True),
    "tool_use": StopReason(awaits_results=True, excuses_json=True),
    "pause_turn": StopReason(pauses=True, excuses_json=True),
    "refusal": StopReason(excuses_json=True, cuts=True),
    "compaction": StopReason(),
    "model_context_window_exceeded": StopReason(cuts=True, remedy="a shorter conversation"),
}

_FOREIGN: Final = {
    "length": "max_tokens",
    "max_output_tokens": "max_tokens",
    "max_token": "max_tokens",
    "model_length": "model_context_window_exceeded",
    "content_filter": "refusal",
    "safety": "refusal",
}
"""What other APIs call the same, where a gateway hands it on."""

_UNKNOWN: Final = StopReason()


def why_cut(name: str | None) -> str:
    """
    What an error adds to "the text ends too early" where the stop reason is the cause; nothing where it is not.
    """
    reason = stop_reason(name)
    if not reason.cuts:
        return ""
    cause = f", because the answer was cut (stop_reason {name!r})"
    if not reason.remedy:
        return cause
    return f"{cause}: send the request with {reason.remedy}, or ask for a shorter answer"


def stop_reason(name: str | None) -> StopReason:
    """
    What follows from a stop reason, or from none.
    """
    if name is None:
        return _UNKNOWN
    known = STOP_REASONS.get(name)
    if known is None:
        name = name.lower()  # Google's are in capitals
        known = STOP_REASONS.get(_FOREIGN.get(name, name), _UNKNOWN)
    return known
