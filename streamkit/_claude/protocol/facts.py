"""
What Claude's sources and operators add to the outcome and the report of a run, for type checkers.

At run time these come in by contribution, and the core knows nothing of them. Nothing here may import a module that
imports `_core/outcome.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anthropic.types import Message, MessageParam
    from anthropic.types.beta import BetaMessage

    from streamkit._claude.protocol.attempt import Attempt
    from streamkit._claude.protocol.figures import Meter
    from streamkit._claude.protocol.tool_call import ToolCall
    from streamkit._claude.protocol.usage import Usage

__all__ = ["OutcomeFacts", "ReportFacts"]


class OutcomeFacts:
    """
    What Claude's sources contribute to an outcome.

    Attributes:
        message: The last message, as far as it had arrived; None if none had begun.
        messages: All messages: of several turns, and of several streams in one run.
        history: The conversation so far, as the next request can send it: the messages that were asked, where this library has
            sent them, and the answer without what the API would refuse, such as a call or thinking that was cut.
        tool_calls: The calls of the caller's own tools whose input is complete.
        usage: What all messages together have cost.
        stop_reason: Why the last message ended.
        request_id: The API's id of the last request.
        attempts: Every request that was sent.
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
        def usage(self) -> Usage: ...
        @property
        def stop_reason(self) -> str | None: ...
        @property
        def request_id(self) -> str | None: ...
        @property
        def attempts(self) -> Sequence[Attempt]: ...


class ReportFacts:
    """
    What Claude's operators contribute to a report.

    Attributes:
        meter: The figures of `sk.meter()`, or None without one.
    """

    if TYPE_CHECKING:

        @property
        def meter(self) -> Meter | None: ...
