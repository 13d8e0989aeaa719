"""
The operator `redact`, which keeps secrets out of streamed text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamkit as sk

from .patterns import BEGINNING, LONGEST, REST, SECRET

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Redact"]

TEXTLESS: Final = frozenset({"content_block_stop", "message_delta", "message_stop", "ping"})
"""The types of Claude's events that have no text."""


class Redact(sk.Transducer[str, str]):
    """
    Text without secrets and e-mail addresses, which are found however the pieces cut them.

    API keys (Anthropic, AWS, GitHub, Google, Slack, and others that begin with `sk-`), bearer tokens, JSON Web Tokens and e-mail
    addresses are replaced from their first character to the end of their word. Only what may be the beginning of one
    is held back, until it is clear whether it is.

    A secret ends where its word ends: at the end of the stream, too, and at an event without text, such as the end of a block,
    which is handed on. An item that says "start over" drops what is held, and is handed on.

    Args:
        mark: The text that replaces each of them.

    Raises:
        TypeError: `mark` is not a string; while running, an item is neither a string nor such an event.

    Emits: a string for each piece, without what is held back; never an empty one.
    Backpressure: none of its own.
    Completes: with its upstream, after what is held back.
    Fails: with its upstream; what is held back is dropped.
    Cancels: at once, dropping what is held back.
    Memory: less than 260 characters.
    """

    expands = False
    memory = f"at most {LONGEST} characters"

    def __init__(self, mark: str = "[redacted]") -> None:
        if not isinstance(mark, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"Redact() needs a string as the mark, not {mark!r}")
        self.mark = mark
        self.reset()

    def reset(self) -> None:
        self.before: str = ""
        """The character before what is held, already gone out; a key does not begin within a word."""
        self.held: str = ""
        self.inside: bool = False
        """Whether the word that is being read has a secret in it, and is to be dropped."""

    def feed(self, item: str) -> Iterable[str]:
        if not isinstance(item, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            return self._pass(item)
        piece = self._read(self.before + self.held + item, len(self.before))
        return (piece,) if piece else ()

    def flush(self) -> Iterable[str]:
        # What is held may contain a secret, behind text that looked like the beginning of another one.
        piece = self._read(self.before + self.held, len(self.before), last=True) + self.held
        self.reset()
        return (piece,) if piece else ()

    def _read(self, text: str, start: int, *, last: bool = False) -> str:
        """
        The part of `text` from `start` on that goes out. The rest is held, unless nothing follows.
        """
        out: list[str] = []
        end = len(text)
        while start < end:
            if self.inside:
                start = REST.match(text, start).end()  # type: ignore[union-attr]
                if start == end or text[start:] == ".":
                    break
                self.inside = False
            found = SECRET.search(text, start)
            undecided = end if found is None else found.start()
            window = max(start, end - LONGEST)
            if undecided > window and not last and (begun := BEGINNING.search(text, window)):
                undecided = min(undecided, begun.start())
            if found is None or undecided < found.start():
                out.append(text[start:undecided])
                start = undecided
                break
            out += (text[start : found.start()], *filter(None, found.groups()), self.mark)
            start, self.inside = found.end(), True
        self.before, self.held = text[max(start - 1, 0) : start], text[start:]
        return "".join(out)

    def _pass(self, item: object) -> Iterable[str]:
        """
        Hand on an event without text, after the text before it.
        """
        if getattr(item, "type", None) not in TEXTLESS:
            raise TypeError(f"Redact() reads strings, not {type(item).__name__}: put text() before it")
        return (*self.flush(), item)  # type: ignore[arg-type]
