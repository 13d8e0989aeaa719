"""
Draws timelines as marble diagrams.
"""

from __future__ import annotations

from itertools import groupby
from string import ascii_lowercase, ascii_uppercase, digits
from typing import TYPE_CHECKING

from streamkit.testing.marbles._notation import SIGNS, Emission, Timeline

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Names", "draw"]

__tracebackhide__ = True  # pytest shows the lines of the test, and those of this file with --full-trace


class Names:
    """
    Characters that stand for items: given ones, the item itself if it is one character, else letters.

    Args:
        given: The items by name.
    """

    def __init__(self, given: Mapping[str, object] | None = None) -> None:
        self._values = dict(given or {})
        self._given = frozenset(self._values)

    def of(self, value: object) -> str:
        """
        The name of an item, which is invented if it has none.
        """
        for name, named in self._values.items():
            if named == value:
                return name
        if isinstance(value, str) and len(value) == 1 and value not in SIGNS and value not in self._values:
            name = value
        else:
            letters = ascii_uppercase + ascii_lowercase + digits
            name = next((letter for letter in letters if letter not in self._values), "?")
        self._values[name] = value
        return name

    def note(self, value: object) -> str | None:
        """
        A note that explains the name of an item, unless the name was given or is the item itself.
        """
        name = self.of(value)
        return None if name in self._given or name == value else f"{name} = {value!r}"


def draw(timeline: Timeline, names: Names | None = None) -> str:
    """
    A diagram, with notes in brackets: invented names, errors, and times between two ticks.

    What happened between two ticks is drawn at the earlier one. Its note distinguishes the diagram from one where
    it happened on the tick.

    Args:
        timeline: What to draw.
        names: Names for the items.
    """
    names = names or Names()
    diagram = ""
    following = 0
    for tick, together in groupby(timeline.emissions, key=lambda emission: int(emission.tick)):
        signs = "".join(sign_of(emission, names) for emission in together)
        diagram += "-" * (tick - following) + (f"({signs})" if len(signs) > 1 else signs)
        following = tick + 1
    diagram += "-" * (timeline.ticks - following)
    notes = [note for emission in timeline.emissions for note in notes_on(emission, names)]
    return " ".join([diagram, *(f"[{note}]" for note in dict.fromkeys(notes))])


def sign_of(emission: Emission, names: Names) -> str:
    """
    The sign of one emission.
    """
    match emission.kind:
        case "item":
            return names.of(emission.value)
        case "complete":
            return "|"
        case "fail":
            return "#"


def notes_on(emission: Emission, names: Names) -> list[str]:
    """
    Notes on an emission that say what its sign does not.
    """
    notes: list[str] = []
    if emission.kind == "item":
        explained = names.note(emission.value)
        notes += [explained] if explained else []
    elif emission.kind == "fail":
        error = emission.value
        notes += [f"# = {error.__name__ if isinstance(error, type) else repr(error)}"]
    if not float(emission.tick).is_integer():
        notes += [f"{sign_of(emission, names)} at {emission.tick!r}"]
    return notes
