"""
Terminals: a stream that runs to its end, whose items nobody reads one by one.

What takes the items stands in the generated loop then, as its last step. So nothing comes out of the loop, and what it costs an
item to be handed through an asynchronous generator is saved: a tenth of six small stages' time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._core.runtime.closing import CLOSE_TIMEOUT
from streamkit._core.runtime.loop_spec import LoopSpec
from streamkit._core.runtime.run import Run
from streamkit._core.stage import PureStage

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamkit._core.runtime.context import Context
    from streamkit._core.source import Source
    from streamkit._core.stage import Stage

__all__ = ["run_into"]


async def run_into(
    take: Callable[[Any], object], source: Source, stages: tuple[Stage, ...], terminal: str
) -> None:
    """
    Run a stream to its end.

    Args:
        take: Called with each item.
        source: The stream's source.
        stages: Its stages.
        terminal: What is said of `take` in tracebacks.
    """
    run: Run[None] = Run(source, (*stages, PureStage(terminal, _Taken, (take,), {})), CLOSE_TIMEOUT)
    try:
        async with run:
            await anext(aiter(run), None)  # nothing comes out, so this one read is all of it
    finally:
        del run  # an error has this frame in its traceback, and the run has the error


class _Taken:
    """
    The step that gives nothing on.
    """

    def __init__(self, take: Callable[[Any], object]) -> None:
        self._take = take

    def __loop_spec__(self, name: str, context: Context | None, /) -> LoopSpec:
        return LoopSpec(name, "take", self._take, takes_restarts=True)
