"""
An exchange with the Messages API: requests, until the answer is whole or cannot become so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anyio import sleep

from streamkit._claude.exchange.arrival import Arrival
from streamkit._claude.exchange.turn import Turn, after_pause, next_try
from streamkit._claude.transport.response import read
from streamkit._claude.transport.retryable import can_retry
from streamkit._claude.transport.sdk import as_stream_error, without_retries
from streamkit._claude.transport.watchdog import Watchdog
from streamkit._core.errors import StreamError
from streamkit._core.log import log_warning

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    import anthropic

    from streamkit._claude.protocol.events import Event
    from streamkit._claude.protocol.record import Attempt, Record
    from streamkit._claude.transport.timeouts import Timeouts
    from streamkit._core.retry_policy import RetryPolicy
    from streamkit._core.runtime.context import Context

__all__ = ["Asked", "batches"]


@dataclass(frozen=True, slots=True)
class Asked:
    """
    What `messages()` was asked for.
    """

    client: anthropic.AsyncAnthropic
    retry: RetryPolicy | None
    timeouts: Timeouts | None
    pings: bool
    follow_pause: bool
    params: Mapping[str, Any]

    @property
    def beta(self) -> bool:
        """
        Whether it is for the beta API.
        """
        return "betas" in self.params


async def batches(asked: Asked, context: Context, record: Record) -> AsyncGenerator[list[Event], None]:
    """
    The events of the answer, as they are read.

    Args:
        asked: What is asked for.
        context: The run.
        record: Learns what has arrived.

    Raises:
        anthropic.APIError: The stream did not begin.
        StreamError: It did, and could not go on.
    """
    watchdog = None if asked.timeouts is None else Watchdog(asked.timeouts)
    turn, begun = Turn(asked.params), False
    giving: Arrival | None = None  # of the last request that gave content
    while True:
        attempt = record.begin(beside=turn.given, joins=turn.continuation is not None)
        arrival = Arrival(turn, attempt, record, may_hold=_may_retry(asked, turn) or turn.given)
        response: AsyncGenerator[list[Event], None] | None = None
        failure: Exception | None = None
        try:
            response = await _response(asked, turn, attempt, watchdog)
            async for events in response:
                if events := arrival.take(events):
                    yield events
        except Exception as error:
            failure = record.completed(error)
        finally:
            if response is not None:
                with context.shielded():
                    await response.aclose()
        begun = begun or arrival.gave
        giving = arrival if arrival.gave else giving
        if failure is None:
            paused = after_pause(record, turn) if asked.follow_pause else None
            if paused is None:
                return
            record.next_turn()
            turn = paused
            continue
        further = None
        if asked.retry is not None:
            further = next_try(turn, asked.retry, failure, record, gave=arrival.gave, from_start=asked.params)
        if further is None or (watchdog is not None and further[1] >= watchdog.left):
            break
        turn, wait = further
        log_warning("request_retried", attempt=attempt.number, error=type(failure).__name__, wait=wait)
        _let_go(failure)
        await (sleep(wait) if watchdog is None else watchdog.between(sleep(wait)))
    if rest := (giving if turn.given and giving is not None else arrival).rest():
        yield rest
    last = failure
    if begun:
        last = record.completed(as_stream_error(failure, retriable=can_retry(failure)))
    del failure, arrival, giving, response
    if isinstance(last, StreamError):
        last.__traceback__ = None  # of the frames that read the response, and hold it
    try:
        raise last
    finally:
        del last  # it has this frame in its traceback


def _let_go(failure: BaseException | None) -> None:
    """
    Where nobody raises it any more, an error need not keep a response alive by its traceback.
    """
    while failure is not None:
        failure.__traceback__ = None
        failure = failure.__cause__ or failure.__context__


async def _response(
    asked: Asked, turn: Turn, attempt: Attempt, watchdog: Watchdog | None
) -> AsyncGenerator[list[Event], None]:
    api: Any = asked.client.beta.messages if asked.beta else asked.client.messages
    if asked.retry is not None:
        api = without_retries(api)  # one retrier only: either this library's or the SDK's
    limits = {} if asked.timeouts is None else {"timeout": asked.timeouts.for_http()}
    sending = api.create(**turn.request, **limits, stream=True)
    stream = await (sending if watchdog is None else watchdog.sending(sending))
    attempt.request_id = stream.response.headers.get("request-id")
    return read(stream, pings=asked.pings, watchdog=watchdog)


def _may_retry(asked: Asked, turn: Turn) -> bool:
    return asked.retry is not None and turn.number < asked.retry.attempts
