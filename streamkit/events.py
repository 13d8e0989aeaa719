"""
Claude's events, under the name by which programs know them.

They are defined in `_claude/protocol/`. Claude's operators also take events of other classes that have these fields, such as the
SDK's; an adapter tells how they are joined and cut (`_core/adapters.py`). Events of another shape need a source that
converts them.
"""

from __future__ import annotations

from msgspec import UNSET

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
from streamkit._claude.protocol.events import (
    AnyEvent,
    ContentBlockDelta,
    ContentBlockStart,
    ContentBlockStop,
    Event,
    Message,
    MessageChanges,
    MessageDelta,
    MessageStart,
    MessageStop,
    Ping,
    RawEvent,
    decode,
    from_dict,
    to_dict,
)
from streamkit._claude.protocol.kinds import ContentBlock, Delta
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
from streamkit._claude.protocol.usage import TotalUsage, Usage
from streamkit._core.facade import publish
from streamkit._core.items import Restarted

__all__ = [
    "UNSET",
    "AdvisorToolResultBlock",
    "AnyEvent",
    "BashCodeExecutionToolResultBlock",
    "CitationsDelta",
    "CodeExecutionToolResultBlock",
    "CompactionBlock",
    "CompactionDelta",
    "ContainerUploadBlock",
    "ContentBlock",
    "ContentBlockDelta",
    "ContentBlockStart",
    "ContentBlockStop",
    "Delta",
    "Event",
    "FallbackBlock",
    "InputJSONDelta",
    "MCPToolListingBlock",
    "MCPToolResultBlock",
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
    "TextEditorCodeExecutionToolResultBlock",
    "ThinkingBlock",
    "ThinkingDelta",
    "ToolSearchToolResultBlock",
    "ToolUseBlock",
    "TotalUsage",
    "Unknown",
    "Usage",
    "WebFetchToolResultBlock",
    "WebSearchToolResultBlock",
    "decode",
    "from_dict",
    "to_dict",
]

publish("streamkit", {"Restarted": Restarted})
publish(__name__, globals())
