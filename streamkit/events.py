"""
Claude's events, under the name by which programs know them.
"""

from __future__ import annotations

from msgspec import UNSET as UNSET

from streamkit._claude.protocol.codec import Unknown as Unknown
from streamkit._claude.protocol.content_blocks import (
    CompactionBlock as CompactionBlock,
    MCPToolUseBlock as MCPToolUseBlock,
    RedactedThinkingBlock as RedactedThinkingBlock,
    ServerToolUseBlock as ServerToolUseBlock,
    TextBlock as TextBlock,
    ThinkingBlock as ThinkingBlock,
    ToolUseBlock as ToolUseBlock,
)
from streamkit._claude.protocol.deltas import (
    CitationsDelta as CitationsDelta,
    CompactionDelta as CompactionDelta,
    InputJSONDelta as InputJSONDelta,
    SignatureDelta as SignatureDelta,
    TextDelta as TextDelta,
    ThinkingDelta as ThinkingDelta,
)
from streamkit._claude.protocol.events import (
    AnyEvent as AnyEvent,
    ContentBlockDelta as ContentBlockDelta,
    ContentBlockStart as ContentBlockStart,
    ContentBlockStop as ContentBlockStop,
    Event as Event,
    Message as Message,
    MessageChanges as MessageChanges,
    MessageDelta as MessageDelta,
    MessageStart as MessageStart,
    MessageStop as MessageStop,
    Ping as Ping,
    RawEvent as RawEvent,
    decode as decode,
    from_dict as from_dict,
    to_dict as to_dict,
)
from streamkit._claude.protocol.kinds import ContentBlock as ContentBlock, Delta as Delta
from streamkit._claude.protocol.usage import Usage as Usage
from streamkit._core.naming import publish
from streamkit._core.restart import Restarted as Restarted

publish("streamkit", {"Restarted": Restarted})

__all__ = publish(__name__, globals())
