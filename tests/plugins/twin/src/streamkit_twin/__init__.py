"""
The other of two that offer the same name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamkit as sk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@sk.operator
async def echo(items: AsyncIterator[str]) -> AsyncIterator[str]:
    """
    Text, twice.
    """
    async for item in items:
        yield item
        yield item
