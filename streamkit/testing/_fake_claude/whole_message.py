"""
A whole message: the reply to a request without `stream=True`, which is one JSON document instead of events.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from msgspec.structs import fields

from streamkit._claude.protocol.errors import status_of
from streamkit._claude.protocol.kinds import DELTAS
from streamkit.testing._fake_claude.faults.responses import error_reply
from streamkit.testing._fake_claude.frames import events_in
from streamkit.testing._fake_claude.reply import Reply, json_reply

__all__ = ["as_json"]

__tracebackhide__ = True  # pytest shows the lines of the test, and those of this file with --full-trace


def as_json(reply: Reply) -> Reply:
    """
    Answer with the message that a streamed reply builds up, after the same waits.

    A reply that stalls, drops or pings for ever does so without a response, and an error event becomes the HTTP error that
    the API gives for it. A script that holds no whole message is answered with status 500, which says why.
    """
    waits = [step.in_json() for step in reply.steps if not isinstance(step, bytes)]
    if waits and waits[-1].ends:
        return Reply(waits)
    try:
        document = build(reply.body)
    except (ValueError, LookupError, TypeError, AttributeError) as reason:
        document = error_reply(500, message=f"FakeClaude: the script holds no whole message: {reason!r}")
    return replace(document, headers={**reply.headers, **document.headers}).after(*waits)


def build(body: bytes) -> Reply:
    """
    The message that the events build up, as a reply.

    Raises:
        ValueError: An event has no place in a message, or the message has no end.
        LookupError: An event lacks a field or names a block that was not started.
        TypeError: A field is of another type than in the API.
    """
    message: dict[str, Any] = {}
    inputs: dict[int, str] = {}
    for item in events_in(body):
        match item["type"]:
            case "message_start":
                message = item["message"]
            case "content_block_start":
                message["content"].append(item["content_block"])
            case "content_block_delta" if item["delta"]["type"] == "input_json_delta":
                inputs[item["index"]] = inputs.get(item["index"], "") + item["delta"]["partial_json"]
            case "content_block_delta":
                apply(item["delta"], message["content"][item["index"]])
            case "message_delta":
                message |= item["delta"]
                message["usage"] |= {name: n for name, n in item["usage"].items() if n is not None}
            case "error":
                error = item["error"]
                return error_reply(status_of(error["type"]) or 500, error["type"], error["message"])
            case "content_block_stop" | "message_stop" | "ping":
                pass
            case unknown:
                raise ValueError(f"an event of type {unknown!r}")
    if message.get("stop_reason") is None:
        raise ValueError("it has no stop_reason")
    for index, written in inputs.items():
        message["content"][index]["input"] = json.loads(written) if written else {}
    return json_reply(message)


def apply(delta: dict[str, Any], block: dict[str, Any]) -> None:
    """
    Add one delta to its block.
    """
    kind = DELTAS.get(delta["type"])
    if kind is None:
        raise ValueError(f"a delta of type {delta['type']!r}")
    if missing := {field.name for field in fields(kind.cls) if field.required} - delta.keys():
        raise LookupError(f"a {delta['type']} without {', '.join(missing)}")
    for name, (how, into) in kind.fields.items():
        match how:
            case "text":
                block[into] = (block.get(into) or "") + (delta.get(name) or "")
            case "value":
                block[into] = delta.get(name) or block.get(into)
            case "item":
                block[into] = [*(block.get(into) or []), delta[name]]
            case _:
                pass
