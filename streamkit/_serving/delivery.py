"""
One run on its way to one client, over ASGI.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from anyio import (
    CancelScope,
    Event,
    Lock,
    create_task_group,
    current_time,
    lowlevel,
    sleep,
    sleep_forever,
    sleep_until,
)

from streamkit._core.foreign_objects import attribute_of
from streamkit._core.runtime.fairness import let_others_run_until
from streamkit._core.runtime.ungrouped import ungrouped
from streamkit._serving.http_status import is_bug
from streamkit._serving.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from streamkit._core.runtime.run import Run
    from streamkit._serving.framing import Framing

__all__ = ["Delivery", "take_leave", "until_gone"]

_CLIENT_IS_GONE: Final = 499
"""The status that access logs have for it."""


async def until_gone(receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> None:
    """
    Wait for a client to go. What is left of the request's body is of no use here.

    Args:
        receive: ASGI's.
    """
    try:
        while (await receive())["type"] != "http.disconnect":
            await lowlevel.checkpoint()  # a server may say for ever that the body is empty
    except OSError:
        pass


async def take_leave(send: Callable[[MutableMapping[str, Any]], Awaitable[None]]) -> None:
    """
    Answer a client that has gone before the response began. Nobody sees it, but middleware takes a response that never begins
    for a bug of the application's.

    Args:
        send: ASGI's.
    """
    with suppress(OSError):
        await send({"type": "http.response.start", "status": _CLIENT_IS_GONE, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Delivery:
    """
    Sends a run as it comes. There is no buffer: the next item is read when the server has taken the one before it.

    Args:
        run: The run, which is not entered yet.
        framing: How it is written.
        start: The message with which the response begins.
        receive: ASGI's.
        send: ASGI's.
    """

    def __init__(
        self,
        run: Run[Any],
        framing: Framing,
        start: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        self._run = run
        self._framing = framing
        self._start = start
        self._receive = receive
        self._send = send
        self._gone = False
        self._over = False
        self._begun = Event()
        self._last = 0.0
        self._sending = Lock(fast_acquire=True)  # between the items and the heartbeat
        self._ending = CancelScope()

    async def serve(self, wait: float, silence: float | None) -> None:
        """
        Run it to its end, or until the client goes.

        Args:
            wait: Seconds to wait for the first item before the response begins.
            silence: Seconds after which to keep the connection alive; None for never.

        Raises:
            Exception: A bug of this program, after the client was told that something went wrong.
        """
        with ungrouped():
            failure = await self._serve(wait, silence)
        if failure is not None and is_bug(failure):
            raise failure
        if self._gone and not self._begun.is_set():
            await take_leave(self._send)

    async def _serve(self, wait: float, silence: float | None) -> Exception | None:
        failure: Exception | None = None
        async with create_task_group() as tasks:
            tasks.start_soon(self._watch)
            # A client that has gone already costs no request.
            await let_others_run_until(lambda: self._gone)
            if not self._gone:
                tasks.start_soon(self._keep_alive, wait, silence)
                failure = await self._deliver(at_once=not wait)
            tasks.cancel_scope.cancel()
        return failure

    async def _deliver(self, *, at_once: bool) -> Exception | None:
        failure: Exception | None = None
        try:
            async with self._run as run:
                if at_once:
                    await self._write(b"")
                async for item in run:
                    await self._write(self._framing.item(item))
        except Exception as error:
            failure = error
        # The run has ended and is closed by now, so what is told is how it ended.
        with self._ending:
            if self._gone:
                pass  # nobody is there to be told
            elif (
                failure is None or self._run.outcome.kind == "cancelled"
            ):  # somebody has stopped what is shown
                await self._finish(self._framing.end(self._run.outcome))
            elif self._begun.is_set():
                await self._finish(self._framing.failure(failure, self._run.outcome))
            elif attribute_of(failure, "status_code") is None or not is_bug(failure):
                await self._refuse(failure)
            # else it is an HTTPException of the framework, of which that makes a response
        return failure

    async def _write(self, data: bytes) -> None:
        async with self._sending:
            await self._put(data)

    async def _put(self, data: bytes) -> None:
        """
        Send a piece of the body, behind the beginning of the response. The caller has the lock.
        """
        if not self._begun.is_set():
            self._begun.set()
            await self._emit(self._start)
            data = self._framing.begin() + data
        if data:
            await self._emit({"type": "http.response.body", "body": data, "more_body": True})
        self._last = current_time()

    async def _finish(self, data: bytes) -> None:
        async with self._sending:
            self._over = True
            if not self._begun.is_set():
                await self._put(b"")  # nothing has come, and that is not a failure
            await self._emit({"type": "http.response.body", "body": data, "more_body": False})

    async def _refuse(self, error: Exception) -> None:
        status, headers, body = refusal(error)
        async with self._sending:
            self._begun.set()
            self._over = True
            await self._emit({"type": "http.response.start", "status": status, "headers": headers})
            await self._emit({"type": "http.response.body", "body": body, "more_body": False})

    async def _emit(self, message: MutableMapping[str, Any]) -> None:
        try:
            await self._send(message)
        except OSError:
            self._leave()
            await sleep_forever()  # until whoever has called is cancelled

    async def _watch(self) -> None:
        await until_gone(self._receive)
        self._leave()

    def _leave(self) -> None:
        self._gone = True
        self._run.cancel("the client is gone")
        self._ending.cancel()

    async def _keep_alive(self, wait: float, silence: float | None) -> None:
        if math.isfinite(wait):
            await sleep(wait)
            async with self._sending:
                if not self._begun.is_set() and not self._is_over:
                    await self._put(b"")
        if silence is None:
            return
        await self._begun.wait()
        while True:
            async with self._sending:  # while something is sent, it is not silent
                if self._is_over:
                    return
                if current_time() >= self._last + silence:
                    await self._put(self._framing.keep_alive)
            await sleep_until(self._last + silence)

    @property
    def _is_over(self) -> bool:
        """
        Whether nothing may be sent any more besides the end.
        """
        return self._gone or self._over
