"""
JSON that is read while it is being written: what it adds up to, whatever the cuts, and how it grows.
"""

from __future__ import annotations

import json
import math
import random
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeGuard

import pytest
from hypothesis import example, given, settings, strategies as st

from streamkit._partial_json import (
    Extractor,
    LiveArray,
    LiveObject,
    ParseError,
    Partial,
    Selector,
    ValueFinder,
)
from streamkit._partial_json.parser import Parser
from streamkit._partial_json.path import parse_path
from streamkit._partial_json.tree import Tree
from tests.support.profiles import examples

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBERS = st.integers() | st.integers(min_value=10**25) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text() | st.text(st.characters(min_codepoint=0x1F300, max_codepoint=0x1FAFF)) | st.sampled_from(
    ["", '"', "\\", "\n\t\b\f\r", "\u2028", "/", "\x7f", "\ud83d", "\ude00\ud83d"]
)  # fmt: skip
LEAVES = st.none() | st.booleans() | NUMBERS | TEXTS
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5), max_leaves=30
)  # fmt: skip


@st.composite
def written(draw: st.DrawFn) -> str:
    """
    A document as JSON, written in one of the ways that there are.
    """
    document = draw(DOCUMENTS)
    indent = draw(st.sampled_from([None, 0, 2, "\t"]))
    separators = draw(st.sampled_from([(",", ":"), (" , ", " : ")]))
    return json.dumps(document, ensure_ascii=draw(st.booleans()), indent=indent, separators=separators)


