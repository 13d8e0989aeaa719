"""
What Claude's sources and operators add to the outcome and the report of a run, for type checkers.

At run time these come in by contribution, and the core knows nothing of them. Nothing here may import a module that
imports `_core/outcome.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anthropic.types import Message, MessageParam
    from anthropic.types.beta import BetaMessage

    from streamkit._claude.protocol.attempt import Attempt
    from streamkit._claude.protocol.figures import Meter
    from streamkit._claude.protocol.tool_call import ToolCall
    from streamkit._claude.protocol.usage import TotalUsage

__all__ = ["OutcomeFacts", "ReportFacts"]


class OutcomeFacts:
    """
    What Claude's sources contribute to an outcome.

    Attributes:
        message: The last message, as far as it had arrived; None if none had begun.
        messages: All messages: of several turns, and of several streams in one run.
        history: The conversation so far, as the next request can send it: the messages that were asked, where a request was
            seen, and the answer without what the API would refuse, such as a call or thinking that was cut.
        tool_calls: The calls of the caller's own tools whose input is complete.
        parsed: The answer as an instance of the model that was given as `output_format`; None without one, and where the answer
            is not whole. Asking raises pydantic's `ValidationError` where it does not fit. Its type is `Any`, because a stream
            is typed by its items, and an operator behind the source changes those: say the type where you keep it, as in
            `river: River | None = run.outcome.parsed`.
        usage: What the messages of the answer have used together. What was given up and asked for again is not in it.
        turns: What each message of the answer has used, in their order: in a tool loop, each turn.
        usage_by_model: What each model has used in all requests, by its name as the API tells it: also in those that were given
            up or lost a race, as an advisor, and before another model took over. It is what a run costs, at the prices of each.
        stop_reason: Why the last message ended.
        model: The model that answered last: where one took over from another (a `fallback` block, or `usage.iterations`), that
            one. None if nobody has told.
        request_id: The API's id of the last request.
        attempts: Every request that was sent.
        oddities: What did not fit and was forgiven, and how often; empty where all was as documented. A key is the place of a
            value that was missing or of the wrong type, such as `"content_block_delta.delta.text"`, or one of
            `"skipped_frame"` (not an event, such as `[DONE]`), `"joined_frames"` (events without a blank line between them),
            `"cut_frame"` (cut, with another message behind it), `"call_id"` (a call without an id, or under another's),
            `"repeated_start"` (the same `message_start` again), `"late_start"` (behind content), `"missing_start"`, `"number"`
            (NaN and its like), and `"after_end"` (what comes too late, behind a whole message).
    """

    if TYPE_CHECKING:

        @property
        def message(self) -> Message | BetaMessage | None: ...
        @property
        def messages(self) -> Sequence[Message | BetaMessage]: ...
        @property
        def history(self) -> list[MessageParam]: ...
        @property
        def tool_calls(self) -> Sequence[ToolCall]: ...
        @property
        def parsed(self) -> Any: ...
        @property
        def usage(self) -> TotalUsage: ...
        @property
        def turns(self) -> Sequence[TotalUsage]: ...
        @property
        def usage_by_model(self) -> Mapping[str, TotalUsage]: ...
        @property
        def stop_reason(self) -> str | None: ...
        @property
        def model(self) -> str | None: ...
        @property
        def request_id(self) -> str | None: ...
        @property
        def attempts(self) -> Sequence[Attempt]: ...
        @property
        def oddities(self) -> Mapping[str, int]: ...


class ReportFacts:
    """
    What Claude's operators contribute to a report.

    Attributes:
        meter: The figures of `sk.meter()`, or None without one.
    """

    if TYPE_CHECKING:

        @property
        def meter(self) -> Meter | None: ...
