"""
The events of a Claude stream as light typed structs that mirror the wire, and how they are read and written without a loss.

Names and nesting are the API's (https://docs.claude.com/en/docs/build-with-claude/streaming). A field that the wire may leave
out is `UNSET` when it did, and `None` when it said null: every event encodes to the JSON it came from. What this version does
not know passes through whole: an event, delta or block of an unknown type is an `Unknown`, and an unknown field of a known type
is one more attribute of its struct. Deltas, content blocks and the usage are in modules of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Final,
    Literal,
    Protocol,
    TypeAlias,
    cast,
    get_args,
    runtime_checkable,
)

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from streamkit._claude.protocol.asides import is_aside
from streamkit._claude.protocol.codec import Reader, Unknown
from streamkit._claude.protocol.kinds import KnownBlock, KnownDelta
from streamkit._claude.protocol.pieces import PIECES_BY_CLASS
from streamkit._claude.protocol.structs import ABSENT, TaggedObject, WireObject
from streamkit._claude.protocol.tool_result import ToolResult
from streamkit._claude.protocol.usage import Usage  # noqa: TC001 -- msgspec evaluates the annotations
from streamkit._core.items import Restarted

if TYPE_CHECKING:
    from streamkit._claude.protocol.kinds import ContentBlock, Delta

__all__ = [
    "CLASSES",
    "DELTA_READER",
    "READER",
    "AnyEvent",
    "ContentBlockDelta",
    "ContentBlockStart",
    "ContentBlockStop",
    "Event",
    "KnownEvent",
    "Message",
    "MessageChanges",
    "MessageDelta",
    "MessageStart",
    "MessageStop",
    "Ping",
    "RawEvent",
    "decode",
    "from_dict",
    "to_dict",
]

if TYPE_CHECKING:
    _AnyDelta: TypeAlias = Delta
    _AnyBlock: TypeAlias = ContentBlock
else:  # msgspec has no union of structs and a custom type: what it refuses is read by `Reader.convert`
    _AnyDelta = KnownDelta
    _AnyBlock = KnownBlock

# -- what events carry ---------------------------------------------------------------------------------------


class Message(WireObject, frozen=True):
    """
    A message as it is when it starts: no content yet.
    """

    model: str = ABSENT
    id: str = ABSENT
    type: str = ABSENT
    role: str = ABSENT
    content: list[_AnyBlock] = ABSENT
    container: Unknown | UnsetType | None = UNSET
    stop_reason: str | None = ABSENT
    stop_sequence: str | None = ABSENT
    stop_details: Unknown | UnsetType | None = UNSET
    usage: Usage = ABSENT
    context_management: Unknown | UnsetType | None = UNSET
    diagnostics: Unknown | UnsetType | None = UNSET
    input_transformations: list[Unknown] | UnsetType | None = UNSET


class MessageChanges(WireObject, frozen=True):
    """
    What `message_delta` changes in the message itself.
    """

    stop_reason: str | None = ABSENT
    stop_sequence: str | None = ABSENT
    stop_details: Unknown | UnsetType | None = UNSET
    container: Unknown | UnsetType | None = UNSET


# -- events --------------------------------------------------------------------------------------------------


class MessageStart(TaggedObject, frozen=True, tag="message_start"):
    """
    A message begins.
    """

    type: ClassVar[Literal["message_start"]] = "message_start"
    message: Message


class ContentBlockStart(TaggedObject, frozen=True, tag="content_block_start"):
    """
    A content block begins; some kinds arrive whole in it.
    """

    type: ClassVar[Literal["content_block_start"]] = "content_block_start"
    index: int
    content_block: _AnyBlock


class ContentBlockDelta(TaggedObject, frozen=True, tag="content_block_delta"):
    """
    More of a content block.

    Adjacent ones of one block can be joined, where all they hold is more of the same text.
    """

    type: ClassVar[Literal["content_block_delta"]] = "content_block_delta"
    index: int
    delta: _AnyDelta

    # A subclass has fields that this version knows neither to join nor to cut: these methods go by the exact class.

    @property
    def __mergeable__(self) -> bool:
        return self.__class__ is ContentBlockDelta and self.delta.__class__ in PIECES_BY_CLASS

    def __merge__(self, other: ContentBlockDelta) -> ContentBlockDelta | None:
        if self.__class__ is not ContentBlockDelta or other.__class__ is not ContentBlockDelta:
            return None
        first, second = self.delta, other.delta
        piece = PIECES_BY_CLASS.get(first.__class__)
        if piece is None or second.__class__ is not piece.cls or self.index != other.index:
            return None
        return ContentBlockDelta(self.index, cast("Delta", piece.cls(**piece.joined(first, second))))

    @property
    def __aside__(self) -> bool:
        return is_aside(self)

    @property
    def __text__(self) -> str | None:
        piece = PIECES_BY_CLASS.get(self.delta.__class__)
        if piece is None or self.__class__ is not ContentBlockDelta:
            return None
        return piece.text_to_cut(self.delta)

    def __with_text__(self, text: str) -> ContentBlockDelta:
        delta: Any = self.delta
        piece = PIECES_BY_CLASS[delta.__class__]
        # Most have nothing but the text; to copy the rest takes three times as long.
        cut: Any = replace(delta, **{piece.field: text}) if piece.counts else piece.cls(text)
        return ContentBlockDelta(self.index, cut)


class ContentBlockStop(TaggedObject, frozen=True, tag="content_block_stop", gc=False):
    """
    A content block is complete.
    """

    type: ClassVar[Literal["content_block_stop"]] = "content_block_stop"
    index: int


class MessageDelta(TaggedObject, frozen=True, tag="message_delta"):
    """
    Why the message ends, and its usage.
    """

    type: ClassVar[Literal["message_delta"]] = "message_delta"
    delta: MessageChanges
    usage: Usage = ABSENT
    context_management: Unknown | UnsetType | None = UNSET
    input_transformations: list[Unknown] | UnsetType | None = UNSET


class MessageStop(TaggedObject, frozen=True, tag="message_stop", gc=False):
    """
    The message is complete.
    """

    type: ClassVar[Literal["message_stop"]] = "message_stop"


class Ping(TaggedObject, frozen=True, tag="ping", gc=False):
    """
    The connection is alive.
    """

    type: ClassVar[Literal["ping"]] = "ping"
    __aside__: ClassVar[bool] = True


KnownEvent: TypeAlias = (
    ContentBlockDelta
    | ContentBlockStart
    | ContentBlockStop
    | MessageStart
    | MessageDelta
    | MessageStop
    | Ping
)
Event: TypeAlias = KnownEvent | Restarted | Unknown

CLASSES: Final[dict[str, type[Struct]]] = {cls.type: cls for cls in get_args(KnownEvent)}
"""The class of each event that this version knows, by its type."""


class RawEvent(Protocol):
    """
    An event of the anthropic SDK: any of `RawMessageStreamEvent`, beta or not.
    """

    @property
    def type(
        self,
    ) -> Literal[
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]: ...


AnyEvent: TypeAlias = Event | RawEvent | ToolResult
"""What the operators read: events, also the SDK's, and what a tool loop has between them."""

