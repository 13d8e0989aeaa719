"""
`websocket`: a sink that sends each item to a client over a WebSocket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyio import create_task_group, lowlevel, move_on_after, sleep_forever

from streamkit._claude.protocol.errors import GrammarError
from streamkit._claude.protocol.json_text import parse
from streamkit._core.algebra import Sink
from streamkit._core.foreign_objects import type_of
from streamkit._core.items import is_named, is_restart
from streamkit._core.runtime.failures import is_interruption
from streamkit._core.runtime.ungrouped import ungrouped
from streamkit._serving.ending import describe_end, describe_error, json_for
from streamkit.sinks._connection import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from streamkit._core.outcome import Outcome
    from streamkit.sinks._connection import Connection

__all__ = ["websocket"]

_PATIENCE = 1.0
"""Seconds in which a client is still told of the end, where the sink is cancelled."""
_LONGEST_STOP = 65_536
"""Characters. What is longer is not read as JSON, because the answer waits meanwhile."""
_OWN_NAMES = ("complete", "error", "restarted")


def websocket(ws: Any, stop: object = None) -> Sink[object, bool]:
    """
    A sink that sends each item to the client of a WebSocket, as JSON text: `{"type": name, "content": value}`.

    The name is that of a pair `(name, value)`, as `split` makes them. For any other item it is the item's own `type`, such as
    that of an event, or else `"message"`. Where the stream starts over, and what came before is void, it is `"restarted"`, also
    in a pair. At the end it sends `{"type": "complete", "kind": …, "stop_reason": …, "usage": …}`,
    also where the run was stopped, and where it has failed `{"type": "error", "error": …}`, whose `error` has `type`,
    `retriable` and a `message` without anything that was said. The connection stays open.

    A client that goes, or stops the answer, ends the sink quietly, and with it the job that it is the end of. In a `tee` the
    others go on. What the sink returns is whether the client is still there, so that a loop over its questions can end.

    Args:
        ws: A `WebSocket` of Starlette or FastAPI that was accepted, or a connection of the library `websockets`.
        stop: The message by which the client stops the answer, such as `{"type": "stop"}`. While the sink runs it then reads the
            connection, and drops every other message. Without it nothing is read, so that your own code may; a client of
            Starlette's that has gone is then noticed when something is sent to it.

    Raises:
        TypeError: `ws` is neither; while running, an item cannot be written as JSON.
        ValueError: While running, a pair is named `"complete"`, `"error"` or `"restarted"`.
        RuntimeError: While running, another answer reads the same connection.
    """
    connect(ws, reads=stop is not None)
    return Sink("websocket", _serve, (ws,), {} if stop is None else {"stop": stop}, told_outcome=True)


async def _serve(
    items: AsyncIterator[Any], ws: Any, stop: object = None, *, outcome: Callable[[], Outcome]
) -> bool:
    return await _Client(connect(ws, reads=stop is not None), stop).serve(items, outcome)


class _Client:
    """
    One run on its way to one client.
    """

    def __init__(self, connection: Connection, stop: object) -> None:
        self._connection = connection
        self._stop = stop
        self._gone = False
        self._stopped = False
        self._unreadable: Exception | None = None

    async def serve(self, items: AsyncIterator[Any], outcome: Callable[[], Outcome]) -> bool:
        """
        Send the items and the end.

        Returns:
            Whether the client is still there, as far as is known.

        Raises:
            Exception: What the items have failed with, after the client was told.
        """
        try:
            with ungrouped():
                failure = await self._answer(items)
        except BaseException as error:
            if is_interruption(error):
                with move_on_after(_PATIENCE, shield=True):
                    await self._tell_end(outcome(), None)
            raise
        try:
            await self._tell_end(outcome(), failure)
        except Exception:
            if failure is None:
                raise
        if failure is not None:
            raise failure
        return not self._gone

    async def _answer(self, items: AsyncIterator[Any]) -> Exception | None:
        failure: Exception | None = None
        async with create_task_group() as tasks:
            self._sending = tasks.cancel_scope
            tasks.start_soon(self._watch)
            try:
                async for item in items:
                    await self._send(_message_of(item))
            except Exception as error:
                failure = error
            self._sending.cancel()
        return self._unreadable if failure is None else failure

    async def _tell_end(self, outcome: Outcome, failure: Exception | None) -> None:
        if self._gone:
            return
        if self._stopped:
            outcome.stop("websocket")
        outcome.complete()
        error = outcome.error if failure is None else failure
        told = (
            {"type": "complete", **describe_end(outcome)}
            if error is None
            else {"type": "error", "error": describe_error(error)}
        )
        try:
            await self._connection.send(_text_of(told))
        except Exception as refused:
            if not self._connection.is_gone(refused):
                raise
            self._gone = True

    async def _send(self, message: object) -> None:
        try:
            await self._connection.send(_text_of(message))
        except Exception as refused:
            if not self._connection.is_gone(refused):
                raise
            self._gone = True
            self._sending.cancel()
            await sleep_forever()

    async def _watch(self) -> None:
        """
        Wait for the client to stop the answer, or to go.
        """
        try:
            if self._stop is None:
                self._gone = await self._connection.closed()
            else:
                with self._connection.reading():
                    await self._read()
        except Exception as error:  # such as that somebody else reads, too
            self._unreadable = error
        if self._gone or self._stopped or self._unreadable is not None:
            self._sending.cancel()

    async def _read(self) -> None:
        while (message := await self._connection.receive()) is not None:
            if _means(message, self._stop):
                self._stopped = True
                return
            await lowlevel.checkpoint()  # a client that sends without end must not hold up the answer
        self._gone = True


def _message_of(item: Any) -> dict[str, Any]:
    name, content = item if is_named(item) else (None, item)
    if is_restart(content):
        return {"type": "restarted", "content": content}
    if name is None:
        kind = type_of(item)
        # What an event is called on the wire must not be taken for a message of the sink's own.
        name = "message" if kind is None or kind in _OWN_NAMES else kind
    elif name in _OWN_NAMES:
        raise ValueError(f"websocket() sends messages of type {name!r} itself: give these items another name")
    return {"type": name, "content": content}


def _means(message: str | bytes, stop: object) -> bool:
    if type(message) is type(stop) and message == stop:
        return True
    if len(message) > _LONGEST_STOP:
        return False
    try:
        return parse(message) == stop
    except GrammarError:
        return False


def _text_of(message: object) -> str:
    return _JSON.encode(message).decode()


_JSON = json_for("websocket()")
