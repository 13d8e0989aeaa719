"""
`tool_loop`: a conversation with tools, all its turns as one stream.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

from streamkit._claude.sources.conversation import Conversation
from streamkit._claude.sources.messages_source import request_text, starts_over
from streamkit._claude.sources.request_checks import checked_request
from streamkit._claude.sources.retelling import retold
from streamkit._claude.tools.toolbox import Toolbox
from streamkit._core.algebra import Stream
from streamkit._core.checks import whole_number
from streamkit._core.effects import effects_guard
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.retry_policy import RetryPolicy
from streamkit._core.source import Opened, Source
from streamkit._operators.combine.follow import follow

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from typing_extensions import Unpack

    from streamkit._claude.exchange.messages_request import MessagesRequest
    from streamkit._claude.protocol.events import Event
    from streamkit._claude.protocol.tool_result import ToolResult
    from streamkit._claude.sources.request_params import BetaLoopParams, Client, LoopParams
    from streamkit._claude.tools.tool import Start, ToolLike
    from streamkit._claude.tools.toolbox import OnError
    from streamkit._claude.transport.timeouts import Timeouts
    from streamkit._core.runtime.context import Context

__all__ = ["tool_loop"]


@overload
def tool_loop(
    client: Client,
    *,
    max_turns: int = 16,
    concurrency: int = 8,
    start: Start = "block",
    on_error: OnError = "result",
    retry: RetryPolicy | None = ...,
    timeouts: Timeouts | None = None,
    **params: Unpack[LoopParams],
) -> Stream[Event | ToolResult]: ...
@overload
def tool_loop(
    client: Client,
    *,
    max_turns: int = 16,
    concurrency: int = 8,
    start: Start = "block",
    on_error: OnError = "result",
    retry: RetryPolicy | None = ...,
    timeouts: Timeouts | None = None,
    **params: Unpack[BetaLoopParams],
) -> Stream[Event | ToolResult]: ...
@keyword_hints
def tool_loop(
    client: Client,
    *,
    tools: Iterable[ToolLike] = (),
    max_turns: int = 16,
    concurrency: int = 8,
    start: Start = "block",
    on_error: OnError = "result",
    retry: RetryPolicy | None = RetryPolicy(),  # noqa: B008 -- immutable
    timeouts: Timeouts | None = None,
    **params: Any,
) -> Stream[Event | ToolResult]:
    """
    A conversation with tools: the events of all its turns, and between them the result of each tool as soon as it has ended.

    Args:
        client: The SDK's asynchronous client. Closing it remains the application's task.
        tools: What Claude may call: functions, the SDK's tool objects, dicts with `run`, and what `sk.tool()` makes of these. And
            the definitions of tools that the API runs, such as a web search, which pass through as they are.
        max_turns: How many messages Claude may write. Where the last of them calls tools, these are run, and
            `outcome.stopped_by` is `"max_turns"`; `outcome.history` has their results.
        concurrency: How many tools may run at once. Text never waits for one.
        start: When tools without effects begin: `"block"`, as soon as their call is complete, or `"message"`, when its message
            has ended. A tool with effects, and that is each that does not say `effect=False`, begins when its message has ended.
        on_error: Whether a tool that fails, takes too long or is not known has a result that says so (`"result"`), or ends the
            run with its exception (`"raise"`).
        retry: For each turn, as in `messages()`. Where a message starts over, its tools are taken back, and behind the
            `Restarted` the earlier turns are told again, so that what follows it is the whole conversation.
        timeouts: For each turn, as in `messages()`.
        params: As in `messages()`. A `tool_choice` that demands a call is for the first turn; those behind it choose freely.

    Raises:
        TypeError: A tool is not one, a parameter is unknown or missing, or the client is a synchronous one.
        ValueError: Two tools have one name, or an argument is not one of those that there are.
        anthropic.APIError: While running, before a turn's answer begins: what the SDK raises, after the retries.
        StreamError: While running, from an answer's first byte on: see its `type`.

    Emits: each event, and a `ToolResult` for each call, as soon as its tool has ended. Nothing of a call whose message starts
        over, is cut or refused: what runs for it is cancelled.
    Backpressure: reads at most 4 network reads ahead; the next turn begins when all results have been taken.
    Completes: with the first message that calls no tool.
    Fails: with a turn, after everything that has arrived; with `on_error="raise"` with the first tool that fails.
    Cancels: at once: first the tools, then the response is closed.
    Memory: 4 network reads, and the results of one message; the outcome keeps the conversation. Where a turn may start over, the
        earlier turns.
    """
    toolbox = Toolbox.of(tools, concurrency=concurrency, start=start, on_error=on_error)
    whole_number("tool_loop", max_turns, least=1, of="max_turns")
    if toolbox.definitions:
        params["tools"] = list(toolbox.definitions)
    request, output = checked_request(
        "tool_loop",
        client,
        params,
        retry=retry,
        timeouts=timeouts,
        own=("tools", "max_turns", "concurrency", "start", "on_error", "retry", "timeouts"),
    )
    return Stream(_ToolLoop(request, output, toolbox, max_turns))


class _ToolLoop(Source):
    concurrent = True
    goes_on = False
    tells_effects = True
    memory = "4 network reads, the results of one message, and the conversation for the outcome"

    def __init__(self, request: MessagesRequest, output: Any, toolbox: Toolbox, max_turns: int) -> None:
        self._request = request
        self._output = output
        self._toolbox = toolbox
        self._max_turns = max_turns
        self.restarts: bool = starts_over(request.retry)

    def __repr__(self) -> str:
        return request_text("tool_loop", self._request)

    def retried(self) -> Source:
        if self._request.retry is not None:
            return self
        request = replace(self._request, retry=RetryPolicy(attempts=1))
        return _ToolLoop(request, self._output, self._toolbox, self._max_turns)

    def open(self, context: Context) -> Opened:
        guard = effects_guard.get()
        if guard is not None and any(tool.effect for tool in self._toolbox.tools.values()):
            guard.at_opening()
        conversation = Conversation(
            self._request, self._output, self._toolbox, self._max_turns, context, guard
        )
        turns = follow(conversation.begin(), conversation.next).source.open(context)
        told = retold(turns.iterator, lambda: conversation.turn) if self.restarts else turns.iterator
        return Opened(turns.feed, _OpenConversation(told, turns.iterator, conversation))


class _OpenConversation:
    """
    The turns in their run. When they are closed, nothing more is heard.
    """

    def __init__(
        self, told: AsyncGenerator[Any, None], turns: AsyncGenerator[Any, None], conversation: Conversation
    ) -> None:
        self._told = told
        self._turns = turns
        self._conversation = conversation

    def __aiter__(self) -> AsyncGenerator[Any, None]:
        return self._told

    async def aclose(self) -> None:
        self._conversation.end()
        try:
            await self._told.aclose()
        finally:
            await self._turns.aclose()
