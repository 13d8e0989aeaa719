"""
What a person may have got wrong on the command line, and the arguments that are checked while they are read.
"""

from __future__ import annotations

import math
import os
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import anthropic

__all__ = ["UsageError", "needs_key", "positive", "readable_file", "whole_number"]


class UsageError(Exception):
    """
    The command cannot be done as it was given; the message says what to change, in one line.
    """


def needs_key(client: anthropic.AsyncAnthropic, what: str) -> None:
    """
    Check that a client can ask Claude.

    Args:
        client: The client.
        what: What of the command needs it.

    Raises:
        UsageError: It has no key.
    """
    if client.api_key is None and client.auth_token is None and client.credentials is None:
        raise UsageError(f"{what} needs a key for Claude: set ANTHROPIC_API_KEY")


def readable_file(name: str) -> Path:
    """
    The path of a file that is there to be read.

    Raises:
        ArgumentTypeError: It is not.
    """
    path = Path(name)
    if not path.exists():
        raise ArgumentTypeError(f"there is no file {name!r}")
    if not path.is_file():
        raise ArgumentTypeError(f"{name!r} is {'a directory' if path.is_dir() else 'no regular file'}")
    if not os.access(path, os.R_OK):
        raise ArgumentTypeError(f"{name!r} may not be read by you")
    return path


def positive(value: str) -> float:
    """
    A finite number above 0.

    Raises:
        ArgumentTypeError: It is none.
    """
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise ArgumentTypeError(f"give a number above 0, such as 1 or 2.5, not {value!r}")
    return number


def whole_number(value: str) -> int:
    """
    A whole number above 0.

    Raises:
        ArgumentTypeError: It is none.
    """
    if not value.isdecimal() or int(value) < 1:
        raise ArgumentTypeError(f"give a whole number above 0, not {value!r}")
    return int(value)
