"""
The names that `streamkit.testing` publishes.
"""

from __future__ import annotations

from typing import Any, Final

import pytest

import streamkit.testing

KIT: Final[Any] = streamkit.testing
"""As at run time: to a checker, names that load lazily are not in a list."""


@pytest.mark.parametrize("name", KIT.__all__)
def test_every_published_name_is_there_and_documented(name: str) -> None:
    assert getattr(streamkit.testing, name) is not None
    assert name in dir(streamkit.testing)


def test_every_name_stands_once_and_in_order() -> None:
    assert KIT.__all__ == dir(streamkit.testing) == sorted({*KIT.__all__})


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = streamkit.testing.nonsense  # type: ignore[attr-defined]  # pyright: ignore
