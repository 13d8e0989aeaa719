"""
Runs a tool for one call: an async function in its task, a plain one in a worker thread.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, cast

from anyio import CapacityLimiter, Event, current_time, get_cancelled_exc_class, move_on_after
from anyio.to_thread import run_sync

from streamkit._claude.protocol.tool_result import ToolResult
from streamkit._claude.tools.result_content import content_of, content_of_error
from streamkit._core.foreign_errors import note
from streamkit._core.log import error_fields, log_warning
from streamkit._core.runtime.host_loop import host_loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio import CancelScope

    from streamkit._claude.protocol.tool_call import ToolCall
    from streamkit._claude.tools.tool import Tool
    from streamkit._core.runtime.context import Context

__all__ = ["Answer", "invoke"]


class Answer(NamedTuple):
    """
    What answers a call.

    Attributes:
        result: The result.
        error: What it tells of; None where a tool has done its work, or somebody has not let it.
        is_fatal: Whether the error ends the run also where others are results.
    """

    result: ToolResult
    error: Exception | None = None
    is_fatal: bool = False


async def invoke(tool: Tool, call: ToolCall, context: Context, late: Callable[[Answer], None]) -> Answer:
    """
    Run a tool, and make a result of what it gives, or of what it raises, which gets a note that names the tool.

    Args:
        tool: The tool.
        call: The call that it answers.
        context: The run.
        late: Gets the answer of a tool that was waited for when its call was cancelled.
    """
    began = current_time()

    def answer(get: Callable[[], object]) -> Answer:
        failure: Exception | None = None
        try:
            content = content_of(get(), tool.name)
        except Exception as error:
            note(error, f"in the tool {tool.name!r}")
            log_warning("tool_failed", context.run_id, tool=tool.name, **error_fields(error))
            failure, content = error, content_of_error(error)
        result = ToolResult(call.id, call.name, content, failure is not None, current_time() - began)
        return Answer(result, failure)

    work = _Work(partial(tool.run, **call.input)) if tool.blocking else None
    try:
        given = await _within(tool, call, work, context)
    except Exception as error:
        return answer(partial(_raise, error))
    except get_cancelled_exc_class():
        if work is not None and work.ended.is_set():
            late(answer(work.outcome))
        raise
    return answer(lambda: given)


def _raise(error: Exception) -> None:
    raise error


async def _within(tool: Tool, call: ToolCall, work: _Work | None, context: Context) -> object:
    """
    What the tool gives within its time.
    """
    with move_on_after(math.inf if tool.timeout is None else tool.timeout) as limit:
        given = tool.run(**call.input) if work is None else await _in_thread(work, tool, context, limit)
        return await given if inspect.isawaitable(given) else given
    goes_on = ", and may go on: a plain function cannot be interrupted" if tool.blocking else ""
    raise TimeoutError(f"the tool {tool.name!r} took longer than {tool.timeout:g} s{goes_on}")


async def _in_thread(work: _Work, tool: Tool, context: Context, limit: CancelScope) -> object:
    """
    Run a plain function in a worker thread. Nothing can interrupt it. One that takes too long, or that has no effects, is left
    alone. One with effects is waited for, as long as closing may take, so that it does not go on behind the run's back.
    """
    try:
        # A place of its own: the number of calls is bounded already, and one that was left alone takes nobody's place.
        await run_sync(work.run, abandon_on_cancel=True, limiter=CapacityLimiter(1))
    except get_cancelled_exc_class():
        if tool.effect and work.has_begun() and not limit.cancel_called:
            with context.shielded() as scope:
                await work.ended.wait()
            if scope.cancelled_caught:
                log_warning("tool_abandoned", context.run_id, tool=tool.name)
        raise
    return work.outcome()


class _Work:
    """
    A function in a thread, which does not begin any more once somebody has asked whether it has.

    Attributes:
        ended: Set when it has ended.
    """

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        self._loop = host_loop()
        self._lock = Lock()
        self._begun = False
        self._given_up = False
        self._given: object = None
        self._error: BaseException | None = None
        self.ended = Event()

    def run(self) -> None:
        with self._lock:
            if self._given_up:
                return
            self._begun = True
        try:
            given = self._function()
            # What reads as it goes, such as a file, may block as well.
            self._given = list(cast("Iterator[object]", given)) if isinstance(given, Iterator) else given
        except BaseException as error:
            self._error = error
        finally:
            self._loop.call_soon(self.ended.set)

    def outcome(self) -> object:
        """
        What it has given; raises what it has raised.
        """
        if self._error is not None:
            raise self._error
        return self._given

    def has_begun(self) -> bool:
        """
        Whether it has begun. Otherwise it does not any more.
        """
        with self._lock:
            self._given_up = True
            return self._begun
