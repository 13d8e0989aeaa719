"""
Writes the loops of fused stages as Python source, compiles each kind of loop once, and keeps it.

A loop is an ordinary function whose source stands in `linecache`, so tracebacks and debuggers show its lines. Its name lists its
stages, as in `<streamkit loop over async items: map | filter | pairs>`. This is the whole of that one, where `pairs` is a
`Transducer` with a `flush`:

    async def loop(source, stages, hooks):
        map = stages[0].call
        filter = stages[1].call
        pairs = stages[2].call
        pairs_start_over = stages[2].start_over
        pairs_owner = stages[2].owner
        pairs_flush = stages[2].flush
        ended_by = -1
        until_checkpoint = 64
        try:
            if pairs_owner.done:
                ended_by = 2
            if ended_by < 0:
                async for item in source:
                    until_checkpoint -= 1
                    if not until_checkpoint:
                        until_checkpoint = 64
                        await hooks.checkpoint()
                    item = map(item)
                    if not filter(item):
                        continue
                    for item in pairs_start_over(item) if type(item) not in ordinary and is_restart(item) else pairs(item):
                        until_checkpoint -= 1
                        if not until_checkpoint:
                            until_checkpoint = 64
                            await hooks.checkpoint()
                        yield item
                    if pairs_owner.done:
                        ended_by = 2
                        break
            if ended_by >= 0:
                hooks.stopped(ended_by)
                await hooks.close()
            if ended_by <= 2:
                for item in pairs_flush():
                    until_checkpoint -= 1
                    if not until_checkpoint:
                        until_checkpoint = 64
                        await hooks.checkpoint()
                    yield item
        except GeneratorExit:
            raise
        except BaseException as error:
            hooks.failed(error)
            del source, hooks
            raise
        else:
            hooks.completed()

`ended_by` is the number of the stage that has ended the stream, or -1. Only that stage and those behind it are flushed then.

Where a stage fails, those behind it may have something to say before the error. Loops that read their source leave that to the
next loop (`fusion.loop_groups`). A loop that is sent its items is alone, and keeps in `next_rescue` which stage would be the
first to speak.
"""

from __future__ import annotations

import linecache
import re
import weakref
from contextlib import contextmanager
from functools import lru_cache
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from streamkit._core.items import ORDINARY, is_restart
from streamkit._core.runtime.fairness import CHECKPOINT_EVERY

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from streamkit._core.runtime.loop_spec import Feed, Step

__all__ = ["END", "MORE", "STAGE_OF_LINE", "compiled", "source_of"]

MORE: Final[Any] = object()
"""What a loop that is sent its items yields when it wants the next one."""

END: Final[Any] = object()
"""What such a loop is sent at the end."""

STAGE_OF_LINE: Final = "__stage_of_line__"
"""The global of a loop that has the number of the stage which each line calls, for whoever reads its tracebacks."""


class _Header(NamedTuple):
    """
    How a loop begins.

    Attributes:
        title: Its items, for its name.
        parameters: Its parameters besides the stages.
        lines: The statements that get an item, each inside the one before it.
        awaits: Whether it is asynchronous, and gives way to other tasks.
        reports: Whether it tells its end, and closes its source.
    """

    title: str
    parameters: str
    lines: tuple[str, ...]
    awaits: bool = True
    reports: bool = True


_HEADERS: Final[dict[Feed, _Header]] = {
    "async": _Header("async items", "hooks", ("async for item in source:",)),
    "batched": _Header("lists of items", "hooks", ("async for items in source:", "for item in items:")),
    "sync": _Header("plain items", "hooks", ("for item in source:",)),
    "over": _Header("items without an event loop", "hooks", ("for item in source:",), awaits=False),
    "push": _Header(
        "items that it is sent",
        "failure",
        ("while (item := (yield MORE)) is not END:",),
        awaits=False,
        reports=False,
    ),
}

_RESERVED: Final = frozenset(
    {
        *("source", "stages", "item", "items", "error", "ended_by", "next_rescue", "until_checkpoint"),
        *("type", "ordinary", "is_restart", "MORE", "END", "hooks", "failure"),
    }
)
"""Names that a loop uses itself."""

_RESTARTS: Final = "type(item) not in ordinary and is_restart(item)"
"""Whether an item says "start over". Looking up its class is quicker than a call, and each item of each stage is asked."""

_NAMED: Final = 20
"""Stages that the name of a loop lists."""

_OF_A_STAGE: Final = ("", "_start_over", "_owner", "_flush", "_rescue")
"""The variables of a stage, by what follows its name."""


