"""
The response that a `useChat` page reads, and the same for frameworks that take a generator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from streamkit._serving.ending import describe_end, describe_error, json_for
from streamkit._serving.framing import Framing, frames as framed
from streamkit._serving.response import FramedResponse, checked_silence, checked_stream
from streamkit.ui.ai_sdk._chunks import Chunks, chunks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from streamkit._core.algebra import Operator, Stream
    from streamkit._core.outcome import Outcome
    from streamkit.ui.ai_sdk._chunks import Version
    from streamkit.ui.ai_sdk._data import Chunk

__all__ = ["ChunkFraming", "Response", "frames"]


class Response(FramedResponse):
    """
    An ASGI response that shows a stream of Claude's events to a `useChat` page while it runs.

    It opens the run inside its own call, and closes it before that returns. When the page goes or stops the answer, the run is
    stopped, and its request to Claude is closed. A page that reads slowly slows the stream down; nothing is buffered. An error
    before the first byte has its own HTTP status, as in `sk.sse.Response`. After it an `error` tells it, in words that are safe
    to show. Where the run was stopped on this side, an `abort` says so. In both cases the metadata of the message has the `kind`
    of the end, the `stop_reason`, the `usage`, and the `error`.

    Args:
        stream: Claude's events, and what the application says itself, as `chunks()` takes them; or the chunks, where `chunks()`
            is in it already.
        version: As for `chunks()`.
        body: As for `chunks()`: the request that is answered.
        message_id: As for `chunks()`.
        wait_for_first: True waits for the first chunk before anything is sent, so that an error before it has its own status. A
            number waits that many seconds, and False does not wait: the response then begins with 200.
        heartbeat: Seconds of silence after which a comment is sent, so that no proxy closes the connection; None for never.
        status_code: The status where nothing has failed.
        headers: Further headers.
        background: Starlette's background task, which is run at the end.

    Raises:
        BadRequest: `body` is a text, and not that of a JSON object.
        TypeError: `stream` is not a stream, or a setting is of another type.
        ValueError: An unknown `version`; a number of seconds is not above 0, or not finite; a status without a body; a header
            that cannot be sent.
    """

    def __init__(
        self,
        stream: Stream[Any],
        *,
        version: Version = 7,
        body: Mapping[str, Any] | str | bytes | None = None,
        message_id: str | None = None,
        wait_for_first: bool | float = True,
        heartbeat: float | None = 15.0,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        background: Any = None,
    ) -> None:
        super().__init__(
            _as_chunks("ai_sdk.Response", stream, chunks(version=version, body=body, message_id=message_id)),
            ChunkFraming,
            name="ai_sdk.Response",
            wait_for_first=wait_for_first,
            heartbeat=heartbeat,
            status_code=status_code,
            headers=headers,
            background=background,
        )


def frames(
    stream: Stream[Any],
    *,
    version: Version = 7,
    body: Mapping[str, Any] | str | bytes | None = None,
    message_id: str | None = None,
    heartbeat: float | None = 15.0,
) -> AsyncGenerator[bytes, None]:
    """
    The same as bytes, for frameworks that send an async generator.

    The run begins with the first read and ends with the generator, wherever that is left. An error of the stream is told at the
    end, and is not raised; a bug is raised behind that. The response needs the content type `text/event-stream` and the header
    `x-vercel-ai-ui-message-stream: v1`.

    Args:
        stream: As for `Response`.
        version: As for `chunks()`.
        body: As for `chunks()`: the request that is answered.
        message_id: As for `chunks()`.
        heartbeat: Seconds of silence after which a comment is sent; None for never.

    Raises:
        BadRequest: `body` is a text, and not that of a JSON object.
        TypeError: `stream` is not a stream, or a setting is of another type.
        ValueError: An unknown `version`. A number of seconds is not above 0, or not finite.
    """
    shown = _as_chunks("ai_sdk.frames", stream, chunks(version=version, body=body, message_id=message_id))
    return framed(shown, ChunkFraming(), checked_silence("ai_sdk.frames", heartbeat))


def _as_chunks(name: str, stream: Stream[Any], shown: Operator[Any, Chunk]) -> Stream[Any]:
    given = checked_stream(name, stream)
    return given if any(stage.gives == Chunks.gives for stage in given.stages) else given | shown


class ChunkFraming(Framing):
    """
    Each chunk as one event, without a name.
    """

    media_type: ClassVar[str] = "text/event-stream"
    headers: ClassVar[Mapping[str, str]] = {"x-vercel-ai-ui-message-stream": "v1"}

    def __init__(self) -> None:
        self._begun = False
        self._finished = False

    def item(self, item: Any) -> bytes:
        self._begun = True
        if item.__class__ is dict and item.get("type") in _ENDS:
            self._finished = True
        try:
            return b"data: " + _JSON.strict(item) + b"\n\n"
        except (UnicodeEncodeError, RecursionError):  # half of a character, or what has no end
            return _frame(item)

    def end(self, outcome: Outcome) -> bytes:
        if self._finished or not self._begun:
            return _DONE
        return _frames(_metadata(describe_end(outcome)), {"type": "abort"})

    def failure(self, error: Exception, outcome: Outcome) -> bytes:
        told = describe_error(error)
        return _frames(
            _metadata({**describe_end(outcome), "error": told}),
            {"type": "error", "errorText": told["message"]},
        )


def _metadata(metadata: dict[str, Any]) -> Chunk:
    return {"type": "message-metadata", "messageMetadata": metadata}


def _frame(chunk: object) -> bytes:
    return b"data: " + _JSON.encode(chunk) + b"\n\n"


def _frames(*chunks_of_the_end: Chunk) -> bytes:
    return b"".join(map(_frame, chunks_of_the_end)) + _DONE


_JSON = json_for("ai_sdk.Response")
_ENDS = {"finish", "abort"}
_DONE = b"data: [DONE]\n\n"
