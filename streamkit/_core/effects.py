"""
Whether a run may still change something outside, and that it is about to. Whoever runs a stream a second time for the same
purpose asks, and is told.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final, Protocol

__all__ = ["EffectsGuard", "effects_guard"]


class EffectsGuard(Protocol):
    """
    Stands before the effects of a run.
    """

    def at_opening(self) -> None:
        """
        A source that may have effects is opened. This raises where there must be none.
        """
        ...

    async def before_effect(self) -> None:
        """
        Something is about to change outside: it begins when this has returned, and does not where it raises.
        """
        ...


effects_guard: Final[ContextVar[EffectsGuard | None]] = ContextVar("streamkit_effects_guard", default=None)
"""
What a source with effects asks, wherever in a run it is opened: by an operator, or in somebody's own generator.
"""
