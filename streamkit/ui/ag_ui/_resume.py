"""
A client of AG-UI that comes in the middle of a run: what it gets first, and how it is served a run of a hub.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamkit._core.algebra import Operator
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.stage import pure
from streamkit._serving.catch_up import CatchUp, ToldAlready, joined, joining
from streamkit._serving.resuming import FIRST_RECORD, ResumedResponse
from streamkit.ui.ag_ui._conversation import Conversation
from streamkit.ui.ag_ui._events import Events, events
from streamkit.ui.ag_ui._response import Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamkit._core.algebra import Stream
    from streamkit._core.runtime.context import Context
    from streamkit._core.runtime.loop_spec import LoopSpec
    from streamkit.hub import Hub, Record
    from streamkit.ui.ag_ui._wire import WireEvent

__all__ = ["resume", "snapshot"]

_join: Final = joining(
    dict.fromkeys(("TEXT_MESSAGE_CONTENT", "REASONING_MESSAGE_CONTENT", "TOOL_CALL_ARGS"), "delta")
)


class _Shown(Events):
    """
    The step of `events()`, for a stream that may have gone through it already.
    """

    def __loop_spec__(self, name: str, context: Context | None, /) -> LoopSpec:
        return ToldAlready("RUN_STARTED", super().__loop_spec__(name, context)).step()


def snapshot(
    items: Iterable[Any], thread_id: str, run_id: str, *, messages: Iterable[object] | None = None
) -> list[WireEvent]:
    """
    The events that show what a stream has told so far to a client that has nothing of it: each message and each call begins once,
    and has all of its text in one event. What is open stays open, and the events that follow go on with it.

    Args:
        items: All items so far, as `events()` takes them; or all events of AG-UI, where `events()` has made them already.
        thread_id: As for `events()`.
        run_id: As for `events()`.
        messages: As for `events()`.

    Raises:
        TypeError: An id is not a string, or `messages` is something else; an item is none of those that `events()` takes.
        ValueError: An id is empty; a result answers no call.
    """
    events(thread_id, run_id)  # refuses ids that are none
    told = None if messages is None else Conversation(messages)
    step = _Shown(thread_id, run_id, messages=told).__loop_spec__("events", None)
    return [event for item in joined(items, _join) for event in step.call(item)]


@keyword_hints
def resume(
    hub: Hub,
    id: str,  # noqa: A002 -- the word for it
    last_event_id: str | None = None,
    *,
    thread_id: str | None = None,
    run_id: str | None = None,
    messages: Iterable[object] | None = None,
    finished: bool = True,
    wait: float = 0.0,
    heartbeat: float | None = 15.0,
    headers: Mapping[str, str] | None = None,
) -> ResumedResponse:
    """
    An ASGI response that shows a run of a hub to a client of AG-UI, at whatever time that comes: first what there is, as
    `snapshot` has it, and then what comes live.

    A client that goes ends nothing. The status is 204 where there is nothing to show, 400 where an id cannot be one, 404 where
    there is no such run.

    Args:
        hub: An open hub.
        id: The run's id, as the client has sent it. The run has Claude's events, and the results of tools; or events of AG-UI,
            where `events()` is in its stream.
        last_event_id: The id of the last record that the client has. One that has all of a run that has ended gets 204; any
            other gets all of it.
        thread_id: As for `events()`; by default the run's id.
        run_id: As for `events()`; by default the run's id.
        messages: As for `events()`. They are needed where the run may start over.
        finished: Whether a run that has ended is shown too. False answers 204 then, for a client that has its messages from
            elsewhere.
        wait: Seconds to wait for a run that is not there yet.
        heartbeat: As for `Response`.
        headers: As for `Response`.

    Raises:
        TypeError: A setting is of another type.
        ValueError: `thread_id` or `run_id` is empty; a number of seconds is below 0, or not finite; a header that cannot be sent.
    """
    told = None if messages is None else Conversation(messages)
    given = (thread_id, run_id)
    events(*("default" if name is None else name for name in given))  # refuses names that are none

    def respond(records: Stream[Record], until: int) -> Response:
        names = (id if name is None else name for name in given)
        shown: Operator[Any, WireEvent] = Operator(pure("events", _Shown, *names, messages=told))
        return Response(
            records | CatchUp(until, _join) | shown,
            wait_for_first=FIRST_RECORD,
            heartbeat=heartbeat,
            headers=headers,
        )

    return ResumedResponse(
        hub, id, last_event_id, respond, wait=wait, whole=True, finished=finished, name="ag_ui.resume"
    )
