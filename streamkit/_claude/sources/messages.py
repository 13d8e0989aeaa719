"""
The Messages API as a source.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from streamkit._claude.exchange.requests import Asked, batches
from streamkit._claude.protocol.record import Record
from streamkit._claude.transport.sdk import accepts, is_asynchronous
from streamkit._claude.transport.timeouts import Timeouts
from streamkit._core.naming import call_text
from streamkit._core.retry_policy import RetryPolicy
from streamkit._core.source import Opened, Source
from streamkit._core.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Mapping

    import anthropic

    from streamkit._claude.protocol.events import Event
    from streamkit._core.runtime.context import Context

__all__ = ["messages"]


def messages(
    client: anthropic.AsyncAnthropic,
    *,
    retry: RetryPolicy | None = RetryPolicy(),  # noqa: B008 -- immutable
    timeouts: Timeouts | None = None,
    pings: bool = False,
    follow_pause: bool = False,
    **params: Any,
) -> Stream[Event]:
    """
    The events of one answer of the Messages API; each run asks for its own.

    The response's bytes are read through the SDK, whose authentication, middleware, tracing and Bedrock or Vertex clients go
    on working, and are decoded here.

    Args:
        client: The SDK's asynchronous client; it stays yours to close.
        retry: What is sent again, and what happens when the failure comes after the first content: see `RetryPolicy`. Before
            that, a retry is not seen. None leaves it to the SDK's own retries.
        timeouts: How long to wait for what; None for what the client has, and no limit on a row of pings.
        pings: Whether pings are handed on.
        follow_pause: Whether a turn that the API pauses (`pause_turn`) is gone on with, by a request of its own: its message
            follows the other one in the same stream.
        params: Those of `client.messages.create`, or of `client.beta.messages.create` when `betas` is given.

    Raises:
        TypeError: A parameter is unknown or missing, or the client is a synchronous one; when the run is opened, a policy that
            may start over stands before a stage that would hide it.
        ValueError: The policy would continue what has a format of its own (`output_config`).
        anthropic.APIError: While running, before the stream begins: what the SDK raises, after the retries.
        StreamError: While running, from the first byte on: see its `type`.

    Emits: each event of the answer. Before the first content they are held while a retry is possible, which is not seen. A
        `Restarted`, where the policy starts over; where it continues, the rest of the same message.
    Backpressure: reads from the connection when asked for events.
    Completes: at the end of the response, if its message is complete.
    Fails: with a `StreamError`, after everything that has arrived.
    Cancels: at once, closing the response.
    Memory: one network read; the outcome keeps the text of the message.
    """
    if not hasattr(client, "messages") or isinstance(client, type):
        raise TypeError(
            f"messages() needs a client of the SDK, anthropic.AsyncAnthropic, not {type(client).__name__}"
        )
    if type(client).__module__.startswith("anthropic.resources") or hasattr(client.messages, "_messages"):
        raise TypeError(
            "messages() needs the client itself, not client.beta or a view such as with_raw_response"
        )
    if not is_asynchronous(client):
        raise TypeError(
            "messages() needs an asynchronous client, anthropic.AsyncAnthropic; a synchronous one works through "
            "`pipeline.over(client.messages.create(..., stream=True))`"
        )
    if "stream" in params:
        raise TypeError("messages() always streams: leave out `stream`")
    if retry is not None and not isinstance(retry, RetryPolicy):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"messages(retry=…) must be a RetryPolicy, such as RetryPolicy(attempts=3), or None, not {retry!r}"
        )
    if isinstance(params.get("timeout"), Timeouts):
        raise TypeError("messages() takes Timeouts as timeouts=…; `timeout` is the SDK's own")
    if timeouts is not None:
        if not isinstance(timeouts, Timeouts):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(
                f"messages(timeouts=…) must be Timeouts, such as Timeouts(total=30), or None, not {timeouts!r}"
            )
        if "timeout" in params:
            raise TypeError("messages() takes either timeouts=Timeouts(…) or the SDK's `timeout`, not both")
    for name, flag in (("pings", pings), ("follow_pause", follow_pause)):
        if not isinstance(flag, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"messages({name}=…) must be True or False, not {flag!r}")
    api = client.beta.messages if "betas" in params else client.messages
    accepts(api.create, params)
    if retry is not None and retry.resume == "continue" and retry.attempts > 1 and _has_a_format(params):
        raise ValueError(
            'RetryPolicy(resume="continue") cannot go on with an answer in a format of its own, of which each request '
            'gives a whole one: use resume="restart" or "never"'
        )
    # A description does not change when the application goes on with its list, and a retry must not find it used up.
    params = {name: _kept(value) for name, value in params.items()}
    if not _is_conversation(params["messages"]):
        said = type(params["messages"]).__name__
        raise TypeError(f'messages() needs messages=[{{"role": "user", "content": …}}], and got {said}')
    return Stream(_Messages(Asked(client, retry, timeouts, pings, follow_pause, params)))


def _kept(value: Any) -> Any:
    """
    A value as it is now: what can be iterated once, as a list, and containers that nobody else changes.
    """
    if value.__class__ is dict:
        return {name: _kept(each) for name, each in value.items()}
    is_spent_once = hasattr(value, "__next__") and not hasattr(value, "read")
    return [_kept(each) for each in value] if is_spent_once or value.__class__ in {list, tuple} else value


def _is_conversation(messages: Any) -> bool:
    return messages.__class__ is list and not any(
        isinstance(each, str | bytes | int | None) for each in messages
    )


def _has_a_format(params: Mapping[str, Any]) -> bool:
    match params:
        case {"output_config": {"format": dict()}} | {"output_format": dict() | type()}:
            return True
        case _:
            return False


class _Messages(Source):
    memory = "one network read, and the message's text for the outcome"

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        policy = asked.retry
        self.restarts: bool = policy is not None and policy.resume == "restart" and policy.attempts > 1

    def __repr__(self) -> str:
        params = self._asked.params
        # Any other parameter may be what somebody said.
        shown = {name: value for name, value in params.items() if name in ("model", "max_tokens", "messages")}
        text = call_text("messages", self._asked.client, **shown)
        return text if len(shown) == len(params) else f"{text[:-1]}, …)"

    def retried(self) -> Source:
        if self._asked.retry is not None:
            return self
        return _Messages(replace(self._asked, retry=RetryPolicy(attempts=1)))

    def open(self, context: Context) -> Opened:
        record = Record(beta=self._asked.beta or None)
        context.contribute(record)
        return Opened("batched", batches(self._asked, context, record))
