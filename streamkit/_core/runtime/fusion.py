"""
Fusion: neighbouring pure stages become one loop, in one generator.

A call per stage and item is what pipelines of small stages cost everywhere. Here the loop for a shape of pipeline ("map,
then filter, then a transducer") is written out as source once, compiled, and kept; a run only binds its functions to it.
The loop is an ordinary function with its source in `linecache`, so tracebacks and debuggers show it.
"""

from __future__ import annotations

import linecache
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamkit._core.transducer import Transducer

__all__ = ["CHECKPOINT_EVERY", "Feed", "Hooks", "fuse", "guarded", "loops"]

CHECKPOINT_EVERY = 64
"""Items that a run may hand on without giving other tasks a turn. A checkpoint costs about 3 µs."""

S = TypeVar("S")

Feed = Literal["async", "batched", "sync", "over"]
"""How items reach the loop: one by one, in lists, from a plain iterable; `over` is the wholly synchronous loop."""

_HEADERS: dict[Feed, tuple[str, ...]] = {
    "async": ("async for x in source:",),
    "batched": ("async for batch in source:", "for x in batch:"),
    "sync": ("for x in source:",),
    "over": ("for x in source:",),
}


_DEEPEST = 12
"""Transducers in one loop: each nests a `for` in it, and CPython compiles no more than 20 nested blocks."""


class _Step(NamedTuple):
    form: str
    flushes: bool
    rescues: bool
    expands: bool

    def __str__(self) -> str:
        # One name for one loop: tracebacks find its lines by it.
        return (
            self.form + "+" * (self.form == "feed" and self.expands) + "." * self.flushes + "!" * self.rescues
        )


class Hooks(NamedTuple):
    """
    What the loop calls besides its stages.
    """

    checkpoint: Callable[[], Any]
    close: Callable[[], Any]
    stopped: Callable[[int], None]
    completed: Callable[[], None]
    failed: Callable[[BaseException], None]
    failure: list[Exception]
    """What upstream has failed with, if `guarded` stands before the loop."""


def loops(stages: Sequence[S], transducer: Callable[[S], Transducer[Any, Any]]) -> list[list[S]]:
    """
    `stages` in as few groups as can each be one loop; at least one, which may be empty.
    """
    groups: list[list[S]] = [[]]
    nested = 0
    for stage in stages:
        made = transducer(stage)
        nested += made.form == "feed"
        # What has something to say before an error has to see it come, also from the stages before it.
        if nested > _DEEPEST or (made.rescues and groups[-1]):
            groups.append([])
            nested = 1
        groups[-1].append(stage)
    return groups


def fuse(
    feed: Feed, stages: Sequence[Transducer[Any, Any]], source: Any, hooks: Hooks, *, restarts: bool = False
) -> Any:
    """
    A generator over `source` through all of `stages`; asynchronous unless `feed` is `"over"`.

    Args:
        feed: How items reach it.
        stages: What is done to them.
        source: Where they come from.
        hooks: What else it calls.
        restarts: Whether `source` may start over.
    """
    shape = tuple(_Step(stage.form, stage.flushes, stage.rescues, stage.expands) for stage in stages)
    steps = [stage.step_past_restarts() if restarts else stage.step() for stage in stages]
    return _compile(feed, shape)(source, stages, steps, *hooks)


def guarded(
    feed: Feed, stages: Sequence[Transducer[Any, Any]], source: Any, failure: list[Exception]
) -> Any | None:
    """
    `source` with a clean end in place of an error, which is put into `failure`; None if no stage has anything to say before
    one.
    """
    if not any(stage.rescues for stage in stages):
        return None
    return (_guarded if feed in ("sync", "over") else _guarded_async)(source, failure)


def _guarded(source: Any, failure: list[Exception]) -> Any:
    try:
        yield from source
    except Exception as error:
        failure.append(error)


async def _guarded_async(source: Any, failure: list[Exception]) -> Any:
    try:
        async for x in source:
            yield x
    except Exception as error:
        failure.append(error)


