"""
The source behind `messages()`: one answer of the Messages API.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from streamkit._claude.exchange.answer import Answer
from streamkit._claude.exchange.going_on import first_plan, is_over, obstacle_to
from streamkit._claude.protocol.record import Record
from streamkit._claude.protocol.so_far import begun_message, rest_of_end
from streamkit._core.naming import call_text
from streamkit._core.retry_policy import RetryPolicy
from streamkit._core.source import Opened, Source

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

    from streamkit._claude.exchange.messages_request import MessagesRequest
    from streamkit._claude.protocol.events import Event
    from streamkit._claude.protocol.replies import Replies
    from streamkit._core.log import RunId
    from streamkit._core.runtime.context import Context

__all__ = ["MessagesSource", "request_text", "starts_over"]


def request_text(name: str, request: MessagesRequest) -> str:
    """
    A request as the call that has made it. Most parameters may hold private text, and are left out.
    """
    params = request.params
    shown = {param: value for param, value in params.items() if param in ("model", "max_tokens", "messages")}
    text = call_text(name, request.client, **shown)
    return text if len(shown) == len(params) else f"{text[:-1]}, …)"


def starts_over(policy: RetryPolicy | None) -> bool:
    """
    Whether an answer may start over by this policy.
    """
    return policy is not None and policy.resume == "restart" and policy.attempts > 1


class MessagesSource(Source):
    """
    One answer of the Messages API.

    Args:
        request: What is asked.
        output: The type that the answer is made into.
        replies: What answers the calls of its messages; None where the caller does that.
        so_far: The messages that it goes on with, as plain JSON.
    """

    memory = "one network read, and the message's text for the outcome"

    def __init__(
        self,
        request: MessagesRequest,
        output: Any = None,
        replies: Replies | None = None,
        so_far: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self._request = request
        self._output = output
        self._replies = replies
        self._so_far = so_far
        self.goes_on: bool | None = bool(so_far)
        begins_anew = bool(so_far) and obstacle_to(begun_message(so_far[-1]), request.params) is not None
        self.restarts: bool = begins_anew or starts_over(request.retry)
        if begins_anew:
            self.restart_remedy: str = "so_far=None, because this message cannot be continued"

    def __repr__(self) -> str:
        return request_text("messages", self._request)

    def retried(self) -> Source:
        if self._request.retry is not None:
            return self
        request = replace(self._request, retry=RetryPolicy(attempts=1))
        return MessagesSource(request, self._output, self._replies, self._so_far)

    def open(self, context: Context) -> Opened:
        request, beta = self._request, self._request.beta or None
        begun = list(map(begun_message, self._so_far))
        record = Record(
            beta=beta,
            asked=request.params["messages"],
            output=self._output,
            replies=self._replies,
            so_far=begun,
        )
        context.contribute(record)
        plan = None
        if begun:
            plan = first_plan(begun, request.params, request.most_turns, beta)
            if plan is None:
                return Opened("batched", _end_of(record))
            if is_over(begun[-1]):
                record.next_turn()
        answer = Answer(request, context, record, plan)
        return Opened("batched", _OpenedAnswer(answer, record, context.run_id))


async def _end_of(record: Record) -> AsyncGenerator[list[Event], None]:
    """
    An answer that nothing is asked for, because its messages are all of it.
    """
    if rest := rest_of_end(record.message):
        record.extend(rest)
        yield rest


class _OpenedAnswer:
    """
    The answer in its run. At its end the log is told what in it did not fit.
    """

    __slots__ = ("_batches", "_record", "_run_id")

    def __init__(self, answer: Answer, record: Record, run_id: RunId) -> None:
        self._batches = answer.batches()
        self._record = record
        self._run_id = run_id

    def __aiter__(self) -> AsyncIterator[list[Event]]:
        return self._batches

    async def aclose(self) -> None:
        await self._batches.aclose()
        self._record.log_oddities(self._run_id)
