"""
Chunks: a stream of Claude's events as the AI SDK's UI message stream has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, cast, get_args

from streamkit._claude.protocol.events import ContentBlockDelta
from streamkit._core.algebra import Operator
from streamkit._core.items import ORDINARY, is_restart
from streamkit._core.runtime.loop_spec import LoopSpec
from streamkit._core.stage import pure
from streamkit._serving.request import json_object
from streamkit.ui.ai_sdk._answer import Answer
from streamkit.ui.ai_sdk._continued import Continued
from streamkit.ui.ai_sdk._data import Data, own_chunk
from streamkit.ui.ai_sdk._tool_chunks import result_block, tool_result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamkit._core.runtime.context import Context
    from streamkit.ui.ai_sdk._data import Chunk

__all__ = ["Chunks", "Version", "chunks"]

Version = Literal[6, 7]

_NO_HALF: Final = "\ud7ff"
"""A text whose last character is not above this one does not end in half of a pair."""


def chunks(
    *,
    version: Version = 7,
    body: Mapping[str, Any] | str | bytes | None = None,
    message_id: str | None = None,
) -> Operator[Any, Chunk]:
    """
    The chunks of the AI SDK's UI message stream that show an answer of Claude's: what `useChat` reads.

    A text is a `text-start`, deltas and a `text-end`, a thought the same with `reasoning-`, and its signature is in the
    `providerMetadata` of its end. A call is a `tool-input-start`, deltas, and `tool-input-available`, or `tool-input-error` where
    its input cannot be executed. What Anthropic and MCP servers run is `providerExecuted`, and its results are
    `tool-output-available` or `tool-output-error`, with the content as the API has it. Citations are `source-url` and
    `source-document`. Any other block is a `custom` part of the kind `anthropic.TYPE`, or for version 6 a `data-anthropic-block`.

    Each message is a step; one in which the API has paused goes on in the same step. `finish` tells the finish reason, and in its
    `messageMetadata` the `usage`, the `stop_reason` and the `model`. Where the stream is ended inside a message, as `take_until`
    does, the last chunk is an `abort`.

    The stream may also have, between events, what an application says itself: `tool_result` blocks, such as `ToolCall.result()`
    makes, which become the output of their call; `Data`, and dicts that are such chunks already.

    Where the stream starts over, the page takes back what it shows of the step (`reset-step`). Clients of version 6 cannot. For
    them a new message begins, with a part `data-restarted` at its beginning: what their page shows before that is void.

    In the diagram each character of the upper line is an event: `a` and `b` are deltas of text. `H` is the `finish`.

        MTabEDS|
        chunks()
        (AB)CdeF--(GH|)

        A = {"type": "start", "messageId": "msg_1"}
        B = {"type": "start-step"}
        C = {"type": "text-start", "id": "1-0"}
        d = {"type": "text-delta", "id": "1-0", "delta": "a"}
        e = {"type": "text-delta", "id": "1-0", "delta": "b"}
        F = {"type": "text-end", "id": "1-0"}
        G = {"type": "finish-step"}

    Args:
        version: The major version of the npm package `ai` in the page. 7 is for 7.0.70 and later, 6 for older ones, back to
            6.0.0.
        body: The request that is answered, as it came from `useChat`, or its JSON text. Where it ends with an assistant's
            message, to which a call's output or an approval has been added, the answer goes on with that message. Without it the
            answer is a message of its own.
        message_id: The id of the message in the page. By default it is the one that `body` goes on with, or else Claude's.

    Raises:
        ValueError: An unknown `version`.
        BadRequest: `body` is a text, and not that of a JSON object.
        TypeError: `body` or `message_id` is something else. While running: an item is neither an event nor something that can be
            sent.

    Emits: a dict for each chunk, ready for JSON.
    Backpressure: none of its own.
    Completes: with its upstream, after `finish` or `abort`.
    Fails: with its upstream, after the ends of the parts that are open; with a `GrammarError` where a message begins inside
        another.
    Cancels: at once.
    Memory: the open blocks, and one message's calls.
    """
    if body is not None and not isinstance(body, Mapping | str | bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"chunks() needs body= as the JSON object of the request or its text, not {type(body).__name__}"
        )
    given = {
        "version": (version, 7),
        "body": (Continued(json_object(body)) if body is not None else None, None),
        "message_id": (message_id, None),
    }
    return Operator(
        pure("chunks", Chunks, **{name: value for name, (value, usual) in given.items() if value != usual})
    )


class Chunks:
    """
    The step of `chunks()` in one run.
    """

    takes: ClassVar[str] = ""  # events, and what an application says itself
    gives: ClassVar[str] = "chunks of the AI SDK"

    def __init__(
        self,
        *,
        version: Version = 7,
        body: Continued | None = None,
        message_id: str | None = None,
    ) -> None:
        if version not in get_args(Version):
            raise ValueError(
                f"version must be 6 or 7, the major version of the npm package ai, not {version!r}"
            )
        if message_id is not None and not isinstance(message_id, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"chunks() needs message_id= as a str, not {message_id!r}")
        self._version: Version = version
        self._continued = body
        self._message_id = message_id

    def __loop_spec__(self, name: str, context: Context | None, /) -> LoopSpec:
        answer = Answer(self._version, self._continued, self._message_id)
        return LoopSpec(
            name,
            "feed",
            _for_each(answer),
            flush=answer.finish,
            rescue=answer.break_off,
            expands=True,
            takes_restarts=True,
            memory="the open blocks, and one message's calls",
        )


def _for_each(answer: Answer) -> Callable[[Any], Iterable[Chunk]]:
    """
    The function of one item. Nearly all are pieces of text, so these are read in it, without another call.
    """
    parts = answer.parts

    def feed(item: Any) -> Iterable[Chunk]:
        if item.__class__ is ContentBlockDelta and (part := parts.get(item.index)) is not None:
            delta = item.delta
            if delta.__class__ is part.takes and not part.whole.half:
                piece: str = getattr(delta, part.field)
                if piece.isascii() or piece[-1] <= _NO_HALF:
                    if not piece:
                        return ()
                    if part.input is not None:
                        part.input.write(piece)
                    return ({"type": part.piece, part.id_name: part.id, part.piece_name: piece},)
        if item.__class__ not in ORDINARY and is_restart(item):
            return answer.start_over()
        if answer.retelling is not None and answer.retelling.has(item):
            return ()
        kind: object = getattr(item, "type", None)
        if isinstance(kind, str) and kind != "tool_result":
            return answer.take(item)
        return answer.say(_own(item))

    return feed


def _own(item: object) -> Chunk:
    """
    What the application says itself, as a chunk.
    """
    if isinstance(item, Data):
        return item.to_dict()
    if (result := result_block(item)) is not None:
        return tool_result(result)
    if isinstance(item, Mapping):
        return own_chunk(cast("Mapping[str, Any]", item))
    raise TypeError(
        f"chunks() takes Claude's events, tool_result blocks, Data and chunks, not {type(item).__name__}"
    )
