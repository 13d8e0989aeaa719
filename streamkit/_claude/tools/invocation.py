"""
Runs a tool for one call: an async function in its task, a plain one in a worker thread.
"""

from __future__ import annotations

import inspect
import math
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

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

__all__ = ["invoke"]


async def invoke(tool: Tool, call: ToolCall, context: Context, *, raises: bool) -> ToolResult:
    """
    Run a tool, and make a result of what it gives.

    Args:
        tool: The tool.
        call: The call that it answers.
        context: The run.
        raises: Whether its exception is raised, and not made a result too.

    Raises:
        Exception: What the tool has raised, with a note that names it, if `raises`.
    """
    began = current_time()
    try:
        content, is_error = content_of(await _within(tool, call, context), tool.name), False
    except Exception as error:
        note(error, f"in the tool {tool.name!r}")
        if raises:
            raise
        log_warning("tool_failed", context.run_id, tool=tool.name, **error_fields(error))
        content, is_error = content_of_error(error), True
    return ToolResult(call.id, call.name, content, is_error, current_time() - began)


async def _within(tool: Tool, call: ToolCall, context: Context) -> object:
    """
    What the tool gives within its time.
    """
    with move_on_after(math.inf if tool.timeout is None else tool.timeout) as limit:
        return await _given(tool, call, context, limit)
    goes_on = ", and may go on: a plain function cannot be interrupted" if tool.blocking else ""
    raise TimeoutError(f"the tool {tool.name!r} took longer than {tool.timeout:g} s{goes_on}")


async def _given(tool: Tool, call: ToolCall, context: Context, limit: CancelScope) -> object:
    if tool.blocking:
        given = await _in_thread(partial(tool.run, **call.input), tool, context, limit)
    else:
        given = tool.run(**call.input)
    return await given if inspect.isawaitable(given) else given


async def _in_thread(
    function: Callable[[], object], tool: Tool, context: Context, limit: CancelScope
) -> object:
    """
    Run a plain function in a worker thread. Nothing can interrupt it. One that takes too long, or that has no effects, is left
    alone. One with effects is waited for, as long as closing may take, so that it does not go on behind the run's back.
    """
    work = _Work(function)
    try:
        # A place of its own: the number of calls is bounded already, and one that was left alone takes nobody's place.
        return await run_sync(work.run, abandon_on_cancel=True, limiter=CapacityLimiter(1))
    except get_cancelled_exc_class():
        if tool.effect and work.has_begun() and not limit.cancel_called:
            with context.shielded() as scope:
                await work.ended.wait()
            if scope.cancelled_caught:
                log_warning("tool_abandoned", context.run_id, tool=tool.name)
        raise


class _Work:
    """
    A function in a thread, which does not begin any more once somebody has asked whether it has.
    """

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        self._loop = host_loop()
        self._lock = Lock()
        self._begun = False
        self._given_up = False
        self.ended = Event()

    def run(self) -> object:
        with self._lock:
            if self._given_up:
                return None
            self._begun = True
        try:
            return self._function()
        finally:
            self._loop.call_soon(self.ended.set)

    def has_begun(self) -> bool:
        with self._lock:
            self._given_up = True
            return self._begun
