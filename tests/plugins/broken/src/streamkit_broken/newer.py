"""
It asks for a version of the plugin API that does not exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamkit as sk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__streamkit_api__ = 99


@sk.operator
async def newer(items: AsyncIterator[str]) -> AsyncIterator[str]:
    """
    Text as it is.
    """
    async for item in items:
        yield item
