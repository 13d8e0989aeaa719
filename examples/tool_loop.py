"""
A tool loop as one stream: Claude asks for a tool, gets its result, and goes on.

Run it with `python examples/tool_loop.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from scripted import MODEL, claude

import streamkit as sk
from streamkit.testing import reply, text, tool_use

if TYPE_CHECKING:
    import anthropic
    from anthropic.types import MessageParam, ToolParam

WEATHER: ToolParam = {
    "name": "get_weather",
    "description": "The weather in a city, now.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


async def get_weather(city: str) -> str:
    return f"14 °C and windy in {city}"


def conversation(client: anthropic.AsyncAnthropic, question: str) -> sk.Stream[sk.events.Event]:
    """
    The events of all turns, until Claude asks for no more tools.
    """

    def turn(history: list[MessageParam]) -> sk.Stream[sk.events.Event]:
        return sk.messages(client, model=MODEL, max_tokens=1024, tools=[WEATHER], messages=history)

    async def answer_tools(outcome: sk.Outcome) -> sk.Stream[sk.events.Event] | None:
        if outcome.stop_reason != "tool_use":
            return None
        results = [call.result(await get_weather(**call.input)) for call in outcome.tool_calls]
        return turn([*outcome.history, {"role": "user", "content": results}])

    return sk.follow(turn([{"role": "user", "content": question}]), answer_tools)


async def main() -> None:
    asks = reply(text("Let me look. "), tool_use("get_weather", {"city": "Reykjavík"}, chunk=6), pace=0.02)
    answers = reply(text("It is 14 °C there, and windy: take a jacket.", chunk=5), pace=0.02)
    async with claude(asks, answers) as client:
        events = conversation(client, "What should I wear in Reykjavík today?")
        parts: sk.Operator[sk.events.Event, tuple[str, str | sk.ToolCall]]
        parts = sk.split(text=sk.text(), tool=sk.tool_calls())
        async with (events | parts).open() as run:
            async for _, part in run:
                if isinstance(part, sk.ToolCall):
                    print(f"\n→ {part.name}({part.input})")
                else:
                    print(part, end="", flush=True)
    print(
        f"\n[{run.outcome.kind}: {len(run.outcome.messages)} messages, {run.outcome.usage.output_tokens} tokens]"
    )


anyio.run(main)
