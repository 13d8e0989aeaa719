"""
Nothing is wrong with it but its names, which are taken.
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