@lru_cache(maxsize=512)
def _compile(feed: Feed, shape: tuple[_Step, ...]) -> Callable[..., Any]:
    code = _Writer(feed, shape).write()
    name = f"<streamkit loop {feed}: {' | '.join(map(str, shape)) or 'identity'}>"
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {}
    exec(compile(code, name, "exec"), namespace)
    loop: Callable[..., Any] = namespace["loop"]
    return loop


class _Writer:
    def __init__(self, feed: Feed, shape: tuple[_Step, ...]) -> None:
        self.feed: Feed = feed
        self.shape = shape
        self.lines: list[str] = []
        self.feeds = [k for k, step in enumerate(shape) if step.form == "feed"]
        self.awaits = feed != "over"
        self.rescues = any(step.rescues for step in shape)

    def write(self) -> str:
        hooks = ", ".join(Hooks._fields)
        self.put(0, f"{'async ' if self.awaits else ''}def loop(source, stages, steps, {hooks}):")
        for k, _ in enumerate(self.shape):
            self.put(1, f"t{k} = stages[{k}]; f{k} = steps[{k}]")
        self.put(1, f"stop = -1; left = {CHECKPOINT_EVERY}")
        self.put(1, "try:")
        for k in self.feeds:
            self.put(2, f"if t{k}.done: stop = {k}")
        self.put(2, "if stop < 0:")
        depth = 3
        for header in _HEADERS[self.feed]:
            self.put(depth, header)
            depth += 1
            if self.awaits:
                self.checkpoint(depth)
        self.body(0, depth)
        if self.feed == "batched" and self.feeds:
            self.put(depth - 1, "if stop >= 0: break")
        if self.feeds:
            self.put(2, "if stop >= 0:")
            self.put(3, "stopped(stop)")
            self.put(3, "await close()" if self.awaits else "close()")
        for k, step in enumerate(self.shape):
            if step.flushes or step.rescues:
                last_words = (
                    f"t{k}.rescue() if failure else t{k}.flush()" if self.rescues else f"t{k}.flush()"
                )
                self.put(2, f"if stop <= {k}:")
                self.put(3, f"for x in {last_words}:")
                if self.awaits:
                    self.checkpoint(4)
                self.body(k + 1, 4)
        if self.rescues:
            self.put(2, "if failure: raise failure[0]")
        self.put(1, "except GeneratorExit:")
        self.put(2, "raise")
        self.put(1, "except BaseException as error:")
        self.put(2, "failed(error)")
        self.put(2, "raise")
        self.put(1, "else:")
        self.put(2, "completed()")
        if not self.awaits:
            self.put(1, "finally:")
            self.put(2, "close()")
        return "\n".join(self.lines) + "\n"

    def put(self, depth: int, line: str) -> None:
        self.lines.append("    " * depth + line)

    def checkpoint(self, depth: int) -> None:
        self.put(depth, "left -= 1")
        self.put(depth, f"if not left: left = {CHECKPOINT_EVERY}; await checkpoint()")

    def body(self, start: int, depth: int) -> None:
        opened: list[tuple[int, int]] = []
        for k in range(start, len(self.shape)):
            match self.shape[k].form:
                case "map":
                    self.put(depth, f"x = f{k}(x)")
                case "filter":
                    self.put(depth, f"if not f{k}(x): continue")
                case "filter_map":
                    self.put(depth, f"x = f{k}(x)")
                    self.put(depth, "if x is None: continue")
                case "tap":
                    self.put(depth, f"f{k}(x)")
                case _:
                    self.put(depth, f"for x in f{k}(x):")
                    opened.append((k, depth))
                    depth += 1
                    if self.awaits and self.shape[k].expands:
                        self.checkpoint(depth)
        self.put(depth, "yield x")
        inner = False
        for k, level in reversed(opened):
            if inner:
                self.put(level, f"if stop > {k}: break")
            self.put(level, f"if t{k}.done: stop = {k}; break")
            inner = True
