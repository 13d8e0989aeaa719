"""
`streamkit operators`: lists operators, sources and sinks, those of plugins too.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from streamkit._core.naming import printable
from streamkit._version import __version__
from streamkit.plugins import registry
from streamkit.plugins._kinds import KINDS

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator, Sequence

    from streamkit.plugins import Plugin
    from streamkit.plugins._kinds import Kind

__all__ = ["DESCRIPTION", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "list operators, sources and sinks, and those of plugins"
DESCRIPTION: Final = (
    "List operators, sources and sinks by name: those that come with streamkit, and those of plugins, which are "
    "not imported for it. With --check they are; the exit status is 1 if one cannot be used."
)

BUILT_IN: Final = "claude-streamkit"


@dataclass(frozen=True)
class Entry:
    """
    A row of the list.

    Attributes:
        name: The name.
        kind: `"operator"`, `"source"` or `"sink"`.
        group: The entry-point group of that kind.
        distribution: The distribution that has it.
        version: That distribution's version.
        state: `"built-in"`; for a plugin `"found"`, `"deselected"` or `"conflict"`, and when it was checked `"ok"` or
            `"broken"`.
        summary: What it does, in a line; None for a plugin that was not imported.
        problem: Why it cannot be used, or None.
    """

    name: str
    kind: str
    group: str
    distribution: str
    version: str
    state: str
    summary: str | None
    problem: str | None


def add_arguments(parser: ArgumentParser) -> None:
    """
    Declare the arguments.
    """
    parser.add_argument(
        "--check", action="store_true", help="import every plugin, and say whether it can be used"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


def run(options: Namespace) -> int:
    """
    Print the list.

    Returns:
        The exit status: 1 if a check has found something that cannot be used, else 0.
    """
    installed = registry()
    plugins = [of_plugin(plugin, check=options.check) for plugin in installed.plugins]
    built_in = [entry for kind in KINDS for entry in of_kind(kind)]
    if options.json:
        whole = {
            "entries": [asdict(entry) for entry in (*built_in, *plugins)],
            "problems": installed.problems,
        }
        print(msgspec.json.format(msgspec.json.encode(whole)).decode())
    else:
        if not options.check:
            show_built_in(built_in)
        show_plugins(plugins)
        for problem in installed.problems:
            print(f"streamkit: {printable(problem)}", file=sys.stderr)
    unusable = installed.problems or any(entry.problem is not None for entry in plugins)
    return 1 if options.check and unusable else 0


def of_kind(kind: Kind) -> Iterator[Entry]:
    """
    The rows of what comes with streamkit.
    """
    for name, value in sorted(kind.built_in.items()):
        yield Entry(
            name, kind.word, kind.group, BUILT_IN, __version__, "built-in", summary_of(value), problem=None
        )


def of_plugin(plugin: Plugin, *, check: bool) -> Entry:
    """
    The row of a plugin, which is imported only if `check` is on.
    """
    state: str = plugin.state
    summary = None
    problem = str(plugin.conflict_error()) if state == "conflict" else None
    if check and state == "found":
        with redirect_stdout(sys.stderr):  # a plugin may print something when it is imported
            error = plugin.check()
        state, problem = ("ok", None) if error is None else ("broken", str(error))
        summary = summary_of(plugin.load()) if error is None else None
    return Entry(
        plugin.name,
        plugin.kind.word,
        plugin.kind.group,
        plugin.distribution,
        plugin.version,
        state,
        summary,
        problem,
    )


def summary_of(value: object) -> str | None:
    """
    The first line of its docstring, or None without one.
    """
    documented = value if isinstance(value, type) or callable(value) else None
    try:
        text = str(documented.__doc__ or "").strip() if documented is not None else ""
    except Exception:  # an attribute of a plugin's
        text = ""
    return text.partition("\n")[0] or None


def show_built_in(entries: Sequence[Entry]) -> None:
    """
    Print a section of built-in names for each kind.
    """
    width = max(len(entry.name) for entry in entries)
    for kind in KINDS:
        print(f"{kind.word}s")
        for entry in entries:
            if entry.kind == kind.word:
                print(f"  {entry.name:<{width}}  {entry.summary or ''}".rstrip())
        print()


def show_plugins(entries: Sequence[Entry]) -> None:
    """
    Print a line for each plugin, and below it what is wrong with it.
    """
    print("plugins" if entries else "plugins: none")
    rows = [
        tuple(map(printable, (entry.name, entry.kind, f"{entry.distribution} {entry.version}", entry.state)))
        for entry in entries
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, entry in zip(rows, entries, strict=True):
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(f"  {cells}  {printable(entry.summary or '')}".rstrip())
        if entry.problem is not None:
            print(f"    {printable(' '.join(entry.problem.split()))}")
