"""
Keeps what has arrived from a Claude source, and answers from it what the outcome of a run is asked.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar, cast

from streamkit._claude.protocol.arrival import Arrival
from streamkit._claude.protocol.attempt import Attempt
from streamkit._claude.protocol.history import history
from streamkit._claude.protocol.model_shares import usage_by_model
from streamkit._claude.protocol.oddities import Oddities
from streamkit._claude.protocol.replies import answered_turns
from streamkit._claude.protocol.stop_reasons import stop_reason
from streamkit._claude.protocol.tool_blocks import complete_calls
from streamkit._claude.protocol.usage import total
from streamkit._core.errors import StreamError
from streamkit._core.foreign_objects import attribute_of
from streamkit._core.log import log_debug

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from anthropic.types import Message
    from anthropic.types.beta import BetaMessage

    from streamkit._claude.protocol.events import Event
    from streamkit._claude.protocol.message import MessageBuilder
    from streamkit._claude.protocol.replies import Replies
    from streamkit._claude.protocol.tool_call import ToolCall
    from streamkit._claude.protocol.tool_result import ToolResult
    from streamkit._claude.protocol.usage import TotalUsage
    from streamkit._core.log import RunId
    from streamkit._core.outcome import Contribution

__all__ = ["Record"]

E = TypeVar("E", bound=Exception)


class Record:
    """
    What has arrived from one source: kept as fragments, and made into messages when somebody asks.

    Args:
        beta: Whether the messages are `BetaMessage`s; by default those are that need to be.
        asked: The messages of the request, where they are known, or what reads them when somebody asks.
        output: The type that the answer's JSON text is made into.
        replies: What answers the calls of its messages; None where the caller does that.
        so_far: The messages that have come before this run, of which the last one goes on.

    Attributes:
        asked: As given.
    """

    def __init__(
        self,
        *,
        beta: bool | None = None,
        asked: Sequence[Any] | Callable[[], Sequence[Any]] = (),
        output: Any = None,
        replies: Replies | None = None,
        so_far: Sequence[MessageBuilder] = (),
    ) -> None:
        last = so_far[-1] if so_far else None
        self.asked = asked
        self._replies = replies
        self._results: dict[str, ToolResult] | None = None  # until one is told
        self._output = output
        self._beta = beta
        self._oddities: Oddities | None = None
        self._attempts: list[Attempt] = []
        self._turns = list(so_far[:-1])  # the messages of the turns before this one
        self._messages = Arrival(last)
        # What the last request brings. It is what counts, unless the request was begun beside that.
        self._arriving = self._messages
        # What earlier requests have cost for the same message.
        self._before: TotalUsage | None = None if last is None else last.usage
        # What earlier requests have brought, whether it counts or not.
        self._paid: list[tuple[str | None, TotalUsage]] = [_price(message) for message in self._turns]

    def begin(self, *, beside: bool = False, joins: bool = False) -> Attempt:
        """
        A request goes out. What an earlier one has brought does not count any more, unless one of the arguments says so.

        Args:
            beside: Whether it still counts, until `replace`.
            joins: Whether it counts for good, and what is given to `extend` continues its message.
        """
        self._bill()
        self._before = self._cost() if joins else self._before if beside else None
        attempt = Attempt(len(self._attempts) + 1)
        self._attempts.append(attempt)
        self._paid += self._arrived()
        self._arriving = Arrival()
        self._results = None if self._results is None else {}
        if not (beside or joins):
            self._messages = self._arriving
        return attempt

    def take_over(self, error: Exception, *, beside: bool = False, joins: bool = False) -> Attempt:
        """
        Another message takes the place of the one that the last request was bringing, in the same response. It counts as an
        attempt of its own.

        Args:
            error: What the one before has failed with.
            beside: As for `begin`.
            joins: As for `begin`.
        """
        if not self._attempts:  # a source that sends no requests
            self._attempts.append(Attempt(1))
        self.completed(error)
        attempt = self.begin(beside=beside, joins=joins)
        attempt.request_id = self._attempts[-2].request_id
        return attempt

    def replace(self) -> None:
        """
        What came before the last request does not count any more, and neither do earlier turns.
        """
        self._turns, self._messages, self._before = [], self._arriving, None

    def next_turn(self) -> None:
        """
        The message has ended, and another one that belongs to it follows.
        """
        self._bill()
        self._paid += self._arrived()
        self._turns = [*self._turns, *self._messages.messages]
        self._messages = self._arriving = Arrival()
        self._before = None

    def add(self, events: list[Event]) -> None:
        """
        Events have arrived.
        """
        self._arriving.add(events)

    def told(self, result: ToolResult) -> None:
        """
        A result of the caller's tools has arrived, between the events of a tool loop that is told again.
        """
        self._results = self._results or {}
        self._results[result.id] = result

    def extend(self, events: list[Event]) -> None:
        """
        Events that the last request has made for the message of the one before it.
        """
        self.message.note_continuation()
        self._messages.add(events)

    def completed(self, error: E) -> E:
        """
        `error`, with which the last request has failed; told what is known here, if it is one of a stream.
        """
        if self._attempts:
            last = self._attempts[-1]
            last.error, last.request_id = error, last.request_id or attribute_of(error, "request_id")
        if isinstance(error, StreamError):
            # Bound to these messages: a later request brings others.
            partial = functools.partial(_last, self._turns, self._messages, self._beta)
            error.with_context(request_id=self.request_id, partial=partial)
        return error

    @property
    def oddities(self) -> Oddities:
        """
        What has come without a request, such as in a file, and did not fit. An `Attempt` has its own.
        """
        if self._oddities is None:
            self._oddities = Oddities()
        return self._oddities

    @property
    def cost(self) -> TotalUsage:
        """
        What the requests for the message have cost together.
        """
        self._bill()
        return self._cost()

    @property
    def ended(self) -> bool:
        """
        Whether a message of the last turn has ended with `message_stop`.
        """
        return any(message.ended for message in self._messages.messages)

    @property
    def message(self) -> MessageBuilder:
        """
        The message that is arriving, or the last one.
        """
        return self._messages.messages[-1]

    def messages(self) -> list[Message | BetaMessage]:
        """
        The messages so far.
        """
        return [message.build(self._beta) for message in self._all() if message.started]

    def history(self) -> list[dict[str, Any]]:
        """
        The conversation so far, as the next request can send it.
        """
        so_far = self.asked() if callable(self.asked) else self.asked
        messages = self._all()
        if self._results is None:
            return history(so_far, messages, self._replies)
        for turn, replies in answered_turns(messages, self._results):
            so_far = history(so_far, turn, replies)
        return [*so_far]

    def tool_calls(self) -> list[ToolCall]:
        """
        The calls of the caller's tools that are complete: those that `tool_calls()` gives.
        """
        return [call for message in self._all() for call in complete_calls(message.blocks)]

    def attempts(self) -> list[Attempt]:
        """
        The requests so far.
        """
        self._bill()
        return list(self._attempts)

    def usages(self) -> list[TotalUsage]:
        """
        The usage of each message so far.
        """
        return [message.usage for message in self._all() if message.started]

    def paid(self) -> list[tuple[str | None, TotalUsage]]:
        """
        The model and the usage of each message that any request has brought, also of those that do not count.
        """
        return [*self._paid, *self._arrived()]

    def all_oddities(self) -> Oddities:
        """
        What did not fit, in all requests.
        """
        calls = sum(message.odd_calls for message in self._all())
        told = Oddities({"call_id": calls} if calls else {})
        own = [] if self._oddities is None else [self._oddities]
        return Oddities.of([*own, told, *(attempt.oddities for attempt in self._attempts)])

    def log_oddities(self, run_id: RunId) -> None:
        """
        Write to the log, at debug, what did not fit. Sources call it once, at their end.
        """
        if self._oddities or any(attempt.oddities for attempt in self._attempts):
            oddities = self.all_oddities()
            log_debug("response_had_oddities", run_id, request_id=self.request_id, oddities=dict(oddities))

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
        return self.message.stop_reason

    @property
    def model(self) -> str | None:
        """
        The model that answered last.
        """
        return next((message.model for message in reversed(self._all()) if message.started), None)

    def parsed(self) -> Any:
        """
        The answer as an instance of the type that was asked for; None where none was, or the answer is not whole.

        Raises:
            pydantic.ValidationError: The answer does not fit the type.
        """
        message = next((each for each in reversed(self._all()) if each.started), None)
        if self._output is None or message is None or not stop_reason(message.stop_reason).is_answer:
            return None
        text = next((block.to_dict()["text"] for block in message.blocks if block.type == "text"), None)
        if text is None:
            return None
        from pydantic import TypeAdapter

        return TypeAdapter[Any](self._output).validate_json(text)

    facts_of_all = frozenset({"usage_by_model"})

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

    @staticmethod
    def loggable(records: list[Contribution], /) -> dict[str, object]:
        """
        The facts that are no secret: which model, why it ended, and what it has cost.
        """
        usage = cast("TotalUsage", Record.fact("usage", records))
        return {
            **{name: Record.fact(name, records) for name in ("model", "request_id", "stop_reason")},
            "requests": len(cast("list[Attempt]", Record.fact("attempts", records))),
            **{name: getattr(usage, name) or 0 for name in _BILLED},
        }

    @staticmethod
    def described(records: list[Contribution], /) -> dict[str, object]:
        """
        The facts that are not what was said, as plain JSON objects.
        """
        usage = cast("TotalUsage", Record.fact("usage", records))
        attempts = cast("list[Attempt]", Record.fact("attempts", records))
        return {
            **{
                name: Record.fact(name, records)
                for name in ("model", "request_id", "stop_reason", "oddities")
            },
            "usage": usage.to_dict(),
            "attempts": [attempt.to_dict() for attempt in attempts],
        }

    def _all(self) -> list[MessageBuilder]:
        self._bill()
        return [*self._turns, *self._messages.messages]

    def _arrived(self) -> list[tuple[str | None, TotalUsage]]:
        arriving = self._arriving
        return [] if arriving.is_empty else [_price(each) for each in arriving.messages if each.started]

    def _bill(self) -> None:
        if self._attempts and (message := self._arriving.messages[-1]).started:
            self._attempts[-1].usage = message.usage
            self._attempts[-1].model = message.model
        if self._before is not None and self._messages is not self._arriving:
            # Its own events tell what the last request has cost, and that only at its end.
            self.message.charge(self._cost())

    def _cost(self) -> TotalUsage:
        last = self._attempts[-1].usage if self._attempts else None
        return total(usage for usage in (self._before, last) if usage is not None)


def _price(message: MessageBuilder) -> tuple[str | None, TotalUsage]:
    return message.model, message.usage


def _last(turns: list[MessageBuilder], arrived: Arrival, beta: bool | None) -> Message | BetaMessage | None:
    started = [message for message in (*turns, *arrived.messages) if message.started]
    return started[-1].build(beta) if started else None


_BILLED = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")

_FACTS: dict[str, Callable[[list[Record]], object]] = {
    "message": lambda records: next(
        (message for record in reversed(records) for message in record.messages()[-1:]), None
    ),
    "messages": lambda records: [message for record in records for message in record.messages()],
    "tool_calls": lambda records: [call for record in records for call in record.tool_calls()],
    # The last source's: in a run of several turns its request has the turns before.
    "history": lambda records: records[-1].history(),
    "parsed": lambda records: next(
        (parsed for record in reversed(records) if (parsed := record.parsed()) is not None), None
    ),
    "turns": lambda records: [usage for record in records for usage in record.usages()],
    "usage": lambda records: total([usage for record in records for usage in record.usages()]),
    "usage_by_model": lambda records: usage_by_model(paid for record in records for paid in record.paid()),
    "stop_reason": lambda records: records[-1].stop_reason,
    "model": lambda records: next((model for record in reversed(records) if (model := record.model)), None),
    "request_id": lambda records: records[-1].request_id,
    "attempts": lambda records: [attempt for record in records for attempt in record.attempts()],
    "oddities": lambda records: dict(Oddities.of(record.all_oddities() for record in records)),
}
