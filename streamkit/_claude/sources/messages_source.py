"""
The source behind `messages()`: one answer of the Messages API.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from streamkit._claude.exchange.answer import Answer
from streamkit._claude.protocol.record import Record
from streamkit._core.naming import call_text
from streamkit._core.retry_policy import RetryPolicy
from streamkit._core.source import Opened, Source

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

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
    """

    memory = "one network read, and the message's text for the outcome"

    def __init__(self, request: MessagesRequest, output: Any = None, replies: Replies | None = None) -> None:
        self._request = request
        self._output = output
        self._replies = replies
        self.restarts: bool = starts_over(request.retry)

    def __repr__(self) -> str:
        return request_text("messages", self._request)

    def retried(self) -> Source:
        if self._request.retry is not None:
            return self
        return MessagesSource(
            replace(self._request, retry=RetryPolicy(attempts=1)), self._output, self._replies
        )

    def open(self, context: Context) -> Opened:
        asked = self._request.params["messages"]
        record = Record(
            beta=self._request.beta or None, asked=asked, output=self._output, replies=self._replies
        )
        context.contribute(record)
        return Opened(
            "batched", _OpenedAnswer(Answer(self._request, context, record), record, context.run_id)
        )


class _OpenedAnswer:
    """
    The answer in its run. At its end the log is told what in it did not fit.
    """

    def __init__(self, answer: Answer, record: Record, run_id: RunId) -> None:
        self._batches = answer.batches()
        self._record = record
        self._run_id = run_id

    def __aiter__(self) -> AsyncIterator[list[Event]]:
        return self._batches

    async def aclose(self) -> None:
        await self._batches.aclose()
        self._record.log_oddities(self._run_id)
