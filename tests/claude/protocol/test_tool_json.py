"""
A tool's input is an object that is all there, or it is said why not.
"""

from __future__ import annotations

from typing import Any

import pytest

from streamkit._claude.protocol.tool_json import partial_object, read_object


@pytest.mark.parametrize(
    ("raw", "result"),
    [
        ('{"a": 1}', {"a": 1}),
        (' {"a": [1.0, 12345678901234567890123]}\n', {"a": [1.0, 12345678901234567890123]}),
        (r'{"a": "\ud83d"}', {"a": "\ud83d"}),
        ('{"a": "\ud83d"}', {"a": "\ud83d"}),
        ("{}", {}),
        ("", {}),
        (" \n", {}),
        ('{"a": 1', "truncated"),
        ('{"a": tru', "truncated"),
        ('{"a": "b', "truncated"),
        ('{"a": "\\u12', "truncated"),
        ("{", "truncated"),
        ("[1", "truncated"),
        ("[1]", "not_object"),
        ("null", "not_object"),
        ('"x"', "not_object"),
        ('{"a":1}{"b":2}', "extra_data"),
        ('{"a":1} x', "extra_data"),
        ('{"a" 1}', "invalid"),
        ("{'a': 1}", "invalid"),
        ('{"a":1,}', "invalid"),
        ('{"a": NaN}', "invalid"),
        ('{"a": 1e999}', "invalid"),
        ("[" * 100_000, "invalid"),
    ],
)
def test_a_closed_input(raw: str, result: dict[str, Any] | str) -> None:
    assert read_object(raw, closed=True) == result


def test_no_text_is_no_arguments_only_where_the_block_was_closed() -> None:
    assert read_object("", closed=False) == "truncated"
    assert read_object('{"a": 1}', closed=False) == {"a": 1}


@pytest.mark.parametrize(
    ("raw", "members"),
    [
        ('{"a": 1, "b": "cut', {"a": 1}),
        ('{"a": [1, {"b": 2', {"a": [1, {"b": 2}]}),
        ("{", {}),
        ("[1", {}),
        ("no JSON", {}),
        ('{"a": "\ud83d", "b": 1', {"a": "?", "b": 1}),
    ],
)
def test_a_cut_text_has_its_whole_members(raw: str, members: dict[str, Any]) -> None:
    assert partial_object(raw) == members
