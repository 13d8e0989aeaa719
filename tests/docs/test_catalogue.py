"""
The pages of operators say what the docstrings say, leave none out, and name what exists.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

import pytest

import streamkit as sk
from streamkit.plugins._kinds import OPERATOR, SOURCE

from .catalogue import CONTRACT, DOCSTRING, FOLDER, INDEX, PAGES, ROOT, documented, kinds, places, written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCS: Final = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
ELSEWHERE: Final = "## In other libraries\n"
CODE: Final = re.compile(r"`([^`]+)`")
LINK: Final = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)")
FENCED: Final = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)

BEGINNINGS: Final = {"from_iterable", "from_sdk", "from_sse", "messages", "replay", "tool_loop"}
"""Sources that begin with something else than a stream; they are no operators, and have no place here."""


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


# -- the pages and the code ---------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [*PAGES, INDEX], ids=name_of)
def test_a_page_says_what_the_docstrings_say(page: Path) -> None:
    is_up_to_date = page.read_text(encoding="utf-8") == written(page)
    assert is_up_to_date, "run `python tests/docs/catalogue.py`, and commit what it writes"


def test_each_operator_has_one_place() -> None:
    built_in = {name for kind in (OPERATOR, SOURCE) for name in kind.built_in} - BEGINNINGS
    assert Counter(name for _, name in places()) == Counter({*built_in, "branch"})


@pytest.mark.parametrize("name", sorted({name for _, name in places()} - {"branch"}))
def test_an_operator_says_all_that_a_page_needs(name: str) -> None:
    told = documented(name)
    assert told.text
    assert told.drawings or name == "follow", "a marble diagram"
    assert list(told.contract) == list(CONTRACT)
    assert kinds(name)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_each_operator_has_an_example_and_its_names_elsewhere(page: Path) -> None:
    source = page.read_text(encoding="utf-8")
    body, _, elsewhere = source.partition(ELSEWHERE)
    sections = re.split(r"^## ", body, flags=re.MULTILINE)[1:]
    assert [section.partition("\n")[0] for section in sections] == [
        match[1] for match in DOCSTRING.finditer(source)
    ]
    for section in sections:
        name = section.partition("\n")[0]
        assert re.search(rf"^```python\n(?:.*\n)*?.*\b{name}\(", section, re.MULTILINE), (
            f"an example of {name}"
        )
        assert re.search(rf"^\|.*?`{name}\b", elsewhere, re.MULTILINE), f"what {name} is called elsewhere"


# -- the names in other libraries ---------------------------------------------------------------------------


def names_elsewhere(library: str) -> Iterator[str]:
    """
    What stands in the column of a library, on all pages.
    """
    for page in PAGES:
        rows = [
            [cell.strip() for cell in line.split("|")]
            for line in page.read_text(encoding="utf-8").partition(ELSEWHERE)[2].splitlines()
            if line.startswith("|")
        ]
        column = rows[0].index(library) if library in rows[0] else 0
        for row in rows[2:] if column else []:
            assert CODE.search(row[column]) or row[column].startswith("—"), f"{page.name}: {row[column]!r}"
            yield from CODE.findall(row[column])


@pytest.mark.parametrize("name", sk.sinks.__all__)
def test_each_sink_is_on_their_page(name: str) -> None:
    rows = re.findall(r"^\| `(\w+)\(", (FOLDER / "sinks.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert rows.count(name) == 1


def test_the_names_in_aiostream_exist() -> None:
    stream = pytest.importorskip("aiostream").stream
    assert [name for name in names_elsewhere("aiostream") if not hasattr(stream, name)] == []


def test_the_names_in_rxpy_exist() -> None:
    operators = pytest.importorskip("reactivex.operators")
    assert [name for name in names_elsewhere("RxPY") if not hasattr(operators, name)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_each_footnote_is_used_and_there(page: Path) -> None:
    source = page.read_text(encoding="utf-8")
    notes = re.findall(r"^\[\^(\w+)\]:", source, re.MULTILINE)
    assert len(notes) == len(set(notes))
    assert {*notes} == {*re.findall(r"\[\^(\w+)\](?!:)", source)}


# -- links and names on every page --------------------------------------------------------------------------


@pytest.mark.parametrize("page", DOCS, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        target = (page.parent / path) if path else page
        assert target.exists(), path
        if anchor:
            assert anchor in anchors(target), f"{path}#{anchor}"


def anchors(page: Path) -> set[str]:
    """
    What GitHub makes of the headlines of a page.
    """
    headlines = re.findall(r"^#+ (.+)", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", headline.lower()).replace(" ", "-") for headline in headlines}


@pytest.mark.parametrize("page", DOCS, ids=name_of)
def test_what_is_named_exists(page: Path) -> None:
    names = set(re.findall(r"\bsk\.(\w+)", page.read_text(encoding="utf-8")))
    assert [name for name in sorted(names) if not hasattr(sk, name)] == []
