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

    from .transducer import Transducer

__all__ = ["CHECKPOINT_EVERY", "Feed", "Hooks", "fuse", "loops"]

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
    expands: bool

    def __str__(self) -> str:
        # One name for one loop: tracebacks find its lines by it.
        return self.form + "+" * (self.form == "feed" and self.expands) + "." * self.flushes


class Hooks(NamedTuple):
    """
    What the loop calls besides its stages.
    """

    checkpoint: Callable[[], Any]
    close: Callable[[], Any]
    stopped: Callable[[int], None]
    completed: Callable[[], None]
    failed: Callable[[BaseException], None]


def loops(stages: Sequence[S], form: Callable[[S], str]) -> list[list[S]]:
    """
    `stages` in as few groups as can each be one loop; at least one, which may be empty.
    """
    groups: list[list[S]] = [[]]
    nested = 0
    for stage in stages:
        nested += form(stage) == "feed"
        if nested > _DEEPEST:
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
    shape = tuple(_Step(stage.form, stage.flushes, stage.expands) for stage in stages)
    steps = [stage.step_past_restarts() if restarts else stage.step() for stage in stages]
    return _compile(feed, shape)(source, stages, steps, *hooks)


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
            if step.flushes:
                self.put(2, f"if stop <= {k}:")
                self.put(3, f"for x in t{k}.flush():")
                if self.awaits:
                    self.checkpoint(4)
                self.body(k + 1, 4)
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
