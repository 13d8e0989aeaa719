"""
Checks the message that an answer is to go on with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from streamkit._claude.protocol.so_far import fields_of
from streamkit._claude.protocol.stop_reasons import stop_reason
from streamkit._core.foreign_objects import attribute_of

if TYPE_CHECKING:
    from streamkit._claude.protocol.so_far import SoFar

__all__ = ["begun_answer"]


def begun_answer(name: str, so_far: SoFar | None) -> list[dict[str, Any]]:
    """
    The messages of an answer so far, as plain JSON; empty where it has not begun.

    Args:
        name: The function that was given them.
        so_far: One message, or several of which all but the last were paused.

    Raises:
        TypeError: One of them is not an answer of the model.
        ValueError: One before the last was not paused.
    """
    if so_far is None:
        return []
    is_list = isinstance(so_far, Sequence) and not isinstance(so_far, str | bytes)
    given = list(cast("Sequence[object]", so_far)) if is_list else [so_far]
    messages: list[dict[str, Any]] = []
    for message in given:
        fields = fields_of(message)
        if fields is None:
            kind = f"a message of the {_role(message)}" if _role(message) else type(message).__name__
            raise TypeError(
                f"{name}(so_far=…) must be an answer as it has come so far, a Message of the SDK or its dict, or None, "
                f"not {kind}"
            )
        messages.append(fields)
    for message in messages[:-1]:
        if not stop_reason(message.get("stop_reason")).pauses:
            raise ValueError(
                f"{name}(so_far=[…]) takes several messages only where the API has paused all but the last, and one has the "
                f"stop_reason {message.get('stop_reason')!r}: give the last alone, and put those before it into messages=[…]"
            )
    return messages


def _role(message: Any) -> str:
    role: object = message.get("role") if hasattr(message, "get") else attribute_of(message, "role")
    return role if isinstance(role, str) else ""
