"""
The notation of marble diagrams: what a diagram says, and how it is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SIGNS", "Emission", "Kind", "MarbleError", "Timeline", "parse"]

__tracebackhide__ = True  # pytest shows the lines of the test, and those of this file with --full-trace

SIGNS: Final = "-|#() "

Kind: TypeAlias = Literal["item", "complete", "fail"]


class MarbleError(Exception):
    """
    The error that `#` stands for, unless another one is given.
    """


@dataclass(frozen=True, slots=True)
class Emission:
    """
    Something that a stream did, and when.

    Attributes:
        tick: When, in ticks from the start; whole, unless it was recorded between two ticks.
        kind: `"item"`, `"complete"` or `"fail"`.
        value: The item, or the error (an exception, or a type of them) of a failure.
    """

    tick: float
    kind: Kind
    value: object = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """
    What a diagram says, or what a stream did.

    Attributes:
        emissions: What happened, in order.
        ticks: How many ticks it spans.
    """

    emissions: Sequence[Emission]
    ticks: int

    @property
    def ended(self) -> bool:
        """
        Whether it completes or fails; otherwise it goes on in silence.
        """
        return bool(self.emissions) and self.emissions[-1].kind != "item"


def parse(
    diagram: str,
    *,
    values: Mapping[str, object] | None = None,
    error: BaseException | type[BaseException] | None = None,
) -> Timeline:
    """
    Read a diagram.

    Each character is one tick. `-` is a tick in which nothing happens, `|` completes, `#` fails, and any
    other character is an item. `(ab|)` is several of them in one tick. Spaces have no meaning; they
    align diagrams. Without `|` or `#` the stream never ends.

    Args:
        diagram: Such as `"-a-b-(c|)"`.
        values: The items that characters stand for; a character that is not in it stands for itself.
        error: What `#` stands for, by default `MarbleError`.

    Raises:
        ValueError: The diagram, or a name in `values`, is malformed.
    """
    values = values or {}
    check_names(values)
    emissions: list[Emission] = []
    tick = 0
    group: int | None = None
    for position, sign in enumerate(diagram):
        if sign == " ":
            continue
        problem = misplaced(sign, Timeline(emissions, tick), group)
        if problem:
            raise ValueError(f"{sign!r} at {position} in {diagram!r} {problem}")
        if sign == "(":
            group = len(emissions)
        elif sign == ")":
            group = None
        elif sign != "-":
            emissions.append(emission_of(sign, tick, values, error or MarbleError))
        if group is None:
            tick += 1
    if group is not None:
        raise ValueError(f"a '(' in {diagram!r} is never closed")
    return Timeline(tuple(emissions), tick)


def check_names(values: Mapping[str, object]) -> None:
    """
    Check the names of items.

    Raises:
        ValueError: A name is longer than one character, or is one of the signs.
    """
    for name in values:
        if len(name) != 1 or name in SIGNS:
            raise ValueError(f"values[{name!r}]: the name of an item is one character, and none of {SIGNS!r}")


def emission_of(
    sign: str, tick: int, values: Mapping[str, object], error: BaseException | type[BaseException]
) -> Emission:
    """
    What a sign says that happens in a tick.
    """
    match sign:
        case "|":
            return Emission(tick, "complete")
        case "#":
            return Emission(tick, "fail", error)
        case name:
            return Emission(tick, "item", values.get(name, name))


def misplaced(sign: str, before: Timeline, group: int | None) -> str | None:
    """
    Why a sign cannot stand where it does, or None if it can.

    Args:
        sign: The sign.
        before: What came before it.
        group: How many emissions came before the group that it stands in; None outside a group.
    """
    if sign in "(-" and group is not None:
        return "stands inside a group"
    if sign == ")" and group is None:
        return "closes no group"
    if sign == ")" and group == len(before.emissions):
        return "closes an empty group"
    if sign != ")" and before.ended:
        return "comes after the end"
    return None