@lru_cache(maxsize=512)
def compiled(feed: Feed, shape: tuple[Step, ...]) -> Callable[..., Any]:
    """
    The loop for stages of this shape; a generator function, asynchronous unless `feed` is `"over"` or `"push"`.
    """
    writer = _Writer(feed, shape)
    code = writer.write()
    name = _free_file_name(feed, shape)
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {
        "ordinary": ORDINARY,
        "is_restart": is_restart,
        "MORE": MORE,
        "END": END,
        STAGE_OF_LINE: writer.stage_of_line,
    }
    exec(compile(code, name, "exec"), namespace)
    loop: Callable[..., Any] = namespace["loop"]
    # Runs that still use the loop when the cache drops it keep its lines, too.
    weakref.finalize(loop, linecache.cache.pop, name, None).atexit = False
    return loop


def source_of(feed: Feed, shape: tuple[Step, ...]) -> str:
    """
    The source of that loop.
    """
    return _Writer(feed, shape).write()


def _free_file_name(feed: Feed, shape: tuple[Step, ...]) -> str:
    """
    The name by which tracebacks find the loop. Two stages of one name may differ in what they do, so it may need a number.
    """
    names = " | ".join(step.name for step in shape[:_NAMED]) or "as they are"
    if len(shape) > _NAMED:
        names += f" | … {len(shape)} stages"
    title, number = f"loop over {_HEADERS[feed].title}: {names}", 1
    while (name := f"<streamkit {title}{f' ({number})' if number > 1 else ''}>") in linecache.cache:
        number += 1
    return name


def _variables(shape: tuple[Step, ...]) -> list[str]:
    """
    A variable for each stage, named after it.
    """
    taken = {*_RESERVED}
    highest: dict[str, int] = {}
    variables: list[str] = []
    for step in shape:
        plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", step.name).lower()
        base = plain if plain.isidentifier() and not iskeyword(plain) else "stage"
        variable, number = base, highest.get(base, 1)
        while not taken.isdisjoint(variable + suffix for suffix in _OF_A_STAGE):
            number += 1
            variable = f"{base}_{number}"
        highest[base] = number
        taken.update(variable + suffix for suffix in _OF_A_STAGE)
        variables.append(variable)
    return variables


