"""
Misfits: an item that a stage cannot read, and a stage that gives what the loop cannot read. Python tells of both in words about
the inside of a stage, so here they get words for whoever wrote the pipeline.

The traceback says which stage it was. So items are not checked, and only a loop that fails pays for this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._core.runtime.loop_writer import STAGE_OF_LINE

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from streamkit._core.runtime.loop_spec import LoopSpec

__all__ = ["misfit_told_by"]


def misfit_told_by(error: BaseException) -> TypeError | None:
    """
    What is raised in place of the error that ends a loop: a misfit in better words; None where it is not one.
    """
    words = _words(error) if isinstance(error, AttributeError | TypeError) else None
    return None if words is None else TypeError(words)


def _words(error: AttributeError | TypeError) -> str | None:
    """
    What is said of the error; None where it is not a misfit of a stage.
    """
    # A stage may have a loop of its own inside the outer one, and then it is the inner stage that knows better.
    traceback, words = error.__traceback__, None
    while traceback is not None:
        if (stage := _stage_at(traceback)) is not None:
            if isinstance(error, AttributeError):
                words = _of_item(error, stage, traceback.tb_next) or words
            elif traceback.tb_next is None and "not iterable" in str(error):
                words = _of_output(error, stage)
        traceback = traceback.tb_next
    return words


def _stage_at(traceback: TracebackType) -> LoopSpec | None:
    frame = traceback.tb_frame
    stages: dict[int, int] = frame.f_globals.get(STAGE_OF_LINE, {})
    number = stages.get(traceback.tb_lineno)
    return None if number is None else frame.f_locals["stages"][number]


def _of_item(error: AttributeError, stage: LoopSpec, called: TracebackType | None) -> str | None:
    item: Any = error.obj
    is_step = item is not None and item is getattr(
        stage.call, "__self__", None
    )  # whose own attribute is missing
    if not stage.takes or called is None or is_step or not _is_argument(item, called.tb_frame):
        return None
    return (
        f"{stage.name}() takes {stage.takes}, and cannot read {type(item).__name__}, which has no attribute {error.name!r}: put "
        f"it behind a source of {stage.takes}, such as messages(), from_sdk(), from_sse() or replay()"
    )


def _is_argument(value: object, frame: FrameType) -> bool:
    code = frame.f_code
    names = code.co_varnames[: code.co_argcount]
    return any(frame.f_locals.get(name) is value for name in names)


def _of_output(error: TypeError, stage: LoopSpec) -> str:
    return (
        f"{stage.name}() has to give an iterable of what comes out of it, and {error}: return [value] for one value, and () for "
        "nothing"
    )
