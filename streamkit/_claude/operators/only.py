"""
Only: the events of some types.
"""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    Literal,
    Protocol,
    TypeVar,
    cast,
    get_args,
    get_origin,
    overload,
)

from streamkit._claude.protocol.codec import Unknown
from streamkit._claude.protocol.kinds import DELTAS, EVENTS
from streamkit._claude.protocol.tool_result import ToolResult
from streamkit._core.algebra import Operator
from streamkit._core.elementary_steps import Filter
from streamkit._core.items import Restarted, is_restart
from streamkit._core.stage import pure

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from streamkit._claude.protocol.events import AnyEvent, ContentBlockDelta, Event, KnownEvent
    from streamkit._claude.protocol.kinds import KnownDelta

__all__ = ["only"]

if TYPE_CHECKING:
    _AnEvent: TypeAlias = KnownEvent | Restarted

    class _OfTheSDK(Protocol):
        @property
        def type(self) -> str: ...

    _Type: TypeAlias = str | type[_AnEvent | KnownDelta | Unknown | _OfTheSDK]
    E1 = TypeVar("E1", bound=_AnEvent)
    E2 = TypeVar("E2", bound=_AnEvent)
    E3 = TypeVar("E3", bound=_AnEvent)
    E4 = TypeVar("E4", bound=_AnEvent)
    D1 = TypeVar("D1", bound=KnownDelta)
    D2 = TypeVar("D2", bound=KnownDelta)
    D3 = TypeVar("D3", bound=KnownDelta)
    D4 = TypeVar("D4", bound=KnownDelta)
    D_co = TypeVar("D_co", bound=KnownDelta, covariant=True)

    class DeltaEvent(ContentBlockDelta, Generic[D_co], frozen=True):
        """
        For type checkers alone: a `ContentBlockDelta` whose delta is known to be a `D_co`.
        """

        delta: D_co


@overload
def only(first: type[E1], /) -> Operator[AnyEvent, E1]: ...
@overload
def only(first: type[D1], /) -> Operator[AnyEvent, DeltaEvent[D1]]: ...
@overload
def only(first: type[E1], second: type[E2], /) -> Operator[AnyEvent, E1 | E2]: ...
@overload
def only(first: type[D1], second: type[D2], /) -> Operator[AnyEvent, DeltaEvent[D1 | D2]]: ...
@overload
def only(first: type[E1], second: type[D1], /) -> Operator[AnyEvent, E1 | DeltaEvent[D1]]: ...
@overload
def only(first: type[D1], second: type[E1], /) -> Operator[AnyEvent, DeltaEvent[D1] | E1]: ...
@overload
def only(first: type[E1], second: type[E2], third: type[E3], /) -> Operator[AnyEvent, E1 | E2 | E3]: ...
@overload
def only(
    first: type[D1], second: type[D2], third: type[D3], /
) -> Operator[AnyEvent, DeltaEvent[D1 | D2 | D3]]: ...
@overload
def only(
    first: type[E1], second: type[E2], third: type[E3], fourth: type[E4], /
) -> Operator[AnyEvent, E1 | E2 | E3 | E4]: ...
@overload
def only(
    first: type[D1], second: type[D2], third: type[D3], fourth: type[D4], /
) -> Operator[AnyEvent, DeltaEvent[D1 | D2 | D3 | D4]]: ...
@overload
def only(  # type: ignore[overload-overlap]
    first: type[ToolResult] | Literal["tool_result"], /
) -> Operator[AnyEvent, ToolResult]: ...  # pyright: ignore[reportOverlappingOverload]
@overload
def only(first: _Type, /, *types: _Type) -> Operator[AnyEvent, Event]: ...
def only(*types: Any) -> Operator[Any, Any]:
    """
    The events of these types: `only("message_delta")`, or `only(TextDelta)` for the deltas of one kind. Of a tool loop,
    `only("tool_result")` gives what its tools have given.

    In the diagram each character of the upper line is an event: `a` and `b` are deltas of text.

        MTa-bE-DS|
        only("text_delta")
        --a-b----|

    Args:
        types: Types of events or of deltas, by their name on the wire or by class (this library's or the
            SDK's). Classes narrow the type of what comes out. A name may be one that this version does not
            know; the class `Unknown` stands for every type that it does not know.

    Raises:
        TypeError: No type is given, or something that is neither a name nor the class of an event or delta.

    Emits: each event of one of these types, and each `content_block_delta` whose delta is of one, unchanged.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream.
    Cancels: at once.
    Memory: nothing.
    """
    return Operator(pure("only", Only, *types))


class Only(Filter):
    takes: ClassVar[str] = "events"
    gives: ClassVar[str] = "events"
    # A restart is one more event here: it passes where it is asked for.
    passes_restarts = False

    def __init__(self, *types: object) -> None:
        if not types:
            raise TypeError('only() needs at least one type, such as only("text_delta") or only(MessageStop)')
        super().__init__(_any_of(frozenset(map(_name, types))))


_KNOWN = frozenset({*EVENTS, *DELTAS, Restarted.type, ToolResult.type})
_UNKNOWN = "unknown to this version"


def _any_of(wanted: frozenset[str]) -> Callable[[Any], bool]:
    known = _KNOWN if _UNKNOWN in wanted else None
    restarted = Restarted.type

    def is_wanted(event: Any) -> bool:
        kind = event.type
        if kind == "content_block_delta" and kind not in wanted:
            try:
                kind = event.delta.type
                return kind in wanted or (known is not None and kind not in known)
            except (AttributeError, TypeError):  # it has no delta, or one whose type is not a string
                return known is not None
        if kind == restarted and not is_restart(event):
            return known is not None  # on the wire it is one more unknown type
        return kind in wanted or (known is not None and kind not in known)

    return is_wanted


def _name(given: object) -> str:
    if isinstance(given, str) and given:
        return given
    if given is Unknown:
        return _UNKNOWN
    if isinstance(given, type) and (name := _type_of(given)) in _KNOWN:
        return name
    raise TypeError(
        f"only() takes names and classes of events and deltas, not {given!r}: "
        'for a type without a class, give its name on the wire, such as "text_delta"'
    )


def _type_of(cls: type) -> str:
    """
    The `type` that an object of this class has: a constant in a class of ours, an annotation in one of the SDK's.
    """
    constant = getattr(cls, "type", None)
    if isinstance(constant, str):
        return constant
    fields: dict[str, Any] = getattr(cls, "model_fields", {})
    annotation = fields["type"].annotation if "type" in fields else None
    return cast("str", get_args(annotation)[0]) if get_origin(annotation) is Literal else ""
