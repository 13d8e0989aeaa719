"""
Fixtures for applications that test their streams; loaded in every pytest run where streamkit is installed.

Nothing is imported here before a test asks for it.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .fake_claude import FakeClaude, Script

__all__ = ["StartFakeClaude", "fake_claude"]


class StartFakeClaude(Protocol):
    """
    What the fixture `fake_claude` gives: `server = await fake_claude(reply(text("Hello")))`.
    """

    async def __call__(self, *replies: Script, repeat: bool = False) -> FakeClaude: ...


@pytest.fixture
async def fake_claude(anyio_backend: object) -> AsyncIterator[StartFakeClaude]:
    """
    Start servers that end with the test. It needs anyio's pytest plugin and real time.
    """
    from .fake_claude import FakeClaude

    async with AsyncExitStack() as servers:

        async def start(*replies: Script, repeat: bool = False) -> FakeClaude:
            return await servers.enter_async_context(FakeClaude(*replies, repeat=repeat))

        yield start
