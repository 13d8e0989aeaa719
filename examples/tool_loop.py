"""
A tool loop as one stream: Claude asks for a tool, gets its result, and goes on.

Run it with `python examples/tool_loop.py`.
"""

from __future__ import annotations

import anyio
from scripted import MODEL, claude

import streamkit as sk
from streamkit.testing import reply, text, tool_use


@sk.tool(effect=False)
async def get_weather(city: str) -> str:
    """The weather in a city, now.

    Args:
        city: Its name.
    """
    return f"14 °C and windy in {city}"


async def main() -> None:
    asks = reply(text("Let me look. "), tool_use("get_weather", {"city": "Reykjavík"}, chunk=6), pace=0.02)
    answers = reply(text("It is 14 °C there, and windy: take a jacket.", chunk=5), pace=0.02)
    async with claude(asks, answers) as client:
        loop = sk.tool_loop(
            client,
            tools=[get_weather],
            model=MODEL,
            max_tokens=1024,
            messages=[{"role": "user", "content": "What should I wear in Reykjavík today?"}],
        )
        parts: sk.Operator[sk.events.AnyEvent, tuple[str, str]] = sk.split(
            says=sk.text(),
            call=sk.tool_calls().map(lambda call: f"\n→ {call.name}({call.input})\n"),
            result=sk.only("tool_result").map(lambda result: f"← {result.content}\n"),
        )
        async with (loop | parts).open() as run:
            async for _, part in run:
                print(part, end="", flush=True)
    print(
        f"\n[{run.outcome.kind}: {len(run.outcome.messages)} messages, {run.outcome.usage.output_tokens} tokens]"
    )


anyio.run(main)
