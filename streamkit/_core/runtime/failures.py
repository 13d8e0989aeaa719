"""
What an exception is, and which one is raised where there are several.

A cancellation is one whatever it is wrapped in: trio's nurseries put a `Cancelled` into a group. What ends the program, such as
`KeyboardInterrupt`, or a test, as a test runner's own exceptions do, wins over every failure, for whoever catches the failure
would go on as if nobody had asked. Of failures the first one is raised, and the others are noted on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from anyio import get_cancelled_exc_class

from streamkit._core.foreign_errors import note
from streamkit._core.log import error_fields, log_warning
from streamkit._core.runtime.host_loop import host_loop

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamkit._core.log import RunId

__all__ = [
    "RunInterrupted",
    "comes_of_stopping",
    "emittable",
    "ends_program",
    "graver",
    "has_interruption",
    "is_interruption",
    "is_own_failure",
    "primary_failure",
]


class RunInterrupted(BaseException):
    """
    Ends the block of a run in an async generator, which has no cancel scope that could. That run catches it. To whatever else it
    passes through, it is a cancellation.
    """


def is_interruption(error: BaseException | None) -> bool:
    """
    Whether it is a cancellation, or a group of nothing else.
    """
    cancelled = (get_cancelled_exc_class(), RunInterrupted)
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error).split(cancelled)[1] is None
    return isinstance(error, cancelled)


def has_interruption(error: BaseException | None) -> bool:
    """
    Whether it is a cancellation, or a group with one in it.
    """
    cancelled = (get_cancelled_exc_class(), RunInterrupted)
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error).subgroup(cancelled) is not None
    return isinstance(error, cancelled)


def is_own_failure(error: BaseException) -> bool:
    """
    Whether it is a failure of the code that has raised it: not what ends the program, and not a cancellation that was sent to
    this task. One that was met in something else, such as an asyncio future that somebody has cancelled, is a failure.
    """
    if ends_program(error):
        return False
    return not is_interruption(error) or not host_loop().is_cancelled_natively()


def emittable(error: BaseException) -> Exception | None:
    """
    What a `Failed` has of `error`: the error itself; for the cancellation of something that was awaited, and not of this task,
    the exception of the standard library that says so. None for what has to be raised: a cancellation of this task, or what ends
    the program.
    """
    if isinstance(error, Exception):
        return error
    if isinstance(error, RunInterrupted) or not is_interruption(error) or not is_own_failure(error):
        return None
    from concurrent.futures import (
        CancelledError,  # `asyncio` has loaded it, which alone has such cancellations
    )

    cancelled = CancelledError("something that the call awaited was cancelled elsewhere")
    cancelled.__cause__ = error
    return cancelled


def comes_of_stopping(error: BaseException) -> bool:
    """
    Whether it was raised while a cancellation or the end of a generator was on its way: by a cleanup.
    """
    seen: set[int] = set()
    context = error.__context__
    while context is not None and id(context) not in seen:
        if isinstance(context, GeneratorExit) or is_interruption(context):
            return True
        seen.add(id(context))
        context = context.__context__
    return False


def ends_program(error: BaseException | None) -> bool:
    """
    Whether it is `KeyboardInterrupt`, `SystemExit` or their like, which `except Exception` is not to catch, or a group with one
    in it.
    """
    if isinstance(error, BaseExceptionGroup):
        return any(map(ends_program, cast("BaseExceptionGroup[BaseException]", error).exceptions))
    return not (error is None or isinstance(error, Exception | GeneratorExit) or is_interruption(error))


def graver(first: BaseException | None, second: BaseException) -> BaseException:
    """
    Of two exceptions, the one to raise: what ends the program, or else a failure, or else a cancellation; of two alike, the
    first.
    """
    return second if first is None or _rank(second) > _rank(first) else first


def _rank(error: BaseException) -> int:
    return 2 if ends_program(error) else 0 if is_interruption(error) else 1


def primary_failure(
    failure: BaseException | None, others: Iterable[BaseException], run: RunId
) -> BaseException | None:
    """
    The one to raise: `failure`, or else the first of `others`, unless one of them ends the program. Each of the rest is noted on
    it, and logged as of `run`.
    """
    others = list(others)
    if (exit_ := next(filter(ends_program, others), None)) is not None and not ends_program(failure):
        others = [*others, *([] if failure is None else [failure])]
        failure = exit_
    # By their ids, because an exception may compare and hash as it likes.
    different = {id(error): error for error in (failure, *others) if error is not None}
    if not different:
        return None
    first, *rest = different.values()
    for error in rest:
        note(first, f"something beside it failed too, with {type(error).__name__}")
        log_warning("failed_too", run, **error_fields(error))
    return first
