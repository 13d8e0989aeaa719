"""
A client of the AI SDK's, as `processUIMessageStream` of the npm package `ai` has it: chunks become a message with parts, and what
is out of order is an error.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .chunk_schema import check_chunk

if TYPE_CHECKING:
    from collections.abc import Iterable

Part = dict[str, Any]


class Client:
    """
    One message as a page has it.

    Args:
        message: The assistant's message that the answer goes on with.
        version: The major version.
        resets: Whether another message id empties the message, as in `readUIMessageStream`; in `useChat` it does not.
    """

    def __init__(
        self, message: dict[str, Any] | None = None, *, version: int = 7, resets: bool = False
    ) -> None:
        self.message: dict[str, Any] = json.loads(
            json.dumps(message or {"id": "made-by-the-page", "role": "assistant", "parts": []})
        )
        self.version = version
        self.resets = resets
        self.transient: list[Part] = []
        self.errors: list[str] = []
        self.aborted = False
        self.finish_reason: str | None = None
        self._texts: dict[str, Part] = {}
        self._thoughts: dict[str, Part] = {}
        self._inputs: dict[str, str] = {}

    def read(self, chunks: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """
        Take chunks, and give the message as it is afterwards, as its JSON has it.
        """
        for chunk in chunks:
            check_chunk(chunk, self.version)
            self.take(json.loads(json.dumps(chunk)))
        return json.loads(json.dumps(self.message))  # type: ignore[no-any-return]

    @property
    def parts(self) -> list[Part]:
        parts: list[Part] = self.message["parts"]
        return parts

    def take(self, chunk: Part) -> None:
        kind = chunk["type"]
        if kind.startswith("data-"):
            self._data(chunk)
        elif kind.startswith("tool-"):
            self._tool(kind, chunk)
        elif kind.startswith(("text-", "reasoning-")):
            self._prose(kind, chunk)
        else:
            self._other(kind, chunk)

    def _prose(self, kind: str, chunk: Part) -> None:
        name, _, step = kind.rpartition("-")
        active = self._texts if name == "text" else self._thoughts
        if step == "start":
            part = {"type": name, "text": "", "state": "streaming"}
            if name == "reasoning":
                part["id"] = chunk["id"]
            active[chunk["id"]] = part
            self.parts.append(part)
        part = active[chunk["id"]]
        if step == "delta":
            part["text"] += chunk["delta"]
        if "providerMetadata" in chunk:
            part["providerMetadata"] = chunk["providerMetadata"]
        if step == "end":
            part["state"] = "done"
            del active[chunk["id"]]

    def _tool(self, kind: str, chunk: Part) -> None:
        call_id = chunk["toolCallId"]
        if kind == "tool-input-delta":
            self._inputs[call_id] += chunk["inputTextDelta"]
            self._call(call_id)["rawInput"] = self._inputs[call_id]
            return
        if kind in {"tool-input-start", "tool-input-available", "tool-input-error"}:
            part = next((each for each in self._step() if each.get("toolCallId") == call_id), None)
            if part is None:
                part = {"toolCallId": call_id}
                self.parts.append(part)
            if chunk.get("dynamic"):
                part.update(type="dynamic-tool", toolName=chunk["toolName"])
            else:
                part["type"] = f"tool-{chunk['toolName']}"
            part.pop("rawInput", None)
        else:
            part = self._call(call_id)
        if "providerExecuted" in chunk:
            part["providerExecuted"] = chunk["providerExecuted"]
        metadata = chunk.get("providerMetadata")
        match kind:
            case "tool-input-start":
                self._inputs[call_id] = ""
                part["state"] = "input-streaming"
            case "tool-input-available":
                part.update(state="input-available", input=chunk["input"])
            case "tool-input-error":
                name = "rawInput" if self.version == 6 else "input"
                part.update({"state": "output-error", "errorText": chunk["errorText"], name: chunk["input"]})
            case "tool-approval-request":
                part.update(state="approval-requested", approval={"id": chunk["approvalId"]})
            case "tool-output-denied":
                part["state"] = "output-denied"
            case "tool-output-available":
                part.update(state="output-available", output=chunk["output"])
            case "tool-output-error":
                part.update(state="output-error", errorText=chunk["errorText"])
            case _:
                raise AssertionError(kind)
        if metadata is not None:
            part["resultProviderMetadata" if kind.startswith("tool-output") else "callProviderMetadata"] = (
                metadata
            )

    def _data(self, chunk: Part) -> None:
        if chunk.get("transient"):
            self.transient.append(chunk)
            return
        for part in self.parts:
            if chunk.get("id") is not None and (part["type"], part.get("id")) == (chunk["type"], chunk["id"]):
                part["data"] = chunk["data"]
                return
        self.parts.append(chunk)

    def _other(self, kind: str, chunk: Part) -> None:
        match kind:
            case "start":
                if self.resets and chunk.get("messageId", self.message["id"]) != self.message["id"]:
                    self.message = {"id": "", "role": "assistant", "parts": []}
                    self._texts, self._thoughts, self._inputs = {}, {}, {}
                self.message["id"] = chunk.get("messageId", self.message["id"])
                self._metadata(chunk)
            case "start-step":
                self.parts.append({"type": "step-start"})
            case "reset-step":
                del self.parts[len(self.parts) - len(self._step()) :]
                self._texts, self._thoughts, self._inputs = {}, {}, {}
            case "finish":
                self.finish_reason = chunk.get("finishReason")
                self._metadata(chunk)
            case "message-metadata":
                self._metadata(chunk)
            case "source-url" | "source-document" | "file" | "custom":
                self.parts.append(chunk)
            case "error":
                self.errors.append(chunk["errorText"])
            case "abort":
                self.aborted = True
            case "finish-step":
                pass
            case _:
                raise AssertionError(kind)

    def _metadata(self, chunk: Part) -> None:
        if (metadata := chunk.get("messageMetadata")) is not None:
            self.message["metadata"] = {**self.message.get("metadata", {}), **metadata}

    def _step(self) -> list[Part]:
        begins = [number for number, part in enumerate(self.parts) if part["type"] == "step-start"]
        return self.parts[begins[-1] + 1 if begins else 0 :]

    def _call(self, call_id: str) -> Part:
        return next(
            part for part in [*self._step(), *reversed(self.parts)] if part.get("toolCallId") == call_id
        )


def text_of(message: dict[str, Any]) -> str:
    """
    The text that a page shows of a message.
    """
    return "".join(part["text"] for part in message["parts"] if part["type"] == "text")


def thinking_of(message: dict[str, Any]) -> str:
    """
    The thinking that a page shows of a message.
    """
    return "".join(part["text"] for part in message["parts"] if part["type"] == "reasoning")


def calls_of(message: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """
    The id, the name and the input of each call of the application's tools that a page shows as whole.
    """
    return [
        (part["toolCallId"], part["type"].removeprefix("tool-"), part["input"])
        for part in message["parts"]
        if part["type"].startswith("tool-")
        and not part.get("providerExecuted")
        and isinstance(part.get("input"), dict)
    ]
