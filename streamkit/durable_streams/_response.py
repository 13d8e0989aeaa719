"""
The response to one request of a client, from what it asks for to what it is told.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from anyio import create_task_group

from streamkit._core.algebra import Stream
from streamkit._core.runtime.ungrouped import ungrouped
from streamkit._serving.bad_request import BadRequest
from streamkit._serving.delivery import take_leave, until_gone
from streamkit._serving.http_scope import check_http
from streamkit._serving.http_status import is_bug
from streamkit._serving.response import FramedResponse
from streamkit._serving.starlette_base import StarletteResponse
from streamkit.durable_streams._answer import (
    Answer,
    answer_with,
    refuse,
    refuse_method,
    tell_nothing,
    tell_standing,
)
from streamkit.durable_streams._asked import read_asked
from streamkit.durable_streams._cursor import next_cursor
from streamkit.durable_streams._events import Events
from streamkit.durable_streams._headers import SSE_ENCODING
from streamkit.durable_streams._reader import Parts
from streamkit.hub._record import checked_run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from streamkit.durable_streams._asked import Asked
    from streamkit.durable_streams._reader import RunReader

__all__ = ["RunResponse"]


class _Told(NamedTuple):
    """
    What a client is told, and the bug of this program behind it, if that is what it is told of.
    """

    answer: Answer | FramedResponse
    bug: Exception | None = None


class RunResponse(StarletteResponse):
    """
    A response that shows a part of a run, or follows it for a while.

    Args:
        reader: Reads the run.
        wait: Seconds to wait for a run that is not there yet.
        poll: Seconds that a long poll waits.
        heartbeat: Seconds of silence after which a connection is kept alive; None for never.
        headers: Further headers.
    """

    def __init__(
        self,
        reader: RunReader,
        *,
        wait: float,
        poll: float,
        heartbeat: float | None,
        headers: Mapping[str, str],
    ) -> None:
        self._reader = reader
        self._wait = wait
        self._poll = poll
        self._heartbeat = heartbeat
        self._further = headers
        self.status_code: int = 200
        self.background: Any = None
        self.raw_headers: list[tuple[bytes, bytes]] = []

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """
        Serve one request.

        Raises:
            RuntimeError: The request is not one of HTTP, or the hub is not open.
            Exception: A bug of this program, after the client was told that something went wrong.
        """
        check_http(self, scope)
        told: _Told | None = None
        with ungrouped():
            async with create_task_group() as tasks:

                async def leave() -> None:
                    await until_gone(receive)
                    tasks.cancel_scope.cancel()

                tasks.start_soon(leave)
                told = await self._tell(scope)
                tasks.cancel_scope.cancel()
        if told is None:
            await take_leave(send)
        else:
            told.answer.raw_headers += self.raw_headers  # such as cookies that a framework has set
            await told.answer(scope, receive, send)
            if told.bug is not None:
                raise told.bug
        if self.background is not None:
            await self.background()

    async def _tell(self, scope: Mapping[str, Any]) -> _Told:
        if scope["method"] not in {"GET", "HEAD"}:
            return _Told(refuse_method())
        resumed = False
        try:
            self._check_run()
            asked = read_asked(scope)
            resumed = asked.resumed
            if not resumed:
                await self._reader.appears(self._wait)
            return _Told(await self._read(asked))
        except Exception as error:
            return _Told(refuse(error, resumed=resumed), error if is_bug(error) else None)

    def _check_run(self) -> None:
        try:
            checked_run("durable_streams.resume", self._reader.run)
        except (TypeError, ValueError):
            raise BadRequest("the request's id cannot be that of a run") from None

    async def _read(self, asked: Asked) -> Answer | FramedResponse:
        if asked.live == "sse":
            return await self._follow(asked)
        answer = await (self._standing() if asked.head else self._part(asked))
        answer.headers |= self._further
        return answer

    async def _standing(self) -> Answer:
        return tell_standing(await self._reader.tail(), self._reader.content)

    async def _part(self, asked: Asked) -> Answer:
        reader, cursor = self._reader, None
        if asked.live == "long-poll":
            start = asked.start or (await reader.tail()).end
            with closing(reader.watch()) as watch:
                part = await reader.next(start, self._poll, watch)
            cursor = next_cursor(asked.cursor)
            if not part.records:
                return tell_nothing(part, cursor)
        else:
            part = await (reader.tail() if asked.start is None else reader.read_on(asked.start))
        cached = asked.start is not None
        return answer_with(part, reader.content, known=asked.known, cursor=cursor, cached=cached)

    async def _follow(self, asked: Asked) -> FramedResponse:
        reader, content = self._reader, self._reader.content
        first = await (reader.tail() if asked.start is None else reader.read(asked.start))
        if not first.records:
            reader.check_alive(first)
        events = Events(content, asked.cursor, first)
        encoding = {SSE_ENCODING: content.sse_encoding} if content.sse_encoding else {}
        return FramedResponse(
            Stream(Parts(reader, first)),
            lambda: events,
            name="durable_streams.resume",
            wait_for_first=False,
            heartbeat=self._heartbeat,
            headers={**encoding, **self._further},
        )
