"""
The conversation of the demo, with a tool, and the answers of the scripted API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import anyio

import streamkit as sk
from streamkit.testing import Drop, Reply, error_reply, reply, text, thinking, tool_use

if TYPE_CHECKING:
    import anthropic
    from anthropic.types import MessageParam, ToolParam

    from streamkit._claude.protocol.events import Event

__all__ = ["QUESTION", "conversation", "replies"]

QUESTION: Final = "Can we walk over to the island tomorrow, and be back for lunch?"

TIDES: Final[ToolParam] = {
    "name": "tide_table",
    "description": "The tides at a place, and when its causeway is dry.",
    "input_schema": {
        "type": "object",
        "properties": {"place": {"type": "string"}, "day": {"type": "string"}},
        "required": ["place", "day"],
    },
}


async def tide_table(place: str, day: str) -> str:
    """
    The tides at a place, after a moment, as a slow service would give them.
    """
    await anyio.sleep(0.4)
    return f"{place}, {day}: low water 09:40, high water 15:55; causeway dry 07:50 to 11:30"


def conversation(client: anthropic.AsyncAnthropic) -> sk.Stream[Event]:
    """
    The events of all turns as one stream, which ends when Claude does not ask for a tool any more.
    """
    history: list[MessageParam] = [{"role": "user", "content": QUESTION}]

    def turn() -> sk.Stream[Event]:
        return sk.messages(
            client,
            retry=sk.RetryPolicy(base=0.2, resume="continue"),
            model="claude-sonnet-5",
            max_tokens=1024,
            tools=[TIDES],
            messages=[*history],
        )

    async def answer_tools(outcome: sk.Outcome) -> sk.Stream[Event] | None:
        if outcome.message is None or not outcome.tool_calls:
            return None
        results = [call.result(await tide_table(**call.input)) for call in outcome.tool_calls]
        said = {"role": "assistant", "content": outcome.message.content}
        history.extend((cast("MessageParam", said), {"role": "user", "content": results}))
        return turn()

    return sk.follow(turn(), answer_tools)


def replies() -> list[Reply]:
    """
    The answers of the scripted API: it is overloaded at first, then asks for the tool, then breaks off in the middle of its
    answer, and repeats some of it when it is asked to continue.
    """
    thought = (
        "The causeway floods twice a day, so this depends on tomorrow's tides.\n"
        "I should look them up, and not guess."
    )
    answer = (
        "Yes, if you start early.\n\n"
        "The causeway is dry from 07:50 to 11:30, with low water at 09:40.\n"
        "Leave at eight, give the island two hours, and be back on the\n"
        "mainland by eleven: half an hour to spare, and hungry for lunch.\n\n"
        "Do not wait for the last minute. Over the flats, the sea comes in\n"
        "faster than a person walks."
    )
    cut = answer.index("land two hours")
    repeated = answer.index("give the island")
    return [
        error_reply(529),
        reply(
            thinking(thought, chunk=5),
            text("Let me look at the tides.", chunk=4),
            tool_use("tide_table", {"place": "Lindholm", "day": "tomorrow"}, chunk=6),
            input_tokens=412,
            pace=0.02,
        ),
        reply(text(answer[:cut], Drop(), chunk=4), input_tokens=547, pace=0.02),
        reply(text(answer[repeated:], chunk=4), input_tokens=602, pace=0.02),
    ]
