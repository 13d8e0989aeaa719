"""
Types of arguments for argparse, and the error for a command that cannot be done as it was given.
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
    The command cannot be done as it was given. The message says what to change, in one line.
    """


def needs_key(client: anthropic.AsyncAnthropic, what: str) -> None:
    """
    Check that a client has a key for Claude.

    Args:
        client: The client.
        what: The command or the option that needs it, for the message.

    Raises:
        UsageError: It has no key.
    """
    if client.api_key is None and client.auth_token is None and client.credentials is None:
        raise UsageError(f"{what} needs a key for Claude: set ANTHROPIC_API_KEY")


def readable_file(name: str) -> Path:
    """
    The path of an existing file that may be read.

    Raises:
        ArgumentTypeError: The file does not exist, is not a regular file, or may not be read.
    """
    path = Path(name)
    if not path.exists():
        raise ArgumentTypeError(f"there is no file {name!r}")
    if not path.is_file():
        raise ArgumentTypeError(f"{name!r} is {'a directory' if path.is_dir() else 'not a regular file'}")
    if not os.access(path, os.R_OK):
        raise ArgumentTypeError(f"{name!r} may not be read by you")
    return path


def positive(value: str) -> float:
    """
    A finite number above 0.

    Raises:
        ArgumentTypeError: `value` is not such a number.
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
        ArgumentTypeError: `value` is not such a number.
    """
    if not value.isdecimal() or int(value) < 1:
        raise ArgumentTypeError(f"give a whole number above 0, not {value!r}")
    return int(value)