def cut(text: str, seed: int) -> Iterator[str]:
    chance = random.Random(seed)
    places = sorted({0, len(text), *chance.choices(range(len(text) + 1), k=chance.randint(0, len(text)))})
    return (text[a:b] for a, b in pairwise(places))


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def is_array(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def same(one: Any, other: Any) -> bool:
    """
    Equal, and of the same types all through: 1 is not 1.0, 0.0 is not -0.0.
    """
    if type(one) is not type(other):
        return False
    if is_object(one):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    if is_array(one):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return bool(one == other)


ODD = ["-0", "-0.0", "1E5", "1e-7", "0.1e+3", "12345678901234567890123", ' [ ] ', '{"a":1,"a":2}', '"\\ud83d\\ude00"',
       '"\\ud83d"', '"\\ud83dx"', '"\\ud83d\\ud83d\\ude00"', '"\\ude00"', '"\\/\\u0041"', '[[[[1]]],{"":{"":[]}}]']  # fmt: skip


def odd(test: Any) -> Any:
    for text in ODD:
        for seed in range(3):
            test = example(text=text, seed=seed)(test)
    return test


@odd
@given(text=written(), seed=st.integers(0, 1000))
def test_the_value_is_that_of_json_loads(text: str, seed: int) -> None:
    tree = Tree()
    parser = Parser(tree)
    for piece in cut(text, seed):
        parser.feed(piece)
    parser.end()
    assert same(tree.top[0], json.loads(text))
    assert parser.offset == len(text)


def strings(value: Any, path: str = "$") -> Iterator[tuple[str, str]]:
    """
    Every string in a value, with the path to it.
    """
    if isinstance(value, str):
        yield path, value
    elif is_object(value):
        for name, each in value.items():
            yield from strings(each, f"{path}[{json.dumps(name)}]")
    elif is_array(value):
        for index, each in enumerate(value):
            yield from strings(each, f"{path}[{index}]")


def selected(text: str, path: str, seed: int) -> list[Any]:
    extractor = Extractor(Selector(path, None))
    found: list[Any] = []
    for piece in cut(text, seed):
        extractor.feed(piece)
        found += extractor.take()
    extractor.end()
    return [*found, *extractor.take()]


@given(text=written(), seed=st.integers(0, 1000))
def test_the_pieces_of_each_string_add_up_to_it(text: str, seed: int) -> None:
    for path, value in strings(json.loads(text)):
        assert "".join(selected(text, path, seed)) == value


@given(items=st.lists(DOCUMENTS, max_size=8), seed=st.integers(0, 1000))
def test_each_element_comes_once_in_order_as_soon_as_it_is_there(items: list[Any], seed: int) -> None:
    text = json.dumps({"before": [1], "items": items, "after": {"items": [2]}})
    assert same(selected(text, "$.items[*]", seed), json.loads(text)["items"])
    extractor = Extractor(Selector("$.items[*]", None))
    ends: list[int] = []
    for at, char in enumerate(text):
        extractor.feed(char)
        ends += [at for _ in extractor.take()]
    begin = text.index("[", text.index('"items"')) + 1
    for each, end in zip(items, ends, strict=True):
        last = begin + len(json.dumps(each))
        # A number or a word is over when something follows it; all else with its last character.
        follows = isinstance(each, int | float | None) and not isinstance(each, str)
        assert end == last - 1 + follows
        begin = last + len(", ")


def grows(before: Any, after: Any) -> bool:
    if is_object(before):
        return is_object(after) and list(before) == list(after)[: len(before)] and all(
            grows(each, after[name]) for name, each in before.items()
        )  # fmt: skip
    if is_array(before):
        return is_array(after) and len(before) <= len(after) and all(map(grows, before, after))
    return str(after).startswith(before) if isinstance(before, str) else same(before, after)


@given(text=written(), seed=st.integers(0, 1000))
def test_a_live_view_only_ever_grows(text: str, seed: int) -> None:
    extractor = Extractor(Selector(None, None))
    before: Partial | None = None
    for piece in cut(text, seed):
        extractor.feed(piece)
        for shown in extractor.take():
            now = shown.copy()
            if before is not None:
                assert grows(before.value, now.value)
                assert not before.complete
                assert (before.value, before.complete) != (now.value, now.complete), "nothing has changed"
            before = now
    extractor.end()
    for shown in extractor.take():
        before = shown.copy()
    assert before is not None
    assert same(before.value, json.loads(text))
    assert before.complete


@settings(max_examples=examples(pr=60, full=300))
@given(
    text=written(),
    at=st.integers(0, 10_000),
    what=st.sampled_from(["", "x", "}", "]", ",", ":", '"', "\\", "1", "\n"]),
)
def test_what_json_loads_refuses_is_refused_with_its_place(text: str, at: int, what: str) -> None:
    at %= len(text) + 1
    wrong = text[:at] + what + text[at + 1 :]
    try:
        expected = json.loads(wrong)
    except ValueError:
        flaws = [flaw_of(list(cut(wrong, seed))) for seed in range(3)]
        [(reason, offset)] = {(flaw.reason, flaw.offset) for flaw in flaws}
        assert offset == len(wrong) if reason == "truncated" else offset < len(wrong)
    else:
        assert same(whole(wrong), expected)


def flaw_of(pieces: list[str]) -> ParseError:
    parser = Parser(Tree())
    with pytest.raises(ParseError) as caught:
        for piece in pieces:
            parser.feed(piece)
        parser.end()
    return caught.value


def whole(text: str) -> Any:
    tree = Tree()
    parser = Parser(tree)
    parser.feed(text)
    parser.end()
    return tree.top[0]


@pytest.mark.parametrize(
    ("text", "reason", "offset"),
    [
        ("", "truncated", 0),
        ("  ", "truncated", 2),
        ('{"a": tru', "truncated", 9),
        ('{"a": "x', "truncated", 8),
        ('{"a": "\\u12', "truncated", 11),
        ("[1, 2", "truncated", 5),
        ('{"a" 1}', "invalid", 5),
        ("{a: 1}", "invalid", 1),
        ("[1 2]", "invalid", 3),
        ("[1,]", "invalid", 3),
        ('{"a": 1,}', "invalid", 8),
        ("[nope]", "invalid", 1),
        ("[01]", "invalid", 1),
        ("[1.]", "invalid", 1),
        ("[+1]", "invalid", 1),
        ("[NaN]", "invalid", 1),
        ("[-Infinity]", "invalid", 1),
        (f"[{'1' * 5000}]", "invalid", 1),
        ('["\\x"]', "invalid", 3),
        ('["\\u12G4"]', "invalid", 6),
        ('["a\nb"]', "invalid", 3),
        ("[é]", "invalid", 1),
        ('{"a": 1} {', "extra_data", 9),
        ("12 13", "extra_data", 3),
        ('"a" \ud83d', "extra_data", 4),
        ("[1]\ud83d", "extra_data", 3),
    ],
)
def test_where_it_goes_wrong(text: str, reason: str, offset: int) -> None:
    for size in (1, 3, 10_000):
        parser = Parser(Tree())
        with pytest.raises(ParseError) as caught:
            for start in range(0, len(text), size):
                parser.feed(text[start : start + size])
            parser.end()
        assert (caught.value.reason, caught.value.offset) == (reason, offset)
        assert "nope" not in str(caught.value)


def test_what_came_before_a_flaw_is_told() -> None:
    extractor = Extractor(Selector("$[*]", None))
    with pytest.raises(ParseError):
        extractor.feed('[1, "two", {"three": 3}, nope]')
    assert extractor.take() == [1, "two", {"three": 3}]
    extractor = Extractor(Selector("$.a", None))
    with pytest.raises(ParseError):
        extractor.feed('{"a": "so far \\x')
    assert extractor.take() == ["so far "]


def test_nesting_has_no_limit() -> None:
    depth = 100_000
    tree = Tree()
    parser = Parser(tree)
    parser.feed("[" * depth)
    parser.feed("]" * depth)
    parser.end()
    copied = LiveArray(tree.top[0]).copy()
    for _ in range(depth - 1):
        [copied] = copied
    assert copied == []


def test_a_surrogate_pair_that_the_wire_has_cut_is_joined() -> None:
    extractor = Extractor(Selector("$", None))
    found: list[str] = []
    for piece in ('"a\ud83d', "\ude00b", '\ud83d"'):
        extractor.feed(piece)
        found += extractor.take()
    assert found == ["a", "😀b", "\ud83d"]


# -- paths ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$", ()),
        ("$.body", ("body",)),
        ("$.items[*].title", ("items", None, "title")),
        ('$[\'a b\']["c\\"d"]', ("a b", 'c"d')),
        ("$['it\\'s \"so\"']", ('it\'s "so"',)),
        ("$[0][10]", (0, 10)),
        ("$.*[ * ]", (None, None)),
        ("$.größe", ("größe",)),
        ("$['\\u263a']", ("☺",)),
    ],
)
def test_a_path_is_read(path: str, steps: tuple[object, ...]) -> None:
    assert parse_path(path) == steps


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("body", r"must begin with \$"),
        ("", r"must begin with \$"),
        ("$..body", "it searches at every depth"),
        ("$[?@.a > 1]", "a filter needs the whole element first"),
        ("$[-1]", "an index from the end is known at the end only"),
        ("$[1:3]", "slices are not supported"),
        ("$['a','b']", "it selects several names"),
        ("$[0,1]", "it selects several names"),
        ("$.a b", r"cannot be read at ' b': it may have \$, \.name"),
        ("$.1", "cannot be read"),
        ("$[01]", "cannot be read"),
        ("$['a'", "cannot be read"),
        ("$[a]", "cannot be read"),
        ("$['\\q']", "an escape that JSON does not know"),
    ],
)
def test_a_path_that_cannot_be_followed_is_refused_with_the_reason(path: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_path(path)


def test_a_path_is_a_string() -> None:
    with pytest.raises(TypeError, match="path must be a string"):
        parse_path(["items"])  # type: ignore[arg-type]


DOCUMENT = json.dumps(
    {
        "a": [{"b": "x", "c": 1}, {"b": ["y", None]}, "s", {"b": "z"}],
        "0": "key",
        "d": {"e": {"f": True}, "g": {}},
    }
)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.a[*].b", ["x", ["y", None], "z"]),
        ("$.a[0].b", ["x"]),
        ("$.a[1]", [{"b": ["y", None]}]),
        ("$.a[2]", ["s"]),
        ("$.a[9]", []),
        ("$['0']", ["key"]),
        ("$[0]", []),
        ("$.d.*", [{"f": True}, {}]),
        ("$.d.e.f", [True]),
        ("$.d.e.f.g", []),
        ("$.a.b", []),
        ("$", [json.loads(DOCUMENT)]),
    ],
)
def test_a_path_selects(path: str, found: list[Any]) -> None:
    for seed in range(20):
        parts = selected(DOCUMENT, path, seed)
        if found and isinstance(found[0], str) and "*" not in path:
            parts = ["".join(parts)]
        assert parts == found


