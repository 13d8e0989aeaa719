"""
Plays a run again, as its log has it: every log is a recording.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyio import sleep

from streamkit._core.naming import call_text
from streamkit._core.source import Opened
from streamkit.hub._viewer import Viewer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from streamkit._core.runtime.context import Context
    from streamkit.hub._viewer import ViewedHub

__all__ = ["Playback"]


class Playback(Viewer):
    """
    Reads a run from its beginning, as the items that its writer has published.

    Args:
        hub: Where.
        run: The run's id.
        speed: 1.0 plays it at its own pace; None as fast as it can be read.
    """

    def __init__(self, hub: ViewedHub, run: str, speed: float | None) -> None:
        super().__init__(hub, run, None, 0.0)
        self._speed = speed

    def __repr__(self) -> str:
        return (
            f"hub.{call_text('replay', self._run, **({} if self._speed is None else {'speed': self._speed}))}"
        )

    def open(self, context: Context) -> Opened:
        return Opened("batched", self._items(context))

    async def _items(self, context: Context) -> AsyncGenerator[list[Any]]:
        played = 0.0
        pages = self._pages(context)
        try:
            async for page in pages:
                for appended in page:
                    if self._speed is not None and appended.at > played:
                        await sleep((appended.at - played) / self._speed)
                        played = appended.at
                    yield [record.data for record in appended.records]
        finally:
            await pages.aclose()
