"""
recut: the same text in other pieces, whatever the chunks were.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import example, given, settings, strategies as st

import streamkit as sk
from streamkit._operators.text.cutter import Cutter, cut_rule
from streamkit._operators.text.match_automaton import MatchAutomaton
from streamkit._operators.text.regex_rule import RegexRule
from streamkit.events import Restarted
from tests.support.patience import PATIENCE
from tests.support.profiles import examples

if TYPE_CHECKING:
    from collections.abc import Sequence

By = str | re.Pattern[str]

KINDS = ["word", "sentence", "line", "grapheme"]
REGEXES: list[By] = [
    r"[,;]\s*",
    r"\n\n",
    r"\s+",
    r"(?<=[.!?])\s",
    r"\b",
    r"(?=a)",
    r"abc|a",
    re.compile("X+", re.I),
    "a$",
]


def cut(by: By, *chunks: str) -> list[str]:
    return list(sk.recut(by).over(chunks))


# -- where each kind ends -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Hello, world! ", ["Hello, ", "world! "]),
        ("one two", ["one ", "two"]),
        ("one \n\t two", ["one \n\t ", "two"]),
        ("  one", ["  ", "one"]),
        (" ", [" "]),
        ("no-break\u00a0space", ["no-break\u00a0", "space"]),
        ("你好世界", ["你", "好", "世", "界"]),
        ("今日は。", ["今", "日", "は。"]),
        ("コーヒー", ["コー", "ヒー"]),
        ("か\u3099き", ["か\u3099", "き"]),
        ("爱Python编程", ["爱", "Python", "编", "程"]),
        ("GPU时代 来了", ["GPU", "时", "代 ", "来", "了"]),
        ("น้ำกิน", ["น้ำ", "กิ", "น"]),
        ("ក្ដី", ["ក្ដី"]),
        ("ພາສາ", ["ພ", "າ", "ສ", "າ"]),
        ("བོད་སྐད", ["བོད་", "སྐད"]),
        ("한국어 텍스트", ["한국어 ", "텍스트"]),
        ("한국", ["한국"]),
        ("👍🏽👩‍🚀 ok", ["👍🏽👩‍🚀 ", "ok"]),
    ],
)
def test_words(text: str, pieces: list[str]) -> None:
    assert cut("word", text) == pieces


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("One. Two! Three?", ["One. ", "Two! ", "Three?"]),
        ("one. two", ["one. ", "two"]),
        ("Pi is 3.14. Yes.", ["Pi is 3.14. ", "Yes."]),
        ("see example.com/a?b now. Or", ["see example.com/a?b now. ", "Or"]),
        ("“Really?!” He left.", ["“Really?!” ", "He left."]),
        ("(So it is.)  And", ["(So it is.)  ", "And"]),
        ("Well... no", ["Well... ", "no"]),
        ("Well… no", ["Well… ", "no"]),
        ("**Bold.** Next", ["**Bold.** ", "Next"]),
        ("Dr. No", ["Dr. ", "No"]),
        ("你好。世界！真的？！「好。」他说", ["你好。", "世界！", "真的？！", "「好。」", "他说"]),
        ("好。 再见", ["好。 ", "再见"]),
        ("# Title\n\nText\nhere", ["# Title\n\n", "Text\nhere"]),
        ("a\r\n \r\nb", ["a\r\n \r\n", "b"]),
        (". a", [". ", "a"]),
        (" a", [" a"]),
    ],
)
def test_sentences(text: str, pieces: list[str]) -> None:
    assert cut("sentence", text) == pieces


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a\nb\r\nc\rd", ["a\n", "b\r\n", "c\r", "d"]),
        ("\n\r\n\r\r\n", ["\n", "\r\n", "\r", "\r\n"]),
        ("a\r", ["a\r"]),
        ("a\x0b\x0c\x1c\x85\u2028\u2029b\n", ["a\x0b\x0c\x1c\x85\u2028\u2029b\n"]),
    ],
)
def test_lines(text: str, pieces: list[str]) -> None:
    assert cut("line", text) == pieces


@pytest.mark.parametrize(
    ("by", "text", "pieces"),
    [
        (r"[,;]\s*", "a, b;c,  d", ["a, ", "b;", "c,  ", "d"]),
        ("</p>", "<p>a</p><p>b", ["<p>a</p>", "<p>b"]),
        (re.compile("end"), "the end, again", ["the end", ", again"]),
        (re.compile("END", re.IGNORECASE), "the end, again", ["the end", ", again"]),
        (r"(?<=[.!?])\s+", "Hi.  You", ["Hi.  ", "You"]),
        (r"\b", "one two", ["one", " ", "two"]),
        (r"(?=[A-Z])", "camelCaseText", ["camel", "Case", "Text"]),
        (r"^\w", "abc", ["a", "b", "c"]),
        (r"\d+", "a12b3", ["a12", "b3"]),
        (r"abc|a", "abcd", ["a", "bcd"]),  # one character ahead is all that is seen
    ],
)
def test_a_regex_ends_a_piece_behind_each_match(by: By, text: str, pieces: list[str]) -> None:
    assert cut(by, text) == pieces


def fed(by: By, *chunks: str) -> list[list[str]]:
    """
    What comes out at each chunk.
    """
    cutter = Cutter(cut_rule("recut", by))
    return [cutter.feed(chunk) for chunk in chunks]


def test_a_piece_goes_out_as_soon_as_its_end_is_certain() -> None:
    assert fed("word", "one", " ", "t") == [[], [], ["one "]]
    assert fed("sentence", "One.", " ", "T") == [[], [], ["One. "]]
    assert fed("sentence", "好", "。", "他") == [[], [], ["好。"]]
    assert fed("line", "a\n", "b\r", "\n", "c\r", "d") == [["a\n"], [], ["b\r\n"], [], ["c\r"]]
    assert fed("grapheme", "e", "\u0301", "x") == [[], [], ["e\u0301"]]
    assert fed("[,]+", "a,", ",", "b") == [[], [], ["a,,"]]


# -- the laws -----------------------------------------------------------------------------------------------

letters = st.sampled_from(
    [
        *'ab ,.!?\n\r\t")*3',
        "。",
        "！",
        "」",
        "你",
        "か",
        "น",
        "ำ",
        "\u0301",
        "\u200d",
        "👩",
        "🇩",
        "x",
        "\u17d2",
        "ក",
    ]
)
texts = st.text(letters, max_size=60) | st.text(max_size=30)
everything: st.SearchStrategy[By] = st.sampled_from([*KINDS, *REGEXES])


def in_chunks(text: str, at: Sequence[int]) -> list[str]:
    places = [0, *sorted(min(place, len(text)) for place in at), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(places)]


@settings(max_examples=examples(pr=60, full=300))
@given(everything, texts, st.lists(st.integers(0, 60), max_size=8))
@example("sentence", "a。\u201d", [1, 2])
@example("abc|a", "abc", [2])
def test_the_pieces_are_the_text_and_do_not_depend_on_the_chunks(by: By, text: str, at: list[int]) -> None:
    pieces = cut(by, *in_chunks(text, at))
    assert "".join(pieces) == text
    assert "" not in pieces
    assert pieces == cut(by, text) == cut(by, *text)


LONG = {"word": 256, "sentence": 4096, "line": 65_536, "grapheme": 64, ";": 16_384}
FILLING = {"grapheme": "\u0301"}


@pytest.mark.parametrize(("by", "longest"), LONG.items())
def test_a_piece_without_end_is_cut_at_the_same_place_whatever_the_chunks(by: str, longest: int) -> None:
    text = FILLING.get(by, "x") * (2 * longest + 5)
    wanted = [longest, longest, 5]
    assert [len(piece) for piece in cut(by, text)] == wanted
    assert [
        len(piece) for piece in cut(by, *in_chunks(text, [3, longest - 1, longest + 1, 2 * longest]))
    ] == wanted
    # It goes out as soon as it is that long.
    assert [len(piece) for piece in itertools.chain(*fed(by, text[:longest]))] == [longest]


@pytest.mark.parametrize(("by", "longest"), LONG.items())
def test_a_piece_that_ends_where_it_would_be_cut_is_not_cut_twice(by: str, longest: int) -> None:
    if by == "line":
        text, wanted = "x" * (longest - 1) + "\nab", [longest, 2]
    elif by == ";":
        text, wanted = "x" * (longest - 1) + ";ab", [longest, 2]
    elif by == "sentence":
        text, wanted = "x" * (longest - 2) + ". ab", [longest, 2]
    elif by == "word":
        text, wanted = "x" * (longest - 1) + " ab", [longest, 2]
    else:
        text, wanted = "a" + "\u0301" * (longest - 1) + "ab", [longest, 1, 1]
    for chunks in ([text], in_chunks(text, [longest]), in_chunks(text, [longest - 1])):
        assert [len(piece) for piece in cut(by, *chunks)] == wanted


@pytest.mark.parametrize(
    ("by", "at_most"), [("word", 1), ("sentence", 9), ("line", 0), ("grapheme", 64), (";", 16_384)]
)
def test_what_is_read_again_is_bounded(by: str, at_most: int) -> None:
    # A rule sees its own state and the new chunk, not what is held: a text without an end takes linear time.
    made: list[Any] = []

    def make() -> Any:
        made.append(cut_rule("recut", by)())
        return made[-1]

    cutter = Cutter(make)
    for start in range(0, 20_000, 50):
        cutter.feed(FILLING.get(by, "x.") * 50)
        state = cast("dict[str, object]", vars(made[0]))
        kept = sum(len(value) for value in state.values() if isinstance(value, str))
        assert kept <= at_most, start


# -- the cost of a regex ------------------------------------------------------------------------------------


class Counting:
    """
    A regex that counts the characters it is given to search.
    """

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.pattern = pattern
        self.read = 0

    def search(self, text: str, start: int, end: int) -> re.Match[str] | None:
        self.read += max(end - start, 0)
        return self.pattern.search(text, start, end)


PROSE = "The quick brown fox jumps over the lazy dog, and then goes home. " * 260


@pytest.mark.parametrize("size", [16_000, 4])
@pytest.mark.parametrize(
    ("by", "text", "passes"),
    [
        (r"\w+:", "x" * 16_000, 0),
        (r"[^,]+,", "x" * 16_000, 0),
        (r"(?s).*?END", PROSE[:16_000], 0),
        (r"\w+\s*=", PROSE[:16_000], 0),
        (r"\w+=\w+", "x" * 16_000, 0),
        (r"\b\w{3,}\b:", "a:" + "x" * 16_000, 1),
        (r"\w+:(?=\d)", "a:" + "x" * 16_000, 1),
        (r"[.!?]\s+(?=[A-Z])", PROSE[:16_000], 10),
        (r"\s+", PROSE[:16_000], 20),
        (r"(?=[0-9])", PROSE[:16_000], 20),
        (r"\w+", PROSE[:16_000], 20),
    ],
)
def test_a_regex_is_run_only_where_it_can_have_found_something_new(
    by: str, text: str, passes: int, size: int
) -> None:
    counting = Counting(re.compile(by))
    automaton = MatchAutomaton(re.compile(by), RegexRule.longest)
    matches = RegexRule(cast("re.Pattern[str]", counting), automaton)
    for start in range(0, len(text), size):
        list(matches.ends(text[start : start + size]))
    assert counting.read <= passes * len(text)


def each_character(pattern: re.Pattern[str], text: str) -> list[str]:
    """
    What the rule says, word for word: the regex is asked at each character.
    """
    pieces: list[str] = []
    piece = ""
    for character in text:
        piece += character
        while piece:
            for arrived in range(1, len(piece) + 1):
                match = pattern.search(piece, 0, arrived)
                if match is not None and not match.end():
                    match = pattern.search(piece, 1, arrived)
                if match is not None and match.end() < arrived:
                    pieces.append(piece[: match.end()])
                    piece = piece[match.end() :]
                    break
            else:
                break
    return [*pieces, piece] if piece else pieces


parts = [
    "a",
    "b",
    "c",
    ".",
    "[ab]",
    "[^a]",
    r"\w",
    r"\s",
    r"\b",
    r"\B",
    "^",
    "$",
    r"\Z",
    "(?i:A)",
    "(?<=a)",
    "(?<!a$)",
]


def _longer(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    repeats = ["*", "+", "?", "*?", "+?", "{2}", "{0,2}", "{2,3}?", "++", "?+"]
    return (
        st.tuples(part, part).map("".join)
        | st.tuples(part, part).map("(?:{0[0]}|{0[1]})".format)
        | st.tuples(part, st.sampled_from(repeats)).map("(?:{0[0]}){0[1]}".format)
        | part.map("(?>{})".format)
        # A rule may look one character ahead.
        | st.tuples(st.sampled_from("=!"), st.sampled_from(parts[:8])).map("(?{0[0]}{0[1]})".format)
        | st.tuples(part, part).map("(?P<x>{0[0]}){0[1]}(?P=x)".format)
        | st.tuples(part, part).map("(?P<x>{0[0]})?{0[1]}(?(x)a|b)".format)
    )


regexes = st.recursive(st.sampled_from(parts), _longer, max_leaves=5)


@pytest.mark.parametrize(
    ("by", "chunks"),
    [
        ("(?!$)", ["AAA\n", "Axyz"]),
        ("A(?=..)", ["AA", "AAAA"]),
        ("a(?=bcd)", ["xab", "cdyy", "abc", "dab"]),
    ],
)
def test_a_regex_that_looks_further_ahead_than_it_may_loses_and_doubles_nothing(
    by: str, chunks: list[str]
) -> None:
    pieces = cut(re.compile(by), *chunks)
    assert "".join(pieces) == "".join(chunks)
    assert all(pieces)


@settings(max_examples=examples(pr=200, full=2_000))
@given(regexes, regexes, st.text("abc \nA", max_size=12), st.lists(st.integers(0, 12), max_size=4))
def test_any_look_ahead_loses_and_doubles_nothing(by: str, ahead: str, text: str, at: list[int]) -> None:
    try:
        pattern = re.compile(f"(?:{by})(?={ahead})")
    except re.error:
        return
    if pattern.search("") is not None:
        return
    pieces = cut(pattern, *in_chunks(text, at))
    assert "".join(pieces) == text
    assert all(pieces)


@settings(max_examples=examples(pr=60, full=300))
@given(
    regexes,
    st.sampled_from([0, re.IGNORECASE, re.DOTALL, re.MULTILINE]),
    st.text("abc \nA", max_size=12),
    st.data(),
)
@example("a(?<!a$)", 0, "aa\ncb", None)
@example(r"a(?!bb|\Z)", 0, "cabcabbca", None)
@example("(?>a(?:bc)?)b", 0, "abcab", None)
def test_any_regex_gives_the_pieces_it_would_give_asked_at_each_character(
    by: str, flags: int, text: str, data: st.DataObject | None
) -> None:
    try:
        pattern = re.compile(by, flags)
    except re.error:
        return
    if pattern.search("") is not None:
        return
    at = data.draw(st.lists(st.integers(0, 12), max_size=4)) if data else [2, 4]
    assert cut(pattern, *in_chunks(text, at)) == each_character(pattern, text)


@pytest.mark.parametrize(
    "by",
    [
        *(
            "ab",
            "[^a]",
            "[a-z0-9]",
            ".",
            r"\d\W",
            "a|b",
            "(a)(?:b)",
            "(?i:a)",
            "(?P<x>a)(?P=x)",
            "(a)?(?(1)b|c)",
        ),
        *(
            "a*b+c?",
            "a{2,3}?",
            "a++",
            "(?>a|b)",
            "^a$",
            r"\ba\Z",
            "(?=a)b",
            "(?!a)b",
            "(?<=a)b",
            "(?<!a)b",
            "(?!)",
            "a(?#b)",
        ),
    ],
)
def test_the_regex_parser_of_this_python_is_understood(by: str) -> None:
    automaton = MatchAutomaton(re.compile(by), RegexRule.longest)
    assert automaton.understood


def test_a_regex_that_cannot_be_analysed_is_asked_at_each_character(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamkit._operators.text.match_automaton._parser", None)
    assert not MatchAutomaton(re.compile("a"), RegexRule.longest).understood
    assert cut(r"[,;]\s*", "a, b;c") == ["a, ", "b;", "c"]
    assert cut(r"a\w*?b", "acccb.", "abc") == ["acccb", ".ab", "c"]


# -- in a stream --------------------------------------------------------------------------------------------


async def test_it_is_pure_and_runs_in_a_stream() -> None:
    async with (sk.from_iterable(["a b", "c", " d"]) | sk.recut("word") | sk.take(2)).open() as run:
        assert [piece async for piece in run] == ["a ", "bc "]
    assert run.outcome.stopped_by == "take"


async def test_what_is_held_is_forgotten_where_the_stream_starts_over() -> None:
    again = Restarted(2, ConnectionError())
    source: sk.Stream[Any] = sk.from_iterable(["Hel", again, "Hello ", "you"])
    assert await (source | sk.recut("word")).collect() == [again, "Hello ", "you"]
    source = sk.from_iterable(["a.", again, " b"])
    assert await (source | sk.recut("sentence")).collect() == [again, " b"]


async def test_an_error_comes_after_what_is_held() -> None:
    def play() -> Any:
        yield "one two"
        raise ConnectionError

    got: list[str] = []
    with pytest.raises(ConnectionError):
        await (sk.from_iterable(play) | sk.recut("word") | sk.tap(got.append)).run()
    assert got == ["one ", "two"]


def test_each_run_begins_afresh() -> None:
    words = sk.recut("word")
    assert list(words.over(["one tw"])) == list(words.over(["one tw"])) == ["one ", "tw"]


def test_items_that_are_no_text_are_refused() -> None:
    junk: Any = [3]
    with pytest.raises(TypeError, match=r"not int: put text\(\) before it"):
        list(sk.recut("word").over(junk))


@pytest.mark.parametrize(
    ("by", "error", "message"),
    [
        (
            "words",
            ValueError,
            r"'word', 'sentence', 'line', 'grapheme' or a regex, not 'words'; as a regex write re.compile",
        ),
        ("", ValueError, "not ''"),
        ("(", ValueError, r"'\(' is not a valid one: missing \)"),
        (r"\s*", ValueError, "matches the empty string"),
        (re.compile("a?"), ValueError, "'a[?]', because it matches the empty string"),
        (re.compile(b","), TypeError, "a regex for strings"),
        (b",", TypeError, "not b','"),
        (None, TypeError, "not None"),
        (3, TypeError, "not 3"),
    ],
)
@pytest.mark.parametrize("operator", [sk.recut, sk.smooth])
def test_junk_is_refused_at_once(operator: Any, by: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        operator(by)


def test_it_reads_like_the_source() -> None:
    assert repr(sk.recut("word")) == "recut('word')"
    assert repr(sk.text() | sk.recut(r",\s*")) == r"text() | recut(',\\s*')"


def test_the_bound_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    sk.recut("line").explain()
    assert "holds one piece, of at most 65,536 characters" in capsys.readouterr().out


def test_the_tables_of_graphemes_are_loaded_when_they_are_needed() -> None:
    code = """
import sys, streamkit as sk
assert list(sk.recut("word").over(["a b"])) and "wcwidth" not in sys.modules
assert list(sk.recut("grapheme").over(["a b"])) and "wcwidth" in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
