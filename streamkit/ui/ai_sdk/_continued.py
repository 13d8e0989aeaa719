"""
The message that an answer goes on with.

`useChat` may send one that ends with a call's output or an approval, and shows the answer to that in the same message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._claude.protocol.reading import as_list, as_object

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Continued"]


class Continued:
    """
    What the client knows of a message before the answer to its request.

    Args:
        body: The request.

    Attributes:
        message_id: The id of the message; None if the answer is a message of its own.
        calls: The ids of the calls in it, each with whether it is of a tool that nobody knows before.
        steps: How many steps it has.
    """

    def __init__(self, body: Mapping[str, Any]) -> None:
        message = _continued(body)
        message_id = message.get("id")
        self.message_id: str | None = message_id if isinstance(message_id, str) and message_id else None
        parts = [part for each in as_list(message.get("parts")) or () if (part := as_object(each))]
        self.calls: dict[str, bool] = {
            part["toolCallId"]: part.get("type") == "dynamic-tool"
            for part in parts
            if isinstance(part.get("toolCallId"), str)
        }
        self.steps: int = sum(part.get("type") == "step-start" for part in parts)


def _continued(body: Mapping[str, Any]) -> dict[str, Any]:
    """
    The message that the client adds the answer to; empty where it makes a new one.
    """
    messages = [message for each in as_list(body.get("messages")) or () if (message := as_object(each))]
    named = [message for message in messages if message.get("id") == body.get("messageId")]
    if body.get("trigger") == "submit-message" and named and named[-1].get("role") == "assistant":
        return named[-1]
    return messages[-1] if messages and messages[-1].get("role") == "assistant" else {}
