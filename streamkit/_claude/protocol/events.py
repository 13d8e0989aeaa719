"""
Claude's events as light typed structs that mirror the wire, and the way to them and back without a loss.

Names and nesting are the API's (https://docs.claude.com/en/docs/build-with-claude/streaming). A field that
the wire may leave out is `UNSET` when it did, and `None` when it said null: every event encodes to the JSON
it came from. What this version does not know passes through whole: an event, delta or block of an unknown
type is an `Unknown`, and an unknown field of a known type is one more attribute of its struct.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias, cast, runtime_checkable

import msgspec
from msgspec import UNSET, Struct, UnsetType

from streamkit._claude.protocol.codec import Reader, Unknown
from streamkit._core.restart import Restarted

__all__ = [
    "UNSET",
    "AnyEvent",
    "CitationsDelta",
    "CompactionBlock",
    "CompactionDelta",
    "ContentBlock",
    "ContentBlockDelta",
    "ContentBlockStart",
    "ContentBlockStop",
    "Delta",
    "Event",
    "InputJSONDelta",
    "MCPToolUseBlock",
    "Message",
    "MessageChanges",
    "MessageDelta",
    "MessageStart",
    "MessageStop",
    "Ping",
    "RawEvent",
    "RedactedThinkingBlock",
    "Restarted",
    "ServerToolUseBlock",
    "SignatureDelta",
    "TextBlock",
    "TextDelta",
    "ThinkingBlock",
    "ThinkingDelta",
    "ToolUseBlock",
    "Unknown",
    "Usage",
    "decode",
    "from_dict",
    "to_dict",
]

# For what the API always sends: typed as if it were required, so that nobody has to check for it.
_ABSENT: Any = UNSET


class _Object(Struct, frozen=True, forbid_unknown_fields=True, repr_omit_defaults=True):
    """
    A JSON object of the wire whose place says what it is.
    """


class _Tagged(_Object, frozen=True, tag_field="type"):
    """
    A JSON object of the wire whose `type` says what it is.
    """


# -- deltas --------------------------------------------------------------------------------------------------


class TextDelta(_Tagged, frozen=True, tag="text_delta", gc=False):
    """
    More text of a text block.
    """

    type: ClassVar[Literal["text_delta"]] = "text_delta"
    text: str


class InputJSONDelta(_Tagged, frozen=True, tag="input_json_delta", gc=False):
    """
    More of the JSON text of a tool's input; the first is often empty.
    """

    type: ClassVar[Literal["input_json_delta"]] = "input_json_delta"
    partial_json: str


class ThinkingDelta(_Tagged, frozen=True, tag="thinking_delta", gc=False):
    """
    More text of a thinking block.
    """

    type: ClassVar[Literal["thinking_delta"]] = "thinking_delta"
    thinking: str
    estimated_tokens: int | UnsetType | None = UNSET


class SignatureDelta(_Tagged, frozen=True, tag="signature_delta", gc=False):
    """
    The signature of a thinking block, whole: it replaces what was there.
    """

    type: ClassVar[Literal["signature_delta"]] = "signature_delta"
    signature: str


class CitationsDelta(_Tagged, frozen=True, tag="citations_delta"):
    """
    One more citation of a text block.
    """

    type: ClassVar[Literal["citations_delta"]] = "citations_delta"
    citation: Unknown


class CompactionDelta(_Tagged, frozen=True, tag="compaction_delta", gc=False):
    """
    More of the summary in a compaction block.
    """

    type: ClassVar[Literal["compaction_delta"]] = "compaction_delta"
    content: str | UnsetType | None = UNSET
    encrypted_content: str | UnsetType | None = UNSET


# -- blocks --------------------------------------------------------------------------------------------------


class TextBlock(_Tagged, frozen=True, tag="text"):
    """
    A content block of text.
    """

    type: ClassVar[Literal["text"]] = "text"
    text: str
    citations: list[Unknown] | UnsetType | None = UNSET


class ThinkingBlock(_Tagged, frozen=True, tag="thinking"):
    """
    A content block of the model's thinking.
    """

    type: ClassVar[Literal["thinking"]] = "thinking"
    thinking: str
    signature: str | UnsetType = UNSET


class RedactedThinkingBlock(_Tagged, frozen=True, tag="redacted_thinking"):
    """
    A thinking block whose text is withheld.
    """

    type: ClassVar[Literal["redacted_thinking"]] = "redacted_thinking"
    data: str


class ToolUseBlock(_Tagged, frozen=True, tag="tool_use"):
    """
    A call of one of the caller's tools. Its `input` arrives in deltas, so here it is usually empty.
    """

    type: ClassVar[Literal["tool_use"]] = "tool_use"
    id: str
    name: str
    input: dict[str, Any]
    caller: Unknown | UnsetType | None = UNSET
    toolset_name: str | UnsetType | None = UNSET


class ServerToolUseBlock(_Tagged, frozen=True, tag="server_tool_use"):
    """
    A call of a tool that Anthropic runs, such as web search.
    """

    type: ClassVar[Literal["server_tool_use"]] = "server_tool_use"
    id: str
    name: str
    input: dict[str, Any]
    caller: Unknown | UnsetType | None = UNSET


class MCPToolUseBlock(_Tagged, frozen=True, tag="mcp_tool_use"):
    """
    A call of a tool of an MCP server.
    """

    type: ClassVar[Literal["mcp_tool_use"]] = "mcp_tool_use"
    id: str
    name: str
    input: dict[str, Any]
    server_name: str


class CompactionBlock(_Tagged, frozen=True, tag="compaction"):
    """
    The summary that stands for the conversation so far.
    """

    type: ClassVar[Literal["compaction"]] = "compaction"
    content: str | UnsetType | None = UNSET
    encrypted_content: str | UnsetType | None = UNSET


_KnownDelta: TypeAlias = (
    TextDelta | InputJSONDelta | ThinkingDelta | SignatureDelta | CitationsDelta | CompactionDelta
)
_KnownBlock: TypeAlias = (
    TextBlock
    | ThinkingBlock
    | RedactedThinkingBlock
    | ToolUseBlock
    | ServerToolUseBlock
    | MCPToolUseBlock
    | CompactionBlock
)
Delta: TypeAlias = _KnownDelta | Unknown
ContentBlock: TypeAlias = _KnownBlock | Unknown

if TYPE_CHECKING:
    _AnyDelta: TypeAlias = Delta
    _AnyBlock: TypeAlias = ContentBlock
else:  # msgspec has no union of structs and a custom type: what it refuses is read by _read
    _AnyDelta = _KnownDelta
    _AnyBlock = _KnownBlock

# -- message -------------------------------------------------------------------------------------------------


class Usage(_Object, frozen=True):
    """
    Tokens billed so far. In `message_delta` the counts are totals, not increments.
    """

    input_tokens: int | UnsetType | None = UNSET
    cache_creation_input_tokens: int | UnsetType | None = UNSET
    cache_read_input_tokens: int | UnsetType | None = UNSET
    cache_creation: Unknown | UnsetType | None = UNSET
    output_tokens: int | None = _ABSENT
    output_tokens_details: Unknown | UnsetType | None = UNSET
    server_tool_use: Unknown | UnsetType | None = UNSET
    service_tier: str | UnsetType | None = UNSET
    inference_geo: str | UnsetType | None = UNSET
    speed: str | UnsetType | None = UNSET
    iterations: list[Unknown] | UnsetType | None = UNSET
    fallback_credit: Unknown | UnsetType | None = UNSET


class Message(_Object, frozen=True):
    """
    A message as it is when it starts: no content yet.
    """

    model: str = _ABSENT
    id: str = _ABSENT
    type: str = _ABSENT
    role: str = _ABSENT
    content: list[_AnyBlock] = _ABSENT
    container: Unknown | UnsetType | None = UNSET
    stop_reason: str | None = _ABSENT
    stop_sequence: str | None = _ABSENT
    stop_details: Unknown | UnsetType | None = UNSET
    usage: Usage = _ABSENT
    context_management: Unknown | UnsetType | None = UNSET
    diagnostics: Unknown | UnsetType | None = UNSET
    input_transformations: list[Unknown] | UnsetType | None = UNSET


class MessageChanges(_Object, frozen=True):
    """
    What `message_delta` changes in the message itself.
    """

    stop_reason: str | None = _ABSENT
    stop_sequence: str | None = _ABSENT
    stop_details: Unknown | UnsetType | None = UNSET
    container: Unknown | UnsetType | None = UNSET


# -- events --------------------------------------------------------------------------------------------------


class MessageStart(_Tagged, frozen=True, tag="message_start"):
    """
    A message begins.
    """

    type: ClassVar[Literal["message_start"]] = "message_start"
    message: Message


class ContentBlockStart(_Tagged, frozen=True, tag="content_block_start"):
    """
    A content block begins; some kinds arrive whole in it.
    """

    type: ClassVar[Literal["content_block_start"]] = "content_block_start"
    index: int
    content_block: _AnyBlock


class ContentBlockDelta(_Tagged, frozen=True, tag="content_block_delta"):
    """
    More of a content block.

    Adjacent ones of one block can be joined, where all they hold is more of the same text.
    """

    type: ClassVar[Literal["content_block_delta"]] = "content_block_delta"
    index: int
    delta: _AnyDelta

    @property
    def __mergeable__(self) -> bool:
        # A subclass has fields that this version does not know how to join.
        return self.__class__ is ContentBlockDelta and self.delta.__class__ in _TEXT

    def __merge__(self, other: ContentBlockDelta) -> ContentBlockDelta | None:
        if self.index != other.index or not (self.__mergeable__ and other.__mergeable__):
            return None
        joined: Delta
        match self.delta, other.delta:
            case TextDelta(text=text), TextDelta(text=more):
                joined = TextDelta(text + more)
            case InputJSONDelta(partial_json=text), InputJSONDelta(partial_json=more):
                joined = InputJSONDelta(text + more)
            case ThinkingDelta() as first, ThinkingDelta() as second:
                estimate = _sum(first.estimated_tokens, second.estimated_tokens)
                joined = ThinkingDelta(first.thinking + second.thinking, estimate)
            case _:
                return None
        return ContentBlockDelta(self.index, joined)

    @property
    def __text__(self) -> str | None:
        delta = self.delta
        # Of a subclass it is not known to which part of the text its other fields belong; nor is it of an estimate.
        if self.__class__ is not ContentBlockDelta or delta.__class__ not in _TEXT:
            return None
        if delta.type == "text_delta":
            return delta.text
        if delta.type == "thinking_delta" and not isinstance(delta.estimated_tokens, int):
            return delta.thinking
        return None

    def __with_text__(self, text: str) -> ContentBlockDelta:
        match self.delta:
            case ThinkingDelta(estimated_tokens=nothing):
                return ContentBlockDelta(self.index, ThinkingDelta(text, nothing))
            case _:
                return ContentBlockDelta(self.index, TextDelta(text))


class ContentBlockStop(_Tagged, frozen=True, tag="content_block_stop", gc=False):
    """
    A content block is complete.
    """

    type: ClassVar[Literal["content_block_stop"]] = "content_block_stop"
    index: int


class MessageDelta(_Tagged, frozen=True, tag="message_delta"):
    """
    Why the message ends, and its usage.
    """

    type: ClassVar[Literal["message_delta"]] = "message_delta"
    delta: MessageChanges
    usage: Usage = _ABSENT
    context_management: Unknown | UnsetType | None = UNSET
    input_transformations: list[Unknown] | UnsetType | None = UNSET


class MessageStop(_Tagged, frozen=True, tag="message_stop", gc=False):
    """
    The message is complete.
    """

    type: ClassVar[Literal["message_stop"]] = "message_stop"


class Ping(_Tagged, frozen=True, tag="ping", gc=False):
    """
    The connection is alive.
    """

    type: ClassVar[Literal["ping"]] = "ping"


_KnownEvent: TypeAlias = (
    ContentBlockDelta
    | ContentBlockStart
    | ContentBlockStop
    | MessageStart
    | MessageDelta
    | MessageStop
    | Ping
)
Event: TypeAlias = _KnownEvent | Restarted | Unknown


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


AnyEvent: TypeAlias = Event | RawEvent
"""What the operators read."""


_TEXT = frozenset({TextDelta, InputJSONDelta, ThinkingDelta})


def _sum(a: int | UnsetType | None, b: int | UnsetType | None) -> int | UnsetType | None:
    """
    Two increments as one: a number counts, and null says more than nothing.
    """
    if isinstance(a, int) and isinstance(b, int):
        return a + b
    return next((each for each in (a, b) if isinstance(each, int)), None if a is None or b is None else UNSET)


# -- reading and writing -------------------------------------------------------------------------------------


READER: Reader[_KnownEvent] = Reader(_KnownEvent)


def decode(data: bytes | str) -> Event:
    """
    The event that a JSON text says.

    Raises:
        GrammarError: It is not JSON, has no `type`, or a known field's value has the wrong type.
    """
    return READER.decode(data)


def from_dict(mapping: Mapping[str, object]) -> Event:
    """
    The event that a JSON object says.

    Raises:
        GrammarError: It has no `type`, or a known field has a value of the wrong type.
    """
    return READER.convert(mapping)


@runtime_checkable
class _HasToDict(Protocol):
    def to_dict(self, *, mode: Literal["json"], warnings: bool) -> dict[str, object]: ...


def to_dict(event: object) -> dict[str, Any]:
    """
    The JSON object that an event was on the wire, as plain dicts and lists; also of the SDK's events.

    Raises:
        TypeError: It is no event.
    """
    if isinstance(event, Restarted):
        error = {"type": type(event.error).__name__, "message": str(event.error)}
        return {"type": event.type, "attempt": event.attempt, "error": error}
    if isinstance(event, (Struct, Mapping)):
        return cast("dict[str, Any]", msgspec.to_builtins(event))
    if isinstance(event, _HasToDict):
        return event.to_dict(mode="json", warnings=False)  # an unknown type inside is no reason to warn
    raise TypeError(f"{type(event).__name__} is no event: neither a struct, a mapping nor one of the SDK's")
