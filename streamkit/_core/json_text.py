"""
Items as JSON text: events as they were on the wire, and other libraries' values as their own JSON forms.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, cast

import msgspec

from streamkit._core.plain import PlainValue
from streamkit._surrogates import plain_text

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
        # Models are known by their class, because a proxy or a mock has any method.
        kind: Any = type(value)
        match value:
            # Of the types that JSON has, msgspec itself takes these as values, and asks here only for the key of an object.
            case bool() | None | list() | tuple() | dict():
                raise TypeError(
                    f"{self._writer} cannot write {kind.__name__} as the key of a JSON object: put map(…) in front of it"
                )
            # What is left of these are subclasses.
            case str():
                return plain_text(value)
            case float():
                return float.__float__(value)
            case Integral():
                return int(value)
            case PlainValue():
                return value.to_dict()
            case _ if hasattr(kind, "model_dump"):
                model = cast("Any", value)
                if hasattr(
                    kind, "to_dict"
                ):  # one of the SDK, which must not warn about a type that is newer than the SDK
                    return model.to_dict(mode="json", warnings=False)
                return model.model_dump(mode="json")
            case BaseException():
                return self._error(value)
            case bytes() | bytearray():  # a subclass, whose items are not those of a sequence
                return bytes(value)
            case Mapping():
                return dict(cast("Mapping[object, object]", value))
            case Sequence():
                return list(cast("Sequence[object]", value))
            case _:
                raise TypeError(
                    f"{self._writer} cannot write {kind.__name__} as JSON: put map(…) in front of it"
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
