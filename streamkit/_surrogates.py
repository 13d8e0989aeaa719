"""
Surrogate pairs that a stream has cut in two: JSON can say each half alone, and Python keeps it so.

A piece of text may end with the first half of a character, whose second half begins the next piece. Whatever shows, searches or
writes text piece by piece lets that half wait here.
"""

from __future__ import annotations

__all__ = ["WholeCharacters", "appended", "cut_half", "join_surrogates", "legal", "plain_text"]


def plain_text(text: str) -> str:
    """
    The same text as a plain string. One of a subclass may change what is added to it, as those that escape markup do, or be
    written by another name, as the members of an Enum are.
    """
    return text if text.__class__ is str else str.__str__(text)


def join_surrogates(text: str) -> str:
    """
    The text with the two halves of each pair made one character; a half without the other stays.
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def legal(text: str) -> str:
    """
    The text, with U+FFFD in place of each half without the other, because UTF-8 has no halves.
    """
    return (
        text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    )


def appended(text: str, more: str) -> str:
    """
    The two texts as one, where the second may begin with the other half of a pair.
    """
    if not more.isascii() and "\udc00" <= more[:1] <= "\udfff":
        text, half = cut_half(text)
        more = join_surrogates(half + more)
    return text + more


def cut_half(text: str) -> tuple[str, str]:
    """
    The text without the first half of a pair at its end, and that half; empty where it does not end so.
    """
    if "\ud800" <= text[-1:] <= "\udbff":
        return text[:-1], text[-1]
    return text, ""


class WholeCharacters:
    """
    Hands on the pieces of one text so that each ends with a whole character.

    A piece for which `piece.isascii()` needs not be fed while there is no `half`: asking that costs less than the call.

    Attributes:
        half: The first half of a pair, which waits for the other half; or empty.
    """

    __slots__ = ("half",)

    def __init__(self) -> None:
        self.half: str = ""

    def feed(self, piece: str) -> str:
        """
        What can be handed on now that `piece` has come; it may be empty.
        """
        if self.half:
            piece, self.half = appended(self.half, piece), ""
        piece, self.half = cut_half(piece)
        return piece

    def take(self) -> str:
        """
        The half that waits, which nothing follows any more; or empty.
        """
        half, self.half = self.half, ""
        return half
