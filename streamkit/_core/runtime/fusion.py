"""
Fusion: neighbouring pure stages become one loop, in one generator.

Elsewhere, pipelines of small stages cost a generator, or at least a call, for each stage and item. Here the loop for a kind of
pipeline ("map, then filter, then a transducer") is written out as Python source once, compiled and kept; `loop_writer.py` shows
one. A run only binds its functions to it.

Usually the loop reads its source (`fuse`). Where several pipelines share one source, items are sent to each loop instead
(`PushLoop`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

from streamkit._core.runtime.loop_spec import LoopSpec, shape_of
from streamkit._core.runtime.loop_writer import END, MORE, compiled
from streamkit._core.runtime.misfits import misfit_told_by

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from streamkit._core.runtime.loop_spec import Feed

__all__ = ["MORE", "PUSHED_AT_ONCE", "Hooks", "PushLoop", "fuse", "guarded", "loop_groups"]

S = TypeVar("S")

_DEEPEST = 12
"""
Stages in one loop that nest or have last words. One of the form `"feed"` nests a `for`, and CPython compiles at most 20 nested
blocks. And for last words, everything behind the stage that has them is written once more.
"""

PUSHED_AT_ONCE = _DEEPEST - 1
"""Of such stages, those that a `PushLoop` has in its own loop where there are more than that."""


class Hooks(ABC):
    """
    What a loop calls besides its stages.

    Attributes:
        failure: What the source has failed with, where `guarded` stands before the loop.
    """

    __slots__ = ("failure",)

    def __init__(self, failure: list[Exception]) -> None:
        self.failure = failure

    def checkpoint(self) -> Awaitable[None]:
        """
        Awaited now and then, so that other tasks run.
        """
        raise NotImplementedError

    @abstractmethod
    def close(self) -> Awaitable[None] | None:
        """
        Close the source, where a stage has ended the stream. Awaited if the loop is asynchronous.
        """

    def stopped(self, number: int, /) -> None:  # noqa: B027 -- offline nobody is told of it, nor of the two below
        """
        The stage of this number has ended the stream.
        """

    def completed(self) -> None:  # noqa: B027
        """
        The loop has come to its end.
        """

    def failed(self, error: BaseException, /) -> None:
        """
        An error ends the loop.

        Raises:
            TypeError: In place of the error, where better words tell of it.
        """
        misfit = misfit_told_by(error)
        self.fails_with(error if misfit is None else misfit)
        if misfit is not None:
            raise misfit from error

    def fails_with(self, error: BaseException, /) -> None:  # noqa: B027
        """
        The loop raises this error.
        """


def loop_groups(stages: Sequence[LoopSpec]) -> list[Sequence[LoopSpec]]:
    """
    `stages` in as few groups as can each be one loop; at least one, which may be empty.
    """
    groups: list[list[LoopSpec]] = [[]]
    nested = 0
    for stage in stages:
        nested += _counts(stage)
        # A stage with something to say before an error has to see the error come, also from the stages before it.
        if nested > _DEEPEST or (stage.rescue is not None and groups[-1]):
            groups.append([])
            nested = 1
        groups[-1].append(stage)
    return [*groups]


def fuse(feed: Feed, stages: Sequence[LoopSpec], source: Any, hooks: Hooks, *, restarts: bool = False) -> Any:
    """
    A generator over `source` through all of `stages`; asynchronous unless `feed` is `"over"`.

    Args:
        feed: How items reach it.
        stages: What is done to them.
        source: Where they come from.
        hooks: What else it calls.
        restarts: Whether `source` may start over.
    """
    return compiled(feed, shape_of(stages, restarts=restarts))(source, stages, hooks)


def guarded(feed: Feed, stages: Sequence[LoopSpec], source: Any, failure: list[Exception]) -> Any | None:
    """
    `source`, ending without an error where it fails: the error is put into `failure`, for the loop to raise it after the last
    words of its stages. None if no stage has anything to say before an error.
    """
    if all(stage.rescue is None for stage in stages):
        return None
    return (_guarded if feed in ("sync", "over") else _guarded_async)(source, failure)


def _guarded(source: Any, failure: list[Exception]) -> Any:
    try:
        yield from source
    except Exception as error:
        failure.append(error)


async def _guarded_async(source: Any, failure: list[Exception]) -> Any:
    try:
        async for item in source:
            yield item
    except Exception as error:
        failure.append(error)
        del source  # a source may know the error too, whose traceback has this frame


class PushLoop:
    """
    Pure stages as one loop that is given its items one by one.

    Attributes:
        send: `send(item)` begins with an item and gives what comes out first; `send(None)` gives what comes out next; `MORE` says
            that the next item is wanted. At the end of the stream, after the last words of the stages, it is `StopIteration`. The
            error of a stage comes after the last words of those behind it.
        done: Whether no further item is wanted. `flush` is due in any case.
        rescues: Whether `rescue` has anything to say.
    """

    def __init__(self, stages: Sequence[LoopSpec]) -> None:
        stages = _nested(stages)
        self._failure: list[Exception | None] = []  # None for one of upstream, which is raised elsewhere
        self._loop: Iterator[Any]
        self._loop = loop = compiled("push", shape_of(stages, restarts=True))(stages, self._failure)
        self.send: Callable[[Any], Any] = loop.send
        self.rescues: bool = any(stage.rescue is not None for stage in stages)
        self.done: bool = any(stage.owner is not None and stage.owner.done for stage in stages)
        if not self.done:
            next(self._loop)  # up to where it wants its first item

    def feed(self, item: Any) -> Iterable[Any]:
        """
        What comes out for `item`. It has to be read before the next item is fed. If the stream ends at this item, the last words
        of the stages come too.
        """
        try:
            output = self.send(item)
        except StopIteration:
            self.done = True
            return ()
        return () if output is MORE else self._outputs(output)

    def flush(self) -> Iterator[Any]:
        """
        What comes out at the end.
        """
        if self.done:  # from the start, or else its last words have come already
            yield from self._loop
            return
        try:
            output = self.send(END)
        except StopIteration:
            return
        yield from self._outputs(output)

    def rescue(self) -> Iterator[Any]:
        """
        What comes out before an error of upstream.
        """
        if self.rescues:
            self._failure.append(None)
            yield from self.flush()

    def _outputs(self, output: Any) -> Iterator[Any]:
        yield output
        for output in self._loop:
            if output is MORE:
                return
            yield output
        self.done = True


def _nested(stages: Sequence[LoopSpec]) -> Sequence[LoopSpec]:
    """
    The same stages, those that are too many for one loop as one stage with a loop of its own.
    """
    counted = [k for k, stage in enumerate(stages) if _counts(stage)]
    if len(counted) <= _DEEPEST:
        return stages
    rest = PushLoop(stages[counted[PUSHED_AT_ONCE] :])
    inner = LoopSpec(
        name="further_stages",
        form="feed",
        call=rest.feed,
        owner=rest,
        flush=rest.flush,
        rescue=rest.rescue if rest.rescues else None,
        expands=True,
        takes_restarts=True,
    )
    return [*stages[: counted[PUSHED_AT_ONCE]], inner]


def _counts(stage: LoopSpec) -> bool:
    return stage.form == "feed" or stage.flush is not None or stage.rescue is not None
