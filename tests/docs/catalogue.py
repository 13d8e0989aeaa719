"""
What the pages of docs/operators say of each operator is written here, from its docstring: `python tests/docs/catalogue.py`.

A page holds `<!-- docstring: throttle -->` and `<!-- end -->` around what is written, and by that the operator has its place;
all else on it is written by hand. The table of all operators stands between `<!-- table -->` and `<!-- end -->`.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio

import streamkit as sk

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "docs" / "operators"
INDEX: Final = FOLDER / "index.md"
FAMILIES: Final = ("transform", "select", "time", "text", "flow", "combine", "fan-out", "errors", "claude")
PAGES: Final = [FOLDER / f"{family}.md" for family in FAMILIES]

DOCSTRING: Final = re.compile(r"(?<=<!-- docstring: )(\w+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)
TABLE: Final = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- end -->)", re.DOTALL)

CONTRACT: Final = ("Emits", "Backpressure", "Completes", "Fails", "Cancels", "Memory")
ENTRY: Final = re.compile(r"^    (\w+): (.+(?:\n {8}.+)*)", re.MULTILINE)
PROMISE: Final = re.compile(rf"^({'|'.join(CONTRACT)}): (.+(?:\n {{4}}.+)*)", re.MULTILINE)

CALLS: Final = {
    "batch": "batch(2)",
    "flat_map": "flat_map(list, concurrency=2)",
    "follow": "follow(a, anyio.sleep)",
    "map_async": "map_async(anyio.sleep, concurrency=2)",
    "split": "split(ordered=False, all=tap(print))",
}
"""Calls that show a kind which the diagram of their operator does not."""


# -- reading ------------------------------------------------------------------------------------------------


@dataclass
class Documented:
    """
    What a docstring says.

    Attributes:
        text: Its paragraphs, the first one the summary.
        drawings: Its diagrams.
        arguments: What it says of each.
        errors: When each is raised.
        contract: The lines Emits to Memory.
    """

    text: list[str] = field(default_factory=list[str])
    drawings: list[str] = field(default_factory=list[str])
    arguments: dict[str, str] = field(default_factory=dict[str, str])
    errors: dict[str, str] = field(default_factory=dict[str, str])
    contract: dict[str, str] = field(default_factory=dict[str, str])


def documented(name: str) -> Documented:
    """
    Read the docstring of a public function.
    """
    found = Documented()
    for paragraph in re.split(r"\n{2,}", inspect.getdoc(getattr(sk, name)) or ""):
        if paragraph.startswith("    "):
            found.drawings.append(inspect.cleandoc(paragraph))
        elif paragraph.startswith("Args:\n"):
            found.arguments |= entries(ENTRY, paragraph)
        elif paragraph.startswith("Raises:\n"):
            found.errors |= entries(ENTRY, paragraph)
        elif paragraph.startswith("Emits:"):
            found.contract |= entries(PROMISE, paragraph)
        else:
            found.text.append(paragraph)
    return found


def entries(form: re.Pattern[str], paragraph: str) -> dict[str, str]:
    return {match[1]: " ".join(match[2].split()) for match in form.finditer(paragraph)}


def kinds(name: str) -> list[str]:
    """
    What `explain()` calls it: `"pure"`, `"async"`, `"concurrent"`, `"source"`; several where it depends on the arguments.
    """
    drawn = [line for drawing in documented(name).drawings for line in drawing.splitlines()]
    found = {kind(call) for call in (*drawn, CALLS.get(name, "")) if call.startswith(f"{name}(")}
    return sorted(found, key=("pure", "async", "concurrent", "source", "concurrent source").index)


def kind(call: str) -> str:
    """
    The kind of what a call makes.
    """
    names: dict[str, Any] = {name: getattr(sk, name) for name in set(re.findall(r"\w+", call)) & {*dir(sk)}}
    made = eval(call, {"anyio": anyio, **dict.fromkeys("abcd", sk.from_iterable(())), **names})
    if isinstance(made, sk.Operator):
        return made.stages[0].kind
    return "concurrent source" if made.source.concurrent else "source"


# -- writing ------------------------------------------------------------------------------------------------


def section(name: str) -> str:
    """
    What a page says of an operator, as far as its docstring knows.
    """
    told = documented(name)
    parts = [f"`{name}{signature(name)}`", *told.text]
    if made := " or ".join(kinds(name)):
        parts[0] += f" · {made}"
    if told.drawings:
        parts.append("```text\n" + "\n\n".join(told.drawings) + "\n```")
    if told.arguments:
        parts.append(table("argument", {f"`{key}`": value for key, value in told.arguments.items()}))
    if told.errors:
        parts.append(table("raises", {f"`{key}`": value for key, value in told.errors.items()}))
    if told.contract:
        parts.append(table("contract", told.contract))
    return "\n\n".join(parts) + "\n"


def signature(name: str) -> str:
    """
    The parameters of a public function, and their defaults.
    """
    plain = inspect.signature(getattr(sk, name)).replace(return_annotation=inspect.Signature.empty)
    bare = [each.replace(annotation=inspect.Parameter.empty) for each in plain.parameters.values()]
    return str(plain.replace(parameters=bare)).replace("'", '"')


def table(title: str, rows: dict[str, str]) -> str:
    cells = ((key, value.replace("|", "\\|")) for key, value in rows.items())
    return "\n".join((f"| {title} | |", "|---|---|", *(f"| {key} | {value} |" for key, value in cells)))


def places() -> Iterator[tuple[Path, str]]:
    """
    Each operator, with the page on which it stands.
    """
    for page in PAGES:
        for match in DOCSTRING.finditer(page.read_text(encoding="utf-8")):
            yield page, match[1]


def overview() -> str:
    """
    The table of all operators.
    """
    lines = ["| operator | | kind |", "|---|---|---|"]
    for page, names in groupby(places(), key=lambda place: place[0]):
        lines.append(f"| **[{title(page)}]({page.name})** | | |")
        for _, name in names:
            summary = " ".join(documented(name).text[0].split())
            lines.append(f"| [`{name}`]({page.name}#{name}) | {summary} | {', '.join(kinds(name)) or '—'} |")
    return "\n".join(lines) + "\n"


def title(page: Path) -> str:
    """
    The headline of a page.
    """
    return page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def written(page: Path) -> str:
    """
    The page as it should be.
    """
    source = page.read_text(encoding="utf-8")
    if page == INDEX:
        return TABLE.sub(lambda _: overview(), source)
    return DOCSTRING.sub(lambda match: f"{match[1]}{match[2]}\n{section(match[1])}\n", source)


def main() -> None:
    """
    Write every page that is out of date.
    """
    for page in (*PAGES, INDEX):
        if (text := written(page)) != page.read_text(encoding="utf-8"):
            page.write_text(text, encoding="utf-8")
            print(page.relative_to(ROOT))  # noqa: T201 -- a command talks


if __name__ == "__main__":
    main()
