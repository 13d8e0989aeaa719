"""
Values that programs hand on: each public class has a plain form, which `json.dumps` and FastAPI's encoder take, or is named here.
"""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from fastapi.encoders import jsonable_encoder

import streamkit as sk
from streamkit import events
from streamkit._claude.protocol.structs import PlainStruct
from streamkit._core.plain import PlainValue
from streamkit.testing import ErrorEvent, FakeClaude, reply, text, tool_use
from tests.support.claude import ASK

NOT_VALUES: Final = {
    # descriptions, and what runs them
    "Branch", "Job", "JobRun", "Operator", "Run", "Same", "Sink", "Stream", "Transducer",
    # settings, which are given and not handed on
    "Approval", "RetryPolicy", "Timeouts", "Tool",
    # what types only
    "RawEvent",
}  # fmt: skip


def public_classes() -> dict[str, type[Any]]:
    named: dict[str, Any] = {
        name: getattr(module, name) for module in (sk, events) for name in module.__all__
    }
    return {name: value for name, value in named.items() if isinstance(value, type)}


VALUES: Final[dict[str, type[Any]]] = {
    name: cls
    for name, cls in public_classes().items()
    if name not in NOT_VALUES and not issubclass(cls, BaseException)
}


async def examples() -> list[Any]:
    """
    A value of each class that is not an event or a part of one.
    """
    cut = reply(text("Hello ", ErrorEvent()))
    whole = reply(text("Hello ", "world"), tool_use("look", {"at": [1, 2]}))
    found: dict[str, Any] = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []}
    broken = sk.BrokenToolCall("t", "look", "{", "truncated", 0)
    result = sk.ServerToolResult(broken, events.from_dict(found), 1)
    passed: list[Any] = [
        broken, result, sk.ServerToolResult(None, events.from_dict(found), 1), sk.BufferReport(3, 1),
        sk.SinkReport(3, 1, ValueError("full"), object()), sk.Failed({"a": 1}, ValueError("odd")),
        sk.Failed(broken, ValueError("odd")), sk.Partial({"a": [1]}, False), events.Usage(output_tokens=3),
    ]  # fmt: skip
    async with FakeClaude(cut, whole) as server:
        policy = sk.RetryPolicy(base=0, resume="restart")
        chat = sk.messages(server.client(), retry=policy, **ASK)
        keep = sk.branch(sk.sinks.collect(), name="keep")
        async with (chat | sk.tee(keep) | sk.buffer(4) | sk.meter()).open() as run:
            passed += [item async for item in run]
    passed += [each.copy() for each in await (sk.from_sse(whole.body) | sk.tool_input()).collect()]
    passed += await (sk.from_sse(whole.body) | sk.tool_calls()).collect()
    assert run.report.meter is not None
    return [*passed, run.outcome, run.report, run.outcome.usage, run.report.meter, *run.outcome.attempts]


async def test_every_value_is_plain_json_and_fastapi_encodes_it_the_same() -> None:
    seen: set[str] = set()
    for value in await examples():
        plain = value.to_dict()
        assert json.loads(json.dumps(plain)) == plain, value
        assert jsonable_encoder(value) == plain, value
        seen.add(type(value).__name__)
    others = {
        name for name, cls in VALUES.items() if not issubclass(cls, PlainStruct) and cls is not events.Unknown
    }
    assert sorted(others - seen) == []


@pytest.mark.parametrize("name", VALUES)
def test_every_public_value_class_has_a_plain_form(name: str) -> None:
    cls = VALUES[name]
    assert hasattr(cls, "to_dict"), f"{name} has no to_dict(): give it one, or name it in NOT_VALUES"
    assert hasattr(cls, "__iter__")


def test_no_class_is_named_as_none_that_has_one() -> None:
    classes = public_classes()
    assert NOT_VALUES - classes.keys() == set()
    assert [name for name in NOT_VALUES if issubclass(classes[name], PlainValue)] == []


async def test_the_plain_form_of_an_outcome_has_nothing_that_was_said() -> None:
    async with FakeClaude(reply(text("My secret"))) as server:
        keep = sk.branch(sk.sinks.collect(), name="keep")
        async with (sk.messages(server.client(), **ASK) | sk.tee(keep) | sk.meter()).open() as run:
            async for _ in run:
                pass
    told = run.outcome.to_dict()
    assert told["kind"] == "complete"
    assert (told["stop_reason"], told["model"]) == ("end_turn", "claude-sonnet-5")
    assert told["usage"]["output_tokens"] == run.outcome.usage.output_tokens
    assert [attempt["number"] for attempt in told["attempts"]] == [1]
    assert run.report.to_dict()["sinks"]["keep"]["delivered"] > 0
    assert "secret" not in json.dumps([told, run.report.to_dict()])


def test_an_outcome_without_a_source_of_claudes_says_how_it_ended() -> None:
    outcome = sk.Outcome()
    outcome.fail(ValueError("odd"))
    error = {"type": "ValueError", "message": "odd"}
    assert outcome.to_dict() == {"kind": "failed", "stopped_by": None, "error": error}
