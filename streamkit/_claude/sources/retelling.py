"""
Tells the earlier turns of a conversation again where a turn starts over.

A `Restarted` makes all void that came before it, to every operator and to every screen. The earlier turns have not been void:
their messages stand in the conversation, and their tools have run. So they are told again behind it, and what stands behind the
last `Restarted` is always the whole conversation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._core.items import can_wait, is_restart, merged

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Callable

__all__ = ["retold"]


async def retold(
    batches: AsyncIterable[list[Any]], turn: Callable[[], int]
) -> AsyncGenerator[list[Any], None]:
    """
    The items of a conversation, and those of its earlier turns behind each restart.

    Args:
        batches: The items.
        turn: Tells which turn the newest of them belong to.
    """
    earlier: list[Any] = []
    current: list[Any] = []
    number = turn()
    async for batch in batches:
        if turn() != number:
            number = turn()
            earlier += _joined(current)
            current = []
        restarts = [at for at, item in enumerate(batch) if is_restart(item)]
        if restarts:
            last = restarts[-1] + 1
            current = batch[last:]
            yield [*batch[:last], *earlier, *current]
        else:
            current += batch
            yield batch


def _joined(items: list[Any]) -> list[Any]:
    """
    The same items with the pieces of each text in one. Neighbours are joined two by two, so that a long text is not copied for
    each of its pieces.
    """
    while True:
        joined: list[Any] = []
        at = 0
        while at < len(items):
            item = items[at]
            both = merged(item, items[at + 1]) if at + 1 < len(items) and can_wait(item) else None
            joined.append(item if both is None else both)
            at += 1 if both is None else 2
        if len(joined) == len(items):
            return joined
        items = joined