class _Writer:
    def __init__(self, feed: Feed, shape: tuple[Step, ...]) -> None:
        self.header = _HEADERS[feed]
        self.steps = list(zip(_variables(shape), shape, strict=True))
        self.owned = [k for k, step in enumerate(shape) if step.owned]
        self.rescues = any(step.rescues for step in shape)
        # Whether a stage of this loop can fail before another one that has something to say then.
        self.guards = not self.header.reports and any(step.rescues for step in shape[1:])
        self.lines: list[str] = []
        self.stage_of_line: dict[int, int] = {}

    def write(self) -> str:
        header = self.header
        source = "source, " if header.reports else ""
        self.put(0, f"{'async ' if header.awaits else ''}def loop({source}stages, {header.parameters}):")
        self.bindings()
        if header.reports:
            self.put(1, "try:")
        depth = 2 if header.reports else 1
        with self.guarded(0, depth) as inner:
            self.items(inner)
        self.last_words(depth)
        if header.reports:
            self.ending()
        return "\n".join(self.lines) + "\n"

    def put(self, depth: int, *lines: str) -> None:
        self.lines += ["    " * depth + line for line in lines]

    def put_call(self, k: int, depth: int, line: str) -> None:
        """
        Put a line that calls stage `k`.
        """
        self.put(depth, line)
        self.stage_of_line[len(self.lines)] = k

    def bindings(self) -> None:
        for k, (name, step) in enumerate(self.steps):
            self.put(1, f"{name} = stages[{k}].call")
            if step.restarts == "start_over":
                self.put(1, f"{name}_start_over = stages[{k}].start_over")
            if step.owned:
                self.put(1, f"{name}_owner = stages[{k}].owner")
            if step.flushes:
                self.put(1, f"{name}_flush = stages[{k}].flush")
            if step.rescues:
                self.put(1, f"{name}_rescue = stages[{k}].rescue")
        if self.rescues and self.header.reports:
            self.put(1, "failure = hooks.failure")
        self.put(1, "ended_by = -1")
        if self.header.awaits:
            self.put(1, f"until_checkpoint = {CHECKPOINT_EVERY}")

    def items(self, depth: int) -> None:
        """
        Read the source, and then close it where a stage has ended the stream.
        """
        for k in self.owned:
            self.put(depth, f"if {self.steps[k][0]}_owner.done:", f"    ended_by = {k}")
        self.put(depth, "if ended_by < 0:")
        inner = depth + 1
        for line in self.header.lines:
            self.put(inner, line)
            inner += 1
            self.checkpoint(inner)
        self.body(0, inner)
        if self.owned and len(self.header.lines) > 1:
            self.put(inner - 1, "if ended_by >= 0:", "    break")
        if self.owned and self.header.reports:
            self.put(depth, "if ended_by >= 0:", "    hooks.stopped(ended_by)")
            self.put(depth + 1, "await hooks.close()" if self.header.awaits else "hooks.close()")

    def last_words(self, depth: int) -> None:
        """
        What the stages have to say at the end, or before an error.
        """
        for k, (name, step) in enumerate(self.steps):
            if not (step.flushes or step.rescues):
                continue
            flush = f"{name}_flush()" if step.flushes else "()"
            rescue = f"{name}_rescue()" if step.rescues else "()"
            self.put(depth, f"if ended_by <= {k}:")
            with self.guarded(k, depth + 1) as inner:
                words = f"{rescue} if failure else {flush}" if self.rescues else flush
                self.put_call(k, inner, f"for item in {words}:")
                self.checkpoint(inner + 1)
                self.body(k + 1, inner + 1, is_last=True)
        if self.rescues and self.header.reports:
            self.put(depth, "if failure:", "    raise failure.pop()")
        if self.guards:
            self.put(depth, "if failure and failure[-1] is not None:", "    raise failure.pop()")

    @contextmanager
    def guarded(self, k: int, depth: int) -> Generator[int, None, None]:
        """
        Put a `try` around what stage `k` and those behind it do: where one of them fails, the loop goes on with the last words of
        those behind that one.
        """
        if not self.guards or self.next_rescue(k) == len(self.steps):
            yield depth
            return
        self.put(depth, f"next_rescue = {self.next_rescue(k)}", "try:")
        yield depth + 1
        self.put(
            depth, "except Exception as error:", "    failure.append(error)", "    ended_by = next_rescue"
        )

    def next_rescue(self, k: int) -> int:
        """
        The first stage behind stage `k` that has something to say before an error; as many as there are stages if none has.
        """
        behind = (j for j, (_, step) in enumerate(self.steps) if j > k and step.rescues)
        return next(behind, len(self.steps))

    def ending(self) -> None:
        self.put(1, "except GeneratorExit:", "    raise")
        self.put(1, "except BaseException as error:", "    hooks.failed(error)")
        if self.header.awaits:
            # The error's traceback has this frame, and what these know has the error: it would be garbage for the collector.
            self.put(2, "del source, hooks")
        self.put(1, "    raise")
        self.put(1, "else:", "    hooks.completed()")
        if not self.header.awaits:
            self.put(1, "finally:", "    hooks.close()")

    def checkpoint(self, depth: int) -> None:
        if self.header.awaits:
            self.put(depth, "until_checkpoint -= 1", "if not until_checkpoint:")
            self.put(depth + 1, f"until_checkpoint = {CHECKPOINT_EVERY}", "await hooks.checkpoint()")

    def body(self, start: int, depth: int, *, is_last: bool = False) -> None:
        """
        One item through the stages from `start` on.

        Args:
            start: The first of them.
            depth: How far the lines are indented.
            is_last: Whether the item is one of the last words of the stage before them.
        """
        opened: list[tuple[int, int]] = []
        for k, (name, step) in enumerate(self.steps[start:], start):
            if step.form == "feed":
                if self.guards and step.rescues and k:
                    self.put(depth, f"next_rescue = {self.next_rescue(k)}")
                self.put_call(k, depth, f"for item in {self.outputs(name, step)}:")
                opened.append((k, depth))
                depth += 1
                if step.expands:
                    self.checkpoint(depth)
            elif step.form == "filter":
                past = f"not ({_RESTARTS}) and " * (step.restarts == "past")
                self.put_call(k, depth, f"if {past}not {name}(item):")
                self.put(depth, "    continue")
            elif step.form == "take":
                self.put_call(k, depth, f"{name}(item)")
                self.put(depth, "continue")
            else:
                inside = depth
                if step.restarts == "past":
                    self.put(depth, f"if not ({_RESTARTS}):")
                    inside += 1
                self.put_call(k, inside, f"{name}(item)" if step.form == "tap" else f"item = {name}(item)")
                if step.form == "filter_map":
                    self.put(inside, "if item is None:", "    continue")
        self.put(depth, "yield item")
        can_end_inside = False
        for k, level in reversed(opened):
            name, step = self.steps[k]
            if self.guards and step.rescues and k:
                self.put(level, f"next_rescue = {k}")
            if can_end_inside:
                self.put(level, f"if ended_by > {k}:", "    break")
            if step.owned:
                self.put(level, f"if {name}_owner.done:", f"    ended_by = {k}")
                if is_last and self.rescues:
                    # It has all that it wants, as if the error had come too late.
                    self.put(level + 1, "if failure:", "    failure.clear()")
                    self.put(level + 2, *[f"hooks.stopped({k})"] * self.header.reports)
                self.put(level, "    break")
                can_end_inside = True

    def outputs(self, name: str, step: Step) -> str:
        """
        What comes out of a stage for an item, as an expression.
        """
        match step.restarts:
            case "start_over":
                return f"{name}_start_over(item) if {_RESTARTS} else {name}(item)"
            case "past":
                return f"(item,) if {_RESTARTS} else {name}(item)"
            case _:
                return f"{name}(item)"
