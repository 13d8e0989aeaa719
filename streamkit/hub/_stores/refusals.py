"""
What stores refuse writers with, in the same words for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from streamkit._core.errors import StreamError
from streamkit.hub._errors import Busy, Diverged, Fenced, Gone

if TYPE_CHECKING:
    from streamkit.hub._stores.contract import Batch

__all__ = ["busy", "diverged", "fenced", "full", "gone", "over", "refuse_opening", "unreachable"]


def busy(run: str, *, recipe: str | None = None) -> Busy:
    """
    The run has a writer already, or a worker that is to come.

    Args:
        run: Its id.
        recipe: The recipe by which it is written.
    """
    who = "it is being written" if recipe is None else f"a worker has it, or will, by recipe {recipe!r}"
    return Busy(f"run {run!r} cannot be begun: {who}; take another id, or wait for its end, or delete it")


def fenced(run: str) -> Fenced:
    """
    Another writer has taken the run over.
    """
    return Fenced(f"run {run!r} has another writer: this one's lease had run out, and it was taken over")


def over(run: str) -> Fenced:
    """
    The run has ended.
    """
    return Fenced(f"run {run!r} has ended, and nothing can be appended to it")


def gone(run: str) -> Gone:
    """
    The run is not there.
    """
    return Gone(f"there is no run {run!r}: it was deleted, its time is over, or it has never been")


def diverged(run: str, batch: Batch, last: int) -> Diverged:
    """
    The log lacks what was acknowledged.

    Args:
        run: The run's id.
        batch: What was to be appended.
        last: The number of the log's last record.
    """
    return Diverged(
        f"record {batch.first} of run {run!r} cannot be appended: the log ends with {last}, so the store has lost what it had "
        "acknowledged; see to its persistence"
    )


def full(run: str, max_bytes: int) -> StreamError:
    """
    The run is larger than it may be.
    """
    return StreamError(
        f"the log of run {run!r} would have more than {max_bytes} bytes: give connect(…, max_bytes=…) more, or publish less, "
        "such as text() in place of the events",
        type="full",
    )


def unreachable(message: str, *, retriable: bool) -> StreamError:
    """
    The store cannot be used.

    Args:
        message: What is wrong, and the remedy.
        retriable: Whether it may pass, so that the call is worth another try.
    """
    return StreamError(message, type="hub", retriable=retriable)


class KnownLog(Protocol):
    """
    What a store knows of a log.
    """

    @property
    def ending(self) -> bytes | None: ...
    @property
    def alive(self) -> bool: ...
    @property
    def recipe(self) -> str | None: ...


def refuse_opening(run: str, log: KnownLog | None, *, takeover: bool = False) -> None:
    """
    Refuse a writer, or a submission, that the log is not free for.

    Args:
        run: The run's id.
        log: What there is under it.
        takeover: Whether it is to be gone on with.

    Raises:
        Gone: It is to be taken over, and is not there.
        Fenced: It is to be taken over, and has ended.
        Busy: It has a writer, or waits for a worker.
    """
    if log is None or log.ending is not None:
        if takeover:
            raise gone(run) if log is None else over(run)
        return
    if log.alive or (log.recipe and not takeover):
        raise busy(run, recipe=log.recipe)
