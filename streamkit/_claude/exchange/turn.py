"""
A turn: one message of the model, however many requests it takes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from streamkit._claude.exchange.continuation import as_params, continuation, is_blank, obstacle, with_answer
from streamkit._claude.transport.retryable import retry_advice
from streamkit._core.errors import StreamError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamkit._claude.exchange.continuation import Continuation
    from streamkit._claude.protocol.record import Record
    from streamkit._core.retry_policy import RetryPolicy

__all__ = ["Turn", "after_pause", "next_try"]


@dataclass(frozen=True, slots=True)
class Turn:
    """
    What its next request is about.

    Attributes:
        params: What its first request sends.
        number: The number of its next request, counted from 1.
        first: The number of its first one: higher where a restart has used up the ones before, earlier turns' too.
        cause: What ended the last request that gave content, which cannot be taken back in silence; None if none has.
        continuation: What is sent to go on from there. Without it, the next request starts over.
    """

    params: Mapping[str, Any]
    number: int = 1
    first: int = 1
    cause: Exception | None = None
    continuation: Continuation | None = None

    @property
    def given(self) -> bool:
        """
        Whether content has been handed on.
        """
        return self.cause is not None

    @property
    def request(self) -> Mapping[str, Any]:
        """
        What the next request sends.
        """
        return self.params if self.continuation is None else self.continuation.params


def next_try(
    turn: Turn,
    policy: RetryPolicy,
    failure: Exception,
    record: Record,
    *,
    gave: bool,
    from_start: Mapping[str, Any],
) -> tuple[Turn, float] | None:
    """
    The turn with its next request, and the seconds to wait before it; None where there is none.

    Args:
        turn: The turn as its last request went out.
        policy: How often, and how.
        failure: What ended that request; told why nobody can go on, if that is so.
        record: What has arrived.
        gave: Whether that request had given content.
        from_start: What the very first request has sent. Who starts over does so from there: what came before a `Restarted`
            counts no more, an earlier turn neither.
    """
    wait = policy.again(turn.number, retry_advice(failure))
    if wait is None:
        return None
    following = replace(turn, number=turn.number + 1)
    if not gave:
        return following, wait  # nobody has seen it: once more in the same way
    if policy.resume == "never":
        return None
    if (why := _obstacle(policy, record)) is not None:
        if isinstance(failure, StreamError):
            failure.args = (f"{failure}; there is no going on: {why}",)
        return None
    if isinstance(failure, StreamError):
        failure.settle()
    if policy.resume == "restart":
        return replace(following, params=from_start, first=following.number, cause=failure), wait
    return replace(following, cause=failure, continuation=continuation(record.message, turn.params)), wait


def after_pause(record: Record, turn: Turn) -> Turn | None:
    """
    The turn that goes on with one that the API has paused; None where it has not.

    Args:
        record: What has arrived.
        turn: The turn that has ended.
    """
    message, params = record.message, turn.params
    if message.stop_reason != "pause_turn":
        return None
    answer = as_params(block for block in message.blocks if not is_blank(block))
    if not answer:
        return None
    asked = {**params, "messages": with_answer(params["messages"], answer)}
    match message.to_dict().get("container"):
        case {"id": str(container)} if "container" not in params:
            asked["container"] = container
        case _:
            pass
    return Turn(asked, number=turn.first, first=turn.first)


def _obstacle(policy: RetryPolicy, record: Record) -> str | None:
    if record.ended:
        return "a message had ended before it, and must not come again"
    return obstacle(record.message) if policy.resume == "continue" else None
