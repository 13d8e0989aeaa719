"""
What is redacted, what is not, and that no cut of the text makes a difference.
"""

from __future__ import annotations

import re
import time
from typing import ClassVar

import pytest
from hypothesis import given, settings, strategies as st
from streamkit_redact import LONGEST, Redact, redacted

import streamkit as sk
from streamkit.events import ContentBlockStop, Restarted, TextDelta

KEY = "sk-ant-api03-AbCdEfGhIjKlMnOpQrStUvWxYz_0123456789-AbCdEf"
SECRETS = [
    KEY,
    "sk-proj-0123456789abcdefghij",
    "AKIAIOSFODNN7EXAMPLE",
    "ASIAIOSFODNN7EXAMPLE",
    "AIzaSyA0123456789abcdefghijklmnopqrstuv",
    "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
    "github_pat_0123456789abcdefghijkl",
    "xoxb-0123456789-abcdef",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "jane.doe+news@mail.example.co.uk",
    "x@y.io",
    "jürgen@bücher.example",
]
HARMLESS = [
    "Cold stone, patient moss.",
    "sk-short, AKIA, ghp_ and eyJ are only beginnings",
    "a task-force-of-twenty-or-more-people",
    "meet @ five, or @home.now",
    "user@localhost",
    "the bearer of this letter has walked",
    "BLAKIAIOSFODNN7EXAMPLES",
    "3.14 ... and so on.... a.b.c@",
]


def stream(*pieces: str) -> str:
    return "".join(Redact("#").over(pieces))


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "around", ["{}", "It is {}, and so on.", "<{}>", "key='{}'", "{}.", "{}\n{}", "x: {} {}"]
)
def test_a_secret_does_not_get_out(secret: str, around: str) -> None:
    text = around.replace("{}", secret)
    expected = around.replace("{}", "#")
    assert redacted(text, "#") == stream(text) == stream(*text) == expected


@pytest.mark.parametrize("name", ["Bearer", "bearer", "BEARER"])
@pytest.mark.parametrize("space", [" ", "\t", "   "])
def test_the_word_before_a_bearer_token_stays(name: str, space: str) -> None:
    text = f"Authorization: {name}{space}dGhpcyBpcyBhIHRva2Vu+/=="
    assert stream(text) == stream(*text) == f"Authorization: {name}{space}#"


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    assert redacted(text, "#") == stream(text) == stream(*text) == text


def test_nothing_is_held_but_what_may_be_a_beginning() -> None:
    redact = Redact("#")
    assert [*redact.feed("Cold stone, ")] == ["Cold stone, "]
    assert [*redact.feed("my sk-ant")] == ["my "]
    assert [*redact.feed("ique ")] == ["sk-antique "]
    assert [*redact.feed(f"is {KEY[:20]}")] == ["is "]
    assert [*redact.feed(KEY[20:30])] == ["#"]
    assert [*redact.feed(KEY[30:] + "!")] == ["!"]
    assert [*redact.flush()] == []


def test_what_turns_out_to_be_none_goes_out_at_the_end() -> None:
    assert [*Redact().over(["write to jane@exam"])] == ["write to ", "jane@exam"]


def test_the_memory_has_a_bound() -> None:
    redact = Redact()
    for piece in ["a" * 1000, "@", "b." * 1000, "1", KEY * 100, "." * 1000, "sk-" * 100]:
        for character in piece:
            _ = [*redact.feed(character)]
            assert len(redact.before + redact.held) <= LONGEST


def test_a_structural_item_ends_a_word() -> None:
    stop = ContentBlockStop(index=0)
    assert [*Redact("#").over([f"my {KEY}", stop, "rest"])] == ["my #", stop, "rest"]  # type: ignore[list-item]
    assert [*Redact("#").over(["my sk-ant", stop, "ique"])] == ["my ", "sk-ant", stop, "ique"]  # type: ignore[list-item]


def test_a_restart_forgets() -> None:
    restart = Restarted(2, ConnectionError("gone"))
    for begun in (KEY[:10], KEY):
        items = ["my ", begun, restart, "ABC"]
        assert [*Redact("#").over(items)][-2:] == [restart, "ABC"]  # type: ignore[arg-type]


def test_other_items_are_refused_for_there_may_be_secrets_in_them() -> None:
    for item in (7, b"sk-", TextDelta(KEY), ("text", KEY)):
        with pytest.raises(TypeError, match=r"reads strings, not .*: put text\(\) before it"):
            [*Redact().over([item])]  # type: ignore[list-item]


def test_a_mark_that_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="needs a string as the mark, not None"):
        Redact(None)  # type: ignore[arg-type]


def test_it_can_be_seen_for_what_it_is() -> None:
    assert repr(sk.text() | Redact(mark="#")) == "text() | Redact(mark='#')"
    assert str(LONGEST) in Redact().memory
    assert Redact.__doc__ is not None
    assert LONGEST < 260, "which its docstring says"


PARTS = [
    *SECRETS,
    *HARMLESS,
    "Bearer ",
    "sk-",
    "AKIA",
    "@",
    ".",
    "..",
    " ",
    "a",
    "-",
    "é",
    "x" * 70,
    "\n",
    "example.com",
]
TEXTS = st.lists(st.sampled_from(PARTS) | st.text("ask-@._ 9K", max_size=8), max_size=12).map("".join)


@settings(deadline=None)
@given(st.data(), TEXTS)
def test_no_cut_makes_a_difference(data: st.DataObject, text: str) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=20)))
    pieces = [text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert stream(*pieces) == redacted(text, "#") == stream(*text)


@settings(deadline=None)
@given(TEXTS, st.sampled_from(SECRETS), TEXTS)
def test_no_part_of_a_secret_gets_out(before: str, secret: str, after: str) -> None:
    shown = stream(*f"{before} {secret} {after}")
    for part in re.findall(r"[^\W_]{6,}", secret):
        assert part not in shown or part in redacted(before, "#") + redacted(after, "#")


class TestTime:
    """
    It is linear: ten times the text takes about ten times as long, however nasty the text is.
    """

    UNITS: ClassVar = ["a", "a@", "sk-", "a.", "bearer ", "a.b@c.", "a@b.1.", f"{KEY} ", "x@y.io "]

    @pytest.mark.parametrize("unit", UNITS)
    @pytest.mark.parametrize("size", [7, 1_000_000])
    def test_it_is_linear(self, unit: str, size: int) -> None:
        def seconds(length: int) -> float:
            text = (unit * length)[:length]
            pieces = [text[begin : begin + size] for begin in range(0, length, size)]
            begin = time.process_time()
            for _ in Redact().over(pieces):
                pass
            return time.process_time() - begin

        short = min(seconds(2_000) for _ in range(3))
        assert seconds(20_000) < 30 * short + 0.05