# -- reading and writing -------------------------------------------------------------------------------------

READER: Final[Reader[KnownEvent]] = Reader(KnownEvent)
DELTA_READER: Final[Reader[ContentBlockDelta]] = Reader(ContentBlockDelta)


def decode(data: bytes | str) -> Event:
    """
    Read the JSON text of an event.

    Raises:
        GrammarError: It is not JSON, has no `type`, or a known field's value has the wrong type.
    """
    return READER.decode(data)


def from_dict(mapping: Mapping[str, object]) -> Event:
    """
    Read the JSON object of an event.

    Raises:
        GrammarError: It has no `type`, or a known field's value has the wrong type.
    """
    return READER.convert(mapping)


@runtime_checkable
class _HasToDict(Protocol):
    def to_dict(self, *, mode: Literal["json"], warnings: bool) -> dict[str, object]: ...


def to_dict(event: object) -> dict[str, Any]:
    """
    The JSON object that an event, or a part of one, is on the wire, as plain dicts and lists; also for the SDK's events.

    Raises:
        TypeError: It is not an event.
    """
    if isinstance(event, Restarted):
        return event.to_dict()
    if isinstance(event, (Struct, Mapping)):
        return cast("dict[str, Any]", msgspec.to_builtins(event))
    if isinstance(event, _HasToDict):
        # Without warnings, which the SDK gives for a type inside that it does not know.
        return event.to_dict(mode="json", warnings=False)
    raise TypeError(
        f"{type(event).__name__} is not an event: neither one of streamkit.events, nor a mapping, nor one of the SDK's"
    )
