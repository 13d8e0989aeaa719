"""
Text to the terminal, a little at a time, with the outcome at the end.

Run it with `python examples/text_to_terminal.py`.
"""

from __future__ import annotations

import anyio
from scripted import MODEL, claude

import streamkit as sk
from streamkit.testing import reply, text

HAIKU = "Cold stone, patient moss.\nThe river forgets each name\nand sings all of them.\n"


async def main() -> None:
    async with claude(reply(text(HAIKU, chunk=3), pace=0.02)) as client:
        chat = sk.messages(
            client,
            model=MODEL,
            max_tokens=1024,
            messages=[{"role": "user", "content": "Write a haiku about rivers."}],
        )
        async with (chat | sk.text() | sk.throttle(0.1)).open() as run:
            async for piece in run:
                print(piece, end="", flush=True)
    print(f"[{run.outcome.kind}: {run.outcome.stop_reason}, {run.outcome.usage.output_tokens} tokens]")


anyio.run(main)
