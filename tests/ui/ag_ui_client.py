"""
What a client of AG-UI makes of a run: it refuses what the protocol forbids, and keeps messages.

The rules are those of `verifyEvents` and `defaultApplyEvents` in the npm package `@ag-ui/client` 1.0.0, which tests/clients runs
itself; here they stand in Python, so that they are at hand for each test.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ag_ui.core import Event, RunAgentInput
from ag_ui_validate.pytest_plugin import validate_agui
from pydantic import TypeAdapter

if TYPE_CHECKING:
    import streamkit as sk

Wire = dict[str, Any]

_MODEL: TypeAdapter[Any] = TypeAdapter(Event)

BROKEN_INPUT = "AGUI204"
"""
What the judge says of the input of a call that is not JSON. Version 1 of the protocol carries it as it is: "closing establishes
completeness, not validity" (https://docs.ag-ui.com/spec/1.0/events/tool-calls).
"""

EARLIER_CALL = "AGUI207"
"""What the judge, which is given one run, says of the result of a call that an earlier one has made."""

FAILED_BEFORE = "AGUI001"
"""
What the judge says of a run that fails before it begins. Version 1 of the protocol has it so: a stream begins with `RUN_STARTED`
or `RUN_ERROR` (https://docs.ag-ui.com/spec/1.0/events/lifecycle).
"""


class Client:
    """
    A conversation, as a client keeps it.

    Attributes:
        messages: What it has.
        finished: The last `RUN_FINISHED`.
        error: The `RUN_ERROR` of the last run; None if it has not failed.
    """

    def __init__(self, messages: list[Wire] | None = None) -> None:
        self.messages: list[Wire] = copy.deepcopy(messages or [])
        self.finished: Wire | None = None
        self.error: Wire | None = None
        self._open: dict[str, set[str]] = {}
        self._running = False

    def say(self, content: str | list[Wire], message_id: str = "user") -> None:
        """
        Have the user say something.
        """
        name = f"{message_id}-{len(self.messages)}"
        self.messages.append({"id": name, "role": "user", "content": content})

    def answer(self, call_id: str, content: str | list[Wire]) -> None:
        """
        Have a tool of the front-end's give its result.
        """
        name = f"tool-{len(self.messages)}"
        self.messages.append({"id": name, "role": "tool", "toolCallId": call_id, "content": content})

    def request(self, run_id: str = "run", **fields: Any) -> Wire:
        """
        What it sends, through the package's own model.
        """
        body = {"threadId": "thread", "runId": run_id, "messages": self.messages, **fields}
        sent: Wire = RunAgentInput.model_validate(body).model_dump(mode="json", by_alias=True)
        return sent

    def take(self, events: list[Wire]) -> None:
        """
        Take the events of a run.
        """
        for event in events:
            model = _MODEL.validate_python(event)
            assert model.model_dump(mode="json", by_alias=True) == event, "the protocol knows all of it"
            self._verify(event)
            self._apply(copy.deepcopy(event))

    # -- what is forbidden ----------------------------------------------------------------------------------

    def _verify(self, event: Wire) -> None:
        kind = event["type"]
        if kind == "RUN_STARTED":
            assert not self._running, "a run begins inside another"
            self._running, self.error, self._open = True, None, {}
            return
        if kind == "RUN_ERROR":
            self._running, self.error = False, event
            return
        assert self._running, f"{kind} outside a run"
        if kind == "RUN_FINISHED":
            assert not any(self._open.values()), f"still open: {self._open}"
            self._running, self.finished = False, event
            return
        family, _, what = kind.rpartition("_")
        name = event.get("messageId") or event.get("toolCallId") or event.get("stepName") or ""
        opened = self._open.setdefault(family, set())
        if what in {"START", "STARTED"}:
            assert name not in opened, f"{kind} of what is open"
            opened.add(name)
        elif what in {"END", "FINISHED"}:
            assert name in opened, f"{kind} of what is not open"
            opened.remove(name)
        elif what in {"CONTENT", "ARGS"}:
            assert name in opened, f"{kind} of what is not open"
            assert event["delta"], f"{kind} without anything"

    # -- what is kept ---------------------------------------------------------------------------------------

    def _apply(self, event: Wire) -> None:
        target: Wire | None = None
        match event["type"]:
            case "TEXT_MESSAGE_START":
                target = self._message(event["messageId"], role="assistant", content="")
            case "REASONING_MESSAGE_START":
                target = self._message(event["messageId"], role="reasoning", content="")
            case "TEXT_MESSAGE_CONTENT" | "REASONING_MESSAGE_CONTENT":
                target = self._message(event["messageId"])
                target["content"] = target.get("content", "") + event["delta"]
            case "TEXT_MESSAGE_END" | "REASONING_MESSAGE_END":
                target = self._message(event["messageId"])
            case "TOOL_CALL_START":
                name = event["toolCallName"]
                target = self._call(event["toolCallId"])
                if target is None:
                    message = self._message(event["parentMessageId"], role="assistant")
                    target = {"id": event["toolCallId"], "type": "function"}
                    target["function"] = {"name": name, "arguments": ""}
                    message.setdefault("toolCalls", []).append(target)
            case "TOOL_CALL_ARGS" | "TOOL_CALL_END":
                target = self._call(event["toolCallId"])
                assert target is not None
                target["function"]["arguments"] += event.get("delta", "")
            case "TOOL_CALL_RESULT":
                names = ("toolCallId", "content")
                target = {"id": event["messageId"], "role": "tool", **{name: event[name] for name in names}}
                self.messages.insert(self._after_call(event["toolCallId"]), target)
            case "REASONING_ENCRYPTED_VALUE":
                assert event["subtype"] == "message"
                self._message(event["entityId"])["encryptedValue"] = event["encryptedValue"]
            case "MESSAGES_SNAPSHOT":
                self._replace(event["messages"])
            case _:
                pass
        if target is not None and "metadata" in event:
            target["metadata"] = {**target.get("metadata", {}), **event["metadata"]}

    def _message(self, name: str, **fields: Any) -> Wire:
        found = next((message for message in self.messages if message["id"] == name), None)
        if found is None:
            assert fields, f"nothing has the id {name}"
            found = {"id": name, **fields}
            self.messages.append(found)
        return found

    def _call(self, name: str) -> Wire | None:
        calls = (call for message in self.messages for call in message.get("toolCalls", ()))
        return next((call for call in calls if call["id"] == name), None)

    def _after_call(self, name: str) -> int:
        for index, message in enumerate(self.messages):
            if any(call["id"] == name for call in message.get("toolCalls", ())):
                index += 1
                while index < len(self.messages) and self.messages[index]["role"] == "tool":
                    index += 1
                return index
        return len(self.messages)

    def _replace(self, messages: list[Wire]) -> None:
        new = {message["id"]: message for message in messages}
        roles = {message["role"] for message in messages}
        kept = {"reasoning", "activity"} - roles
        self.messages = [
            new.get(message["id"], message)
            for message in self.messages
            if message["id"] in new or message["role"] in kept
        ]
        known = {message["id"] for message in self.messages}
        self.messages += [message for message in messages if message["id"] not in known]


def judge(events: list[Wire], *besides: str) -> None:
    """
    Have a judge look at a run that nobody here has written.

    Args:
        events: The run.
        besides: The rules that it is right to break here.
    """
    report = validate_agui(events, severity_overrides=dict.fromkeys(besides, "off"))
    assert report.internal_errors == []
    complaints = [found for found in report.diagnostics if found.severity != "info"]
    assert not complaints, complaints


def accounted(outcome: sk.Outcome) -> list[Wire]:
    """
    What a run has used, in the protocol's accounting: what was read from the cache, or written to it, is part of the input.
    """
    entries: list[Wire] = []
    for model, usage in getattr(outcome, "usage_by_model", {}).items():
        read, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
        details: Any = usage.to_dict().get("output_tokens_details") or {}
        thought: int = details.get("thinking_tokens", 0)
        sent, said = usage.input_tokens + read + written, usage.output_tokens
        counts = {"inputTokens": sent, "outputTokens": said, "totalTokens": sent + said}
        parts = {"reasoningTokens": thought, "cachedInputTokens": read, "cacheWriteInputTokens": written}
        told: Wire = {name: count for name, count in parts.items() if count}
        if sent or said:
            entries.append({"provider": "anthropic", **({"model": model} if model else {}), **counts, **told})
    return entries
