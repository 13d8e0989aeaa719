"""
The source that sends requests to the Messages API.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast, overload

from streamkit._claude.sources.begun_answer import begun_answer
from streamkit._claude.sources.messages_source import MessagesSource
from streamkit._claude.sources.request_checks import checked_request
from streamkit._claude.tools.tool import Tool
from streamkit._core.algebra import Stream
from streamkit._core.checks import as_whole, flag
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.naming import name_of
from streamkit._core.retry_policy import RetryPolicy

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from streamkit._claude.protocol.events import Event
    from streamkit._claude.protocol.so_far import SoFar
    from streamkit._claude.sources.request_params import BetaParams, Client, Params
    from streamkit._claude.transport.timeouts import Timeouts

__all__ = ["messages"]

_MOST_TURNS = 16
"""Messages of an answer that the API pauses again and again."""


@overload
def messages(
    client: Client,
    *,
    retry: RetryPolicy | None = ...,
    timeouts: Timeouts | None = None,
    pings: bool = False,
    follow_pause: bool | int = False,
    so_far: SoFar | None = None,
    **params: Unpack[Params],
) -> Stream[Event]: ...
@overload
def messages(
    client: Client,
    *,
    retry: RetryPolicy | None = ...,
    timeouts: Timeouts | None = None,
    pings: bool = False,
    follow_pause: bool | int = False,
    so_far: SoFar | None = None,
    **params: Unpack[BetaParams],
) -> Stream[Event]: ...
@keyword_hints
def messages(
    client: Client,
    *,
    retry: RetryPolicy | None = RetryPolicy(),  # noqa: B008 -- immutable
    timeouts: Timeouts | None = None,
    pings: bool = False,
    follow_pause: bool | int = False,
    so_far: SoFar | None = None,
    **params: Any,
) -> Stream[Event]:
    """
    The events of one answer of the Messages API. Each run sends its own request.

    The response's bytes are read through the SDK, so its authentication, middleware, tracing and its Bedrock and Vertex clients
    keep working. They are decoded here.

    Args:
        client: The SDK's asynchronous client. Closing it remains the application's task.
        retry: How often a request is sent again, and what happens when it fails after the first content: see `RetryPolicy`.
            Before the first content, a retry is not seen. None leaves retries to the SDK.
        timeouts: How long to wait for what. None leaves the limits to the client, and a row of pings has no limit.
        pings: Whether pings are handed on.
        follow_pause: Whether an answer that the API pauses (`pause_turn`) is continued by another request. Its message
            follows the first one in the same stream. True allows 16 messages in all, a number that many. If the last of them is
            paused too, the stream ends with it, and `outcome.stop_reason` says so.
        so_far: The beginning of the answer, which another run has brought: the SDK's message or its dict, such as
            `outcome.message` of a run that was cut; a list of them where the API has paused. The stream is the rest of it: the
            model is asked to go on as with `resume="continue"`, blocks are numbered on, and no second `message_start` comes.
            Where that cannot be, as inside a tool's input, a `Restarted` comes first, and then the answer from the beginning.
            Of a message that has its stop reason nothing is asked. `outcome` has the whole of it. None begins as usual.
        params: Those of `client.messages.create`: `model`, `max_tokens` and `messages`, which are required, and `cache_control`,
            `container`, `diagnostics`, `inference_geo`, `metadata`, `output_config`, `service_tier`, `speed`, `stop_sequences`,
            `system`, `thinking`, `tool_choice`, `tools`, `user_profile_id`, `workspace_id`, `extra_headers`, `extra_query`,
            `extra_body` and `timeout`. With `betas` those of `client.beta.messages.create`: also `billing_policy`, `compaction`,
            `context_management`, `fallback_credit_token`, `fallbacks`, `mcp_servers` and `thread`. And `output_format`: with a
            pydantic model, or another type with a schema, the answer is JSON of that type, and `outcome.parsed` is the
            instance, as with the SDK's `messages.stream`. A dict of parameters is a `dict[str, Any]` to a type checker only if it
            is annotated so.

    Raises:
        TypeError: A parameter is unknown or missing, the client is a synchronous one, or `so_far` is not an answer. When the run
            is opened: it may start over, and a stage of the pipeline would hide that.
        ValueError: `follow_pause` is less than 1, a message of `so_far` before the last was not paused, or the policy would
            continue an answer that has a format of its own (`output_config`, `output_format`).
        anthropic.APIError: While running, before the stream begins: what the SDK raises, after the retries.
        StreamError: While running, from the first byte on: see its `type`.

    Emits: each event of the answer. Before the first content they are held while a retry is possible, so that it is not
        seen. A `Restarted`, where it starts over; where it continues, the rest of the same message.
    Backpressure: reads from the connection when asked for events.
    Completes: at the end of the response, if its message is complete.
    Fails: with a `StreamError`, after everything that has arrived.
    Cancels: at once, closing the response.
    Memory: one network read; the outcome keeps the text of the message.
    """
    flag("messages", "pings", pings)
    request, output = checked_request(
        "messages",
        client,
        params,
        retry=retry,
        timeouts=timeouts,
        pings=pings,
        most_turns=_most_turns(follow_pause),
        own=("retry", "timeouts", "pings", "follow_pause", "so_far"),
    )
    _refuse_functions(request.params)
    return Stream(MessagesSource(request, output, so_far=begun_answer("messages", so_far)))


def _refuse_functions(params: Mapping[str, Any]) -> None:
    """
    Refuse tools that are to be run. A request has no place for a function, and the SDK would say only that JSON has none.
    """
    tools: list[object] = params.get("tools") or []
    for tool in tools:
        name, function = _to_be_run(tool)
        if callable(function):
            raise TypeError(
                f"messages() runs no tools, and got one to be run, {name}: sk.tool_loop(client, tools=[…], …) runs them; to "
                "have its calls alone, give its definition, {'name': …, 'description': …, 'input_schema': …}"
            )


def _to_be_run(tool: object) -> tuple[object, object]:
    """
    The name of a tool, and its function, if it has one.
    """
    if isinstance(tool, Mapping):
        fields = cast("Mapping[str, object]", tool)
        return fields.get("name"), fields.get("run")
    name = getattr(tool, "name", None) or name_of(tool)
    return name, tool if callable(tool) else getattr(tool, "run" if isinstance(tool, Tool) else "call", None)


def _most_turns(follow_pause: object) -> int:
    if isinstance(follow_pause, bool):
        return _MOST_TURNS if follow_pause else 1
    turns = as_whole(follow_pause)
    if turns is None:
        raise TypeError(
            "messages(follow_pause=…) must be True, False, or how many messages the answer may have, not "
            f"{follow_pause!r}"
        )
    if turns < 1:
        raise ValueError(
            f"messages(follow_pause=…) must be at least 1 message, or False, not {follow_pause!r}"
        )
    return turns
