"""
How a run that another writer has left goes on: what it has told so far, and what stands before what comes now.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

from streamkit._claude.protocol.so_far import message_so_far
from streamkit._claude.protocol.stop_reasons import stop_reason
from streamkit._claude.protocol.tool_result import ToolResult
from streamkit._core.errors import StreamError
from streamkit._core.items import Restarted, is_named, is_restart
from streamkit.hub._errors import Lost
from streamkit.hub._items import decode_item
from streamkit.hub._reading import batches_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamkit._core.source import Source
    from streamkit.hub._stores.contract import Grant, Store

__all__ = ["Takeover", "items_of"]

_CALLS: Final = frozenset({"tool_use"})
"""Why a message stops behind which its tools run."""


async def items_of(store: Store, run: str) -> list[Any]:
    """
    All items that a run has told.
    """
    async with aclosing(batches_of(store, run)) as batches:
        return [decode_item(record) async for batch in batches for record in batch.records]


class Takeover:
    """
    A run that goes on.

    Args:
        run: Its id.
        grant: The right of its new writer.
        items: What it has told.

    Attributes:
        so_far: The message so far; None where the recipe has to begin anew.
    """

    def __init__(self, run: str, grant: Grant, items: Sequence[Any]) -> None:
        self._run = run
        self._attempt = grant.takeovers + 1
        self._told = _since_restart(items)
        self.so_far: Any = message_so_far(self._told)

    def before(self, source: Source, first: object) -> list[Restarted]:
        """
        What stands before the first item of the new stream: nothing where that goes on with what was told, and a restart where
        it begins anew.

        Args:
            source: That of the new stream.
            first: Its first item.

        Raises:
            Lost: It begins anew, and tools with effects may have run, which must not run again.
        """
        if not self._told or not self._begins_anew(source, first):
            return []
        if not source.tells_effects and self._tools_may_have_run():
            raise Lost(
                f"run {self._run!r} cannot be begun anew: its writer has died, and tools of it may have run, which must not run "
                "twice"
            )
        if is_restart(first):
            return []
        error = StreamError("the process that wrote the run has died", type="lost", retriable=True)
        return [Restarted(self._attempt, error)]

    def _begins_anew(self, source: Source, first: object) -> bool:
        # A source that was not given the message so far has a new answer, also where its pipeline hides the beginning of that.
        if self.so_far is None or is_restart(first) or source.goes_on is False:
            return True
        # Another source, which has made nothing of the message. Behind a pause, another message is the rest.
        reason, ended = _last_end(self._told)
        return _type_of(first) == "message_start" and not (ended and stop_reason(reason).pauses)

    def _tools_may_have_run(self) -> bool:
        values = [item[1] if is_named(item) else item for item in self._told]
        return _last_end(values)[0] in _CALLS or any(_type_of(value) == ToolResult.type for value in values)


def _since_restart(items: Sequence[Any]) -> list[Any]:
    place = max((number for number, item in enumerate(items, 1) if is_restart(item)), default=0)
    return [*items[place:]]


def _last_end(events: Sequence[Any]) -> tuple[str | None, bool]:
    """
    Why the last message stops, as far as that was told, and whether it has ended.
    """
    reason: str | None = None
    ended = False
    for event in events:
        match _type_of(event):
            case "message_start":
                reason, ended = None, False
            case "message_delta":
                reason = getattr(getattr(event, "delta", None), "stop_reason", None) or reason
            case "message_stop":
                ended = True
            case _:
                pass
    return reason, ended


def _type_of(item: object) -> object:
    return getattr(item, "type", None)
