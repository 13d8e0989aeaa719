"""
The table of kinds: which deltas, content blocks and events there are, and what follows from the type of each.

Everything else is derived from it: how events are decoded, accumulated, joined and cut, what `only` and `validate` know, what
can be taken back or continued, and what the SDK's stream helpers add. A new delta type is a class in `deltas.py` and a row in
`DELTAS`; a new block type is a class in `content_blocks.py` and a row in `BLOCKS`. Type checkers cannot read the table, so
`KnownDelta` and `KnownBlock` name the classes once more for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias, Union

from msgspec import Struct  # noqa: TC002 -- a dataclass's annotation

from streamkit._claude.protocol.codec import Unknown
from streamkit._claude.protocol.content_blocks import (
    CompactionBlock,
    ContainerUploadBlock,
    FallbackBlock,
    MCPToolListingBlock,
    MCPToolUseBlock,
    RedactedThinkingBlock,
    ServerToolUseBlock,
    TextBlock,
    ThinkingBlock,
    ToolUseBlock,
)
from streamkit._claude.protocol.deltas import (
    CitationsDelta,
    CompactionDelta,
    InputJSONDelta,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
)
from streamkit._claude.protocol.result_blocks import (
    AdvisorToolResultBlock,
    BashCodeExecutionToolResultBlock,
    CodeExecutionToolResultBlock,
    MCPToolResultBlock,
    TextEditorCodeExecutionToolResultBlock,
    ToolSearchToolResultBlock,
    WebFetchToolResultBlock,
    WebSearchToolResultBlock,
)

__all__ = [
    "APPLICATION_TOOLS",
    "BLOCKS",
    "DELTAS",
    "EVENTS",
    "FILLED_BY_DELTAS",
    "MADE_UP",
    "MADE_UP_FIELDS",
    "SERVER_TOOLS",
    "THINKING",
    "TOOLS",
    "Adds",
    "BlockKind",
    "ContentBlock",
    "Delta",
    "DeltaKind",
    "EventKind",
    "KnownBlock",
    "KnownDelta",
    "arrives_whole",
    "fields_for",
    "fits",
    "start_of",
]

# -- blocks --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BlockKind:
    """
    What is known of a type of content block. One that no delta in `DELTAS` fits arrives whole in its `content_block_start`.

    Attributes:
        cls: Its class, which has its type on the wire.
        empty: What its fields are as it begins, for a gateway that leaves them out, or all of `content_block_start`.
        tool: Whose tool it calls; None if it does not call one.
        is_thinking: Whether it is the model's thinking, which is not shown to the model again.
    """

    cls: type[Struct]
    empty: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tool: Literal["application", "server"] | None = None
    is_thinking: bool = False

    @property
    def name(self) -> str:
        """
        Its type on the wire.
        """
        return str(self.cls.__struct_config__.tag)


BLOCKS: Final = {
    kind.name: kind
    for kind in (
        BlockKind(TextBlock, empty={"text": ""}),
        BlockKind(ThinkingBlock, empty={"thinking": ""}, is_thinking=True),
        BlockKind(RedactedThinkingBlock, is_thinking=True),
        BlockKind(ToolUseBlock, empty={"input": {}}, tool="application"),
        BlockKind(ServerToolUseBlock, empty={"input": {}}, tool="server"),
        BlockKind(MCPToolUseBlock, empty={"input": {}}, tool="server"),
        BlockKind(CompactionBlock),
        BlockKind(WebSearchToolResultBlock),
        BlockKind(WebFetchToolResultBlock),
        BlockKind(CodeExecutionToolResultBlock),
        BlockKind(BashCodeExecutionToolResultBlock),
        BlockKind(TextEditorCodeExecutionToolResultBlock),
        BlockKind(ToolSearchToolResultBlock),
        BlockKind(AdvisorToolResultBlock),
        BlockKind(MCPToolResultBlock),
        BlockKind(MCPToolListingBlock),
        BlockKind(ContainerUploadBlock),
        BlockKind(FallbackBlock),
    )
}
"""The known types of block."""

TOOLS: Final = frozenset(kind.name for kind in BLOCKS.values() if kind.tool)
APPLICATION_TOOLS: Final = frozenset(kind.name for kind in BLOCKS.values() if kind.tool == "application")
SERVER_TOOLS: Final = frozenset(kind.name for kind in BLOCKS.values() if kind.tool == "server")
THINKING: Final = frozenset(kind.name for kind in BLOCKS.values() if kind.is_thinking)

# -- deltas --------------------------------------------------------------------------------------------------


class Adds(NamedTuple):
    """
    What a field of a delta adds to its block.

    Attributes:
        how: `"text"` is appended to the block's field; `"json"` is appended to the JSON text of the block's field; `"value"`
            replaces the block's field, which is null until then; `"item"` is one more in the list that the block's field is;
            `"count"` adds nothing to the block, but joined deltas add it up.
        into: The block's field; empty for a count.
    """

    how: Literal["text", "json", "value", "item", "count"]
    into: str = ""


@dataclass(frozen=True, slots=True)
class DeltaKind:
    """
    What is known of a type of delta.

    Attributes:
        cls: Its class, which has its type on the wire.
        fits: The types of block that it may stand in.
        fields: What each of its fields adds to the block.
        made_up: The event that the SDK's `messages.stream()` makes of it besides, which would double it.
        misplaced: What becomes of one that was sent for a block which it does not fit: `"own"`, it begins a block of its own
            beside that one; `"lacking"`, it goes into the one block that lacks it, if there is just one; `"kept"`, it belongs to
            no block.
    """

    cls: type[Struct]
    fits: frozenset[str]
    fields: Mapping[str, Adds]
    made_up: str
    misplaced: Literal["own", "lacking", "kept"] = "kept"

    @property
    def name(self) -> str:
        """
        Its type on the wire.
        """
        return str(self.cls.__struct_config__.tag)


DELTAS: Final = {
    kind.name: kind
    for kind in (
        DeltaKind(
            TextDelta,
            fits=frozenset({"text"}),
            fields={"text": Adds("text", "text")},
            made_up="text",
            misplaced="own",
        ),
        DeltaKind(
            InputJSONDelta,
            fits=TOOLS,
            fields={"partial_json": Adds("json", "input")},
            made_up="input_json",
            misplaced="lacking",
        ),
        DeltaKind(
            ThinkingDelta,
            fits=frozenset({"thinking"}),
            fields={"thinking": Adds("text", "thinking"), "estimated_tokens": Adds("count")},
            made_up="thinking",
        ),
        DeltaKind(
            SignatureDelta,
            fits=frozenset({"thinking"}),
            fields={"signature": Adds("value", "signature")},
            made_up="signature",
            misplaced="lacking",
        ),
        DeltaKind(
            CitationsDelta,
            fits=frozenset({"text"}),
            fields={"citation": Adds("item", "citations")},
            made_up="citation",
        ),
        DeltaKind(
            CompactionDelta,
            fits=frozenset({"compaction"}),
            fields={
                "content": Adds("text", "content"),
                "encrypted_content": Adds("value", "encrypted_content"),
            },
            made_up="compaction",
        ),
    )
}
"""The known types of delta."""

FILLED_BY_DELTAS: Final = frozenset[str]().union(*(kind.fits for kind in DELTAS.values()))
"""The types of block that some delta fits."""

# -- events --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EventKind:
    """
    What is known of a type of event. Its class is in `events.py`.

    Attributes:
        name: Its type on the wire.
        is_content: Whether it says something of a content block.
        made_up_field: What the SDK's `messages.stream()` adds to it.
    """

    name: str
    is_content: bool = False
    made_up_field: str | None = None


EVENTS: Final = {
    kind.name: kind
    for kind in (
        EventKind("message_start"),
        EventKind("content_block_start", is_content=True),
        EventKind("content_block_delta", is_content=True),
        EventKind("content_block_stop", is_content=True, made_up_field="content_block"),
        EventKind("message_delta"),
        EventKind("message_stop", made_up_field="message"),
        EventKind("ping"),
    )
}
"""The known types of event."""

MADE_UP: Final = frozenset(kind.made_up for kind in DELTAS.values())
"""What the SDK's `messages.stream()` says besides the wire's events."""

MADE_UP_FIELDS: Final = {kind.name: kind.made_up_field for kind in EVENTS.values() if kind.made_up_field}
"""What it adds to the wire's events, by their type."""

