"""
Decodes JSON into typed structs without a loss: strictly first, and more slowly where the structs do not know all of it.

A value that does not fit its field makes the smallest object that holds it an `Unknown`, which keeps it as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import NoneType, UnionType
from typing import (
    Any,
    Generic,
    Literal,
    NamedTuple,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
)

import msgspec
from msgspec import Struct

from streamkit._claude.protocol.asides import is_aside
from streamkit._claude.protocol.errors import GrammarError
from streamkit._claude.protocol.json_text import parse

__all__ = ["AnyValue", "Misfit", "Reader", "Unknown", "as_unknown"]

T = TypeVar("T", bound=Struct)

Misfit = Callable[[str], None]
"""Is told the place of each value that does not fit, such as `"content_block_delta.delta.text"`."""


class Unknown(dict[str, Any]):
    """
    A JSON object that this version has no class for, or that does not fit its class, exactly as it was on the wire.

    A `dict` whose keys are attributes too (`event.delta.type`), in nested objects as well. A key that is also
    the name of a dict method (`items`, `get`, …), or that begins with two underscores, is read as `event["items"]`.
    """

    # At run time this is the wire's own word. For checkers it is a literal that no other class has, so that
    # `event.type == "ping"` narrows a union with this class (in mypy `str` does not). Look for a new word in `event["type"]`.
    type: Literal["unknown to this version"]

    @property
    def __aside__(self) -> bool:
        return is_aside(self)

    def to_dict(self) -> dict[str, Any]:
        """
        As plain JSON objects, which `json.dumps` takes.
        """
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # Python asks for those, and what is on the wire must not answer
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            kind = self.get("type", "object")
            raise AttributeError(f"this {kind!r} object has no field {name!r}") from None


class _Anything(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return True


class AnyValue(metaclass=_Anything):
    """
    The type of a field that may have any JSON value, whose objects are read as `Unknown`.
    """


class Reader(Generic[T]):
    """
    Reads JSON objects as one of several tagged structs, or as `Unknown` where no struct has the tag.

    An object with fields that its struct does not know becomes an instance of a subclass that has them as
    attributes and encodes them again; nested structs likewise. One that lacks a field, or has a value of the wrong type, is
    an `Unknown`; the objects around it are what they are otherwise.

    Args:
        union: The structs, as a union type.

    Attributes:
        strict: The fast path: a decoder that refuses whatever the structs do not know.
    """

    def __init__(self, union: object) -> None:
        self._union = union
        self._is_tagged = None not in _plan(union).structs
        self._name = getattr(union, "__name__", "event").lower()
        self.strict: msgspec.json.Decoder[T] = msgspec.json.Decoder(
            cast("type[T]", union), dec_hook=_to_unknown
        )

    def decode(self, data: bytes | str) -> T | Unknown:
        """
        Read one JSON text.

        Raises:
            GrammarError: It is not a JSON object, or has no `type`.
        """
        try:
            return self.strict.decode(data)
        except (ValueError, RecursionError):
            pass  # it says more than the structs know, or is not JSON: the slow path tells
        return self.convert(parse(data))

    def fitting(self, obj: dict[str, Any]) -> T | None:
        """
        Read an object that is decoded already, if the structs know all that it says; None otherwise.
        """
        try:
            return msgspec.convert(obj, cast("type[T]", self._union), dec_hook=_to_unknown)
        except (ValueError, RecursionError):
            return None

    def convert(self, value: object, misfit: Misfit | None = None) -> T | Unknown:
        """
        Read an object that is decoded already.

        Args:
            value: The object.
            misfit: Is told of each value that does not fit.

        Raises:
            GrammarError: As for `decode`.
        """
        if not isinstance(value, Mapping):
            raise GrammarError(f"an event must be a JSON object, not {_json_type(value)}")
        obj = dict(cast("Mapping[str, Any]", value))
        name = obj.get("type")
        if self._is_tagged and not isinstance(name, str):
            raise GrammarError(f"event: the field `type` must be a string, not {_json_type(name)}")
        where = name if isinstance(name, str) else self._name
        try:
            return cast("T | Unknown", _read(self._union, obj, where, misfit or _ignore))
        except RecursionError:
            raise GrammarError("nested too deeply") from None


def _ignore(_: str) -> None:
    pass


# -- reading into types --------------------------------------------------------------------------------------

_MISFIT: Any = object()
"""What is read of a value that does not fit."""


def _read(annotation: object, value: object, where: str, misfit: Misfit) -> object:
    plan = _plan(annotation)
    if value.__class__ in plan.scalars:
        return value
    if plan.structs and isinstance(value, dict):
        obj = cast("dict[str, Any]", value)
        if None in plan.structs:
            return _build(plan.structs[None], obj, where, misfit)
        tag = obj.get("type")
        if not isinstance(tag, str):
            misfit(f"{where}.type")
            return as_unknown(obj)
        cls = plan.structs.get(tag)
        return as_unknown(obj) if cls is None else _build(cls, obj, where, misfit)
    if plan.items is not None and isinstance(value, list):
        read = [_read(plan.items, each, f"{where}[]", misfit) for each in cast("list[object]", value)]
        return _MISFIT if _MISFIT in read else read
    try:
        return msgspec.convert(value, cast("type[Any]", annotation), dec_hook=_to_unknown)
    except (
        msgspec.ValidationError,
        UnicodeEncodeError,
    ):  # the latter: half of a character, where no text is due
        return _MISFIT


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


def _build(cls: type[Struct], obj: dict[str, Any], where: str, misfit: Misfit) -> Struct | Unknown:
    fields, required = _fields(cls)
    tag_field = cls.__struct_config__.tag_field
    known: dict[str, object] = {}
    extra: dict[str, object] = {}
    fits = True
    for name, value in obj.items():
        if name in fields:
            attribute, annotation = fields[name]
            known[attribute] = read = _read(annotation, value, f"{where}.{name}", misfit)
            if read is _MISFIT:
                fits = False
                misfit(f"{where}.{name}")
        elif name != tag_field:
            extra[name] = as_unknown(value)
    for name in required:
        if name not in obj:
            fits = False
            misfit(f"{where}.{name}")
    if not fits:
        return cast("Unknown", as_unknown(obj))
    if not extra:
        return cls(**known)
    try:
        wider, names = _widened(cls, tuple(extra))
    except ValueError:  # msgspec does not allow a field with a quote or a control character in its name
        return cast("Unknown", as_unknown(obj))
    return wider(**known, **dict(zip(names, extra.values(), strict=True)))


@lru_cache(maxsize=64)
def _fields(cls: type[Struct]) -> tuple[dict[str, tuple[str, object]], tuple[str, ...]]:
    """
    For each name on the wire its attribute and type, and the names that must be there.
    """
    fields = msgspec.structs.fields(cls)
    types = {field.encode_name: (field.name, cast("object", field.type)) for field in fields}
    return types, tuple(field.encode_name for field in fields if field.required)


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
        namespace={
            "__reduce__": _reduce(cls, extra),
            **({"__getattr__": _by_wire_name(renamed)} if renamed else {}),
        },
        module=cls.__module__,
        kw_only=True,
    )
    return wider, tuple(names)


def _reduce(cls: type[Struct], extra: tuple[str, ...]) -> Callable[[Struct], tuple[Any, ...]]:
    """
    How pickle takes an object of a widened class, which has no name to import it by.
    """

    def __reduce__(self: Struct) -> tuple[Any, ...]:
        return _rebuilt, (cls, extra, {name: getattr(self, name) for name in self.__struct_fields__})

    return __reduce__


def _rebuilt(cls: type[Struct], extra: tuple[str, ...], values: dict[str, Any]) -> Struct:
    return _widened(cls, extra)[0](**values)


def _by_wire_name(renamed: dict[str, str]) -> Callable[[Struct, str], object]:
    def __getattr__(self: Struct, name: str) -> object:
        if name in renamed and not name.startswith("__"):  # Python asks for those
            return getattr(self, renamed[name])
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    return __getattr__


def _tag(cls: type[Struct]) -> str | None:
    return cast("str | None", cls.__struct_config__.tag)


# -- values --------------------------------------------------------------------------------------------------


def as_unknown(value: object) -> Any:
    """
    A JSON value whose objects are `Unknown`.
    """
    if isinstance(value, dict):
        return Unknown({key: as_unknown(each) for key, each in cast("dict[str, object]", value).items()})
    if isinstance(value, list):
        return [as_unknown(each) for each in cast("list[object]", value)]
    return value


def _to_unknown(expected: type, value: object) -> Any:
    if expected is AnyValue:
        return as_unknown(value)
    if not isinstance(value, dict):
        raise TypeError(f"Expected `object`, got `{_json_type(value)}`")
    return as_unknown(cast("object", value))


def _json_type(value: object) -> str:
    name = type(value).__name__
    return {"dict": "object", "list": "array", "NoneType": "null"}.get(name, name)
