"""
Offsets: positions in a run, as tokens that clients keep and send back. They sort as the positions do.

An offset names the log that it is from, so that it is never taken for a position in another one that has the same id later.
"""

from __future__ import annotations

import re
import struct
from typing import Final

from streamkit._serving.bad_request import BadRequest
from streamkit.hub._parts import Position
from streamkit.hub._record import Place

__all__ = ["parse_offset", "write_offset"]

_OFFSET: Final = re.compile(r"([0-9]{16})-(0|[1-9][0-9]{0,8})-([0-9a-f]{16})", re.ASCII)


def write_offset(position: Position) -> str:
    """
    The offset of a position.
    """
    number, epoch = position.place
    return f"{number:016}-{epoch}-{struct.pack('>d', position.started).hex()}"


def parse_offset(text: str) -> Position:
    """
    The position of an offset.

    Raises:
        BadRequest: It is not one that was ever given out.
    """
    match = _OFFSET.fullmatch(text)
    if match is None:
        raise BadRequest("the request's offset was never given out")
    (started,) = struct.unpack(">d", bytes.fromhex(match[3]))
    return Position(Place(int(match[1]), int(match[2])), started)
