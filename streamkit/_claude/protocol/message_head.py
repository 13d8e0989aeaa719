"""
What a message says of itself around its content: who answers, why it stops, what it has cost.

Usage counts are totals: what is neither null nor zero replaces what was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from streamkit._claude.protocol.content import stop_reason_told
from streamkit._claude.protocol.events import to_dict
from streamkit._claude.protocol.reading import as_list, as_object, plain
from streamkit._claude.protocol.usage import updated, usage_of

if TYPE_CHECKING:
    from streamkit._claude.protocol.usage import TotalUsage

__all__ = ["MessageHead"]

_BUILT = frozenset({"content", "usage", "unknown_events"})
"""The fields of a message that are put together elsewhere, so that no event can set them."""


class MessageHead:
    """
    Accumulates what the events of one message say of it, and nothing of its content.
    """

    def __init__(self) -> None:
        self._message: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}

    @property
    def id(self) -> str:
        """
        The API's id of the message; empty where it has not told one.
        """
        own = self._message.get("id")
        return own if isinstance(own, str) else ""

    @property
    def usage(self) -> TotalUsage:
        """
        The usage so far.
        """
        return usage_of(self._usage)

    @property
    def stop_reason(self) -> str | None:
        """
        Why the message ended, once it is known.
        """
        return cast("str | None", self._message.get("stop_reason"))

    @property
    def model(self) -> str | None:
        """
        The model that has answered; where one took over from another, the last one. None if nobody has told.
        """
        for each in reversed(as_list(self._usage.get("iterations")) or []):
            match each:
                case {"type": "message" | "fallback_message", "model": str(model)} if model:
                    return model
                case _:
                    pass
        own = self._message.get("model")
        return own if isinstance(own, str) and own else None

    def charge(self, usage: TotalUsage) -> None:
        """
        Say what the message has cost so far, where its events do not tell all of it.
        """
        self._usage = to_dict(usage)

    def add(self, event: Any) -> None:
        """
        Take an event of the message itself: its start, a change, or its end.
        """
        if event.type == "message_delta":
            self._change(to_dict(event))
        elif (message := as_object(plain(getattr(event, "message", None)))) is not None:
            self._charge(message, "message_start")
            self._update(message, "message_start")
        self._stop(event)

    def hand_over(self, fallback: dict[str, Any]) -> None:
        """
        Take a `fallback` block: it names the model that goes on, as the message does when it is not streamed.
        """
        to = as_object(fallback.get("to")) or {}
        if isinstance(model := to.get("model"), str):
            self._message["model"] = model

    def _change(self, event: dict[str, Any]) -> None:
        self._charge(event, "message_delta")
        given = event.pop("delta", None)
        del event["type"]
        if (delta := as_object(given)) is not None:
            self._update(delta, "message_delta")
        else:
            self._keep_odd("message_delta", "delta", given)
        self._update(event, "message_delta")

    def _stop(self, event: Any) -> None:
        """
        Take the stop reason that an event tells, if it does.
        """
        if reason := stop_reason_told(event):
            self._message["stop_reason"] = reason

    def _charge(self, carrier: dict[str, Any], kind: str) -> None:
        given = carrier.pop("usage", None)
        if (usage := as_object(given)) is not None:
            self._usage = updated(self._usage, usage) if self._usage else usage
        else:
            self._keep_odd(kind, "usage", given)

    def _update(self, changes: dict[str, Any], kind: str) -> None:
        known = self._message
        for name, value in changes.items():
            if name in _BUILT or (name == "stop_reason" and value is not None and not isinstance(value, str)):
                self._keep_odd(kind, name, value)
            elif value is not None or name not in known:
                known[name] = value

    def _keep_odd(self, kind: str, name: str, value: Any) -> None:
        """
        Take what does not fit. Here it says nothing.
        """
