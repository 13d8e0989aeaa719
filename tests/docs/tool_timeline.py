"""
The picture of when the tools of a loop run, drawn from runs in virtual time.

`python -m tests.docs.tool_timeline` writes it anew into `docs/tool-timeline.svg`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio

import streamkit as sk
from streamkit.testing import reply, run_virtual, text, tool_use
from tests.support.claude import decoded
from tests.support.scripted_client import ScriptedClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamkit.testing import Reply
    from tests.support.scripted_client import Step

__all__ = ["PICTURE", "WAYS", "Way", "drawn", "timed"]

PICTURE: Final = Path(__file__).parents[2] / "docs" / "tool-timeline.svg"

EVERY: Final = 0.1
"""Seconds between two events of the model."""

TOOL: Final = 1.5
"""Seconds that each tool takes."""


@dataclass(frozen=True)
class Way:
    """
    One way to run the tools.

    Attributes:
        title: What it is called in the picture.
        written: How it is written.
        effect: Whether the tools have effects.
        concurrency: How many run at once.
    """

    title: str
    written: str
    effect: bool
    concurrency: int = 8


WAYS: Final = (
    Way("without effects: while Claude writes", "sk.tool(look, effect=False)", effect=False),
    Way("with effects: when the message has ended", "sk.tool(look, effect=True)", effect=True),
    Way("one after the other, as a loop by hand", "concurrency=1", effect=True, concurrency=1),
)


@dataclass
class Times:
    """
    What happened when, in seconds from the first request on.

    Attributes:
        blocks: Each block of the first message: its type, and when it began and ended.
        tools: When each tool began and ended.
        next_request: When the second request was sent.
    """

    blocks: list[tuple[str, float, float]] = field(default_factory=list[tuple[str, float, float]])
    tools: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    next_request: float = 0.0


def timed(way: Way) -> Times:
    """
    Run a turn with two calls and text behind them.
    """
    return run_virtual(_run, way)


async def _run(way: Way) -> Times:
    times = Times()
    began = anyio.current_time()

    async def look(place: str) -> str:
        start = anyio.current_time() - began
        await anyio.sleep(TOOL)
        times.tools.append((start, anyio.current_time() - began))
        return place

    words = [f"word {number} " for number in range(18)]
    calls = [tool_use("look", {"place": place}, chunk=6) for place in ("a", "b")]
    asks = reply(*calls, text(*words))
    replies = iter([asks, reply(text("Done."))])
    client = ScriptedClient(lambda _: _paced(next(replies)))
    loop = sk.tool_loop(
        client.as_sdk,
        tools=[sk.tool(look, effect=way.effect)],
        concurrency=way.concurrency,
        model="claude-sonnet-5",
        max_tokens=1024,
        messages=[{"role": "user", "content": "Look at both."}],
    )
    starts: dict[int, tuple[str, float]] = {}
    async with loop.open() as run:
        async for item in run:
            now = anyio.current_time() - began
            if item.type == "content_block_start" and len(client.times) == 1:
                starts[item.index] = (item.content_block.type, now)
            elif item.type == "content_block_stop" and len(client.times) == 1:
                times.blocks.append((*starts[item.index], now))
    times.next_request = client.times[1] - began
    return times


def _paced(answer: Reply) -> Iterator[Step]:
    for event in decoded(answer):
        yield EVERY
        yield sk.events.to_dict(event)


# -- the picture --------------------------------------------------------------------------------------------

LEFT: Final = 130
SECOND: Final = 108
TOP: Final = 46
PANEL: Final = 118


def drawn() -> str:
    """
    The picture.
    """
    panels = [timed(way) for way in WAYS]
    height = TOP + PANEL * len(WAYS) + 4
    last = max(times.next_request for times in panels)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 880 {height}" '
        'font-family="ui-sans-serif, system-ui, sans-serif" font-size="13">',
        f"  <title>Two tools of {TOOL:g} s and text behind their calls: when they run, and when the next request leaves</title>",
        f'  <rect width="880" height="{height}" rx="12" fill="#fbfaf7"/>',
    ]
    for second in range(int(last) + 1):
        x = _x(second)
        lines += [
            f'  <path d="M{x} {TOP - 12} V{height - 20}" stroke="#e6e2d8"/>',
            f'  <text x="{x}" y="{TOP - 18}" text-anchor="middle" font-size="11" fill="#5b6472">{second} s</text>',
        ]
    for number, (way, times) in enumerate(zip(WAYS, panels, strict=True)):
        lines += _panel(way, times, TOP + PANEL * number)
    return "\n".join([*lines, "</svg>", ""])


def _panel(way: Way, times: Times, y: int) -> Iterator[str]:
    yield f'  <text x="24" y="{y + 8}" fill="#1f2933" font-weight="600">{way.title}</text>'
    yield (
        f'  <text x="856" y="{y + 8}" text-anchor="end" font-size="11" font-family="ui-monospace, monospace" '
        f'fill="#5b6472">{way.written}</text>'
    )
    for row, name in enumerate(["message", "look a", "look b"]):
        yield f'  <text x="24" y="{y + 32 + 25 * row}" font-size="12" fill="#5b6472">{name}</text>'
    for kind, start, end in times.blocks:
        is_text = kind == "text"
        fill, edge = ("#ffffff", "#c9c4b8") if is_text else ("#fbf1dd", "#cfa85a")
        yield _bar(start, end, y + 17, fill, edge, "text" if is_text else "call")
    for row, (start, end) in enumerate(sorted(times.tools), 1):
        yield _bar(start, end, y + 17 + 25 * row, "#eef4ee", "#8fb094", f"{TOOL:g} s")
    x = _x(times.next_request)
    yield f'  <path d="M{x} {y + 14} V{y + 90}" stroke="#5b6472" stroke-width="2"/>'
    place, anchor = (x - 8, "end") if x > 700 else (x + 8, "start")
    yield (
        f'  <text x="{place}" y="{y + 31}" text-anchor="{anchor}" font-size="11" fill="#1f2933">'
        f"next request: {times.next_request:.1f} s</text>"
    )


def _bar(start: float, end: float, y: int, fill: str, edge: str, label: str) -> str:
    x, width = _x(start), round((end - start) * SECOND, 1)
    bar = f'<rect x="{x}" y="{y}" width="{width}" height="20" rx="5" fill="{fill}" stroke="{edge}" stroke-width="1.5"/>'
    middle = round(x + width / 2, 1)
    return f'  {bar}<text x="{middle}" y="{y + 14}" text-anchor="middle" font-size="11" fill="#1f2933">{label}</text>'


def _x(seconds: float) -> float:
    return round(LEFT + seconds * SECOND, 1)


if __name__ == "__main__":
    PICTURE.write_text(drawn(), encoding="utf-8")
