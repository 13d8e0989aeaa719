"""
What a client is answered with at once: a part of a run, how it stands, or why there is nothing.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from streamkit._serving.bad_request import BadRequest
from streamkit._serving.refusal import refusal
from streamkit.durable_streams._headers import (
    CLOSED,
    CURSOR,
    NEXT_OFFSET,
    ON_ALL,
    RUN_KIND,
    UP_TO_DATE,
    encoded,
)
from streamkit.durable_streams._offset import write_offset

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from streamkit.durable_streams._content import Content
    from streamkit.hub._parts import Part

__all__ = ["Answer", "answer_with", "refuse", "refuse_method", "tell_nothing", "tell_standing"]

_NOT_KEPT: Final = {"cache-control": "no-store"}
_ASKED_AGAIN: Final = {"cache-control": "private, no-cache"}
"""
A browser may keep it, and asks each time whether it is still right: an answer is somebody's own, and another run may be begun
under its id.
"""

_ENDED_HERE: Final = frozenset({"gone", "gap", "diverged", "lost", "restarted"})
"""Errors after which there is nothing to be read from an offset on. No client that asks again gets more."""


class Answer:
    """
    A response whose body is known.
    """

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        self.status = status
        self.headers: dict[str, str] = {**ON_ALL, **headers}
        self.body = body
        self.raw_headers: list[tuple[bytes, bytes]] = []  # of a framework

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """
        Serve one request.
        """
        if self.status not in (204, 304):
            self.headers["content-length"] = str(len(self.body))
        start = {
            "type": "http.response.start",
            "status": self.status,
            "headers": [*encoded(self.headers), *self.raw_headers],
        }
        body = b"" if scope["method"] == "HEAD" else self.body
        with suppress(OSError):  # the client is gone
            await send(start)
            await send({"type": "http.response.body", "body": body, "more_body": False})


def tell_standing(part: Part, content: Content) -> Answer:
    """
    How a run stands, without anything of it.
    """
    closed = {CLOSED: "true"} if part.closed else {}
    headers = {"content-type": content.media_type, NEXT_OFFSET: write_offset(part.end), RUN_KIND: part.kind}
    return Answer(200, {**headers, **closed, **_NOT_KEPT})


def answer_with(
    part: Part, content: Content, *, known: frozenset[str], cursor: str | None = None, cached: bool = True
) -> Answer:
    """
    A part of a run.

    Args:
        part: The part.
        content: How it is written.
        known: The tags of what the client has already.
        cursor: The cursor, for a client that follows what is live.
        cached: Whether another request for it would be answered in the same way.
    """
    headers = {**_state_of(part, cursor), **(_ASKED_AGAIN if cached else _NOT_KEPT)}
    if cached:
        headers["etag"] = tag = _tag(part)
        if tag in known or "*" in known:
            return Answer(304, headers)
    return Answer(200, {"content-type": content.media_type, **headers}, content.body(part.records))


def tell_nothing(part: Part, cursor: str) -> Answer:
    """
    That nothing has come while a client has waited.
    """
    return Answer(204, {**_state_of(part, cursor), **_NOT_KEPT})


def refuse(error: Exception, *, resumed: bool) -> Answer:
    """
    Why there is nothing.

    Args:
        error: What has happened.
        resumed: Whether the client has read of the run before.
    """
    kind = getattr(error, "type", None)
    if kind == "gone" and not resumed:
        error = BadRequest("there is no such answer", status=404)
    status, headers, body = refusal(error)
    named = {name.decode(): value.decode() for name, value in headers}
    return Answer(410 if status != 404 and kind in _ENDED_HERE else status, named, body)


def refuse_method() -> Answer:
    """
    That a run can only be read.
    """
    return Answer(405, {"allow": "GET, HEAD", **_NOT_KEPT})


def _state_of(part: Part, cursor: str | None) -> dict[str, str]:
    state = {NEXT_OFFSET: write_offset(part.end)}
    if cursor is not None:
        state[CURSOR] = cursor
    if part.at_tail:
        state[UP_TO_DATE] = "true"
    if part.is_last:
        state |= {CLOSED: "true", RUN_KIND: part.kind}
    return state


def _tag(part: Part) -> str:
    return f'"{write_offset(part.start)}:{write_offset(part.end)}:{part.kind if part.at_tail else "more"}"'
