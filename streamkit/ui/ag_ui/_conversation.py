"""
The messages that a client has, as plain JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from streamkit.ui.ag_ui._wire import as_wire

__all__ = ["Conversation"]


class Conversation:
    """
    Messages, which a `repr` of the pipeline does not show.

    Args:
        messages: Dicts, or models of `ag_ui.core`.

    Raises:
        TypeError: They are something else.
    """

    __reads_as_source__ = True

    def __init__(self, messages: Any) -> None:
        if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Iterable):
            kind = type(cast("object", messages)).__name__
            raise TypeError(f"events() needs messages= as a list, such as run_input.messages, not {kind}")
        self.messages: list[dict[str, Any]] = []
        for message in cast("Iterable[object]", messages):
            wire = as_wire(message)
            if wire is None:
                raise TypeError(
                    f"events() needs messages= of AG-UI, as dicts or as models of ag_ui.core, not {type(message).__name__}"
                )
            self.messages.append(wire)

    def __repr__(self) -> str:
        return f"[{len(self.messages)} messages]"
