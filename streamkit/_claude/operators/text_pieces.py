"""
Pieces of a message's text or thinking, each of which ends with a whole character.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from streamkit._claude.protocol.reading import not_an_event
from streamkit._core.items import is_restart
from streamkit._core.runtime.loop_spec import LoopSpec
from streamkit._surrogates import WholeCharacters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamkit._core.runtime.context import Context

__all__ = ["NO_HALF", "TextPieces"]

NO_HALF = "\ud7ff"
"""A text whose last character is not above this one does not end in half of a pair: the quickest test for it."""


class TextPieces(ABC):
    """
    The step of an operator that hands on the pieces of one text.

    Args:
        restarts: Whether a `Restarted` is handed on.
    """

    takes: ClassVar[str] = "events"
    gives: ClassVar[str] = "pieces of text"

    reader: ClassVar[str]
    """The name of the operator."""
    restart_remedy: ClassVar[str] = ""

    def __init__(self, *, restarts: bool = False) -> None:
        self._restarts = restarts
        self._whole = WholeCharacters()

    @staticmethod
    @abstractmethod
    def piece_in(event: Any) -> str | None:
        """
        The piece in an event; None if there is none.
        """

    @abstractmethod
    def _for_each(self, whole: WholeCharacters, otherwise: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """
        The function of one event. It is called for each, so the usual kind is read in it, without another call.

        Args:
            whole: What waits for the other half of its character.
            otherwise: The function of any other event.
        """

    def __loop_spec__(self, name: str, context: Context | None, /) -> LoopSpec:
        return LoopSpec(
            name,
            "filter_map",
            self._for_each(self._whole, self._feed),
            flush=self._flush,
            takes_restarts=True,
            hides_restarts=not self._restarts,
            restart_remedy="" if self._restarts else self.restart_remedy,
            memory="half a character",
        )

    def _feed(self, event: Any) -> Any:
        try:
            piece = self.piece_in(event)
        except AttributeError:
            if hasattr(event, "type"):
                raise
            raise not_an_event(event, self.reader) from None
        if piece is not None:
            return self._whole.feed(piece) or ("" if not piece else None)
        if is_restart(event):
            self._whole.take()
            return event if self._restarts else None
        return None

    def _flush(self) -> Iterable[str]:
        half = self._whole.take()
        return (half,) if half else ()
