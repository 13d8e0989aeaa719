"""
A tool loop as one stream: Claude asks for a tool, which runs while it is still writing, gets its result, and goes on.

Run it with `python examples/tool_loop.py`.
"""

from __future__ import annotations

import anyio
from scripted import MODEL, claude

import streamkit as sk
from streamkit.testing import reply, text, tool_use


@sk.tool(effect=False)
async def get_weather(city: str) -> str:
    """
    The weather in a city, now.

    Args:
        city: Its name.
    """
    await anyio.sleep(0.05)
    return f"14 °C and windy in {city}"


async def main() -> None:
    asks = reply(
        tool_use("get_weather", {"city": "Reykjavík"}, chunk=6),
        text("I have asked for the weather. What you wear there depends on it.", chunk=5),
        pace=0.02,
    )
    answers = reply(text("It is 14 °C there, and windy: take a jacket.", chunk=5), pace=0.02)
    async with claude(asks, answers) as client:
        loop = sk.tool_loop(
            client,
            tools=[get_weather],
            model=MODEL,
            max_tokens=1024,
            messages=[{"role": "user", "content": "What should I wear in Reykjavík today?"}],
        )
        async with loop.open() as run:
            async for item in run:
                if isinstance(item, sk.ToolResult):
                    print(f"[{item.name}: {item.content}]", end="", flush=True)
                elif item.type == "content_block_delta":
                    print(getattr(item.delta, "text", ""), end="", flush=True)
                elif item.type == "message_stop":
                    print()
    outcome = run.outcome
    print(
        f"[{outcome.kind}: {len(outcome.turns)} turns, {outcome.usage.output_tokens} tokens, "
        f"{len(outcome.history)} messages to go on with]"
    )


anyio.run(main)
