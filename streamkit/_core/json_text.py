"""
Items as JSON text: events as they were on the wire, and other libraries' values as their own JSON forms.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, runtime_checkable

import msgspec

from streamkit._core.plain import PlainValue

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["JSONText"]


class JSONText:
    """
    Makes JSON of items: of values that JSON has, tuples, dataclasses, structs, and models of the SDK and of pydantic.

    Args:
        writer: What writes them, for errors.
        error: What an exception becomes, which items such as `Restarted` hold.
    """

    def __init__(self, writer: str, error: Callable[[BaseException], object]) -> None:
        self._writer = writer
        self._error = error
        # As it is when nothing is odd. Raises UnicodeEncodeError where a text has half of a surrogate pair, and RecursionError
        # where an item holds itself.
        self.strict: Callable[[object], bytes] = msgspec.json.Encoder(enc_hook=self._plain).encode

    def encode(self, item: object) -> bytes:
        """
        `item` as JSON, in one line.

        Raises:
            TypeError: `item` holds something that JSON does not have.
        """
        try:
            return self.strict(item)
        except UnicodeEncodeError:
            # A lone surrogate: UTF-8 cannot encode it, but JSON can escape it.
            plain: object = msgspec.to_builtins(item, enc_hook=self._plain)
            return json.dumps(_finite(plain), separators=(",", ":")).encode("ascii")
        except RecursionError:
            raise TypeError(
                f"{self._writer} cannot write {type(item).__name__} as JSON: it holds itself, or is nested too deeply; "
                "put map(…) in front of it"
            ) from None

    def _plain(self, value: object) -> object:
        match value:
            case PlainValue():
                return value.to_dict()
            case _SDKModel():
                # The SDK must not warn about a type that is newer than the SDK.
                return value.to_dict(mode="json", warnings=False)
            case _PydanticModel():
                return value.model_dump(mode="json")
            case BaseException():
                return self._error(value)
            # Subclasses: their items are not those of a sequence.
            case str():
                return str.__str__(value)
            case bytes() | bytearray():
                return bytes(value)
            case int():
                return int.__int__(value)
            case float():
                return float.__float__(value)
            case list() | tuple() if (kind := type(cast("object", value))) in (list, tuple):  # it is a key
                raise TypeError(
                    f"{self._writer} cannot write a dict with a key of {kind.__name__} as JSON: put map(…) in front of it"
                )
            case Mapping():
                return dict(cast("Mapping[object, object]", value))
            case Sequence():
                return list(cast("Sequence[object]", value))
            case _:
                raise TypeError(
                    f"{self._writer} cannot write {type(value).__name__} as JSON: put map(…) in front of it"
                )


def _finite(value: object) -> object:
    """
    Plain values with None for numbers that JSON does not have, as msgspec writes them.
    """
    match value:
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {name: _finite(each) for name, each in cast("dict[object, object]", value).items()}
        case list():
            return [_finite(each) for each in cast("list[object]", value)]
        case _:
            return value


@runtime_checkable
class _SDKModel(Protocol):
    def to_dict(self, *, mode: Literal["json"], warnings: bool) -> dict[str, Any]: ...


@runtime_checkable
class _PydanticModel(Protocol):
    def model_dump(self, *, mode: Literal["json"]) -> dict[str, Any]: ...
