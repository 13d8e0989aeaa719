"""
A text that comes in many small pieces.
"""

from __future__ import annotations

import tracemalloc

from hypothesis import given, strategies as st

from streamkit._claude.protocol.growing_text import GrowingText

PIECES = [f"{number:05}" for number in range(10_000)]


@given(st.lists(st.tuples(st.sampled_from(["write", "writer", "getvalue", "take"]), st.integers(0, 600))))
def test_it_is_what_was_written_and_not_taken(steps: list[tuple[str, int]]) -> None:
    text, written = GrowingText(), ""
    for step, count in steps:
        match step:
            case "write":
                for piece in PIECES[:count]:
                    text.write(piece)
            case "writer":
                write = text.writer()
                for piece in PIECES[:count]:
                    write(piece)
            case "getvalue":
                assert text.getvalue() == written
                continue
            case _:
                assert text.take() == written
                written = ""
                continue
        written += "".join(PIECES[:count])
    assert text.getvalue() == written


def test_its_memory_is_that_of_the_text_however_it_is_written() -> None:
    one_by_one, many_at_once = GrowingText(), GrowingText()
    tracemalloc.start()
    try:
        for start in range(0, 50_000, 100):
            write = many_at_once.writer()
            for number in range(start, start + 100):
                one_by_one.write(f"{number:05}")
                write(f"{number:05}")
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(one_by_one.getvalue()) == len(many_at_once.getvalue()) == 250_000
    assert kept < 2 * 400_000
