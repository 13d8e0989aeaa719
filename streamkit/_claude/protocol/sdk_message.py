"""
Makes a message into the SDK's own type, `Message` or `BetaMessage`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from streamkit._claude.protocol.reading import as_list, as_object
from streamkit._core.naming import signature_of

if TYPE_CHECKING:
    from anthropic.types import Message
    from anthropic.types.beta import BetaMessage
    from pydantic import BaseModel

__all__ = ["sdk_message"]

_Path: TypeAlias = "tuple[int | str, ...]"
_Taken: TypeAlias = "tuple[_Path, str, Any]"


def sdk_message(message: dict[str, Any], *, beta: bool | None = None) -> Message | BetaMessage:
    """
    The SDK's type for a message. Nothing is validated, so what the SDK does not know survives as it is.

    Args:
        message: The message as JSON.
        beta: Whether it is a `BetaMessage`; by default where something in it is known to that type only.
    """
    from anthropic.types import Message
    from anthropic.types.beta import BetaMessage

    taken: list[_Taken] = []
    given = _without_parameters(message, taken)
    if beta is None:
        beta = _needs_beta(given)
    made = BetaMessage.construct(**given) if beta else Message.construct(**given)
    for path, name, value in taken:
        _put_back(made, path, name, value)
    return made


def _without_parameters(message: dict[str, Any], taken: list[_Taken]) -> dict[str, Any]:
    """
    A copy of the message without the keys that `construct` would take for its own parameters. They are noted, to be put back.
    """
    parameters = _parameters()
    copied: dict[str, Any] = {}
    left: list[tuple[Any, dict[Any, Any], _Path]] = [(message, copied, ())]
    while left:  # a loop, because what is on the wire may be nested deeply
        source, target, path = left.pop()
        items = as_list(source)
        fields: dict[Any, Any] = dict(enumerate(items)) if items is not None else source
        for step, value in fields.items():
            if items is None and step in parameters:
                taken.append((path, step, value))
            elif as_object(value) is not None:
                target[step] = {}
                left.append((value, target[step], (*path, step)))
            elif as_list(value) is not None:
                target[step] = [None] * len(value)
                left.append((value, target[step], (*path, step)))
            else:
                target[step] = value
    return copied


def _put_back(made: Any, path: _Path, name: str, value: Any) -> None:
    for step in path:
        made = _inside(made, step)
    fields: Any = made.__pydantic_extra__ if hasattr(made, "__pydantic_extra__") else made
    fields[name] = value


def _inside(made: Any, step: Any) -> Any:
    if not hasattr(made, "__pydantic_extra__"):
        return made[step]
    extra: dict[Any, Any] = made.model_extra or {}
    return extra[step] if step in extra else getattr(made, _attribute(made, step))


def _attribute(model: BaseModel, name: str) -> str:
    fields = type(model).model_fields
    return next((attribute for attribute, field in fields.items() if field.alias == name), name)


@cache
def _parameters() -> frozenset[str]:
    from anthropic import BaseModel

    named = signature_of(BaseModel.construct.__func__).parameters.values()  # type: ignore[attr-defined]
    return frozenset(each.name for each in named if each.kind is not each.VAR_KEYWORD)


def _needs_beta(message: dict[str, Any]) -> bool:
    """
    Whether a `Message` cannot hold it: pydantic warns when it serializes a beta block inside a `Message`.
    """
    from anthropic.types import Message
    from anthropic.types.beta import BetaMessage

    given = {name for name, value in message.items() if value is not None}
    usage = as_object(message.get("usage")) or {}
    given |= {name for name, value in usage.items() if value is not None}
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
