"""
What is redacted, and how its beginnings look.

A secret is known by its head, which is of bounded length. The rest of the word that the head ends in goes with it, however
long that is.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

__all__ = ["BEGINNING", "LONGEST", "REST", "SECRET", "redacted"]


class Run(NamedTuple):
    """
    Some characters of a class, as many as need be and no more.
    """

    characters: str
    least: int = 1
    most: int = 1

    @property
    def whole(self) -> str:
        return f"{self.characters}{{{self.least},{self.most}}}?"

    @property
    def begun(self) -> str:
        return f"{self.characters}{{1,{self.most}}}"


class Head(NamedTuple):
    """
    By what a secret is known.

    Attributes:
        runs: Its characters.
        after: What must stand before it; a lookbehind of at most one character.
        kept: How many of the first runs introduce the secret, and stay.
    """

    runs: tuple[Run, ...]
    after: str = r"(?<![A-Za-z0-9])"
    kept: int = 0

    @property
    def longest(self) -> int:
        return sum(run.most for run in self.runs)

    @property
    def whole(self) -> str:
        kept, secret = (
            "".join(run.whole for run in part) for part in (self.runs[: self.kept], self.runs[self.kept :])
        )
        return f"{self.after}({kept}){secret}"

    @property
    def begun(self) -> str:
        """
        Whatever may be the beginning of it.
        """
        *before, last = self.runs
        pattern = last.begun
        for run in reversed(before):
            pattern = f"(?:{run.whole[:-1]}{pattern}|{run.begun})"
        return f"{self.after}{pattern}"


def letters(text: str, *, either_case: bool = False) -> tuple[Run, ...]:
    """
    A text, character by character.
    """
    return tuple(Run(f"[{each.upper()}{each}]" if either_case else re.escape(each)) for each in text)


def key(prefix: str, characters: str, length: int) -> Head:
    """
    A key that begins like this.
    """
    return Head((*letters(prefix), Run(characters, length, length)))


HEADS: Final = (
    key("sk-", r"[\w-]", 20),  # Anthropic's sk-ant-…, and those who do it likewise
    key("AKIA", r"[A-Z0-9]", 16),  # AWS
    key("ASIA", r"[A-Z0-9]", 16),
    key("AIza", r"[\w-]", 35),  # Google
    key("ghp_", r"[A-Za-z0-9]", 36),  # GitHub
    key("gho_", r"[A-Za-z0-9]", 36),
    key("ghs_", r"[A-Za-z0-9]", 36),
    key("github_pat_", r"\w", 22),
    key("xoxb-", r"[A-Za-z0-9-]", 10),  # Slack
    key("xoxp-", r"[A-Za-z0-9-]", 10),
    key("eyJ", r"[\w-]", 16),  # a JSON Web Token
    Head((*letters("bearer", either_case=True), Run(r"[ \t]", 1, 4), Run(r"[\w.~+/-]", 16, 16)), kept=7),
    # An e-mail address: at most 64 characters before the @, and a domain with a dot.
    Head(
        (Run(r"[\w.%+-]", 1, 64), Run("@"), Run(r"[\w.-]", 1, 188), Run(r"\."), Run("[A-Za-z]", 2, 2)),
        after="",
    ),
)

LONGEST: Final = max(head.longest for head in HEADS)
"""The longest head, in characters."""

REST: Final = re.compile(r"(?:\.?[\w%+@/=~-])*")
"""What belongs to the word; a dot does where the word goes on behind it."""

SECRET: Final = re.compile("|".join(head.whole for head in HEADS))
BEGINNING: Final = re.compile(rf"(?:{'|'.join(head.begun for head in HEADS)})\Z")


def redacted(text: str, mark: str = "[redacted]") -> str:
    """
    A text that is all there, without its secrets and e-mail addresses.

    Args:
        text: The text.
        mark: What takes the place of each.
    """
    return re.sub(
        f"(?:{SECRET.pattern}){REST.pattern}",
        lambda match: "".join(kept for kept in match.groups() if kept) + mark,
        text,
    )
