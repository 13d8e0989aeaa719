"""
A streamed message: a reply written as content blocks, with the events that the API sends for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from streamkit._core.naming import value_text
from streamkit.testing._fake_claude.blocks import Block
from streamkit.testing._fake_claude.faults.ends import Fault, check_order, is_end
from streamkit.testing._fake_claude.faults.error_event import ErrorEvent
from streamkit.testing._fake_claude.faults.wire import Pause, WireFault
from streamkit.testing._fake_claude.frames import event
from streamkit.testing._fake_claude.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamkit.testing._fake_claude.faults.wire import Step

__all__ = ["Content", "reply"]

__tracebackhide__ = True  # pytest shows the lines of the test, and those of this file with --full-trace

Content: TypeAlias = Block | Mapping[str, object] | Fault
"""
A content block, one that arrives whole in its `content_block_start` (a mapping), or a fault between blocks.
"""

End: TypeAlias = Literal["message_stop", "message_delta", "content"]

ID_PREFIX: Final[Mapping[str, str]] = {"server_tool_use": "srvtoolu_", "mcp_tool_use": "mcptoolu_"}


def reply(
    *content: Content,
    model: str = "claude-sonnet-5",
    id: str | None = None,  # noqa: A002 -- the API's own word for it
    stop_reason: str | None = None,
    stop_sequence: str | None = None,
    stop_details: Mapping[str, object] | None = None,
    input_tokens: int = 10,
    output_tokens: int | None = None,
    usage: Mapping[str, object] | None = None,
    end: End = "message_stop",
    pace: float = 0.0,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """
    A message, as the API streams it; a request without `stream=True` gets it whole.

    The same arguments always give the same bytes, ids included.

    Args:
        content: The blocks, with faults between them. A mapping is a block that arrives whole.
        model: The model that answers.
        id: The message's id; by default one made from the content.
        stop_reason: By default `"tool_use"` if there is a call of the application's tools, else `"end_turn"`.
        stop_sequence: The sequence that ended the message, for `stop_reason="stop_sequence"`.
        stop_details: Why, for `stop_reason="refusal"`.
        input_tokens: Usage in `message_start` and `message_delta`.
        output_tokens: Usage in `message_delta`, where it is cumulative; by default one for each delta.
        usage: More usage fields for `message_start`, or in place of its own. Its counts of input are in `message_delta` too.
        end: The last event that is sent: `"message_delta"` leaves out `message_stop`; `"content"` leaves out
            both, so the message is truncated.
        pace: Seconds between two events.
        headers: HTTP headers to add.

    Raises:
        ValueError: Something stands after an end (`Stall()`, `Drop()`, endless `Pings`, `ErrorEvent()`), or an
            unknown `end`.
    """
    if end not in {"message_stop", "message_delta", "content"}:
        raise ValueError(f"end={end!r}: give 'message_stop', 'message_delta' or 'content'")
    check_order(map(last_part, content))
    digest = sha256(repr((model, content)).encode()).hexdigest()
    tokens: dict[str, object] = {
        "input_tokens": input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }
    told = usage or {}
    tokens |= {name: told[name] for name in tokens.keys() & told.keys()}  # `message_delta` tells totals
    start: dict[str, Any] = {
        "type": "message_start",
        "message": {
            "id": id or f"msg_{digest[:24]}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
            "usage": {**tokens, "output_tokens": 1, "service_tier": "standard", **told},
        },
    }
    parts: list[Mapping[str, object] | Fault] = [start, *content_events(content, digest)]
    written = sum(1 for part in parts if isinstance(part, Mapping) and part["type"] == "content_block_delta")
    calls = any(isinstance(block, Block) and block.start["type"] == "tool_use" for block in content)
    if end != "content":
        delta: dict[str, object] = {
            "stop_reason": stop_reason or ("tool_use" if calls else "end_turn"),
            "stop_sequence": stop_sequence,
            "stop_details": stop_details,
        }
        total = {**tokens, "output_tokens": max(1, written) if output_tokens is None else output_tokens}
        parts.append({"type": "message_delta", "delta": delta, "usage": total})
    if end == "message_stop":
        parts.append({"type": "message_stop"})
    return Reply(list(steps(parts, pace)), headers=headers or {})


def last_part(part: Content) -> object:
    """
    What is sent last for a part of the content: the last delta of a block that has any.
    """
    return part.deltas[-1] if isinstance(part, Block) and part.deltas else part


def content_events(content: tuple[Content, ...], digest: str) -> Iterator[Mapping[str, object] | Fault]:
    """
    The events of the blocks, numbered; faults stay where they are.
    """
    index = 0
    for part in content:
        if isinstance(part, Fault):
            yield part
            continue
        if isinstance(part, str):
            raise TypeError(f"reply() takes blocks: write reply(text({str(part)[:20]!r}))")
        if not isinstance(part, Block | Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(
                f"reply() takes blocks, such as text(…) and tool_use(…), and faults, not {value_text(part)}"
            )
        block = part if isinstance(part, Block) else Block(part)
        start = dict(block.start)
        if "id" in start and start["id"] is None:
            prefix = ID_PREFIX.get(str(start["type"]), "toolu_")
            start["id"] = prefix + sha256(f"{digest}{index}".encode()).hexdigest()[:24]
        yield {"type": "content_block_start", "index": index, "content_block": start}
        for delta in block.deltas:
            if isinstance(delta, Fault):
                yield delta
            else:
                yield {"type": "content_block_delta", "index": index, "delta": delta}
        if block.closed:
            yield {"type": "content_block_stop", "index": index}
        index += 1


def steps(parts: list[Mapping[str, object] | Fault], pace: float) -> Iterator[Step]:
    """
    The events as frames, `pace` seconds apart, up to the first end.
    """
    for position, part in enumerate(parts):
        if pace and position and not isinstance(part, WireFault):
            yield Pause(pace)
        yield (
            event(part) if isinstance(part, Mapping) else part.frame if isinstance(part, ErrorEvent) else part
        )
        if is_end(part):
            return
