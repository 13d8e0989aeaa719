"""
The operator from Claude's events to AG-UI events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from streamkit._core.algebra import Operator
from streamkit._core.runtime.loop_spec import LoopSpec
from streamkit._core.stage import pure
from streamkit.ui.ag_ui._conversation import Conversation
from streamkit.ui.ag_ui._run import Run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamkit._core.runtime.context import Context

__all__ = ["events"]


def events(
    thread_id: str, run_id: str, *, messages: Iterable[object] | None = None
) -> Operator[Any, dict[str, Any]]:
    """
    The events of an AG-UI run, as dicts in wire form, from Claude's events and the results of tools.

    The stream is one run, of one message of Claude's or of several; each is a step. A block of thinking is a reasoning message,
    with its signature as the encrypted value. Text, and the calls behind it, are an assistant message. What a tool of Anthropic's
    or of an MCP server has given is a tool message, and so is the result of a tool of your own: put into the stream the
    `tool_result` block that `call.result()` makes, or the user message with it. AG-UI events of your own that open and close
    nothing (`STATE_SNAPSHOT`, `STATE_DELTA`, `ACTIVITY_SNAPSHOT`, `ACTIVITY_DELTA`, `MESSAGES_SNAPSHOT`, `CUSTOM`, `RAW`) pass
    through, as dicts or as models of `ag_ui.core`.

    The dicts take a tenth of the time that the models of `ag_ui.core` take. `TypeAdapter(ag_ui.core.Event)` makes models of them.

    In the diagram each character of the upper line is an event of Claude's: `M` begins its message and `S` ends it.

        MTa-bE-DS|
        events("t", "r") | map(kind)
        (AB)-(CD)-D---(EF)(G|)

        A = "RUN_STARTED"
        B = "STEP_STARTED"
        C = "TEXT_MESSAGE_START"
        D = "TEXT_MESSAGE_CONTENT"
        E = "TEXT_MESSAGE_END"
        F = "STEP_FINISHED"
        G = "RUN_FINISHED"

    Args:
        thread_id: The conversation: `run_input.thread_id`.
        run_id: The run: `run_input.run_id`.
        messages: The messages that the client has: `run_input.messages`. They are needed where the stream may start over,
            because the client is then told all messages that still count. A result whose call is in one of them is known by it.

    Raises:
        TypeError: An id is not a string, or `messages` is something else. Later: an item is none of these.
        ValueError: An id is empty. Later: a result answers no call.

    Emits: `RUN_STARTED`; the events of each message; at the end `RUN_FINISHED` with the outcome and the usage. The outcome is
        `cancelled` where the stream was ended inside a message. At a `Restarted` what is open is closed, and a
        `MESSAGES_SNAPSHOT` follows.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream, and then says nothing: `ag_ui.Response` sends the `RUN_ERROR`. With a `GrammarError` where a message
        begins inside another.
    Cancels: at once.
    Memory: the ids of the run, the input of one message's calls, and `messages`.
    """
    for name, value in (("thread_id", thread_id), ("run_id", run_id)):
        if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"events() needs {name} as a str, not {type(value).__name__}")
        if not value:
            raise ValueError(f"events() needs a {name}, and this one is empty")
    if messages is None:
        return Operator(pure("events", Events, thread_id, run_id))
    return Operator(pure("events", Events, thread_id, run_id, messages=Conversation(messages)))


class Events:
    """
    The step of `events()` in one run.
    """

    takes: ClassVar[str] = "events"
    gives: ClassVar[str] = "AG-UI events"

    def __init__(self, thread_id: str, run_id: str, *, messages: Conversation | None = None) -> None:
        self._thread_id = thread_id
        self._run_id = run_id
        self._messages = messages

    def __loop_spec__(self, name: str, context: Context | None, /) -> LoopSpec:
        run = Run(self._thread_id, self._run_id, self._messages)
        return LoopSpec(
            name,
            "feed",
            run.feed,
            flush=run.finish,
            expands=True,
            takes_restarts=True,
            hides_restarts=self._messages is None,
            restart_remedy="events(…, messages=run_input.messages)",
            memory="the ids of the run, and the input of one message's calls",
        )
