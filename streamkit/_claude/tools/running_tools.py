"""
The tools of one turn: they run beside its events, and each result is handed on between these as soon as its tool has ended.

A call waits here until it may run: until whoever is to be asked has answered, until its message has ended if the tool has
effects, and until one of the places is free. They are given out in the order of the calls. What takes a message back drops the
calls that wait, and cancels those that run.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from streamkit._claude.operators.tool_calls import ToolCalls
from streamkit._claude.protocol.errors import ToolInputError
from streamkit._claude.protocol.reading import text_of_field, type_of
from streamkit._claude.protocol.replies import NOT_RUN, STOPPED
from streamkit._claude.protocol.stop_reasons import stop_reason
from streamkit._claude.protocol.tool_call import ToolCall
from streamkit._claude.protocol.tool_json import flaw_in
from streamkit._claude.protocol.tool_result import ToolResult
from streamkit._claude.tools.approval import Refused, asked
from streamkit._claude.tools.invocation import Answer, invoke
from streamkit._claude.tools.message_end import MessageEnd
from streamkit._core.runtime.side_jobs import SideJobs

if TYPE_CHECKING:
    from streamkit._claude.protocol.replies import Replies
    from streamkit._claude.protocol.tool_call import BrokenToolCall
    from streamkit._claude.tools.tool import Tool
    from streamkit._claude.tools.toolbox import Toolbox
    from streamkit._core.effects import EffectsGuard
    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["RunningTools"]


class _Call:
    """
    A call that has not been answered.

    Attributes:
        call: The call, with the input that it is to be run with.
        tool: Its tool; None where there is none, or the call is broken.
        is_early: Whether it may be answered before its message has ended.
        answer: What answers it without its tool; None if the tool does.
        is_ready: Whether nobody has to be asked any more.
    """

    __slots__ = ("answer", "call", "is_early", "is_ready", "tool")

    def __init__(
        self, call: ToolCall | BrokenToolCall, tool: Tool | None, *, is_early: bool, is_ready: bool
    ) -> None:
        self.call = call
        self.tool = tool
        self.is_early = is_early
        self.is_ready = is_ready
        self.answer: Answer | None = None


class RunningTools(SideJobs):
    """
    One turn in its run.

    Args:
        upstream: The events of the turn, in batches.
        context: The run.
        toolbox: The tools.
        replies: Where the results are kept for the next request.
        guard: What is asked before a tool with effects begins.
    """

    def __init__(
        self,
        upstream: Chain,
        context: Context,
        toolbox: Toolbox,
        replies: Replies,
        guard: EffectsGuard | None = None,
    ) -> None:
        super().__init__(upstream, context)
        self._toolbox = toolbox
        self._replies = replies
        self._guard = guard
        self._interrupted = False
        self._waiting: list[_Call] = []
        self._running: set[_Call] = set()
        self._stopping: set[_Call] = set()
        self.started_over()

    def started_over(self) -> None:
        self._replies.clear()
        self._drop_calls()
        self._calls = ToolCalls(broken="emit")
        self._end = MessageEnd()
        self._stop_reason: str | None = None
        self._ended = False

    # -- the message --------------------------------------------------------------------------------------------

    def saw(self, batch: list[Any]) -> None:
        calls, end = self._calls, self._end
        for item in batch:
            kind = item.type
            if kind == "content_block_delta":
                if type_of(getattr(item, "delta", None)) != "text_delta":
                    calls.feed(item)  # which may be input, and makes no call
                continue
            for call in calls.feed(item):
                self._take_in(call)
            end.saw(item)
            match kind:
                case "message_start":  # of the next one, where the API has paused
                    self._stop_reason, self._ended = None, False
                    self._note(getattr(item, "message", None))
                case "message_delta":
                    self._note(getattr(item, "delta", None))
                case "message_stop":
                    self._message_over()
                case _:
                    pass
        if self._interrupted and not self._ended:
            self._cut()

    def upstream_over(self) -> None:
        for call in self._calls.flush():
            self._take_in(call)
        if not self._ended:
            self._message_over()

    def _note(self, part: object) -> None:
        """
        Take what a message's beginning or its changes tell of it.
        """
        if container := text_of_field(getattr(part, "container", None), "id"):
            self._replies.container = container
        if reason := text_of_field(part, "stop_reason"):
            self._stop_reason = reason
            if not stop_reason(reason).awaits_results:
                self._void()

    def _message_over(self) -> None:
        self._ended = True
        if not stop_reason(self._stop_reason).awaits_results:
            self._void()
            return
        self._replies.due = True
        for each in self._waiting:
            if not each.is_ready and self._asks_late(each):
                self._begin_to_ask(each)
        if self._interrupted:
            self._stop_tools()
        self._give_places()

    # -- the user says something --------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """
        End the turn: the message at a place where it can end, or else the tools that it has called.
        """
        self._interrupted = True
        if self._ended:
            self._stop_tools()
        else:
            self._cut()

    def _cut(self) -> None:
        """
        Stop the message, unless it is inside the input of a tool.
        """
        if not self._end.is_in_call:
            self._void()
            self.cut()

    def upstream_cut(self) -> None:
        if missing := self._end.missing():
            self.hand_on(missing)

    def _stop_tools(self) -> None:
        """
        Stop those that run. Each that has begun tells its result when it has ended.
        """
        self._stopping = {each for each in self._running if each.call.id in self._replies.begun}
        not_run = [*(self._running - self._stopping), *self._waiting]
        self._running.clear()
        self._waiting.clear()
        self.cancel_jobs()
        for each in sorted(not_run, key=lambda each: each.call.index):
            self._tell(_unanswered(each.call, NOT_RUN))

    def _void(self) -> None:
        self._drop_calls()
        self.take_back()

    def _drop_calls(self) -> None:
        """
        Have nothing begin any more for the calls so far, and hear nothing of those that have begun.
        """
        self._waiting.clear()
        self._running.clear()
        self._stopping.clear()

    # -- the calls ----------------------------------------------------------------------------------------------

    def _take_in(self, call: ToolCall | BrokenToolCall) -> None:
        tool = self._toolbox.tools.get(call.name) if isinstance(call, ToolCall) else None
        is_early = tool is not None and self._toolbox.begins_early(tool)
        taken = _Call(call, tool, is_early=is_early, is_ready=tool is None or not tool.asks)
        if tool is None:
            taken.answer = self._without_tool(call)
        self._waiting.append(taken)
        if not (taken.is_ready or self._asks_late(taken)):
            self._begin_to_ask(taken)
        self._give_places()

    def _give_places(self) -> None:
        for each in [*self._waiting]:
            if not (each.is_ready and (each.is_early or self._replies.due)):
                continue
            if each.answer is not None:
                self._waiting.remove(each)
                self._tell(each.answer)
            elif len(self._running) < self._toolbox.concurrency:
                self._waiting.remove(each)
                self._running.add(each)
                self.start(partial(self._run_tool, each, each.tool, each.call))

    async def _run_tool(self, each: _Call, tool: Any, call: Any) -> None:
        answers: list[Answer] = []
        try:
            if tool.effect and self._guard is not None:
                await self._guard.before_effect()
            self._replies.begun.add(call.id)
            answers.append(await invoke(tool, call, self._context, answers.append))
        finally:
            if each in self._stopping:
                self._stopping.discard(each)
                self._tell(answers[0] if answers else _unanswered(call, STOPPED))
            elif each in self._running and answers:
                # Otherwise it was taken back, and its tool has gone on all the same.
                self._tell(answers[0])
            self._running.discard(each)
            self._give_places()

    def _tell(self, answer: Answer) -> None:
        """
        Keep a result for the next request, and hand it on; or end the run with the error that it tells of.
        """
        self._replies.results[answer.result.id] = answer.result
        if answer.error is not None and (self._toolbox.on_error == "raise" or answer.is_fatal):
            self.fail(answer.error)
        else:
            self.put(answer.result)

    def _without_tool(self, call: ToolCall | BrokenToolCall) -> Answer:
        """
        What answers a call that no tool can.
        """
        error: Exception
        if isinstance(call, ToolCall):
            known = ", ".join(self._toolbox.tools) or "none"
            why = f"there is no tool {call.name!r}; the tools are: {known}"
            error = LookupError(f"Claude has called a tool that tool_loop() was not given: {why}")
        else:
            why = f"the input of this call cannot be used: {flaw_in(call.raw)}"
            error = ToolInputError(call, why=self._calls.blocks.why(call))
        result = ToolResult(call.id, call.name, f"Error: {why}", is_error=True)
        return Answer(result, error, is_fatal=not call.name)

    # -- asking -------------------------------------------------------------------------------------------------

    def _asks_late(self, each: _Call) -> bool:
        """
        Whether somebody is asked only when the message has ended.
        """
        return each.tool is not None and (each.tool.start or self._toolbox.start) == "message"

    def _begin_to_ask(self, each: _Call) -> None:
        self.start(partial(self._ask, each, each.tool, each.call))

    async def _ask(self, each: _Call, tool: Any, call: Any) -> None:
        verdict = await asked(tool, call)
        if isinstance(verdict, Refused):
            each.answer = Answer(ToolResult(call.id, call.name, verdict.told, is_error=True))
        else:
            each.call = verdict
        each.is_ready = True
        self._give_places()


def _unanswered(call: ToolCall | BrokenToolCall, why: str) -> Answer:
    return Answer(ToolResult(call.id, call.name, why, is_error=True))