# -- views ---------------------------------------------------------------------------------------------------


def test_a_view_is_read_only_and_lives() -> None:
    extractor = Extractor(Selector(None, None))
    extractor.feed('{"a": [1, {"b": "x')
    [shown] = extractor.take()
    value: Any = shown.value
    inner: Any = value["a"]
    assert (type(value), type(inner)) == (LiveObject, LiveArray)
    assert value == {"a": [1, {"b": "x"}]} == value.copy()
    assert (inner, inner[1:], list(inner), len(inner)) == ([1, {"b": "x"}], [{"b": "x"}], [1, {"b": "x"}], 2)
    assert (dict(value), list(value), "a" in value, value.get("z")) == ({"a": inner}, ["a"], True, None)
    assert repr(shown) == "Partial(value={'a': [1, {'b': 'x'}]}, complete=False)"
    kept = shown.copy()
    with pytest.raises(TypeError):
        value["a"] = 1
    with pytest.raises(TypeError):
        inner[0] = 1
    with pytest.raises(TypeError):
        hash(value)
    extractor.feed('y"}]}')
    assert value == {"a": [1, {"b": "xy"}]}
    assert inner == [1, {"b": "xy"}] == inner.copy()
    assert kept == Partial({"a": [1, {"b": "x"}]}, False)
    assert kept.value["a"][1].keys() == {"b"}
    assert value != inner


