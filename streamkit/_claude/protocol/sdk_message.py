"""
Makes a message into the SDK's own type, `Message` or `BetaMessage`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anthropic.types import Message
    from anthropic.types.beta import BetaMessage
    from pydantic import BaseModel

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
    Whether a `Message` cannot hold it: pydantic warns when it serializes a beta block inside a `Message`.
    """
    from anthropic.types import Message
    from anthropic.types.beta import BetaMessage

    given = {name for name, value in message.items() if value is not None}
    given |= {name for name, value in message.get("usage", {}).items() if value is not None}
    if given & _beta_fields():
        return True
    misfits = _misfits(Message, message)
    return bool(misfits) and not misfits <= _misfits(BetaMessage, message)


@cache
def _beta_fields() -> frozenset[str]:
    from anthropic.types import Message, Usage
    from anthropic.types.beta import BetaMessage, BetaUsage

    known = {*Message.model_fields, *Usage.model_fields}
    return frozenset({*BetaMessage.model_fields, *BetaUsage.model_fields} - known)


def _misfits(model: type[BaseModel], message: dict[str, Any]) -> set[tuple[int | str, ...]]:
    """
    The fields and blocks that a model does not allow.
    """
    from pydantic import ValidationError

    try:
        model.model_validate(message)
    except ValidationError as error:
        return {each["loc"][:2] for each in error.errors(include_url=False, include_input=False)}
    return set()