# -- unions --------------------------------------------------------------------------------------------------

if TYPE_CHECKING:
    KnownDelta: TypeAlias = (
        TextDelta | InputJSONDelta | ThinkingDelta | SignatureDelta | CitationsDelta | CompactionDelta
    )
    KnownBlock: TypeAlias = (
        TextBlock
        | ThinkingBlock
        | RedactedThinkingBlock
        | ToolUseBlock
        | ServerToolUseBlock
        | MCPToolUseBlock
        | CompactionBlock
        | WebSearchToolResultBlock
        | WebFetchToolResultBlock
        | CodeExecutionToolResultBlock
        | BashCodeExecutionToolResultBlock
        | TextEditorCodeExecutionToolResultBlock
        | ToolSearchToolResultBlock
        | AdvisorToolResultBlock
        | MCPToolResultBlock
        | MCPToolListingBlock
        | ContainerUploadBlock
        | FallbackBlock
    )
else:
    KnownDelta = Union[tuple(kind.cls for kind in DELTAS.values())]  # noqa: UP007 -- of computed classes
    KnownBlock = Union[tuple(kind.cls for kind in BLOCKS.values())]  # noqa: UP007 -- of computed classes

Delta: TypeAlias = KnownDelta | Unknown
ContentBlock: TypeAlias = KnownBlock | Unknown

# -- what is derived -----------------------------------------------------------------------------------------


def arrives_whole(block_type: str) -> bool:
    """
    Whether a block of this type is known to be complete in its `content_block_start`. A tool's result is, also a new one.
    """
    return block_type.endswith("_result") or (block_type in BLOCKS and block_type not in FILLED_BY_DELTAS)


def fits(delta_type: str, block_type: str) -> bool:
    """
    Whether a delta may stand in a block. Of a type that is not known here, of either, everything is believed.
    """
    kind = DELTAS.get(delta_type)
    return kind is None or block_type in kind.fits or not (block_type in BLOCKS or arrives_whole(block_type))


def start_of(delta_type: str) -> dict[str, Any] | None:
    """
    The block that a delta must have been sent for, as it begins, where its `content_block_start` was left out; None where
    nobody can tell: a tool call without a name is not a call.
    """
    kind = DELTAS.get(delta_type)
    if kind is None:
        return None
    starts = [{"type": each, **BLOCKS[each].empty} for each in kind.fits if BLOCKS[each].tool is None]
    return starts[0] if len(starts) == 1 else None


def fields_for(block_type: str) -> Mapping[str, Adds]:
    """
    What a field that has come in a delta of the wrong type adds to a block of this type, by the field's name.
    """
    return _FIELDS_FOR.get(block_type, {})


_FIELDS_FOR = {
    name: {
        field: adds for kind in DELTAS.values() if name in kind.fits for field, adds in kind.fields.items()
    }
    for name in FILLED_BY_DELTAS
}
