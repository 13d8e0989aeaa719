"""
Operators in a line of text: what it may say, and what it may not.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest

import streamkit as sk
from streamkit.plugins import read_operators

from .distribution import OPERATORS

if TYPE_CHECKING:
    from .conftest import Install


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("meter", "meter()"),
        ("meter()", "meter()"),
        ("take(3)", "take(3)"),
        (" take( 3 ) , skip(1)", "take(3) | skip(1)"),
        ("throttle(0.1, leading=False)", "throttle(0.1, leading=False)"),
        ("until('a, b'),take(1)", "until('a, b') | take(1)"),
        ("skip(0x10)", "skip(16)"),
        (r"until('\d')", r"until('\\d')"),
    ],
)
def test_reads_as_python_would(text: str, same: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert repr(read_operators(text)) == same


@pytest.mark.usefixtures("shout")
async def test_plugins_are_found_like_built_in_ones() -> None:
    pipeline = read_operators("shout(mark='?'), loudly, twice, take(3)")
    assert await (sk.from_iterable(["a", "b"]) | pipeline).collect() == ["A?!!!", "A?!!!", "B?!!!"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ",",
        "take(3",
        "take 3",
        "3",
        "'take'",
        "take(3) skip(1)",
        "sk.take(3)",
        "take(3)(4)",
        "[take(3)]",
        "take(3)], [skip(1)",
        "*meter",
        "meter | meter",
        "lambda: 0",
        "meter for meter in 'a'",
        "a" + "(" * 300,
        "(meter, meter)",
        "take\0",
        "\ud800",
    ],
)
def test_what_does_not_read_like_operators_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="does not read like") as caught:
        read_operators(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    "argument",
    [
        "open('/etc/passwd')",
        "__import__('os')",
        "n",
        "1 + n",
        "f'{1}'",
        "*[1]",
        "**{'n': 1}",
        "[i for i in (1, 2)]",
        "sk.take",
        "lambda: 1",
        "(n := 3)",
        "{**{}}",
    ],
)
def test_arguments_are_values_and_nothing_is_evaluated(argument: str) -> None:
    with pytest.raises(ValueError, match="the arguments of take must be plain values, such as 3"):
        read_operators(f"take({argument})")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("take", r"take: .*missing 1 required positional argument: 'n'"),
        ("take(-1)", "take: take.* needs a whole number of at least 0"),
        ("take('3')", "take: take.* needs a whole number, not '3'"),
        ("take(1, 2)", "take: take.* takes 1 positional argument but 2 were given"),
        ("meter(deep=True)", "meter: .*unexpected keyword argument 'deep'"),
        ("redcat", "there is no operator 'redcat'"),
        ("taek(3)", "there is no operator 'taek'; did you mean t"),
        ("replay('file')", "there is no operator 'replay'"),
        ("_private", "no attribute '_private'"),
        ("loudly()", "loudly is an operator already: write it without parentheses"),
    ],
)
@pytest.mark.usefixtures("shout")
def test_what_cannot_be_made_is_told(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read_operators(text)


def test_a_broken_plugin_is_told_as_such(install: Install) -> None:
    install("streamkit-broken", "1 / 0", {OPERATORS: {"thing": "thing"}})
    with pytest.raises(sk.PluginError, match="streamkit-broken"):
        read_operators("thing")
