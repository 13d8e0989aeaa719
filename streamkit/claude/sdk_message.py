"""
A message as the SDK's own type.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, get_args

if TYPE_CHECKING:
    from anthropic.types import Message
    from anthropic.types.beta import BetaMessage

__all__ = ["sdk_message"]


def sdk_message(message: dict[str, Any], *, beta: bool | None = None) -> Message | BetaMessage:
    """
    The SDK's type for a message. Nothing is validated, so what the SDK does not know survives as it is.

    Args:
        message: The message as JSON.
        beta: Whether it is a `BetaMessage`; by default where something in it is known to that type only.
    """
    from anthropic.types import Message
    from anthropic.types.beta import BetaMessage

    if beta is None:
        beta = _needs_beta(message)
    return BetaMessage.construct(**message) if beta else Message.construct(**message)


def _needs_beta(message: dict[str, Any]) -> bool:
    """
    Whether a `Message` would not hold it: pydantic warns when it serializes a beta block inside of one.
    """
    from anthropic.types import Message
    from anthropic.types.beta import BetaMessage
    from pydantic import ValidationError

    blocks, fields = _known_to_beta_alone()
    given = {name for name, value in message.items() if value is not None}
    given |= {name for name, value in message.get("usage", {}).items() if value is not None}
    if given & fields or any(block.get("type") in blocks for block in message["content"]):
        return True
    try:
        Message.model_validate(message)
    except ValidationError:
        try:
            BetaMessage.model_validate(message)
        except ValidationError:
            return False  # neither knows all of it
        return True
    return False


@cache
def _known_to_beta_alone() -> tuple[frozenset[str], frozenset[str]]:
    from anthropic.types import ContentBlock, Message, Usage
    from anthropic.types.beta import BetaContentBlock, BetaMessage, BetaUsage

    fields = {*BetaMessage.model_fields, *BetaUsage.model_fields} - {
        *Message.model_fields,
        *Usage.model_fields,
    }
    return _block_types(BetaContentBlock) - _block_types(ContentBlock), frozenset(fields)


def _block_types(union: object) -> frozenset[str]:
    classes = get_args(get_args(union)[0])  # Annotated[Union[...], discriminator]
    return frozenset(word for cls in classes for word in get_args(cls.model_fields["type"].annotation))
