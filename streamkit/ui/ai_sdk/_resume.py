"""
A `useChat` page that comes in the middle of an answer: what it gets first, and how it is served a run of a hub.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamkit._core.algebra import Operator
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.stage import pure
from streamkit._serving.catch_up import CatchUp, ToldAlready, joined, joining
from streamkit._serving.resuming import FIRST_RECORD, ResumedResponse
from streamkit.ui.ai_sdk._chunks import Chunks
from streamkit.ui.ai_sdk._response import Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamkit._core.algebra import Stream
    from streamkit._core.runtime.context import Context
    from streamkit._core.runtime.loop_spec import LoopSpec
    from streamkit.hub import Hub, Record
    from streamkit.ui.ai_sdk._chunks import Version
    from streamkit.ui.ai_sdk._data import Chunk

__all__ = ["resume", "snapshot"]

_join: Final = joining(
    {"text-delta": "delta", "reasoning-delta": "delta", "tool-input-delta": "inputTextDelta"}
)


class _Shown(Chunks):
    """
    The step of `chunks()`, for a stream that may have gone through it already.
    """

    def __loop_spec__(self, name: str, context: Context | None, /) -> LoopSpec:
        return ToldAlready("start", super().__loop_spec__(name, context)).step()


def snapshot(items: Iterable[Any], *, version: Version = 7, message_id: str | None = None) -> list[Chunk]:
    """
    The chunks that show what a stream has told so far to a page that has nothing of it: each part begins once, and has all of its
    text in one delta. What is open stays open, and the chunks that follow go on with it.

    Args:
        items: All items so far, as `chunks()` takes them; or all chunks, where `chunks()` has made them already.
        version: As for `chunks()`.
        message_id: As for `chunks()`.

    Raises:
        TypeError: An item is neither an event nor something that can be sent.
    """
    step = _Shown(version=version, message_id=message_id).__loop_spec__("chunks", None)
    return [chunk for item in joined(items, _join) for chunk in step.call(item)]


@keyword_hints
def resume(
    hub: Hub,
    id: str,  # noqa: A002 -- the word for it
    last_event_id: str | None = None,
    *,
    version: Version = 7,
    message_id: str | None = None,
    finished: bool = True,
    wait: float = 0.0,
    heartbeat: float | None = 15.0,
    headers: Mapping[str, str] | None = None,
) -> ResumedResponse:
    """
    An ASGI response that shows a run of a hub to a `useChat` page, at whatever time that comes: first what there is, as
    `snapshot` has it, and then what comes live. It is for `useChat({resume: true})`, whose page has the messages before this one.

    A page that goes ends nothing. The status is 204 where there is nothing to show, 400 where an id cannot be one, 404 where
    there is no such run.

    Args:
        hub: An open hub.
        id: The run's id, as the client has sent it. The run has Claude's events, and what the application says itself; or the
            chunks, where `chunks()` is in its stream.
        last_event_id: The id of the last record that the page has. One that has all of a run that has ended gets 204; any other
            gets all of it.
        version: As for `chunks()`.
        message_id: As for `chunks()`.
        finished: Whether a run that has ended is shown too. False answers 204 then, for a page that has its message from
            elsewhere: it would have it twice.
        wait: Seconds to wait for a run that is not there yet.
        heartbeat: As for `Response`.
        headers: As for `Response`.

    Raises:
        TypeError: A setting is of another type.
        ValueError: An unknown `version`; a number of seconds is below 0, or not finite; a header that cannot be sent.
    """
    shown: Operator[Any, Chunk] = Operator(pure("chunks", _Shown, version=version, message_id=message_id))

    def respond(records: Stream[Record], until: int) -> Response:
        return Response(
            records | CatchUp(until, _join) | shown,
            version=version,
            wait_for_first=FIRST_RECORD,
            heartbeat=heartbeat,
            headers=headers,
        )

    return ResumedResponse(
        hub, id, last_event_id, respond, wait=wait, whole=True, finished=finished, name="ai_sdk.resume"
    )
