"""
Takes HTTP's chunks apart: what a body that is sent as it is made has around each of its pieces.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["Chunks"]

_HEAD: Final = re.compile(rb"([0-9A-Fa-f]{1,16})\r\n")
_CUT_HEAD: Final = re.compile(rb"[0-9A-Fa-f]{0,16}\r?")
_END: Final = b"\r\n"


class Chunks:
    """
    The body in the bytes of a connection.

    It knows plain chunks with something in them, and nothing else. Whatever comes instead, the last chunk too, is left to a whole
    parser, which has then seen all that came before, or as good as.

    Attributes:
        rest: What the whole parser has to be given, once there is something that is not a plain chunk; otherwise None.
    """

    __slots__ = ("_cut", "_left", "rest")

    def __init__(self) -> None:
        self._left = 0  # bytes of the chunk that is arriving, with the line's end behind it
        self._cut = b""  # the beginning of a chunk's head, or of the line's end behind it
        self.rest: bytes | None = None

    def feed(self, data: bytes) -> bytes:
        """
        The part of the body that is in `data`.
        """
        if self._cut:
            data, self._cut = self._cut + data, b""
        place, end, left = 0, len(data), self._left
        pieces: list[bytes] = []
        while place < end:
            if not left:
                head = _HEAD.match(data, place)
                if head is None:
                    if _CUT_HEAD.fullmatch(data, place):
                        self._cut = data[place:]
                    else:
                        self.rest = data[place:]
                    break
                left = int(head[1], 16) + 2
                if left == 2:
                    left, self.rest = 0, data[place:]
                    break
                place = head.end()
            if left > 2:
                piece = data[place : place + left - 2]
                pieces.append(piece)
                place += len(piece)
                left -= len(piece)
            if left == 2 and place < end:
                if data.startswith(_END, place):
                    place, left = place + 2, 0
                elif end - place == 1 and data[place] == _END[0]:
                    self._cut = data[place:]
                    break
                else:
                    # The whole parser is where a chunk begins, and this is none, whatever it looks like.
                    left, self.rest = 0, b"!\r\n" + data[place:]
                    break
        self._left = left
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    @property
    def to_boundary(self) -> bytes:
        """
        Bytes that would end the chunk that has begun to arrive. A parser that has got the same so far, and then these, stands
        where a chunk begins.
        """
        if self._left:
            return b"." * (self._left - 2) + _END[len(self._cut) :]
        if not self._cut:
            return b""
        size = int(self._cut.rstrip(), 16)
        return _END[self._cut.count(b"\r") :] + (b"." * size + _END if size else b"")

    @property
    def broken_off(self) -> bytes:
        """
        Bytes that bring a parser that stands where a chunk begins to where the connection has ended.
        """
        return b"%x\r\n" % (self._left - 2) if self._left > 2 else self._cut
