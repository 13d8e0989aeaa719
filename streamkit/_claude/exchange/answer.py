"""
The life of one answer of the Messages API, in as many requests as it takes.

    plan ──► request ──► response ──► events ──► whole message ──► end
     ▲          │           │           │              │
     │          └───────────┼───────────┘              │
     │                   failure ──► final error       │
     │                      │                          │
     ├── retry, restart ◄───┘                          │
     │   or continuation                               │
     └── the API has paused ◄──────────────────────────┘

What the next request sends is decided in `request_plan`. Which events of a response reach the consumer, and when, is decided
in `event_gate`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio import sleep

from streamkit._claude.exchange.call_names import CallNames
from streamkit._claude.exchange.event_gate import EventGate
from streamkit._claude.exchange.request_plan import GiveUp, RequestPlan, Retry
from streamkit._claude.protocol.errors import StreamSpliced
from streamkit._claude.protocol.history import called_in
from streamkit._claude.protocol.splicing import SplicedBatch
from streamkit._claude.transport.failures import failed_follow_up
from streamkit._claude.transport.watchdog import Watchdog
from streamkit._core.errors import StreamError
from streamkit._core.foreign_errors import drop_traceback
from streamkit._core.log import error_fields, log_warning

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from streamkit._claude.exchange.messages_request import MessagesRequest
    from streamkit._claude.protocol.attempt import Attempt
    from streamkit._claude.protocol.events import Event
    from streamkit._claude.protocol.record import Record
    from streamkit._core.runtime.context import Context

__all__ = ["Answer"]


class Answer:
    """
    One answer: its requests, one after another, until it is whole or cannot become so.

    Args:
        request: What was asked for.
        context: The run.
        record: Where everything that arrives is kept, for the outcome.
        plan: The first request; by default the one that was asked for.
    """

    __slots__ = ("_call_names", "_context", "_last_delivering", "_plan", "_record", "_request", "_watchdog")

    def __init__(
        self, request: MessagesRequest, context: Context, record: Record, plan: RequestPlan | None = None
    ) -> None:
        self._request = request
        self._context = context
        self._record = record
        self._watchdog = None if request.timeouts is None else Watchdog(request.timeouts)
        self._plan = RequestPlan(request.params) if plan is None else plan
        called = [*called_in(request.params["messages"])]
        self._call_names = CallNames(called) if called else None
        # The gate of the last request that has handed events on. Once there is one, the stream has begun for its consumer.
        self._last_delivering: EventGate | None = None

    async def batches(self) -> AsyncGenerator[list[Event], None]:
        """
        The events of the answer, in batches as they arrive.

        Raises:
            anthropic.APIError: The stream did not begin.
            StreamError: The stream began, and could not go on.
        """
        while True:
            attempt, gate = self._begin_attempt()
            response: AsyncGenerator[list[Event], None] | None = None
            failure: Exception | None = None
            try:
                response = await self._request.send(self._plan.sends, attempt, self._watchdog)
                async for events in response:
                    if events.__class__ is SplicedBatch:
                        attempt, gate = self._read_on(gate)
                    if self._call_names is not None:
                        self._call_names.settle(events, attempt.oddities)
                    if passed := gate.admit(events):
                        yield passed
                response = None  # it has ended, and closed itself
            except Exception as error:
                failure = self._record.completed(error)
            finally:
                # Whatever has ended the attempt, its connection is given back before anything else happens. A consumer that
                # leaves or is cancelled must not interrupt that, so it is shielded.
                if response is not None:
                    with self._context.shielded():
                        await response.aclose()
            if gate.delivered:
                self._last_delivering = gate
            if failure is None:
                if not self._continue_after_pause():
                    return
                continue
            decision = self._decide(failure, delivered=gate.delivered)
            if isinstance(decision, GiveUp):
                break
            log_warning(
                "request_retried",
                self._context.run_id,
                attempt=attempt.number,
                wait=decision.wait,
                model=self._request.params.get("model"),
                request_id=attempt.request_id,
                **error_fields(failure),
            )
            await self._retry(decision, failure)
        if withheld := self._withheld(gate):
            yield withheld
        final = self._final_error(failure, decision)
        # A raised error keeps this frame alive by its traceback, and an application may keep the error for long. What the
        # frame refers to, the response and the events that were held back, must not stay alive with it. And what has the error
        # itself, as the attempt and the outcome do, would be garbage for the collector alone.
        del failure, gate, response, decision, attempt, self
        if isinstance(final, StreamError):
            final = final.with_traceback(None)  # it has the frames that read the response, and hold it too
        try:
            raise final
        finally:
            del final  # its traceback has this frame, and so it would keep itself alive

    def _begin_attempt(self) -> tuple[Attempt, EventGate]:
        """
        Note the next request in the record, and make the gate for its events.
        """
        plan = self._plan
        attempt = self._record.begin(beside=plan.delivered, joins=plan.continuation is not None)
        return attempt, EventGate(plan, attempt, self._record, self._context.run_id)

    def _read_on(self, gate: EventGate) -> tuple[Attempt, EventGate]:
        """
        Let another message of the same response take the place of the one that was arriving.

        Args:
            gate: The gate of the one that was arriving.

        Raises:
            StreamSpliced: It has been handed on, and the policy does not start over, or not from this message.
        """
        error = StreamSpliced()
        if gate.delivered:
            decision = self._decide(self._record.completed(error), delivered=True)
            # The response answers the last request alone. Where that was not the first one, it is not the whole answer.
            if isinstance(decision, GiveUp) or decision.plan.sends is not self._plan.sends:
                raise error
            self._last_delivering = gate
            self._adopt(decision.plan, error)
        log_warning(
            "response_spliced",
            self._context.run_id,
            attempt=len(self._record.attempts()),
            request_id=self._record.request_id,
        )
        plan = self._plan
        attempt = self._record.take_over(error, beside=plan.delivered, joins=plan.continuation is not None)
        return attempt, EventGate(plan, attempt, self._record, self._context.run_id)

    def _continue_after_pause(self) -> bool:
        """
        Plan the request that continues a message which the API has paused.

        Returns:
            Whether there is such a request. Otherwise the answer is whole.
        """
        most_turns = self._request.most_turns
        if self._plan.turn >= most_turns:  # nearly always, and then nobody may ever ask for the message
            return False
        following = self._plan.after_pause(self._record.message, most_turns)
        if following is None:
            return False
        self._record.next_turn()
        self._plan = following
        return True

    def _decide(self, failure: Exception, *, delivered: bool) -> Retry | GiveUp:
        """
        Decide what follows a failure.

        Args:
            failure: What ended the last request.
            delivered: Whether any of its events have been handed on.
        """
        policy = self._request.retry
        if policy is None:
            return GiveUp()
        decision = self._plan.after_failure(
            failure, policy, self._record, delivered=delivered, from_start=self._request.params
        )
        if (
            isinstance(decision, Retry)
            and self._watchdog is not None
            and decision.wait >= self._watchdog.left
        ):
            return GiveUp()
        return decision

    async def _retry(self, retry: Retry, failure: Exception) -> None:
        """
        Adopt the plan of a retry, and wait as long as it says.
        """
        self._adopt(retry.plan, failure)
        wait = sleep(retry.wait)
        await (wait if self._watchdog is None else self._watchdog.counted(wait))

    def _adopt(self, plan: RequestPlan, failure: Exception) -> None:
        self._plan = plan
        if plan.interruption is failure and isinstance(failure, StreamError):
            failure.with_fixed_partial()  # the next request may add to the message that it is built from
        _drop_tracebacks(failure)

    def _withheld(self, last: EventGate) -> list[Event]:
        """
        The events that are still held back when no request follows.

        Args:
            last: The gate of the last request. It may have delivered nothing, and then an earlier one holds the end of what
                the consumer is reading.
        """
        if self._plan.delivered and self._last_delivering is not None:
            return self._last_delivering.withheld()
        return last.withheld()

    def _final_error(self, failure: Exception, decision: GiveUp) -> Exception:
        """
        What is raised: the SDK's own error if nothing has been handed on, otherwise a `StreamError`.
        """
        if decision.obstacle is not None and isinstance(failure, StreamError):
            failure = failure.with_context(remark=f"it cannot be continued: {decision.obstacle}")
        if self._last_delivering is None:
            return failure
        self._last_delivering = None
        return self._record.completed(failed_follow_up(failure))


def _drop_tracebacks(failure: BaseException | None) -> None:
    """
    Drop the tracebacks of an error that nobody raises any more, because their frames would keep a response alive.
    """
    seen: set[int] = set()
    while failure is not None and id(failure) not in seen:
        drop_traceback(failure)
        seen.add(id(failure))  # `raise error from error` makes an error its own cause
        failure = failure.__context__ if failure.__cause__ is None else failure.__cause__
