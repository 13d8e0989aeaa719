"""
Small tools, and what they have given in a run.
"""

from __future__ import annotations

from typing import Any

import streamkit as sk


async def look(city: str) -> str:
    """
    Look out of a window.

    Args:
        city: Where.
    """
    return f"rain in {city}"


def add(a: int, b: int) -> int:
    return a + b


def plus(a: int, b: int) -> str:
    return str(a + b)


async def fail(why: str) -> str:
    raise ConnectionError(why)


def results(items: list[Any]) -> list[tuple[str, object, bool]]:
    return [(item.name, item.content, item.is_error) for item in items if isinstance(item, sk.ToolResult)]
