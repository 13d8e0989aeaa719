"""
The Messages API as a source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyio import sleep

from streamkit.core.calls import call_text
from streamkit.core.source import Opened, Source
from streamkit.core.stream import Stream

from .outcome import Record
from .reading import read
from .retry import RetryPolicy, can_retry, retry_after
from .sdk import accepts, is_asynchronous

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    import anthropic

    from streamkit.core.context import Context

    from .events import Event
    from .outcome import Attempt

__all__ = ["messages"]

_FILLED_BY_DELTAS = frozenset(
    {"text", "thinking", "tool_use", "server_tool_use", "mcp_tool_use", "compaction"}
)


def messages(
    client: anthropic.AsyncAnthropic,
    *,
    retry: RetryPolicy | None = RetryPolicy(),  # noqa: B008 -- immutable
    pings: bool = False,
    **params: Any,
) -> Stream[Event]:
    """
    The events of one request to the Messages API; each run sends its own.

    The response's bytes are read through the SDK, whose authentication, middleware, tracing and Bedrock or Vertex clients go
    on working, and are decoded here.

    Args:
        client: The SDK's asynchronous client; it stays yours to close.
        retry: What is sent again before the first content, unseen; None leaves it to the SDK's own retries.
        pings: Whether pings are handed on.
        params: Those of `client.messages.create`, or of `client.beta.messages.create` when `betas` is given.

    Raises:
        TypeError: A parameter is unknown or missing, or the client is a synchronous one.
        anthropic.APIError: While running, before the stream begins: what the SDK raises, after the retries.
        StreamError: While running, from the first byte on: see its `type`.

    Emits: each event of the response. Before the first content they are held while a retry is possible, which is not seen.
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
    if not is_asynchronous(client):
        raise TypeError(
            "messages() needs an asynchronous client, anthropic.AsyncAnthropic; a synchronous one works through "
            "`pipeline.over(client.messages.create(..., stream=True))`"
        )
    if "stream" in params:
        raise TypeError("messages() always streams: leave out `stream`")
    if isinstance(params.get("messages"), str):
        raise TypeError('messages() needs messages=[{"role": "user", "content": …}], not a text')
    if retry is not None and not isinstance(retry, RetryPolicy):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"messages(retry=…) must be a RetryPolicy or None, not {retry!r}")
    if retry is not None and retry.resume != "never":
        raise ValueError(
            f'messages() knows RetryPolicy(resume="never") only in this version, not {retry.resume!r}; '
            "retry() behind messages(retry=None) can start over"
        )
    if not isinstance(pings, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"messages(pings=…) must be True or False, not {pings!r}")
    api = client.beta.messages if "betas" in params else client.messages
    accepts(api.create, params)
    return Stream(_Messages(client, retry, pings, params))


class _Messages(Source):
    memory = "one network read, and the message's text for the outcome"

    def __init__(
        self, client: anthropic.AsyncAnthropic, retry: RetryPolicy | None, pings: bool, params: dict[str, Any]
    ) -> None:
        self._client = client
        self._retry = retry
        self._pings = pings
        self._params = params
        self._beta = "betas" in params

    def __repr__(self) -> str:
        # Any other parameter may be what somebody said.
        shown = {
            name: value for name, value in self._params.items() if name in ("model", "max_tokens", "messages")
        }
        text = call_text("messages", self._client, **shown)
        return text if len(shown) == len(self._params) else f"{text[:-1]}, …)"

    def open(self, context: Context) -> Opened:
        record = Record(beta=self._beta or None)
        context.contribute(record)
        return Opened("batched", self._batches(context, record))

    async def _batches(self, context: Context, record: Record) -> AsyncIterator[list[Event]]:
        while True:
            attempt = record.begin()
            response: AsyncGenerator[list[Event], None] | None = None
            held: list[Event] | None = [] if self._may_retry(attempt) else None
            try:
                response = await self._response(attempt, record)
                async for events in response:
                    if held is not None:
                        held += events
                        if not any(map(_is_content, events)):
                            continue
                        events, held = held, None
                    yield events
            except Exception as error:
                attempt.error = error
            finally:
                if response is not None:
                    with context.shielded():
                        await response.aclose()
            if held is None or self._retry is None or attempt.error is None or not can_retry(attempt.error):
                break
            await sleep(self._retry.wait(attempt.number, retry_after(attempt.error)))
        if held:
            yield held
        if attempt.error is not None:
            raise attempt.error

    async def _response(self, attempt: Attempt, record: Record) -> AsyncGenerator[list[Event], None]:
        # One retrier only: either this library's or the SDK's.
        client = self._client if self._retry is None else self._client.with_options(max_retries=0)
        api: Any = client.beta.messages if self._beta else client.messages
        stream = await api.create(**self._params, stream=True)
        attempt.request_id = stream.response.headers.get("request-id")
        return read(stream, record, pings=self._pings)

    def _may_retry(self, attempt: Attempt) -> bool:
        return self._retry is not None and attempt.number < self._retry.attempts


def _is_content(event: Event) -> bool:
    """
    Whether the application could have acted on what has arrived, so that it cannot be taken back.
    """
    if event.type == "content_block_start":
        # Most kinds of block are filled by deltas; the others arrive whole in their start.
        return event.content_block.type not in _FILLED_BY_DELTAS
    return event.type not in ("message_start", "ping")
