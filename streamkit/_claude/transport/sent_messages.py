"""
Reads from a response of the SDK which messages it answers, where the application has made the request by itself.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from streamkit._core.foreign_objects import attribute_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamkit._claude.protocol.record import Record

__all__ = ["sent_messages"]


def sent_messages(stream: Any, before: Record | None) -> Callable[[], list[Any]]:
    """
    What reads the messages, when somebody asks for them.

    Args:
        stream: The SDK's stream.
        before: What has arrived of the answer before this one, of the same helper.
    """
    request = attribute_of(stream.response, "request")
    return partial(_messages_in, attribute_of(request, "content"), before)


def _messages_in(body: object, before: Record | None) -> list[Any]:
    """
    The conversation that a request asks to go on with; empty where that is not known.

    Args:
        body: The body of the request.
        before: The answer before it.
    """
    match json.loads(body) if isinstance(body, bytes) and body.startswith(b"{") else None:
        # The API holds the conversation, up to that answer. Only what is new in it has been sent.
        case {"thread": {"type": "continue", "previous_message_id": str(answered)}, "messages": [*new]}:
            return [*before.history(), *new] if before is not None and before.message.id == answered else []
        case {"messages": [*messages]}:
            return messages
        case _:
            return []
