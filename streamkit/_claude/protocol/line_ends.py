"""
Normalizes the line ends of a body that comes in chunks, and drops the mark that may stand at its beginning.
"""

from __future__ import annotations

from typing import Final

__all__ = ["LineEnds"]

_BOM: Final = b"\xef\xbb\xbf"
_CR: Final = b"\r"[0]


class LineEnds:
    """
    Makes every CR LF and CR an LF, wherever the chunks are cut.

    Attributes:
        head: The beginning of the body, while it may be a part of a byte order mark.
        unsettled: Whether the next chunk has to be normalized even if it has no CR in it.
    """

    __slots__ = ("_after_cr", "_begun", "head", "unsettled")

    def __init__(self) -> None:
        self.head: bytes = b""
        self.unsettled: bool = True
        self._begun = False
        self._after_cr = False

    def normalized(self, chunk: bytes) -> bytes:
        """
        The bytes that are settled with this chunk.
        """
        if not self._begun:
            self.head += chunk
            if len(self.head) < len(_BOM) and _BOM.startswith(self.head):
                return b""
            self._begun, chunk, self.head = True, self.head.removeprefix(_BOM), b""
        # A CR that ends a chunk ends its line at once; an LF that begins the next one belongs to it.
        if self._after_cr and chunk[:1] == b"\n":
            chunk = chunk[1:]
            self._after_cr = False
        if chunk:
            self._after_cr = chunk[-1] == _CR
        self.unsettled = self._after_cr
        # A body with other line ends is rare, and a chunk may be all of a long body.
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if _CR in chunk else chunk