def test_a_text_that_somebody_keeps_stays_as_it_is() -> None:
    extractor = Extractor(Selector(None, None))
    kept: list[str] = []
    for piece in ('{"a": "', "one ", "two ", 'three"}'):
        extractor.feed(piece)
        kept += [shown.value["a"] for shown in extractor.take()]
    assert kept == ["", "one ", "one two ", "one two three", "one two three"][: len(kept)]
    assert kept[1] == "one "


def test_a_value_that_is_a_string_or_a_number_is_shown_too() -> None:
    extractor = Extractor(Selector(None, None))
    extractor.feed('"ab')
    assert extractor.take() == [Partial("ab", False)]
    extractor.feed('c"')
    assert extractor.take() == [Partial("abc", True)]
    extractor = Extractor(Selector(None, None))
    extractor.feed("12")
    assert extractor.take() == []
    extractor.end()
    assert extractor.take() == [Partial(12, True)]
    assert Partial(12, True).copy() == Partial(12, True)


# -- where it begins -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ("\ufeff \n [1]", "[1]"),
        ('"text"', '"text"'),
        (" 12 ", "12"),
        ("-1.5e3", "-1.5e3"),
        ("true", "true"),
        ("null\n", "null"),
        ("```json\n[1]\n```", "[1]\n```"),
        ("Here:\n```\n[1]\n```\nBye", "[1]\n```\nBye"),
        ("Here:\n\n  {1}", "{1}"),
        ("  ```JSON with words\n12", "12"),
        ("12 monkeys: [1]\n[2]", "[2]"),
        ("true love [1]\n\n{2}", "{2}"),
        ("-", None),
        ("t", None),
        ("nothing `at` all ```", None),
        ("see [the list] {here}", None),
        ("", None),
        (" \n", None),
        ("word ```\n{x}", "{x}"),
        ("```json", None),
    ],
)
def test_where_the_value_begins(text: str, found: str | None) -> None:
    for size in (1, 2, 5, 1000):
        finder = ValueFinder()
        begun: str | None = None
        for start in range(0, len(text), size):
            piece = text[start : start + size]
            if begun is None:
                begun = finder.feed(piece)
            else:
                begun += piece
        if begun is None:
            begun = finder.end()
        assert begun == found
        if found is not None:
            assert text[finder.passed :].startswith(found)


def test_prose_is_not_kept() -> None:
    finder = ValueFinder()
    for _ in range(1000):
        assert finder.feed("word " * 100) is None
        assert finder.feed(" " * 100) is None
    held = [value for value in vars(finder).values() if isinstance(value, str)]
    assert sum(map(len, held)) < 1000
    assert finder.feed('\n{"a"') == '{"a"'
