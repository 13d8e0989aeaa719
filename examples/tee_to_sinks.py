"""
One stream, three sinks beside it: a file of every event, a slow consumer, and one that fails.

The answer keeps its pace whatever they do. Run it with `python examples/tee_to_sinks.py`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import anyio
from scripted import MODEL, claude

import streamkit as sk
from streamkit.testing import reply, text

STORY = "A tide pool is a small world that the sea visits twice a day, and every visit moves the furniture.\n"


async def slow_moderation(piece: str) -> None:
    await anyio.sleep(0.2)


async def broken_webhook(piece: str) -> None:
    raise ConnectionError("the webhook is down")


async def main() -> None:
    record = Path(tempfile.mkdtemp()) / "run.jsonl"
    keep = sk.tee(sk.sinks.jsonl(record))
    watch = sk.tee(
        sk.branch(slow_moderation, overflow="drop_oldest", buffer=4),
        sk.branch(broken_webhook, on_error="detach"),
    )
    async with claude(reply(text(STORY, chunk=4), pace=0.02)) as client:
        chat = sk.messages(
            client,
            model=MODEL,
            max_tokens=1024,
            messages=[{"role": "user", "content": "Tell me about tide pools."}],
        )
        async with (chat | keep | sk.text() | watch).open() as run:
            async for piece in run:
                print(piece, end="", flush=True)
    for name, sink in run.report.sinks.items():
        print(f"{name:16} delivered {sink.delivered:3}  dropped {sink.dropped:3}  error {sink.error!r}")
    print(f"{len(record.read_text().splitlines())} events kept in {record.name}")


anyio.run(main)
