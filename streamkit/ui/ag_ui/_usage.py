"""
What a run has cost, in the protocol's own accounting: each count is a total, or a named part of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._claude.protocol.usage import TotalUsage, total
from streamkit.ui.ag_ui._wire import PROVIDER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamkit._claude.protocol.usage import Usage

__all__ = ["token_usage"]


def token_usage(paid: Iterable[tuple[str | None, Usage]]) -> list[dict[str, Any]]:
    """
    One entry for each model that has told what it used.

    Claude counts what it reads from the cache, and what it writes to it, beside `input_tokens`. The protocol has them in it.

    Args:
        paid: The model and the usage of each message.
    """
    by_model: dict[str | None, list[Usage]] = {}
    for model, usage in paid:
        by_model.setdefault(model, []).append(usage)
    return [
        entry for model, usages in by_model.items() if (entry := _entry(model, total(usages))) is not None
    ]


def _entry(model: str | None, usage: TotalUsage) -> dict[str, Any] | None:
    if usage == TotalUsage():
        return None
    read, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
    sent = usage.input_tokens + read + written
    details: object = usage.output_tokens_details
    thought = details.get("thinking_tokens") if isinstance(details, dict) else None
    parts = {
        "reasoningTokens": thought if isinstance(thought, int) else 0,
        "cachedInputTokens": read,
        "cacheWriteInputTokens": written,
    }
    return {
        "provider": PROVIDER,
        **({"model": model} if model else {}),
        "inputTokens": sent,
        "outputTokens": usage.output_tokens,
        "totalTokens": sent + usage.output_tokens,
        **{name: count for name, count in parts.items() if count},
    }
