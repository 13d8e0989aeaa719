"""
The tool calls of a run: the id of each on the screen, and which of them have their result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit.ui.ag_ui._wire import calls_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamkit._claude.protocol.names import Names

__all__ = ["Calls"]


class Calls:
    """
    Knows each call by its id on the wire, and has another id for it where two calls share one.

    Args:
        names: The ids that are taken.
        history: The messages before this run, whose calls may have their results in it.
    """

    def __init__(self, names: Names, history: Iterable[Mapping[str, Any]] = ()) -> None:
        self._names = names
        self._shown: dict[str, str] = {}  # by the id on the wire; of two calls the later one
        self._answered: set[str] = set()
        self._own: dict[str, None] = {}  # what this run has called, and the application answers
        self._void: set[str] = set()
        for message in history:
            for call in calls_in(message):
                self._shown[call["id"]] = call["id"]
            if isinstance(answered := message.get("toolCallId"), str):
                self._answered.add(answered)

    def begin(self, call_id: str, *, is_own: bool) -> str:
        """
        The id on the screen of a call that begins.

        Args:
            call_id: Its id on the wire; it may have none.
            is_own: Whether it is one of the application's tools.
        """
        shown = self._names.free(call_id or "toolu")
        self._shown[call_id] = shown
        if is_own:
            self._own[shown] = None
        return shown

    def answer(self, call_id: str) -> str | None:
        """
        The id on the screen of the call that a result answers; None where there is no such call, or it has its result.
        """
        shown = self._shown.get(call_id)
        if shown is None or shown in self._answered:
            return None
        self._answered.add(shown)
        return shown

    def knows(self, call_id: str) -> bool:
        """
        Whether there is, or was, such a call.
        """
        return call_id in self._shown or call_id in self._void

    @property
    def pending(self) -> list[str]:
        """
        The calls that wait for the application, in order.
        """
        return [shown for shown in self._own if shown not in self._answered]

    def start_over(self, history: Iterable[Mapping[str, Any]]) -> Calls:
        """
        The calls where the stream starts over: those before it, and the ids of those that are void.
        """
        calls = Calls(self._names, history)
        calls._void = self._void | (self._shown.keys() - calls._shown.keys())
        return calls
