"""
A chain: the running counterpart of a pipeline, from its source to its last stage.
"""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any

from anyio import lowlevel

from streamkit._core.runtime.fusion import Hooks, fuse, guarded, loops
from streamkit._core.stage import (
    AsyncStage,
    CallableStage,
    ContextStage,
    DescriptionStage,
    PureStage,
    refuse_hiding,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from streamkit._core.runtime.context import Context
    from streamkit._core.runtime.fusion import Feed
    from streamkit._core.source import Opened, Source
    from streamkit._core.stage import Stage

__all__ = ["Chain", "as_iterator", "assemble", "begin", "described"]


class Chain:
    """
    Iterators that feed one another, the last of which is read. Whoever reads a chain closes it.
    """

    def __init__(self, iterator: Any, upstream: Chain | None = None) -> None:
        self.iterator: AsyncIterator[Any] = iterator
        self._closers: list[Callable[[], Awaitable[None]]] = [] if upstream is None else [upstream.aclose]
        if (closer := _closer(iterator)) is not None:
            self._closers.append(closer)

    async def aclose(self) -> None:
        """
        Close every iterator once, downstream first, even where one of them fails to.

        Raises:
            BaseException: The first failure of an iterator's own cleanup.
        """
        failure: BaseException | None = None
        while self._closers:
            try:
                await self._closers.pop()()
            except BaseExceptionGroup as group:
                # A nursery around a yield, which sources that are tasks may have, puts the GeneratorExit that closes
                # the generator into a group.
                failure = failure or group.split(GeneratorExit)[1]
            except BaseException as error:
                failure = failure or error
        if failure is not None:
            raise failure


def assemble(opened: Opened, stages: Sequence[Stage], context: Context, *, observed: bool = False) -> Chain:
    """
    Make the chain for one run: pure neighbours are fused, the others linked.

    Args:
        opened: The opened source.
        stages: What follows it.
        context: The run.
        observed: Whether the end of this chain is the end of the run, which its outcome is to learn.
    """
    chain, feed = Chain(opened.iterator), opened.feed
    group: list[PureStage] = []
    looped = False
    for stage in (*stages, None):
        if isinstance(stage, PureStage):
            group.append(stage)
            continue
        ending = observed and stage is None
        # Every stage reads its source through a loop of ours, which gives other tasks their turns; and what can only be
        # iterated, not asked for its next item, gets one too.
        unread = (
            feed != "async" or (stage is not None and not looped) or not hasattr(chain.iterator, "__anext__")
        )
        if group or unread or ending:
            looped = True
            chain, feed, group = _fused(chain, feed, group, context, observed=ending), "async", []
        if isinstance(stage, AsyncStage | CallableStage):
            chain = Chain(as_iterator(stage.bind(chain.iterator)), chain)
        elif isinstance(stage, ContextStage):
            chain = Chain(stage.bind(chain, context), chain)
    return chain


async def begin(source: Source, stages: tuple[Stage, ...], context: Context) -> Chain:
    """
    Open a stream: the observed chain of a run. Where a stage refuses to be made, the source that was opened is closed.
    """
    source, stages = described(source, stages)
    context.restarts = source.restarts
    if source.restarts:
        refuse_hiding(source, stages)
    opened = source.open(context)
    try:
        return assemble(opened, stages, context, observed=True)
    except BaseException:
        await context.closing(Chain(opened.iterator))
        raise


def described(source: Source, stages: tuple[Stage, ...]) -> tuple[Source, tuple[Stage, ...]]:
    """
    The same stream, the last stage that needs the description of its upstream made a source with it inside.
    """
    for number in range(len(stages) - 1, -1, -1):
        stage = stages[number]
        if isinstance(stage, DescriptionStage):
            return stage.around(source, stages[:number]), stages[number + 1 :]
    return source, stages


def _fused(
    chain: Chain, feed: Feed, stages: Sequence[PureStage], context: Context, *, observed: bool
) -> Chain:
    built = [(stage.name, stage.build(context)) for stage in stages]
    groups = loops(built, lambda each: each[1])
    for group in groups:
        ending = observed and group is groups[-1]
        made = [stage for _, stage in group]
        failure: list[Exception] = []
        if (items := guarded(feed, made, chain.iterator, failure)) is not None:
            chain = Chain(items, chain)
        hooks = Hooks(
            checkpoint=lowlevel.checkpoint,
            close=partial(context.closing, chain),
            stopped=partial(_stopped, context, [name for name, _ in group]),
            completed=context.completed if ending else _completed_elsewhere,
            failed=context.failed if ending else _failed_elsewhere,
            failure=failure,
        )
        chain = Chain(fuse(feed, made, chain.iterator, hooks, restarts=context.restarts), chain)
        feed = "async"
    return chain


def _stopped(context: Context, names: Sequence[str], number: int) -> None:
    context.stopped(names[number])


def as_iterator(iterable: Any) -> Any:
    """
    The async iterator of `iterable`; one that wants to be entered is, at its first item.
    """
    iterator = aiter(iterable)
    return _entered(iterator) if hasattr(iterator, "__aenter__") else iterator


async def _entered(iterator: Any) -> AsyncIterator[Any]:
    # The yield stands in a foreign context manager, which asked for it by being both; never in one of ours.
    async with iterator as entered:
        async for item in entered:
            yield item  # noqa: ASYNC119


def _closer(iterator: Any) -> Callable[[], Awaitable[None]] | None:
    if (aclose := getattr(iterator, "aclose", None)) is not None:
        return aclose  # type: ignore[no-any-return]
    if (close := getattr(iterator, "close", None)) is None:
        return None

    async def close_plainly() -> None:
        closing = close()
        if inspect.isawaitable(closing):
            await closing

    return close_plainly


def _completed_elsewhere() -> None: ...


def _failed_elsewhere(error: BaseException) -> None: ...
