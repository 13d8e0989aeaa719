"""
Functions whose annotations name what is imported for checkers only, as Python 3.14 allows without quotes or a future import.
"""

from __future__ import annotations

import ast
import inspect
import sys
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest

import streamkit as sk
from streamkit import _api
from streamkit.testing import FakeClaude, reply, text


def _holds_data(kind: type) -> bool:
    return is_dataclass(kind) or issubclass(kind, msgspec.Struct)


UNKNOWN = """
async def mark(items: AsyncIterator[str], mark: Mark = "!") -> AsyncIterator[str]:
    async for item in items:
        yield item + mark

async def letters(word: Word) -> AsyncIterator[str]:
    for letter in word:
        yield letter

async def last(items: AsyncIterator[str], otherwise: Word = "") -> Word:
    async for item in items:
        otherwise = item
    return otherwise

async def twice(items: AsyncIterator[str]) -> AsyncIterator[str]:
    async for item in items:
        yield item * 2

async def note(outcome: Outcome) -> Nothing:
    ends.append(outcome.kind)
"""


@pytest.fixture
def written() -> dict[str, Any]:
    """
    The functions of a module in which no name of an annotation is known.
    """
    namespace: dict[str, Any] = {"ends": []}
    exec(compile(UNKNOWN, "user.py", "exec", dont_inherit=True), namespace)
    return namespace


@pytest.mark.skipif(sys.version_info < (3, 14), reason="until Python 3.13 annotations are evaluated at once")
async def test_names_that_only_checkers_know_are_left_as_they_are(written: dict[str, Any]) -> None:
    source: Any
    operator: Any
    sink: Any
    source, operator, sink = (
        sk.source(written["letters"]),
        sk.operator(written["mark"]),
        sk.sink(written["last"]),
    )
    marked = source("ab") | operator("?") | written["twice"] | sk.finalize(written["note"])
    assert await marked.collect() == ["a?a?", "b?b?"]
    assert written["ends"] == ["complete"]
    assert await (marked | sk.passthrough(written["mark"])() | sink()) == "b?b?!"
    assert list(inspect.signature(operator, annotation_format=3).parameters) == ["mark"]  # type: ignore[call-arg,unused-ignore]  # pyright: ignore
    with pytest.raises(TypeError, match=r"^letters: missing a required argument: 'word'"):
        source()


@pytest.mark.skipif(sys.version_info < (3, 14), reason="until Python 3.13 annotations are evaluated at once")
async def test_a_client_of_somebody_else_may_have_such_annotations_too() -> None:
    async with FakeClaude(reply(text("hello"))) as server:
        client: Any = server.client()
        namespace: dict[str, Any] = {"ask": client.messages.create}
        exec(
            compile(
                "async def create(**params: Params) -> Answer:\n    return await ask(**params)",
                "user.py",
                "exec",
                dont_inherit=True,
            ),
            namespace,
        )
        client.messages.create = namespace["create"]
        asked = sk.messages(client, model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}])
        assert await (asked | sk.text()).collect() == ["hello"]


def test_one_place_asks_for_signatures() -> None:
    package = Path(sk.__file__).parent
    asking = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "inspect.signature"
    ]
    assert set(asking) == {"_core/naming.py"}


@pytest.mark.parametrize(
    "kind", [each for each in vars(_api).values() if isinstance(each, type) and _holds_data(each)]
)
def test_what_a_value_holds_can_be_asked_for(kind: type) -> None:
    """
    As pydantic does for a model that has one, FastAPI, and `?` in a notebook.
    """
    assert get_type_hints(kind)
    inspect.signature(kind)
