"""
What Claude's sources add to the outcome of a run.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from streamkit.core.errors import StreamError

from .accumulate import MessageBuilder
from .events import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from anthropic.types import Message
    from anthropic.types.beta import BetaMessage

    from streamkit.core.protocols import Contribution

    from .events import Event
    from .tools import ToolCall

__all__ = ["Attempt", "Record"]

E = TypeVar("E", bound=Exception)


@dataclass(slots=True)
class Attempt:
    """
    One request of a source.

    Attributes:
        number: Counted from 1.
        request_id: The API's id of the request, for a support ticket.
        error: What it failed with.
        usage: What it was billed, as far as that is known.
    """

    number: int
    request_id: str | None = None
    error: Exception | None = None
    usage: Usage | None = None


class Record:
    """
    What has arrived from one source: kept as fragments, and made into messages when somebody asks.

    Args:
        beta: Whether the messages are `BetaMessage`s; by default those are that need to be.
    """

    def __init__(self, *, beta: bool | None = None) -> None:
        self._beta = beta
        self._attempts: list[Attempt] = []
        self._messages = [MessageBuilder()]

    def begin(self) -> Attempt:
        """
        A request goes out; what an earlier one brought counts no more.
        """
        if self._attempts:
            self._attempts[-1].usage = self._messages[-1].usage
        self._messages = [MessageBuilder()]
        attempt = Attempt(len(self._attempts) + 1)
        self._attempts.append(attempt)
        return attempt

    def add(self, events: list[Event]) -> None:
        """
        Events have arrived.
        """
        while events:
            events = self._messages[-1].take(events)
            if events:
                self._messages.append(MessageBuilder())

    def completed(self, error: E) -> E:
        """
        `error`, with which the last request has failed; told what is known here, if it is one of a stream.
        """
        if self._attempts:
            self._attempts[-1].error = error
        if isinstance(error, StreamError):
            # Bound to these messages: a later request brings others.
            partial = functools.partial(_last, self._messages, self._beta)
            error.complete_with(request_id=self.request_id, partial=partial)
        return error

    def messages(self) -> list[Message | BetaMessage]:
        """
        The messages so far.
        """
        return [message.build(self._beta) for message in self._messages if message.started]

    def tool_calls(self) -> list[ToolCall]:
        """
        The calls of the caller's tools whose input is whole.
        """
        from .tools import ToolCall

        calls: list[ToolCall] = []
        for message in self._messages:
            for block in message.blocks:
                if block.type == "tool_use" and isinstance(value := block.input(), dict):
                    fields = block.to_dict()
                    calls.append(ToolCall(fields.get("id", ""), fields.get("name", ""), value, block.index))
        return calls

    def attempts(self) -> list[Attempt]:
        """
        The requests so far.
        """
        if self._attempts:
            self._attempts[-1].usage = self._messages[-1].usage
        return list(self._attempts)

    def usages(self) -> list[Usage]:
        """
        The usage of each message so far.
        """
        return [message.usage for message in self._messages if message.started]

    @property
    def request_id(self) -> str | None:
        """
        The API's id of the last request.
        """
        return self._attempts[-1].request_id if self._attempts else None

    @property
    def stop_reason(self) -> str | None:
        """
        Why the last message ended.
        """
        return self._messages[-1].stop_reason

    @staticmethod
    def fact(name: str, records: list[Contribution], /) -> object:
        """
        The value of `outcome.<name>`: of the last message, or of all.
        """
        if name not in _FACTS:
            raise AttributeError(
                f"the outcome of a Claude stream has no {name!r}; it has {', '.join(_FACTS)}"
            )
        return _FACTS[name]([record for record in records if isinstance(record, Record)])


def _last(messages: list[MessageBuilder], beta: bool | None) -> Message | BetaMessage | None:
    return next((message.build(beta) for message in reversed(messages) if message.started), None)


def _total(usages: list[Usage]) -> Usage:
    """
    What several messages cost together: counts are added up, anything else is the last one's.
    """
    if len(usages) == 1:
        return usages[0]
    total: dict[str, Any] = {"input_tokens": 0, "output_tokens": 0}
    for usage in usages:
        for name in Usage.__struct_fields__:
            value = getattr(usage, name)
            if isinstance(value, int):
                total[name] = total.get(name, 0) + value
            elif value:
                total[name] = value
    return Usage(**total)


_FACTS: dict[str, Callable[[list[Record]], object]] = {
    "message": lambda records: next(
        (message for record in reversed(records) for message in record.messages()[-1:]), None
    ),
    "messages": lambda records: [message for record in records for message in record.messages()],
    "tool_calls": lambda records: [call for record in records for call in record.tool_calls()],
    "usage": lambda records: _total([usage for record in records for usage in record.usages()]),
    "stop_reason": lambda records: records[-1].stop_reason,
    "request_id": lambda records: records[-1].request_id,
    "attempts": lambda records: [attempt for record in records for attempt in record.attempts()],
}
