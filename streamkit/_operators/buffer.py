"""
`buffer`: lets what stands before it run ahead of the consumer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._core.algebra import Same
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.naming import free_name
from streamkit._core.outcome import BufferReport
from streamkit._core.runtime.overflow_queue import check_buffer, check_overflow
from streamkit._core.runtime.read_ahead import ReadAhead
from streamkit._core.stage import ConcurrentStage

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context
    from streamkit._core.runtime.overflow_queue import Overflow

__all__ = ["buffer"]


@keyword_hints
def buffer(n: int, overflow: Overflow = "block") -> Same:
    """
    Let everything before it run ahead of the consumer, by up to `n` items.

    `run.report.buffers` tells how many items went through, and how many were dropped.

        abc|
        buffer(2)
        abc|

    Args:
        n: The bound, in items, at least 1.
        overflow: What happens when it is full: `"block"` waits, `"drop_oldest"` and `"drop_incoming"` drop an item, `"latest"`
            keeps only the newest one, `"error"` fails with a `BufferOverflow` after the items that are waiting.

    Raises:
        ValueError: The policy is unknown, or the bound is below 1.

    Emits: every item that is not dropped, in order.
    Backpressure: with `"block"`, none until `n` items wait; with the other policies upstream never waits.
    Completes: with its upstream, after the items that are waiting.
    Fails: with its upstream, or with a `BufferOverflow`, after the items that are waiting.
    Cancels: at once; what is waiting is dropped.
    Memory: `n` items.
    """
    check_overflow(overflow)
    return Same((_Buffer(check_buffer(n), overflow),))


class _Buffer(ConcurrentStage):
    def __init__(self, n: int, overflow: Overflow) -> None:
        super().__init__("buffer", (n,), {} if overflow == "block" else {"overflow": overflow})
        self._n = n
        self._overflow: Overflow = overflow
        self.memory: str = f"{1 if overflow == 'latest' else n} items"

    def bind(self, upstream: Chain, context: Context) -> AsyncIterable[Any]:
        count = BufferReport()
        context.report.buffers[free_name("buffer", context.report.buffers)] = count
        return ReadAhead(upstream, context, self._n, self._overflow, count)
