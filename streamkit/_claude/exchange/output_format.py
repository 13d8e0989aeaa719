"""
An answer in a format of the caller's, as the SDK's `messages.stream(output_format=…)` asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["has_format", "with_schema"]


def has_format(params: Mapping[str, Any]) -> bool:
    """
    Whether parameters of `create` ask for an answer in a format of its own.
    """
    match params:
        case {"output_config": {"format": wanted}} | {"output_format": wanted}:
            return bool(wanted)
        case _:
            return False


def with_schema(params: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """
    The parameters of `create`, in which a type as `output_format` has become its schema.

    Returns:
        The parameters, and the type; None where none was given.

    Raises:
        TypeError: It is not a type that pydantic can make a schema of.
    """
    rest = dict(params)
    wanted = rest.get("output_format")
    if isinstance(wanted, Mapping):  # the beta API still takes a schema there
        return rest, None
    if not wanted:  # None, or the SDK's `omit`: no `create` knows the parameter
        rest.pop("output_format", None)
        return rest, None
    from anthropic import transform_schema
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    try:
        schema = TypeAdapter[Any](wanted).json_schema()
    except PydanticUserError as error:
        raise TypeError(
            f"messages(output_format=…) must be a pydantic model, or another type with a schema, not {wanted!r}"
        ) from error
    del rest["output_format"]
    config: dict[str, Any] = rest.get("output_config") or {}
    rest["output_config"] = {**config, "format": {"type": "json_schema", "schema": transform_schema(schema)}}
    return rest, wanted
