"""
An exchange with the Messages API: requests, until the answer is whole or cannot become so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anyio import sleep

from streamkit.core.errors import StreamError
from streamkit.core.log import log_warning
from streamkit.core.restart import Restarted

from .accumulate import FILLED_BY_DELTAS
from .continuing import as_params, continuation, obstacle, with_answer
from .reading import read
from .retry import judge_request
from .sdk import as_stream_error
from .stitching import Stitching
from .watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    import anthropic

    from streamkit.core.context import Context

    from .continuing import Continuation
    from .events import Event
    from .outcome import Attempt, Record
    from .retry import RetryPolicy
    from .timeouts import Timeouts

__all__ = ["Asked", "batches"]

_MOST_HELD = 64
"""Events that are held before the first content; what comes after so many pings is handed on as if it were content."""


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


@dataclass(slots=True)
class _Turn:
    """
    One message, however many requests it takes.

    Attributes:
        params: What its first request sends.
        tries: Requests so far.
        given: Whether content has been handed on, which cannot be taken back in silence.
        cause: What ended the last request that gave content.
        continuation: What is sent to go on from there; without it, the next request starts over.
    """

    params: Mapping[str, Any]
    tries: int = 0
    given: bool = False
    cause: Exception | None = None
    continuation: Continuation | None = None


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
    turn = _Turn(asked.params)
    while True:
        turn.tries += 1
        attempt = record.begin(beside=turn.given)
        arrival = _Arrival(turn, attempt, record)
        response: AsyncGenerator[list[Event], None] | None = None
        held: list[Event] | None = [] if _may_hold(asked, turn) else None
        failure: Exception | None = None
        try:
            response = await _response(asked, turn, attempt, watchdog)
            async for events in response:
                record.add(events)
                if held is not None:
                    held += events
                    if len(held) <= _MOST_HELD and not any(map(_is_content, events)):
                        continue
                    events, held = held, None
                if arrival.changes_events:
                    events = arrival.take(events)
                if events:
                    yield events
        except Exception as error:
            failure = record.completed(error)
        finally:
            if response is not None:
                with context.shielded():
                    await response.aclose()
        if failure is None:
            if not asked.follow_pause or (params := _after_pause(record, turn.params)) is None:
                return
            record.next_turn()
            turn = _Turn(params)
            continue
        wait = _wait(asked, turn, failure, record, gave=held is None, watchdog=watchdog)
        if wait is None:
            break
        log_warning("request_retried", attempt=attempt.number, error=type(failure).__name__, wait=wait)
        if turn.continuation is None and turn.given:
            # Whatever came before a restart counts no more, an earlier turn neither.
            turn = _Turn(asked.params, turn.tries, given=True, cause=turn.cause)
        await (sleep(wait) if watchdog is None else watchdog.between(sleep(wait)))
    if held and not turn.given:
        yield held
    elif rest := arrival.give_up():
        yield rest
    raise record.completed(as_stream_error(failure)) if turn.given else failure


class _Arrival:
    """
    What becomes of the events of one request.

    Attributes:
        changes_events: Whether they are not handed on as they come.
    """

    def __init__(self, turn: _Turn, attempt: Attempt, record: Record) -> None:
        self._turn = turn
        self._attempt = attempt
        self._record = record
        self._counts = not turn.given
        self._stitching: Stitching | None = None
        if turn.continuation is not None:
            self._stitching = Stitching(turn.continuation, attempt, lambda: record.cost)
        self.changes_events: bool = True

    def take(self, events: list[Event]) -> list[Event]:
        """
        What is handed on for these.
        """
        first = not self._counts
        self._counts = self._turn.given = True
        if self._stitching is None:
            self.changes_events = False
            if not first or self._turn.cause is None:
                return events
            self._record.replace()
            return [Restarted(self._attempt.number, self._turn.cause), *events]
        if first:
            self._record.join()
        return self._extended(self._stitching.take(events))

    def give_up(self) -> list[Event]:
        """
        What is still to be handed on when nobody goes on with this.
        """
        if self._stitching is None or not self._counts:
            return []
        return self._extended(self._stitching.give_up())

    def _extended(self, events: list[Event]) -> list[Event]:
        self._record.extend(events)
        return events


async def _response(
    asked: Asked, turn: _Turn, attempt: Attempt, watchdog: Watchdog | None
) -> AsyncGenerator[list[Event], None]:
    # One retrier only: either this library's or the SDK's.
    client = asked.client if asked.retry is None else asked.client.with_options(max_retries=0)
    api: Any = client.beta.messages if asked.beta else client.messages
    params = turn.params if turn.continuation is None else turn.continuation.params
    limits = {} if asked.timeouts is None else {"timeout": asked.timeouts.for_http()}
    sending = api.create(**params, **limits, stream=True)
    stream = await (sending if watchdog is None else watchdog.sending(sending))
    attempt.request_id = stream.response.headers.get("request-id")
    return read(stream, pings=asked.pings, watchdog=watchdog)


def _may_hold(asked: Asked, turn: _Turn) -> bool:
    """
    Whether events wait for the first content, because nobody needs to see them if the request fails before.
    """
    return turn.given or (asked.retry is not None and turn.tries < asked.retry.attempts)


def _is_content(event: Event) -> bool:
    """
    Whether the application could have acted on what has arrived, so that it cannot be taken back.
    """
    if event.type == "content_block_start":
        # Most kinds of block are filled by deltas; the others arrive whole in their start.
        return event.content_block.type not in FILLED_BY_DELTAS
    if event.type == "message_start":
        # From a gateway that streams nothing.
        return bool(event.message.content or event.message.stop_reason)
    return event.type != "ping"


def _wait(
    asked: Asked, turn: _Turn, failure: Exception, record: Record, *, gave: bool, watchdog: Watchdog | None
) -> float | None:
    """
    Seconds until the next request, for which `turn` is prepared; None where there is none.

    Args:
        gave: Whether the request that has failed had given content.
    """
    if asked.retry is None:
        return None
    wait = asked.retry.again(turn.tries, judge_request(failure))
    if wait is None or (watchdog is not None and wait >= watchdog.left):
        return None
    if not gave:
        return wait  # nobody has seen it: once more in the same way
    if asked.retry.resume == "never":
        return None
    turn.cause, turn.continuation = failure, None
    if (why := _obstacle(asked.retry, record)) is not None:
        if isinstance(failure, StreamError):
            failure.args = (f"{failure}; there is no going on: {why}",)
        return None
    if asked.retry.resume == "continue":
        turn.continuation = continuation(record.message, turn.params)
    return wait


def _obstacle(policy: RetryPolicy, record: Record) -> str | None:
    if record.ended:
        return "a message had ended before it, and must not come again"
    return obstacle(record.message) if policy.resume == "continue" else None


def _after_pause(record: Record, params: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """
    The request that goes on with a turn which the API has paused; None where it has not.
    """
    message = record.message
    answer = as_params(message.blocks)
    if message.stop_reason != "pause_turn" or not answer:
        return None
    asked = {**params, "messages": with_answer(params["messages"], answer)}
    match message.to_dict().get("container"):
        case {"id": str(container)} if "container" not in params:
            asked["container"] = container
        case _:
            pass
    return asked
