"""
Answers in a format of the caller's, and parameters that are those of the SDK.
"""

from __future__ import annotations

import inspect
import json
import re
from types import MappingProxyType
from typing import Any, Literal, cast

import anthropic
import pydantic
import pytest
from anthropic.types.beta.message_create_params import MessageCreateParamsBase as BetaParams
from anthropic.types.message_create_params import MessageCreateParamsBase as Params

import streamkit as sk
from streamkit.testing import FakeClaude, reply, text
from tests.support.claude import ASK


class River(pydantic.BaseModel):
    name: str
    length: int


RHINE = River(name="Rhine", length=1233)
SAID = RHINE.model_dump_json()


async def answered(*blocks: Any, output_format: Any = River, **settings: Any) -> tuple[sk.Outcome, Any]:
    """
    The outcome of a run, and what the server was asked.
    """
    async with FakeClaude(reply(*blocks, **settings)) as server:
        stream = sk.messages(server.client(), output_format=output_format, **ASK)
        async with stream.open() as run:
            async for _ in run:
                pass
    return run.outcome, server.requests[0].body


async def test_a_model_is_asked_for_as_the_sdk_asks_and_the_answer_is_an_instance() -> None:
    outcome, asked = await answered(text(SAID, chunk=3))
    assert outcome.parsed == RHINE
    async with FakeClaude(reply(text(SAID))) as server:
        async with server.client().messages.stream(output_format=River, **ASK) as stream:
            message = await stream.get_final_message()
        by_sdk = server.requests[0].body
    assert asked["output_config"] == by_sdk["output_config"]
    assert message.parsed_output == outcome.parsed


async def test_any_type_with_a_schema_is_taken() -> None:
    outcome, _ = await answered(text(f"[{SAID}]"), output_format=list[River])
    assert outcome.parsed == [RHINE]


@pytest.mark.parametrize("stop_reason", ["max_tokens", "refusal"])
async def test_an_answer_that_is_not_whole_is_not_parsed(stop_reason: str) -> None:
    outcome, _ = await answered(text(SAID[:9]), stop_reason=stop_reason)
    assert outcome.parsed is None


async def test_an_answer_that_does_not_fit_says_where_when_it_is_asked_for() -> None:
    outcome, _ = await answered(text(json.dumps({"name": "Rhine"})))
    assert outcome.kind == "complete"
    with pytest.raises(pydantic.ValidationError, match="length"):
        _ = outcome.parsed


async def test_without_a_model_nothing_is_parsed() -> None:
    async with FakeClaude(reply(text(SAID))) as server, sk.messages(server.client(), **ASK).open() as run:
        async for _ in run:
            pass
    assert run.outcome.parsed is None


async def test_the_rest_of_the_output_config_is_kept() -> None:
    async with FakeClaude(reply(text(SAID))) as server:
        config: Any = {"effort": "low"}
        await sk.messages(server.client(), output_format=River, output_config=config, **ASK).run()
        asked = server.requests[0].body["output_config"]
    assert asked["effort"] == "low"
    assert asked["format"]["type"] == "json_schema"


def test_what_has_no_schema_is_refused_where_it_is_given() -> None:
    client = anthropic.AsyncAnthropic(api_key="k")
    with pytest.raises(TypeError, match=r"messages\(output_format=…\) must be a pydantic model"):
        sk.messages(client, output_format=cast("Any", opaque()), **ASK)


def opaque() -> type:
    class Opaque:
        pass

    return Opaque


class Lake(pydantic.BaseModel):
    depth: int


SCHEMA: Any = {"type": "json_schema", "schema": {"type": "object"}}


@pytest.mark.parametrize(
    "wanted",
    [
        {"output_format": River},
        {"output_format": list[River]},
        {"output_format": River | Lake},
        {"output_format": Literal["a", "b"]},
        {"output_format": River, "betas": ["x"]},
        {"output_config": {"format": SCHEMA}},
        {"output_config": MappingProxyType({"format": SCHEMA})},
    ],
    ids=str,
)
def test_an_answer_in_a_format_is_not_continued(wanted: dict[str, Any]) -> None:
    client = anthropic.AsyncAnthropic(api_key="k")
    with pytest.raises(ValueError, match="cannot continue an answer in a format"):
        sk.messages(client, retry=sk.RetryPolicy(resume="continue"), **wanted, **ASK)


@pytest.mark.parametrize("none", [None, anthropic.omit])
async def test_no_format_is_no_format(none: Any) -> None:
    outcome, asked = await answered(text(SAID), output_format=none)
    assert outcome.parsed is None
    assert "output_config" not in asked
    client = anthropic.AsyncAnthropic(api_key="k")
    sk.messages(client, retry=sk.RetryPolicy(resume="continue"), output_format=none, **ASK)


async def test_the_beta_api_takes_a_model_too() -> None:
    async with FakeClaude(reply(text(SAID))) as server:
        stream = sk.messages(server.client(), betas=["x"], output_format=River, **ASK)
        async with stream.open() as run:
            async for _ in run:
                pass
        asked = server.requests[0].body
    assert asked["output_config"]["format"]["type"] == "json_schema"
    assert run.outcome.parsed == RHINE


def test_the_types_of_the_parameters_are_those_of_the_sdk() -> None:
    """
    The types are made of the SDK's own dictionaries, which have to have all that its `create` takes.
    """
    client = anthropic.AsyncAnthropic(api_key="k")
    for create, params in ((client.messages.create, Params), (client.beta.messages.create, BetaParams)):
        named = set(inspect.signature(create).parameters) - {"self", "stream"}
        options = {"extra_headers", "extra_query", "extra_body", "timeout"}
        # `betas` and the like are headers there, under their own names.
        assert named - options - params.__annotations__.keys() - inherited(params) == set(), create


def test_the_help_names_every_parameter_that_the_sdk_takes() -> None:
    client = anthropic.AsyncAnthropic(api_key="k")
    named = set(re.findall(r"`(\w+)`", str(sk.messages.__doc__)))
    for create in (client.messages.create, client.beta.messages.create):
        assert inspect.signature(create).parameters.keys() - {"stream"} - named == set(), create
    assert "output_format" in named


def inherited(params: type) -> set[str]:
    return {name for base in params.__mro__ for name in getattr(base, "__annotations__", {})}
