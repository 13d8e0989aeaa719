"""
The client of the examples: the real API where a key is set, else a scripted Messages API on this machine.
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anthropic

from streamkit.testing import FakeClaude, Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MODEL = "claude-sonnet-5"


@asynccontextmanager
async def claude(*replies: Reply) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """
    A client that is answered by Claude, or by `replies` if ANTHROPIC_API_KEY is not set.
    """
    if os.environ.get("ANTHROPIC_API_KEY"):
        async with anthropic.AsyncAnthropic() as client:
            yield client
    else:
        async with FakeClaude(*replies) as server:
            yield server.client()
