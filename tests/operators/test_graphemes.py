"""
recut("grapheme"): what a person sees as one character stays whole, wherever the chunks cut it.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st
from wcwidth import iter_graphemes

import streamkit as sk
from tests.support.profiles import examples

LONGEST = 64


def cut(*chunks: str) -> list[str]:
    return list(sk.recut("grapheme").over(chunks))


CLUSTERS = {
    "a letter": ["a"],
    "an accent": ["e\u0301"],
    "two accents": ["a\u0323\u0307"],
    "the end of a line": ["\r\n"],
    "no end of a line": ["\n", "\r"],
    "an emoji with a skin tone": ["👍🏽"],
    "a family": ["👨‍👩‍👧‍👦"],
    "a profession with a skin tone": ["👩🏾‍🚀"],
    "a heart as an emoji": ["❤️‍🔥"],
    "flags": ["🇩🇪", "🇫🇷", "🇯🇵"],
    "an odd flag": ["🇩🇪", "🇫"],
    "a flag of tags": ["🏴󠁧󠁢󠁳󠁣󠁴󠁿"],
    "a keycap": ["1️⃣"],
    "Hangul": ["한", "국"],
    "Hangul in parts": ["\u1112\u1161\u11ab", "\u1100\u116e\u11a8"],
    "Devanagari": ["न", "म", "स्ते"],
    "a conjunct": ["क्ष"],
    "a conjunct with a joiner": ["क्‍ष"],
    "Bengali": ["ক্ষি"],
    "Tamil": ["நி"],
    "Thai": ["กำ", "น้ำ"],
    "a sign before its number": ["\u0600\u0661"],
    "Zalgo": ["z" + "\u0335\u0341\u0352" * 10, "a"],
}


@pytest.mark.parametrize("clusters", CLUSTERS.values(), ids=CLUSTERS.keys())
def test_well_known_clusters_stay_whole(clusters: list[str]) -> None:
    text = "".join(clusters)
    assert cut(text) == clusters
    assert cut(*text) == clusters
    assert cut("x", text, "x") == ["x", *clusters, "x"]


# Of each class that the rules of UAX #29 tell apart, some.
PARTS = [
    *"a \r\n1*",
    *"\u0301\u0308\u200d\u200c\ufe0f\u20e3🏽👩🚀❤🇩🇪🇫",
    *"क्षत़्ক্নી",
    *"\u1100\u1161\u11a8가각",
    *"กำั",
    *"\u0600\u0d4e\u00ad\u200b",
]
texts = st.text(st.sampled_from(PARTS), max_size=40) | st.text(max_size=20)


@settings(max_examples=examples(pr=60, full=300))
@given(texts)
def test_one_by_one_is_as_good_as_all_at_once(text: str) -> None:
    assert cut(*text) == cut(text) == list(iter_graphemes(text))


@given(st.lists(st.tuples(st.sampled_from(PARTS), st.integers(1, 150)), max_size=5), st.integers(1, 70))
def test_clusters_without_end_are_cut_whatever_the_chunks(runs: list[tuple[str, int]], size: int) -> None:
    text = "".join(part * length for part, length in runs)
    pieces = cut(text)
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= LONGEST for piece in pieces)
    assert pieces == cut(*(text[start : start + size] for start in range(0, len(text), size)))
