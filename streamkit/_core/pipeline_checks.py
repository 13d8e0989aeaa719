"""
Checks of whole pipelines: what cannot stand together, because a stage would open its upstream again or hide a restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from streamkit._core.naming import value_text
from streamkit._core.stage import DescriptionStage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamkit._core.source import Source
    from streamkit._core.stage import Stage

__all__ = [
    "MOST_LEVELS",
    "levels_of",
    "refuse_hiding",
    "refuse_misfits",
    "refuse_reopening",
    "refuse_restarts",
    "remedies",
    "sink_is_the_end",
    "two_streams",
]


def sink_is_the_end(sink: object, right: object) -> TypeError:
    """
    What is said where something stands behind a sink.
    """
    return TypeError(
        f"{sink!r} is a sink, which ends a pipeline, and {value_text(right)} cannot stand behind it: write tee({sink!r}) in its "
        "place to hand the items on"
    )


def two_streams() -> TypeError:
    """
    What is said where a stream stands behind another one.
    """
    return TypeError(
        "a stream begins a pipeline, and cannot stand behind another one: write merge(one, another) for the items of both as "
        "they come, concat(one, another) for one after the other, or zip(one, another) for pairs"
    )


def refuse_misfits(before: tuple[Stage, ...], after: tuple[Stage, ...]) -> None:
    """
    Refuse a stage behind one that gives items of another kind than it takes.

    Raises:
        TypeError: The last of `before` and the first of `after` do not fit together.
    """
    if not before or not after:
        return
    left, right = before[-1], after[0]
    if right.takes and left.gives and right.takes != left.gives:
        raise TypeError(
            f"{right!r} takes {right.takes}, and {left!r} before it gives {left.gives}: to have both of the same stream, write "
            f"split(a={left!r}, b={right!r})"
        )


MOST_LEVELS = 32
"""How deep pipelines may stand in one another. An item goes through all of them on one of Python's stacks."""


def levels_of(name: str, pipelines: Iterable[tuple[Stage, ...]], *, loop: int | None = None) -> int:
    """
    How deep pipelines stand in one another in a stage that is made of `pipelines`.

    Args:
        name: The stage.
        pipelines: Their stages.
        loop: The stages of a pipeline that are one level, if not all of them are.

    Raises:
        ValueError: They stand too deep.
    """
    deepest = max(
        1 + max((stage.levels for stage in stages), default=0) + (len(stages) // loop if loop else 0)
        for stages in pipelines
    )
    if deepest > MOST_LEVELS:
        more = f", and so are every {loop} stages of one that keeps the order" if loop else ""
        raise ValueError(
            f"{name}() would be {deepest} levels deep, and has room for {MOST_LEVELS}: each split() or tee() inside another is a "
            f"level{more}. Join with | what does not have to be inside"
        )
    return deepest


class _MayRestart(Protocol):
    @property
    def restarts(self) -> bool: ...


def refuse_restarts(stream: _MayRestart, where: str) -> None:
    """
    Refuse a stream that may start over, in a place where other items have come before its own.

    Args:
        stream: The stream.
        where: The place, as the error names it.

    Raises:
        TypeError: It may start over.
    """
    if stream.restarts:
        raise TypeError(
            f"{where} cannot go on with a stream that may start over, because the items before it would be void with its "
            'own: use resume="never" in it'
        )


def refuse_reopening(stages: Iterable[Stage], where: str) -> None:
    """
    Refuse stages that open their upstream again, in a place where upstream is running already.

    Args:
        stages: The stages.
        where: The place, as the error names it.

    Raises:
        TypeError: One of `stages` does.
    """
    for stage in stages:
        if isinstance(stage, DescriptionStage):
            raise TypeError(
                f"{stage!r} opens what stands before it again, and {where} shares what is running already: "
                f"put it before, behind the stream itself"
            )


def refuse_hiding(source: Source, stages: Iterable[Stage]) -> None:
    """
    Refuse stages that would hide it when `source` starts over.

    Raises:
        TypeError: One of `stages` does.
    """
    for stage in stages:
        if stage.hides_restarts:
            raise TypeError(
                f"{source!r} may start over, and {stage!r} would hide it from what follows, which would get everything "
                f"twice: use {stage.restart_remedy or 'an operator that hands it on'}, or {source.restart_remedy}"
            )


def remedies(stages: Iterable[Stage]) -> str:
    """
    What to write in place of those of `stages` that would hide it when the stream starts over.
    """
    return " and ".join(
        stage.restart_remedy for stage in stages if stage.hides_restarts and stage.restart_remedy
    )
