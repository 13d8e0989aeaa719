"""
Checks of whole pipelines: what cannot stand together, because a stage would open its upstream again or hide a restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from streamkit._core.stage import DescriptionStage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamkit._core.source import Source
    from streamkit._core.stage import Stage

__all__ = ["refuse_hiding", "refuse_reopening", "refuse_restarts", "remedies"]


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
                f'twice: use {stage.restart_remedy or "an operator that hands it on"}, or another resume than "restart"'
            )


def remedies(stages: Iterable[Stage]) -> str:
    """
    What to write in place of those of `stages` that would hide it when the stream starts over.
    """
    return " and ".join(
        stage.restart_remedy for stage in stages if stage.hides_restarts and stage.restart_remedy
    )
