"""
What the pages say of the figures is written here, from the last kept result: `python -m benchmarks.report`.

A page holds `<!-- measured: NAME -->` and `<!-- end -->` around what is written; all else on it is written by hand.
"""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from . import connections, hub, in_process
from .kept import grid, number

if TYPE_CHECKING:
    from typing import Any

    from .kept import Kept

__all__ = ["PAGES", "written"]

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "docs" / "performance.md",
    ROOT / "docs" / "thousands-of-streams.md",
    ROOT / "docs" / "hub-operations.md",
]
MARKED = re.compile(r"(?<=<!-- measured: )([^\n]+?)( -->\n\n).*?(?=<!-- end -->)", re.DOTALL)


def written(page: str, kept: Kept) -> str:
    """
    A page as it has to be.

    Raises:
        KeyError: It wants what nothing here knows.
    """
    return MARKED.sub(lambda found: f"{found[1]}{found[2]}{BLOCKS[found[1]](kept)}\n", page)


def _machine(kept: Kept) -> str:
    machine = kept.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    days = sorted({table["measured"][:10] for table in kept.tables.values()})
    when = f"on {days[0]}" if len(days) == 1 else f"from {days[0]} to {days[-1]}"
    said = (
        f"Measured {when}, with Python {machine['python']} on {machine['system']},"
        f" {machine['cores']} cores: {versions}."
    )
    return fill(said, 130, break_on_hyphens=False) + "\n"


def _aims(kept: Kept) -> str:
    rows = [
        [table["title"], f"`{aim['row']}`: {_bound(aim)} `{aim['against']}`", _said(aim)]
        for table in kept.tables.values()
        for aim in table["aims"]
    ]
    return grid(["what", "aim", "measured"], rows)


def _bound(aim: dict[str, Any]) -> str:
    if aim["above"] is not None:
        return f"at most {aim['above']:g} above"
    if aim["at_least"] is not None:
        return f"at least {aim['at_least']:g} times cheaper than"
    return f"at most {aim['at_most']:g} times"


def _said(aim: dict[str, Any]) -> str:
    figure = f"{aim['figure']:.2f}" if aim["figure"] < 10 else number(aim["figure"])
    return figure if aim["met"] else f"**{figure}, missed**"


BLOCKS = {**in_process.BLOCKS, **connections.BLOCKS, **hub.BLOCKS, "machine": _machine, "aims": _aims}
