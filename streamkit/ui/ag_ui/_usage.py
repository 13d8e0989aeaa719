"""
What a run has cost, in the protocol's own accounting: each count is a total, or a named part of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._claude.protocol.model_shares import usage_by_model
from streamkit._claude.protocol.reading import as_list
from streamkit._claude.protocol.usage import TotalUsage
from streamkit.ui.ag_ui._wire import PROVIDER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["shares", "token_usage"]


def token_usage(by_model: Mapping[str, TotalUsage]) -> list[dict[str, Any]]:
    """
    One entry for each model that has told what it used.

    Claude counts what it reads from the cache, and what it writes to it, beside `input_tokens`. The protocol has them in it.

    Args:
        by_model: What each model has used; its name is empty where nobody has told it.
    """
    return [entry for model, usage in by_model.items() if (entry := _entry(model, usage)) is not None]


def shares(paid: Sequence[tuple[str | None, TotalUsage]]) -> Mapping[str, TotalUsage]:
    """
    What each model has used.

    Args:
        paid: The model of each message, and its usage.
    """
    if len(paid) == 1:  # nearly always, and by one model
        [(model, usage)] = paid
        if not as_list(usage.iterations):
            return {model or "": usage}
    return usage_by_model(paid)


def _entry(model: str, usage: TotalUsage) -> dict[str, Any] | None:
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
