"""
Hubs and their runs as arguments of commands.
"""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Final, NamedTuple

import streamkit as sk
from streamkit.hub._stores.urls import file_of

__all__ = ["RunOfHub", "hub_of", "names_run", "run_of"]

_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://|memory:", re.IGNORECASE)


class RunOfHub(NamedTuple):
    """
    A run, and the hub that keeps it.

    Attributes:
        hub: The hub, not yet open.
        id: The run's id.
    """

    hub: sk.hub.Hub
    id: str

    def __str__(self) -> str:
        """
        Its name for messages, without the URL, which may have a password.
        """
        return f"run {self.id!r}"


def hub_of(url: str) -> sk.hub.Hub:
    """
    The hub of a URL.

    Raises:
        ArgumentTypeError: There can be none.
    """
    if url.lower().startswith("memory:"):
        raise ArgumentTypeError(
            "the runs of 'memory:' are in the memory of their process, which no other one sees"
        )
    try:
        hub = sk.hub.connect(url)
        path = file_of(url)
    except (ValueError, ImportError) as error:
        raise ArgumentTypeError(str(error)) from error
    # A hub makes its file, and a command that only looks would leave one behind where the path is wrong.
    if path is not None and Path(path).parent.is_dir() and not Path(path).exists():
        raise ArgumentTypeError(
            f"there is no file {path!r}: correct the path, which is from the working directory"
        )
    return hub


def names_run(text: str) -> bool:
    """
    Whether an argument is the URL of a hub, and not the name of a file.
    """
    return _URL.match(text) is not None


def run_of(text: str) -> RunOfHub:
    """
    The run that `URL#ID` names. The id is what stands behind the first `#`, as it is.

    Raises:
        ArgumentTypeError: It names none.
    """
    url, sign, run = text.partition("#")
    hub = hub_of(url)
    if not sign or not run:
        raise ArgumentTypeError("give the id of a run behind the URL, as in 'redis://localhost#chat-42'")
    try:
        hub.replay(run)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error
    return RunOfHub(hub, run)
