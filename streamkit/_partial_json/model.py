"""
Makes complete values into instances of a model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["validator"]


def validator(model: Any) -> Callable[[Any], Any]:
    """
    The function that makes a plain value into an instance of `model`, or raises that library's own error.

    Args:
        model: A pydantic model, or anything that msgspec converts to: a struct, a dataclass, a `TypedDict`, `list[int]`, …

    Raises:
        TypeError: It is neither.
    """
    validate: Callable[[Any], Any] | None = getattr(model, "model_validate", None)
    if validate is not None:
        return validate
    try:
        msgspec.json.Decoder(model)
    except TypeError as error:
        raise TypeError(
            f"model must be a pydantic model or a type that msgspec converts to, not {model!r}"
        ) from error

    def convert(value: Any) -> Any:
        return msgspec.convert(value, model)

    return convert
