"""
What the next request of an answer sends: at the beginning, after a failure, and after a pause of the API.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from streamkit._claude.exchange.continuation import continuation, obstacle
from streamkit._claude.protocol.history import OpenCalls, answered, sendable, with_answer
from streamkit._claude.protocol.retriable import retry_advice
from streamkit._claude.protocol.stop_reasons import stop_reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamkit._claude.exchange.continuation import Continuation
    from streamkit._claude.protocol.message import MessageBuilder
    from streamkit._claude.protocol.record import Record
    from streamkit._core.retry_policy import RetryPolicy

__all__ = ["GiveUp", "RequestPlan", "Retry"]


class Retry(NamedTuple):
    """
    Another request follows a failure.

    Attributes:
        plan: The request.
        wait: Seconds to wait before it.
    """

    plan: RequestPlan
    wait: float


class GiveUp(NamedTuple):
    """
    No other request follows a failure.

    Attributes:
        obstacle: Why the answer cannot be continued or started over, although the policy asks for it; otherwise None.
    """

    obstacle: str | None = None


@dataclass(frozen=True, slots=True)
class RequestPlan:
    """
    The next request for a message of the model, which may take several.

    Attributes:
        params: What the first request for this message sends.
        number: The number of the next request, counted from 1.
        first_number: The number of the first request for this message. It is higher than 1 where a restart has used up the
            ones before, those for earlier messages of the answer too.
        interruption: What ended the last request that has handed events on, which cannot be taken back silently; None if no
            request for this message has.
        continuation: What is sent to continue the message from there. Without it, the next request starts over.
        turn: Which message of the answer it is for, counted from 1. Only a pause of the API makes more than one.
    """

    params: Mapping[str, Any]
    number: int = 1
    first_number: int = 1
    interruption: Exception | None = None
    continuation: Continuation | None = None
    turn: int = 1

    @property
    def delivered(self) -> bool:
        """
        Whether events of an earlier request for this message have been handed on.
        """
        return self.interruption is not None

    @property
    def sends(self) -> Mapping[str, Any]:
        """
        The parameters that the next request sends.
        """
        return self.params if self.continuation is None else self.continuation.params

    def after_failure(
        self,
        failure: Exception,
        policy: RetryPolicy,
        record: Record,
        *,
        delivered: bool,
        from_start: Mapping[str, Any],
    ) -> Retry | GiveUp:
        """
        What follows when the request of this plan has failed.

        Args:
            failure: What ended it.
            policy: How often and how to try again.
            record: What has arrived.
            delivered: Whether it has handed events on.
            from_start: What the very first request of the answer has sent. A restart begins there, because a `Restarted` makes
                all void that came before it, earlier messages too.
        """
        wait = policy.again(self.number, retry_advice(failure))
        if wait is None:
            return GiveUp()
        following = replace(self, number=self.number + 1)
        if not delivered:
            return Retry(following, wait)  # nobody has seen anything of it, so the same is sent again
        if policy.resume == "never":
            return GiveUp()
        if (reason := _obstacle(policy, record)) is not None:
            return GiveUp(reason)
        following = replace(following, interruption=failure)
        if policy.resume == "restart":
            anew = replace(
                following, params=from_start, first_number=following.number, continuation=None, turn=1
            )
            return Retry(anew, wait)
        return Retry(replace(following, continuation=continuation(record.message, self.params)), wait)

    def after_pause(self, message: MessageBuilder, most_turns: int) -> RequestPlan | None:
        """
        The request that continues a message which the API has paused; None where it has not, or has paused too often.

        Args:
            message: The message.
            most_turns: How many messages the answer may have.
        """
        params = self.params
        if not stop_reason(message.stop_reason).pauses:
            return None
        answer = answered(sendable(message), OpenCalls(params["messages"]), waits=True)
        if not answer or self.turn >= most_turns:
            return None
        sends = {**params, "messages": with_answer(params["messages"], answer)}
        match message.to_dict().get("container"):
            case {"id": str(container)} if "container" not in params:
                sends["container"] = container
            case _:
                pass
        return RequestPlan(
            sends, number=self.first_number, first_number=self.first_number, turn=self.turn + 1
        )


def _obstacle(policy: RetryPolicy, record: Record) -> str | None:
    if record.ended:
        return "a message had ended before it, and must not come again"
    return obstacle(record.message) if policy.resume == "continue" else None
