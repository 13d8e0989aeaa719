"""
The tool calls of an answer, as the page has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._claude.protocol.names import Names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamkit._claude.protocol.block import Block

__all__ = ["Calls"]


class Calls:
    """
    Knows each call by its id on the wire, and has another id for it on the page where an earlier step has one of that id: a page
    takes what comes under an id for the call that it has under it.

    Args:
        known: The ids of the calls in the message that the answer goes on with, each with whether its tool is known to nobody
            before.
    """

    def __init__(self, known: Mapping[str, bool]) -> None:
        self._is_dynamic = dict(known)  # by the id on the page
        self._steps: dict[str, int] = {}
        # By the id on the wire; of two calls with one id the later one.
        self._shown = {call_id: call_id for call_id in known}
        self._names = Names(known)

    def __contains__(self, call_id: str) -> bool:
        return call_id in self._shown

    def begin(self, call_id: str, step: int) -> str:
        """
        The id on the page of a call that begins.

        Args:
            call_id: Its id on the wire.
            step: The step that it is in.
        """
        shown = self._shown[call_id] = self._names.free(call_id)
        self._steps[shown] = step
        return shown

    def note(self, shown: str, block: Block) -> None:
        """
        Note of what kind a call is, as far as that is known.
        """
        self._is_dynamic[shown] = block.type == "mcp_tool_use"

    def shown(self, call_id: str) -> str:
        """
        The id on the page of a call that something else speaks of.
        """
        return self._shown.get(call_id, call_id)

    def is_dynamic(self, shown: str) -> bool:
        """
        Whether the tool of a call is known to nobody before.
        """
        return self._is_dynamic.get(shown, False)

    def step_of(self, shown: str, step: int) -> int:
        """
        The step that a call is in; `step` where it is in none of this answer's.
        """
        return self._steps.get(shown, step)

    def take_back(self, step: int) -> None:
        """
        The page forgets the calls of a step.
        """
        void = {shown for shown, step_of in self._steps.items() if step_of == step}
        for shown in void:
            del self._steps[shown]
            self._is_dynamic.pop(shown, None)
        self._shown = {call_id: shown for call_id, shown in self._shown.items() if shown not in void}
        self._names = Names(self._shown.values())
