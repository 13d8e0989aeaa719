"""
What a page is shown of a stream: of each recording, and of each answer that something goes wrong with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import anyio
import msgspec

import streamkit as sk
from streamkit.testing import FakeClaude
from streamkit.ui import ai_sdk
from tests.conformance.failure_matrix import ASK, BEFORE, FAULTS, LIMIT, PLACES, then_right

if TYPE_CHECKING:
    from streamkit.events import Event
    from streamkit.testing import Reply

FOLDER: Final = Path(__file__).parents[3] / "shared" / "recordings"
RECORDINGS: Final = sorted(FOLDER.glob("*.sse"))

Resume = Literal["never", "restart", "continue"]
RESUMES: Final[tuple[Resume, ...]] = ("never", "restart", "continue")

CELLS: Final = [
    *product(FAULTS, PLACES, RESUMES),
    *product(BEFORE, [""], RESUMES),
]
"""Each fault, its place, and how the stream goes on after it."""


@dataclass
class Shown:
    """
    What a page was shown.

    Attributes:
        outcome: How the run ended.
        chunks: All chunks of the operator.
        error: What was raised after them.
    """

    outcome: sk.Outcome
    chunks: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    error: Exception | None = None

    @property
    def frames(self) -> bytes:
        """
        The chunks as they are on the wire, without the end.
        """
        return b"".join(b"data: " + msgspec.json.encode(chunk) + b"\n\n" for chunk in self.chunks)


async def shown(stream: sk.Stream[Event], version: ai_sdk.Version = 7) -> Shown:
    """
    Run a stream for a page.
    """
    run = (stream | ai_sdk.chunks(version=version)).open()
    seen = Shown(run.outcome)
    try:
        async with run:
            async for chunk in run:
                seen.chunks.append(chunk)
    except sk.ERRORS as error:
        seen.error = error
    return seen


async def shown_fault(fault: str, place: str, resume: Resume, version: ai_sdk.Version = 7) -> Shown:
    """
    Run into a fault of the failure matrix.
    """
    first: Reply = FAULTS[fault](PLACES[place]) if place else BEFORE[fault]
    async with FakeClaude(then_right(first), repeat=True) as server:
        stream = sk.messages(
            server.client(),
            **ASK,
            retry=sk.RetryPolicy(attempts=3, base=0, resume=resume),
            timeouts=sk.Timeouts(first_event=LIMIT, liveness=LIMIT, progress=LIMIT),
        )
        with anyio.fail_after(30):
            return await shown(stream, version)
