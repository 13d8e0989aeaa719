"""
A random conversation with tools: a model that does anything the API allows, an API that refuses what it refuses, and tools that
note what they have done.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import httpx2

import streamkit as sk
from tests.support.messages_api import check_conversation, signature_for

if TYPE_CHECKING:
    from random import Random

    from tests.support.scripted_client import Step

__all__ = ["ToolError", "ToolWorld"]

_NAMES = [
    "read",
    "write",
    "fail",
    "fail_to_write",
    "keep",
    "keep_failing",
    "slow",
    "store",
    "show",
    "nothing",
]
"""The tools, and one that there is not."""

_REQUEST = httpx2.Request("POST", "https://api.anthropic.com/v1/messages")


class ToolError(Exception):
    """
    What a tool fails with.
    """


@dataclass
class ToolWorld:
    """
    The model, the API and the tools.

    Attributes:
        rng: Decides everything.
        scale: How long a second is.
        whole: The calls whose message was made to its end, and waits for them.
        runs: How often the tool of each call has begun.
        running: The ids of the calls whose tools are running.
        void: The ids of the calls of which somebody has seen that they are void.
        late: Those whose tools have begun behind that.
    """

    rng: Random
    scale: float = 1.0
    whole: set[int] = field(default_factory=set[int])
    runs: dict[int, int] = field(default_factory=dict[int, int])
    effects: set[int] = field(default_factory=set[int])
    running: set[str] = field(default_factory=set[str])
    void: set[str] = field(default_factory=set[str])
    late: set[str] = field(default_factory=set[str])
    _numbers: Any = field(default_factory=itertools.count)

    # -- the tools ----------------------------------------------------------------------------------------------

    def tools(self) -> list[sk.ToolLike]:
        schema = {"type": "object"}

        def made(
            name: str,
            *,
            effect: bool,
            fails: bool = False,
            stubborn: bool = False,
            timeout: float | None = None,
        ) -> sk.Tool:
            async def run(n: int) -> str:
                self.runs[n] = self.runs.get(n, 0) + 1
                self.late |= {f"toolu_{n}"} & self.void
                if effect:
                    self.effects.add(n)
                self.running.add(f"toolu_{n}")
                try:
                    try:
                        await anyio.sleep(self.rng.choice([0.0, 0.05, 0.5, 3.0]) * self.scale)
                    except anyio.get_cancelled_exc_class():
                        if not stubborn:
                            raise
                    if fails:
                        raise ToolError(f"{name} {n}")
                finally:
                    self.running.discard(f"toolu_{n}")
                return f"{name} {n}"

            tool = {"name": name, "input_schema": schema, "run": run}
            return sk.tool(tool, effect=effect, timeout=timeout)

        async def ask(call: sk.ToolCall) -> bool | tuple[bool, str] | dict[str, Any]:
            await anyio.sleep(self.rng.choice([0.0, 0.2, 2.0]) * self.scale)
            verdicts: list[bool | tuple[bool, str] | dict[str, Any]] = [
                True,
                False,
                (False, "no"),
                call.input,
            ]
            return self.rng.choice(verdicts)

        return [
            made("read", effect=False),
            made("write", effect=True),
            made("fail", effect=False, fails=True),
            made("fail_to_write", effect=True, fails=True),
            made("keep", effect=False, stubborn=True),
            made("keep_failing", effect=False, stubborn=True, fails=True),
            made("slow", effect=False, timeout=0.2 * self.scale),
            sk.approve(ask)(made("store", effect=True)),
            sk.approve(ask)(made("show", effect=False)),
            {"type": "web_search_20250305", "name": "web_search"},
        ]

    # -- the API ------------------------------------------------------------------------------------------------

    def answer(self, params: dict[str, Any]) -> list[Step]:
        """
        The answer to a request, or what the connection does instead.
        """
        rng, messages = self.rng, params["messages"]
        last = messages[-1]
        paused = last["role"] == "assistant" and last["content"][-1]["type"] == "server_tool_use"
        check_conversation(messages, paused=paused, signed=True)
        if rng.random() < 0.05:
            return [anthropic.APIConnectionError(request=_REQUEST)]
        blocks = self._content(messages)
        calls = [block for block in blocks if block["type"] == "tool_use"]
        reason = "tool_use" if calls else "end_turn"
        if blocks[-1]["type"] == "server_tool_use":
            reason = "pause_turn"
        if rng.random() < 0.1:
            reason = "refusal"
        events = self._events(blocks, reason)
        match rng.choice(["whole"] * 5 + ["max_tokens", "error", "dropped", "ended"]):
            case "max_tokens":
                cut = rng.randrange(2, len(events))
                events = [*events[:cut], *self._end("max_tokens")]
            case "error":
                error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
                events = [*events[: rng.randrange(len(events) - 1)], error]
            case "dropped":
                events = [*events[: rng.randrange(len(events) - 1)], httpx2.ReadError("reset")]
            case "ended":
                events = events[: rng.randrange(len(events) - 2)]
            case _ if reason == "tool_use":
                self.whole |= {block["n"] for block in calls}
            case _:
                pass
        return [each for event in events for each in (rng.choice([0.0, 0.0, 0.1, 0.7]), event)]

    def _content(self, messages: list[Any]) -> list[dict[str, Any]]:
        rng = self.rng
        content: list[dict[str, Any]] = []
        signed: list[dict[str, Any]] = []
        if messages[-1]["role"] == "assistant":  # it was paused, and goes on with the result of its last call
            call = messages[-1]["content"][-1]["id"]
            result: dict[str, Any] = {"type": "web_search_tool_result", "tool_use_id": call, "content": []}
            signed.append(result)
            content.append({**result, "n": next(self._numbers)})
        for _ in range(rng.randint(1, 6)):
            n = next(self._numbers)
            block: dict[str, Any]
            match rng.choice(["thinking", "text", "text", "call", "call", "call", "search"]):
                case "thinking":
                    signature = signature_for(messages, signed, f"thought {n}")
                    block = {"type": "thinking", "thinking": f"thought {n}", "signature": signature}
                case "text":
                    block = {"type": "text", "text": f"text {n} and so on. "}
                case "call":
                    block = {
                        "type": "tool_use",
                        "id": f"toolu_{n}",
                        "name": rng.choice(_NAMES),
                        "input": {"n": n},
                    }
                case _:
                    block = {
                        "type": "server_tool_use",
                        "id": f"srv_{n}",
                        "name": "web_search",
                        "input": {"query": "x"},
                    }
                    content.append(block)
                    signed.append(block)
                    block = {"type": "web_search_tool_result", "tool_use_id": f"srv_{n}", "content": []}
            signed.append(block)
            content.append({**block, "n": n})
        calls = any(block["type"] == "tool_use" for block in content)
        while content and content[-1]["type"] == "thinking":
            content.pop()
        if not content:
            content.append({"type": "text", "text": "So. ", "n": next(self._numbers)})
        if content[-1]["type"] == "web_search_tool_result" and not calls and rng.random() < 0.5:
            content.pop()
        return content

    def _events(self, blocks: list[dict[str, Any]], reason: str) -> list[Any]:
        rng = self.rng
        usage = {"input_tokens": 1, "output_tokens": 1}
        message: dict[str, Any] = {
            "id": f"msg_{next(self._numbers)}",
            "type": "message",
            "role": "assistant",
            "content": [],
        }
        events: list[Any] = [
            {
                "type": "message_start",
                "message": {**message, "model": "claude-sonnet-5", "stop_reason": None, "usage": usage},
            }
        ]
        for index, block in enumerate(blocks):
            match block:
                case {"type": "text", "text": str(text)}:
                    start: dict[str, Any] = {"type": "text", "text": ""}
                    deltas = [{"type": "text_delta", "text": word + " "} for word in text.split()]
                case {"type": "thinking"}:
                    start = {"type": "thinking", "thinking": "", "signature": ""}
                    deltas = [
                        {"type": "thinking_delta", "thinking": block["thinking"]},
                        {"type": "signature_delta", "signature": block["signature"]},
                    ]
                case {"type": "tool_use" | "server_tool_use"}:
                    start = {name: block[name] for name in ("type", "id", "name")} | {"input": {}}
                    written = json.dumps(block["input"])
                    if block["type"] == "tool_use" and rng.random() < 0.05:
                        written += "]"
                    half = len(written) // 2
                    deltas = [
                        {"type": "input_json_delta", "partial_json": part}
                        for part in (written[:half], written[half:])
                    ]
                case _:
                    start, deltas = {name: value for name, value in block.items() if name != "n"}, []
            events.append({"type": "content_block_start", "index": index, "content_block": start})
            events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
            events.append({"type": "content_block_stop", "index": index})
        return [*events, *self._end(reason)]

    def _end(self, reason: str) -> list[Any]:
        delta = {"stop_reason": reason, "stop_sequence": None}
        return [
            {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 1}},
            {"type": "message_stop"},
        ]
