"""
Decodes JSON into typed structs without a loss: strictly first, and more slowly where the structs do not know all of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Generic, Literal, NamedTuple, NoReturn, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec import Struct

from streamkit._claude.protocol.errors import GrammarError

__all__ = ["Reader", "Unknown"]

T = TypeVar("T", bound=Struct)


class Unknown(dict[str, Any]):
    """
    A JSON object that this version has no class for, exactly as it was on the wire.

    A `dict` whose keys are attributes too (`event.delta.type`), in nested objects as well. A key that is also
    the name of a dict method (`items`, `get`, …) is read as `event["items"]`.
    """

    # At run time this is the wire's own word. For checkers it is a literal that no other class has, so that
    # `event.type == "ping"` narrows a union with this class (in mypy `str` does not). Look for a new word in `event["type"]`.
    type: Literal["unknown to this version"]

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            kind = self.get("type", "object")
            raise AttributeError(f"this {kind!r} object has no field {name!r}") from None


class Reader(Generic[T]):
    """
    Reads JSON objects as one of several tagged structs, or as `Unknown` where no struct has the tag.

    An object with fields that its struct does not know becomes an instance of a subclass that has them as
    attributes and encodes them again; nested structs likewise.

    Args:
        union: The structs, as a union type.

    Attributes:
        strict: The fast path: a decoder that refuses whatever the structs do not know.
    """

    def __init__(self, union: object) -> None:
        self._union = union
        self.strict: msgspec.json.Decoder[T] = msgspec.json.Decoder(
            cast("type[T]", union), dec_hook=_to_unknown
        )

    def decode(self, data: bytes | str) -> T | Unknown:
        """
        Read one JSON text.

        Raises:
            GrammarError: It is not JSON, has no `type`, or a known field's value has the wrong type.
        """
        try:
            return self.strict.decode(data)
        except (ValueError, RecursionError):
            pass  # it says more than the structs know, or is not JSON: the slow path tells
        return self.convert(parse(data))

    def convert(self, value: object) -> T | Unknown:
        """
        Read an object that is decoded already.

        Raises:
            GrammarError: As for `decode`.
        """
        if not isinstance(value, Mapping):
            raise GrammarError(f"an event must be a JSON object, not {_json_type(value)}")
        obj = dict(cast("Mapping[str, Any]", value))
        name = obj.get("type")
        try:
            return cast("T | Unknown", _read(self._union, obj, name if isinstance(name, str) else "event"))
        except RecursionError:
            raise GrammarError("nested too deeply") from None


# -- reading into types --------------------------------------------------------------------------------------


def _read(annotation: object, value: object, where: str) -> object:
    plan = _plan(annotation)
    if value.__class__ in plan.scalars:
        return value
    if plan.structs and isinstance(value, dict):
        obj = cast("dict[str, Any]", value)
        if None in plan.structs:
            return _build(plan.structs[None], obj, where)
        tag = obj.get("type")
        if not isinstance(tag, str):
            raise GrammarError(f"{where}: the field `type` must be a string, not {_json_type(tag)}")
        cls = plan.structs.get(tag)
        return _wrap(obj) if cls is None else _build(cls, obj, where)
    if plan.items is not None and isinstance(value, list):
        return [
            _read(plan.items, each, f"{where}[{i}]") for i, each in enumerate(cast("list[object]", value))
        ]
    try:
        return msgspec.convert(value, cast("type[Any]", annotation), dec_hook=_to_unknown)
    except msgspec.ValidationError as error:
        raise GrammarError(f"{where}: {error}") from None
    except UnicodeEncodeError:  # half of a character, where another type than text is due
        raise GrammarError(f"{where}: Expected another type, got `str`") from None


class _Plan(NamedTuple):
    """
    What a value of one type may be: scalars by class, structs by tag (None for one without a tag), a list of structs.
    """

    scalars: frozenset[type]
    structs: dict[str | None, type[Struct]]
    items: object


@lru_cache(maxsize=256)
def _plan(annotation: object) -> _Plan:
    options = get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)
    structs = [option for option in options if isinstance(option, type) and issubclass(option, Struct)]
    items = [get_args(option)[0] for option in options if get_origin(option) is list]
    return _Plan(
        frozenset(option for option in options if option in {str, int, NoneType}),
        {_tag(cls): cls for cls in structs},
        items[0] if items and _plan(items[0]).structs else None,
    )


def _build(cls: type[Struct], obj: dict[str, Any], where: str) -> Struct | Unknown:
    types, required = _fields(cls)
    tag_field = cls.__struct_config__.tag_field
    known: dict[str, object] = {}
    extra: dict[str, object] = {}
    for name, value in obj.items():
        if name in types:
            known[name] = _read(types[name], value, f"{where}.{name}")
        elif name != tag_field:
            extra[name] = _wrap(value)
    for name in required:
        if name not in known:
            raise GrammarError(f"{where}: the field `{name}` is missing")
    if not extra:
        return cls(**known)
    try:
        wider, names = _widened(cls, tuple(extra))
    except ValueError:  # msgspec does not allow a field with a quote or a control character in its name
        return cast("Unknown", _wrap(obj))
    return wider(**known, **dict(zip(names, extra.values(), strict=True)))


@lru_cache(maxsize=64)
def _fields(cls: type[Struct]) -> tuple[dict[str, object], tuple[str, ...]]:
    fields = msgspec.structs.fields(cls)
    types = {field.name: cast("object", field.type) for field in fields}
    return types, tuple(field.name for field in fields if field.required)


@lru_cache(maxsize=256)
def _widened(cls: type[Struct], extra: tuple[str, ...]) -> tuple[type[Struct], tuple[str, ...]]:
    """
    A subclass with fields of these wire names, and the attribute names: the same where Python allows it.
    """
    usable = (name.isidentifier() and not name.startswith("_") and not hasattr(cls, name) for name in extra)
    names = [name if ok else f"field_{i}" for i, (name, ok) in enumerate(zip(extra, usable, strict=True))]
    while len(set(names)) < len(names):  # a field that is really called field_0
        names = [name if name == wire else f"{name}_" for name, wire in zip(names, extra, strict=True)]
    renamed = {wire: name for wire, name in zip(extra, names, strict=True) if name != wire}
    wider = msgspec.defstruct(
        cls.__name__,
        [(name, Any) for name in names],
        bases=(cls,),
        tag=_tag(cls),
        rename={name: wire for wire, name in renamed.items()},
        namespace={"__getattr__": _by_wire_name(renamed)} if renamed else None,
        module=cls.__module__,
        kw_only=True,
    )
    return wider, tuple(names)


def _by_wire_name(renamed: dict[str, str]) -> Callable[[Struct, str], object]:
    def __getattr__(self: Struct, name: str) -> object:
        if name in renamed:
            return getattr(self, renamed[name])
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    return __getattr__


def _tag(cls: type[Struct]) -> str | None:
    return cast("str | None", cls.__struct_config__.tag)


# -- values --------------------------------------------------------------------------------------------------


def _wrap(value: object) -> Any:
    if isinstance(value, dict):
        return Unknown({key: _wrap(each) for key, each in cast("dict[str, object]", value).items()})
    if isinstance(value, list):
        return [_wrap(each) for each in cast("list[object]", value)]
    return value


def _to_unknown(_: type, value: object) -> Unknown:
    if not isinstance(value, dict):
        raise TypeError(f"Expected `object`, got `{_json_type(value)}`")
    return cast("Unknown", _wrap(cast("object", value)))


def _json_type(value: object) -> str:
    name = type(value).__name__
    return {"dict": "object", "list": "array", "NoneType": "null"}.get(name, name)


# -- text ----------------------------------------------------------------------------------------------------


def parse(data: bytes | str) -> object:
    """
    Decode JSON into plain objects; also what msgspec refuses, such as a lone surrogate.

    Raises:
        GrammarError: It is not JSON, not UTF-8, or has a number beyond what a float holds.
    """
    try:
        return msgspec.json.decode(data)
    except (ValueError, RecursionError):
        pass
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except UnicodeDecodeError as error:
        reason = f"not UTF-8 at byte {error.start}"
    except json.JSONDecodeError as error:
        at = len(error.doc[: error.pos].encode("utf-8", "surrogatepass"))
        reason = f"not JSON at byte {at}: {error.msg}"
    except RecursionError:
        reason = "nested too deeply"
    except ValueError as error:
        reason = str(error)
    # Outside the handlers, because json's exceptions keep the whole document, and that is what somebody said.
    raise GrammarError(reason)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"not JSON: {constant}")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is out of range")
    return number
