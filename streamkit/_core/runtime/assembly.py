"""
Assembly: a pipeline's description becomes the chain that runs.

Pure neighbours are fused into one loop, every other stage becomes an iterator over the one before it. `begin` opens a stream for
a run, `assemble` does it for stages over items that are there already, and `run_offline` does it without an event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._core.pipeline_checks import refuse_hiding
from streamkit._core.runtime.chain import Chain, as_iterator
from streamkit._core.runtime.fusion import Hooks, fuse, guarded, loop_groups
from streamkit._core.runtime.stack_room import MOST, cut_to_height, with_room
from streamkit._core.stage import AsyncStage, CallableStage, ContextStage, DescriptionStage, PureStage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from streamkit._core.runtime.context import Context
    from streamkit._core.runtime.loop_spec import Feed, LoopSpec
    from streamkit._core.source import Opened, Source
    from streamkit._core.stage import Stage

__all__ = ["assemble", "begin", "begin_as_given", "described", "run_offline"]


def assemble(opened: Opened, stages: Sequence[Stage], context: Context, *, observed: bool = False) -> Chain:
    """
    Make the chain for one run.

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
        # Every stage reads its source through a loop of ours, which gives way to other tasks. And what can only be iterated,
        # not asked for its next item, gets one too.
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
        chain = cut_to_height(chain, context)
    return chain


async def begin(source: Source, stages: tuple[Stage, ...], context: Context) -> Chain:
    """
    Open a stream: the observed chain of a run. Where a stage cannot be made, the source that was opened is closed again.

    Raises:
        TypeError: The source may start over, and a stage would hide that.
        NoRoomError: As `with_room`.
    """
    source, stages = _described_for(source, stages, context)
    return await _assembled(source.open(context), stages, context)


async def begin_as_given(source: Source, stages: tuple[Stage, ...], context: Context) -> tuple[Chain, bool]:
    """
    Open a stream as `begin` does, but leave the lists that its source gives as they are where no stage reads their items.

    Returns:
        The chain, and whether it gives such lists. Then its end is not observed: whoever reads it tells the context.

    Raises:
        TypeError: As `begin`.
        NoRoomError: As `with_room`.
    """
    source, stages = _described_for(source, stages, context)
    opened = source.open(context)
    in_lists = opened.feed == "batched" and not stages
    return await _assembled(opened, stages, context, in_lists=in_lists), in_lists


def _described_for(
    source: Source, stages: tuple[Stage, ...], context: Context
) -> tuple[Source, tuple[Stage, ...]]:
    source, stages = described(source, stages)
    context.restarts = source.restarts
    if source.restarts:
        refuse_hiding(source, stages)
    return source, stages


async def _assembled(
    opened: Opened, stages: tuple[Stage, ...], context: Context, *, in_lists: bool = False
) -> Chain:
    chain = Chain(opened.iterator)
    try:
        if not in_lists:
            chain = assemble(opened, stages, context, observed=True)
        return with_room(chain, context)
    except BaseException:
        await context.closing(chain)
        raise


def described(source: Source, stages: tuple[Stage, ...]) -> tuple[Source, tuple[Stage, ...]]:
    """
    The same stream, in which the last stage that needs the description of its upstream has become a source around it.
    """
    for number in range(len(stages) - 1, -1, -1):
        stage = stages[number]
        if isinstance(stage, DescriptionStage):
            return stage.around(source, stages[:number]), stages[number + 1 :]
    return source, stages


def run_offline(stages: Iterable[Stage], items: Iterable[Any]) -> Iterator[Any]:
    """
    Run pure stages over a plain iterable, which is closed with the iterator if it has a `close`.

    Raises:
        TypeError: A stage needs an event loop, or `items` is not a plain iterable, or the stages need too many loops.
    """
    specs: list[LoopSpec] = []
    for stage in stages:
        if not isinstance(stage, PureStage):
            raise TypeError(
                f"over() runs pure stages only, and {stage!r} is {stage.kind}: "
                "use `async with (source | pipeline).open() as run`"
            )
        specs.append(stage.spec(None))
    plain = hasattr(items, "__iter__") or (hasattr(items, "__getitem__") and not hasattr(items, "__aiter__"))
    if not plain:
        raise TypeError(
            f"over() takes a plain iterable, not {type(items).__name__}; behind | it may be async"
        )
    groups = loop_groups(specs)
    if len(groups) > MOST:
        raise TypeError(
            f"over() would read {len(groups)} loops one inside another for these {len(specs)} stages, and has room for {MOST}: "
            "use `async with (source | pipeline).open() as run`, whose tasks have room of their own"
        )
    result: Any = items
    for group in groups:
        hooks = _OfflineHooks([], getattr(result, "close", None))
        result = guarded("over", group, result, hooks.failure) or result
        result = fuse("over", group, result, hooks)
    return result  # type: ignore[no-any-return]


def _fused(
    chain: Chain, feed: Feed, stages: Sequence[PureStage], context: Context, *, observed: bool
) -> Chain:
    groups = loop_groups([stage.spec(context) for stage in stages])
    for group in groups:
        failure: list[Exception] = []
        if (items := guarded(feed, group, chain.iterator, failure)) is not None:
            chain = Chain(items, chain)
        hooks = _RunHooks(failure, context, chain, group, observed=observed and group is groups[-1])
        chain = Chain(fuse(feed, group, chain.iterator, hooks, restarts=context.restarts), chain)
        chain, feed = cut_to_height(chain, context), "async"
    return chain


class _RunHooks(Hooks):
    """
    Those of a loop in a run.

    Args:
        failure: As its attribute.
        context: The run.
        chain: What the loop reads.
        stages: Its stages.
        observed: Whether its end is the end of the run, which the outcome is to learn.
    """

    __slots__ = ("_chain", "_context", "_observed", "_stages")

    def __init__(
        self,
        failure: list[Exception],
        context: Context,
        chain: Chain,
        stages: Sequence[LoopSpec],
        *,
        observed: bool,
    ) -> None:
        super().__init__(failure)
        self._context = context
        self._chain = chain
        self._stages = stages
        self._observed = observed

    def checkpoint(self) -> Awaitable[None]:
        return self._context.checkpoint()

    def close(self) -> Awaitable[None]:
        return self._context.closing(self._chain)

    def stopped(self, number: int, /) -> None:
        self._context.stopped(self._stages[number].name)

    def completed(self) -> None:
        if self._observed:
            self._context.completed()

    def fails_with(self, error: BaseException, /) -> None:
        if self._observed:
            self._context.failed(error)


class _OfflineHooks(Hooks):
    """
    Those of a loop without an event loop.

    Args:
        failure: As its attribute.
        close: Closes the source; None if it cannot be closed.
    """

    __slots__ = ("_close",)

    def __init__(self, failure: list[Exception], close: Callable[[], object] | None) -> None:
        super().__init__(failure)
        self._close = close

    def close(self) -> None:
        close, self._close = self._close, None
        if close is not None:
            close()
