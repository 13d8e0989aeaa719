"""
Which model has used what, because each has its own prices.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from streamkit._claude.protocol.reading import as_list, as_object
from streamkit._claude.protocol.usage import total, usage_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamkit._claude.protocol.usage import TotalUsage

__all__ = ["usage_by_model"]

_OWN: Final = ("message", "fallback_message", "compaction")
"""The steps of the models that write the answer. The tokens of an advisor are in no count of theirs."""

_COUNTS: Final = (
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "cache_creation",
)


def usage_by_model(messages: Iterable[tuple[str | None, TotalUsage]]) -> dict[str, TotalUsage]:
    """
    What each model has used, in the order in which they were asked.

    Args:
        messages: The model of each message, and its usage. The model is `""` here where nobody has told it.
    """
    shares: dict[str, list[TotalUsage]] = defaultdict(list)
    for model, usage in messages:
        for name, share in _shares(model or "", usage):
            shares[name].append(share)
    return {model: total(usages) for model, usages in shares.items()}


def _shares(model: str, usage: TotalUsage) -> Iterator[tuple[str, TotalUsage]]:
    """
    The usage of one message, taken apart where several models have worked on it.
    """
    fields = usage.to_dict()
    steps = [step for each in as_list(fields.pop("iterations", None)) or () if (step := as_object(each))]
    advice = [step for step in steps if step.get("type") == "advisor_message" and _model_of(step)]
    own = [step for step in steps if step.get("type") in _OWN]
    named = list(dict.fromkeys(name for step in own if (name := _model_of(step))))
    if len(named) > 1:
        at = named[0]
        for step in own:
            at = _model_of(step) or at
            yield at, _usage_of_step(step)
        # Searches are counted for the whole message.
        yield at, usage_of({name: value for name, value in fields.items() if name not in _COUNTS})
    else:
        rest = [step for step in steps if step not in advice]
        yield named[0] if named else model, usage_of({**fields, **({"iterations": rest} if rest else {})})
    for step in advice:
        yield _model_of(step), _usage_of_step(step)


def _usage_of_step(step: dict[str, Any]) -> TotalUsage:
    return usage_of({name: step[name] for name in _COUNTS if name in step})


def _model_of(step: dict[str, Any]) -> str:
    model = step.get("model")
    return model if isinstance(model, str) else ""
