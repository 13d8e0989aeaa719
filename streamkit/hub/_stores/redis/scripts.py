"""
What Redis does in one step: each file in `lua` is a script, behind the one that all of them begin with.

Every script is safe to repeat, because a lost connection leaves it open whether it was run.
"""

from __future__ import annotations

from hashlib import sha1
from importlib.resources import files
from typing import Final

__all__ = [
    "APPEND",
    "CANCEL",
    "CLAIM",
    "DELETE",
    "END",
    "OPEN",
    "READ",
    "RELEASE",
    "RENEW",
    "SUBMIT",
    "Script",
]


class Script:
    """
    One script.

    Attributes:
        name: That of its file.
        source: Its text.
        sha: By which Redis knows it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.source = "\n".join(_text(part) for part in ("log", name))
        self.sha = sha1(self.source.encode(), usedforsecurity=False).hexdigest()


def _text(name: str) -> str:
    return files("streamkit.hub._stores.redis").joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")


OPEN: Final = Script("open")
APPEND: Final = Script("append")
RENEW: Final = Script("renew")
RELEASE: Final = Script("release")
END: Final = Script("end")
READ: Final = Script("read")
CANCEL: Final = Script("cancel")
DELETE: Final = Script("delete")
SUBMIT: Final = Script("submit")
CLAIM: Final = Script("claim")
