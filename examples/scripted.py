"""
What the examples talk to: the real API and a person where a key is set, else a scripted Messages API on this machine, and what
somebody might have typed.
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anthropic
from anyio import to_thread

from streamkit.testing import FakeClaude, Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

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


def person(*lines: str) -> Callable[[str], Awaitable[str]]:
    """
    Asks whoever sits at the terminal for a line, or takes the next of `lines` if ANTHROPIC_API_KEY is not set; `""` at the end.
    """
    scripted = iter(lines)

    async def ask(prompt: str) -> str:
        if os.environ.get("ANTHROPIC_API_KEY"):
            return await to_thread.run_sync(input, prompt, abandon_on_cancel=True)
        line = next(scripted, "")
        print(f"{prompt}{line}")
        return line

    return ask
