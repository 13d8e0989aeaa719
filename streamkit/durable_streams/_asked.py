"""
What a client asks for, as it stands in its request. All of it comes from outside.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import parse_qs

from msgspec import Struct

from streamkit._serving.bad_request import BadRequest
from streamkit.durable_streams._offset import parse_offset
from streamkit.hub._parts import BEGINNING, Position

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Asked", "read_asked"]

Live = Literal["long-poll", "sse"]

_MODES: Final[dict[str | None, Live | None]] = {None: None, "long-poll": "long-poll", "sse": "sse"}
_MOST_PARAMETERS: Final = 100
_CURSOR: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_TAG: Final = re.compile(r'"[\x21\x23-\x7e]*"')


class Asked(Struct, frozen=True):
    """
    A request to read.

    Attributes:
        start: Where to begin; None for behind all that there is.
        resumed: Whether the client has that from us.
        live: How to be told of what comes; None for what is there.
        cursor: The cursor of the client's last response.
        known: The tags of what the client has already; `"*"` for anything.
        head: Whether it wants only to know how the run stands.
    """

    start: Position | None
    resumed: bool = False
    live: Live | None = None
    cursor: int | None = None
    known: frozenset[str] = frozenset()
    head: bool = False


def read_asked(scope: Mapping[str, Any]) -> Asked:
    """
    What a request asks for.

    Args:
        scope: ASGI's, of a GET or HEAD.

    Raises:
        BadRequest: It cannot be understood.
    """
    if scope["method"] == "HEAD":
        return Asked(None, head=True)
    given = _parameters(scope.get("query_string", b""))
    offset, live, cursor = (_only(given, name) for name in ("offset", "live", "cursor"))
    if live not in _MODES:
        raise BadRequest("the request's live= must be long-poll or sse")
    if live is not None and offset is None:
        raise BadRequest("a live request needs an offset")
    if cursor is not None and not _CURSOR.fullmatch(cursor):
        raise BadRequest("the request's cursor= must be a number")
    start = None if offset == "now" else BEGINNING if offset in (None, "-1") else parse_offset(offset)
    return Asked(
        start,
        resumed=start is not None and start != BEGINNING,
        live=_MODES[live],
        cursor=None if cursor is None else int(cursor),
        known=_known(scope),
    )


def _parameters(query: bytes) -> Mapping[str, list[str]]:
    try:
        return parse_qs(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS
        )
    except ValueError:
        raise BadRequest("the request's query cannot be read") from None


def _only(given: Mapping[str, list[str]], name: str) -> str | None:
    values = given.get(name, [])
    if len(values) > 1:
        raise BadRequest(f"the request has more than one {name}")
    return values[0] if values else None


def _known(scope: Mapping[str, Any]) -> frozenset[str]:
    headers: list[tuple[bytes, bytes]] = [*scope.get("headers", ())]
    value = b",".join(value for name, value in headers if name.lower() == b"if-none-match").decode("latin-1")
    return frozenset({"*"} if value.strip() == "*" else _TAG.findall(value))
