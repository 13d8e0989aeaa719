"""
One run of a tool loop: which turn follows another.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from streamkit._claude.protocol.plain_params import PlainMessages
from streamkit._claude.protocol.replies import Replies
from streamkit._claude.protocol.stop_reasons import stop_reason
from streamkit._claude.sources.messages_source import MessagesSource
from streamkit._claude.tools.running_tools import RunningTools
from streamkit._core.algebra import Stream
from streamkit._core.runtime.chain import Chain
from streamkit._core.runtime.side_jobs import AHEAD
from streamkit._core.source import Opened, Source
from streamkit._surrogates import legal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamkit._claude.exchange.messages_request import MessagesRequest
    from streamkit._claude.tools.toolbox import Toolbox
    from streamkit._core.effects import EffectsGuard
    from streamkit._core.outcome import Outcome
    from streamkit._core.runtime.context import Context

__all__ = ["Conversation"]


class Conversation:
    """
    The turns of one run, each a stream of its own.

    Args:
        request: What the first turn asks.
        output: The type that the answer is made into.
        toolbox: The tools.
        max_turns: How many messages there may be.
        context: The run.
        guard: What is asked before a tool with effects begins.

    Attributes:
        turn: Which turn is being answered, counted from 1.
    """

    def __init__(
        self,
        request: MessagesRequest,
        output: Any,
        toolbox: Toolbox,
        max_turns: int,
        context: Context,
        guard: EffectsGuard | None,
    ) -> None:
        self._request = request
        self._output = output
        self._toolbox = toolbox
        self.turn: int = 0
        self._left = max_turns
        self._context = context
        self._guard = guard
        self._wound_up_by = ""
        self._replies = Replies()
        self._interrupt: Callable[[], None] | None = None  # while there is a turn
        self._interrupts_next = False

    def begin(self) -> Stream[Any]:
        """
        The first turn.
        """
        self._context.listeners.append(self)
        return self._turn(self._request.params)

    async def next(self, outcome: Outcome) -> Stream[Any] | None:
        """
        The turn that follows the one with this outcome; None where the conversation has ended.
        """
        self._left -= len(outcome.turns)
        replies = self._replies
        history = outcome.history
        pauses = stop_reason(outcome.stop_reason).pauses and history[-1]["role"] == "assistant"
        if not (pauses or replies.said or (replies.due and replies.results)):
            self.end()
            return None
        if self._wound_up_by or self._left < 1:
            self.end()
            self._context.stopped(self._wound_up_by or "max_turns")
            return None
        params = _following(self._request.params, history, replies.container, pauses=pauses)
        unsent = [] if _ends_with(history, replies.said) else replies.said
        return self._turn(params, unsent, continues=pauses)

    def is_within(self, context: object) -> bool:
        """
        Whether it is in that run, or in that part of one.
        """
        return self._context.is_within(context)

    def hear(self, text: str, now: bool) -> None:
        """
        The user says something: it is sent with the next turn.

        Args:
            text: What they say.
            now: Whether the turn that is being answered ends for it.
        """
        self._replies.said.append(legal(text))
        if now and self._interrupt is not None:
            self._interrupt()
        elif now:
            self._interrupts_next = True

    def wind_up(self, stopped_by: str) -> None:
        """
        The turn that is being answered, with its tools, is the last one.

        Args:
            stopped_by: Who has said so.
        """
        self._wound_up_by = self._wound_up_by or stopped_by

    def end(self) -> None:
        """
        Nothing more is heard.
        """
        if self in self._context.listeners:
            self._context.listeners.remove(self)

    def _turn(
        self, params: Mapping[str, Any], said: Sequence[str] = (), *, continues: bool = False
    ) -> Stream[Any]:
        self.turn += 1
        container = self._replies.container
        self._replies = Replies()
        self._replies.container = container
        self._replies.continues = continues
        self._replies.said += said
        self._interrupt = None
        request = replace(self._request, params=params)
        source = MessagesSource(request, self._output, self._replies)
        return Stream(_Turn(source, self._open_turn))

    def _open_turn(self, events: Chain, context: Context) -> RunningTools:
        running = RunningTools(events, context, self._toolbox, self._replies, self._guard)
        self._interrupt = running.interrupt
        if self._interrupts_next:
            self._interrupts_next = False
            running.interrupt()
        return running


class _Turn(Source):
    """
    One turn: the events of a message, and beside them its tools.

    Args:
        messages: The message.
        run_tools: Runs the tools.
    """

    concurrent = True
    memory = f"{AHEAD} network reads, and the results of one message"

    def __init__(self, messages: MessagesSource, run_tools: Callable[[Chain, Context], RunningTools]) -> None:
        self._messages = messages
        self._run_tools = run_tools
        self.restarts: bool = messages.restarts

    def open(self, context: Context) -> Opened:
        opened = self._messages.open(context)
        return Opened("batched", self._run_tools(Chain(opened.iterator), context).batches())


def _ends_with(messages: Sequence[Any], said: Sequence[str]) -> bool:
    """
    Whether what was said stands at the end of a conversation. Something else may have to be sent before it.
    """
    if not said:
        return True
    content = messages[-1]["content"]
    return bool((content if isinstance(content, str) else content[-1].get("text")) == said[-1])


def _following(
    params: Mapping[str, Any], history: list[Any], container: str, *, pauses: bool
) -> dict[str, Any]:
    """
    What the next turn sends: the conversation so far, and everything else as the first one. A tool that was asked for once is not
    asked for again, or there would be no end. A container that the API has made for its tools is used again.
    """
    sends = {**params, "messages": PlainMessages(history)}
    if container:
        sends.setdefault("container", container)
    match params.get("tool_choice"):
        case {"type": "any" | "tool", **chosen} if not pauses:
            kept = {name: value for name, value in chosen.items() if name == "disable_parallel_tool_use"}
            sends["tool_choice"] = {"type": "auto", **kept}
        case _:
            pass
    return sends
