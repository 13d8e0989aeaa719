"""
Types of what plugins offer: none are known, for what is installed is not either.
"""

from __future__ import annotations

from typing import Any, assert_type

import streamkit as sk

words = sk.from_iterable(["a", "b"])


def by_name(error: sk.PluginError) -> None:
    assert_type(sk.ops.redact, Any)
    assert_type(sk.sources.ticks, Any)
    assert_type(sk.plugins.sinks.count, Any)
    redact: sk.Operator[str, str] = sk.ops.redact()
    assert_type(words | redact, sk.Stream[str])
    assert_type(error.distribution, str)
    assert_type(error.group, str)
    _: int = sk.plugins.API_VERSION
