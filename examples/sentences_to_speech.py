"""
An answer that is read aloud while it is written: cut into sentences, spoken by a slow service, three at a time, in order.

Where the first model is overloaded, another one answers. Run it with `python examples/sentences_to_speech.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from scripted import MODEL, claude

import streamkit as sk
from streamkit.testing import error_reply, reply, text

if TYPE_CHECKING:
    import anthropic

    from streamkit.events import Event

FALLBACK = "claude-haiku-4-5"
ANSWER = "Tides follow the moon. The sea is pulled twice a day! Is that so everywhere? Nearly: some coasts have one."


async def speak(sentence: str) -> str:
    """
    Stands in for a text-to-speech service: the longer the sentence, the longer it takes.
    """
    await anyio.sleep(len(sentence) / 200)
    return f"[{len(sentence):2} characters of audio]  {sentence}"


def ask(client: anthropic.AsyncAnthropic, model: str) -> sk.Stream[Event]:
    return sk.messages(
        client,
        retry=sk.RetryPolicy(attempts=2, base=0.05),
        model=model,
        max_tokens=1024,
        messages=[{"role": "user", "content": "Explain the tides in four sentences."}],
    )


async def main() -> None:
    replies = (error_reply(529), error_reply(529), reply(text(ANSWER, chunk=4), pace=0.02, model=FALLBACK))
    async with claude(*replies) as client:
        chat = ask(client, MODEL) | sk.timeout(first=20) | sk.catch(lambda error: ask(client, FALLBACK))
        spoken = chat | sk.text() | sk.recut("sentence") | sk.map_async(speak, concurrency=3)
        async with spoken.open() as run:
            async for audio in run:
                print(audio)
        print(run.outcome.message and run.outcome.message.model, run.outcome.kind)


anyio.run(main)
