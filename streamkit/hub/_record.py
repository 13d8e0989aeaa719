"""
Records, as viewers get them, and what names them and their runs. Names come from outside, so what does not look like one is
refused before any store sees it.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from msgspec import Struct

from streamkit._core.naming import value_text

__all__ = ["Place", "Record", "checked_run", "parse_place"]

_LONGEST_ID = 200
"""Characters of a run's id."""

_PLACE = re.compile(r"([1-9][0-9]{0,17})-([1-9][0-9]{0,8})", re.ASCII)


class Record(Struct, frozen=True):
    """
    One item of a run.

    Attributes:
        id: Where it stands in its run. `subscribe(…, after=id)` goes on behind it.
        data: The item, as the run's stream gave it.
    """

    id: str
    data: Any


class Place(NamedTuple):
    """
    A record's id, in parts.

    Attributes:
        number: Of the record in its run, from 1 on.
        epoch: That of the writer that has appended it.
    """

    number: int
    epoch: int

    def __str__(self) -> str:
        return f"{self.number}-{self.epoch}"


def parse_place(call: str, after: object) -> Place:
    """
    The parts of a record's id.

    Args:
        call: What it was given to.
        after: The id.

    Raises:
        TypeError: It is not a string.
        ValueError: It is not the id of a record.
    """
    if not isinstance(after, str):
        raise TypeError(f"{call} is the id of a record, a string, or None, not {type(after).__name__}")
    match = _PLACE.fullmatch(after)
    if match is None:
        raise ValueError(
            f"{call} is the id of a record such as '57-1', as record.id has it, not {value_text(after)}"
        )
    return Place(int(match[1]), int(match[2]))


def checked_run(call: str, run: object) -> str:
    """
    A run's id, if it can be one.

    Args:
        call: What it was given to.
        run: The id.

    Raises:
        TypeError: It is not a string.
        ValueError: It is empty, too long, or has a character that cannot be printed.
    """
    if not isinstance(run, str):
        raise TypeError(f"{call}() needs the id of a run, a string, not {type(run).__name__}")
    if not 0 < len(run) <= _LONGEST_ID or not run.isprintable():
        raise ValueError(
            f"{call}() needs the id of a run: 1 to {_LONGEST_ID} printable characters, not {value_text(run)}"
        )
    return run
