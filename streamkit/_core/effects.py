"""
Whether a run may still change something outside. Whoever runs a stream a second time for the same purpose forbids it.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["before_effects"]


def _nothing_against_it() -> None: ...


before_effects: Final[ContextVar[Callable[[], None]]] = ContextVar(
    "streamkit_before_effects", default=_nothing_against_it
)
"""
What a source with effects calls when it is opened, wherever in a run that is: by an operator, or in somebody's own generator. It
raises where there must be none.
"""
