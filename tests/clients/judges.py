"""
What other people's clients make of our answers, and what they should.
"""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from tests.clients import packages
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import streamkit as sk
    from tests.clients.site import App, Site

Judge = Literal["ai-6", "ai-7", "ag-ui", "durable-once", "durable-long-poll", "durable-sse"]

AI_SDK: Final[tuple[Judge, ...]] = ("ai-6", "ai-7")
DURABLE: Final[tuple[Judge, ...]] = ("durable-once", "durable-long-poll", "durable-sse")


@dataclass(frozen=True)
class Seen:
    """
    What a client has made of an answer.

    Attributes:
        end: The message, or the messages, that it ends with.
        errors: What it complains of: chunks that do not fit their schema, an order that it does not allow, a broken connection.
        told: The errors that the server has told it in the protocol.
        finished: What the protocol's last chunk says, where nothing has failed; None without one. Of Durable Streams, whether the
            run is closed.
        failed: What AG-UI's last event says, where the run has failed; None without one.
        chunks: How many chunks it has read.
    """

    end: Any
    errors: list[str]
    told: list[str]
    finished: Any
    failed: Any
    chunks: int


def judged(site: Site, cases: Mapping[str, tuple[Judge, App]]) -> dict[str, Seen]:
    """
    Let clients read answers, all of them in one process of Node.js.

    Args:
        site: Where they are served.
        cases: Each answer with the client that reads it, by a name.

    Returns:
        What each client has seen, by the same names.
    """
    return asked({name: (judge, site.put(app)) for name, (judge, app) in cases.items()})


def asked(cases: Mapping[str, tuple[Judge, str]]) -> dict[str, Seen]:
    """
    Let clients ask at these URLs, and read what is answered.
    """
    return _run({name: {"judge": judge, "url": url} for name, (judge, url) in cases.items()})


def talked(talks: Mapping[Judge, tuple[str, Sequence[Mapping[str, Any]]]]) -> dict[str, Seen]:
    """
    Let clients have conversations, each with its own, at these URLs.

    Args:
        talks: The URL and the steps for each client: `{"say": …, "files": …}`, or `{"outputs": […]}` of the page's tools.

    Returns:
        What each client has seen; the end is the messages that it has.
    """
    return _run(
        {judge: {"judge": judge, "url": url, "steps": steps} for judge, (url, steps) in talks.items()}
    )


def _run(cases: Mapping[Any, Any]) -> dict[str, Seen]:
    lines = [json.dumps(case) for case in cases.values()]
    done = subprocess.run(
        packages.judge(),
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    names = [*cases]
    return {
        names[seen.pop("case")]: Seen(**seen) for seen in map(json.loads, done.stdout.strip("\n").split("\n"))
    }


@dataclass
class Told:
    """
    What was said in an answer, in whatever protocol.

    Attributes:
        text: The text, as one.
        reasoning: The thinking, as one.
        calls: Each tool call: its id, its tool and its input.
        results: What each call has given, by its id.
        sources: Each citation, as the API has it.
    """

    text: str = ""
    reasoning: str = ""
    calls: list[tuple[str, str, Any]] = field(default_factory=list[tuple[str, str, Any]])
    results: dict[str, Any] = field(default_factory=dict[str, Any])
    sources: list[Any] = field(default_factory=list[Any])


def told_by_outcome(outcome: sk.Outcome) -> Told:
    """
    What the messages of an outcome say.
    """
    messages = getattr(outcome, "messages", [])
    blocks = [block.to_dict() for message in messages for block in message.content]
    calls = {call.id: (call.id, call.name, call.input) for call in outcome.tool_calls} if messages else {}
    told = Told()
    for block in blocks:
        match block:
            case {"type": "text", "text": text}:
                told.text += text
                told.sources += block.get("citations") or ()
            case {"type": "thinking", "thinking": thinking}:
                told.reasoning += thinking
            case {"type": "server_tool_use" | "mcp_tool_use", "id": call_id, "name": name, "input": given}:
                told.calls.append((call_id, name, given))
            case {"type": "tool_use", "id": call_id} if call_id in calls:
                told.calls.append(calls[call_id])
            case {"tool_use_id": call_id, "content": content}:
                told.results[call_id] = content
            case _:
                pass
    return told


def told_by_ui_message(message: Any) -> Told:
    """
    What a `UIMessage` of the AI SDK says.
    """
    told = Told()
    for part in message["parts"] if message else ():
        kind = part["type"]
        if kind == "text":
            told.text += part["text"]
        elif kind == "reasoning":
            told.reasoning += part["text"]
        elif kind.startswith("source-"):
            told.sources.append(part["providerMetadata"]["anthropic"])
        elif kind == "dynamic-tool" or kind.startswith("tool-"):
            failed = part["state"] == "output-error"
            if failed and isinstance(part.get("input", part.get("rawInput")), str):
                continue  # a call whose input was broken
            name = part.get("toolName") or kind.removeprefix("tool-")
            told.calls.append((part["toolCallId"], name, part.get("input")))
            if failed:
                told.results[part["toolCallId"]] = json.loads(part["errorText"])
            elif "output" in part:
                told.results[part["toolCallId"]] = part["output"]
    return told


def told_by_ag_ui(messages: Any) -> Told:
    """
    What the messages of AG-UI say.
    """
    told = Told()
    for message in messages:
        role = message["role"]
        if role == "assistant":
            told.text += message.get("content") or ""
            facts = message.get("metadata", {}).get("anthropic", {})
            told.sources += [cited for text in facts.get("texts", ()) for cited in text.get("citations", ())]
            for call in message.get("toolCalls", ()):
                function = call["function"]
                with suppress(ValueError):  # a call whose input was broken
                    told.calls.append((call["id"], function["name"], json.loads(function["arguments"])))
        elif role == "reasoning":
            told.reasoning += message["content"]
        elif role == "tool":
            told.results[message["toolCallId"]] = _content(message["content"])
    return told


def _content(said: Any) -> Any:
    """
    What a tool has given: AG-UI has it as text, in which anything else is JSON.
    """
    try:
        return json.loads(said)
    except (TypeError, ValueError):
        return said
