"""
The source that sends requests to the Messages API.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Required, TypeAlias, TypedDict, cast, overload

from streamkit._claude.exchange.answer import Answer
from streamkit._claude.exchange.messages_request import MessagesRequest
from streamkit._claude.exchange.output_format import with_schema
from streamkit._claude.protocol.record import Record
from streamkit._claude.transport.sdk import check_accepts, is_asynchronous
from streamkit._claude.transport.timeouts import Timeouts
from streamkit._core.algebra import Stream
from streamkit._core.checks import as_whole, flag
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.naming import call_text
from streamkit._core.retry_policy import RetryPolicy
from streamkit._core.source import Opened, Source

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import UnionType

    import anthropic
    import httpx2
    from anthropic._types import Body, Headers, Query
    from anthropic.lib.bedrock import AsyncAnthropicBedrock, AsyncAnthropicBedrockMantle
    from anthropic.lib.vertex import AsyncAnthropicVertex
    from anthropic.types import AnthropicBetaParam
    from anthropic.types.beta.message_create_params import (
        MessageCreateParamsBase as BetaMessageCreateParamsBase,
    )
    from anthropic.types.message_create_params import MessageCreateParamsBase
    from typing_extensions import Unpack

    from streamkit._claude.protocol.events import Event
    from streamkit._core.log import RunId
    from streamkit._core.runtime.context import Context

__all__ = ["messages"]

_MOST_TURNS = 16
"""Messages of an answer that the API pauses again and again."""


if TYPE_CHECKING:
    _Client: TypeAlias = (
        anthropic.AsyncAnthropic
        | anthropic.AsyncAnthropicAWS
        | AsyncAnthropicBedrock
        | AsyncAnthropicBedrockMantle
        | anthropic.AsyncAnthropicFoundry
        | anthropic.AsyncAnthropicGoogleCloud
        | AsyncAnthropicVertex
    )

    class _Options(TypedDict, total=False):
        """
        What `create` takes besides the parameters of the API.
        """

        extra_headers: Headers
        extra_query: Query
        extra_body: Body
        timeout: float | httpx2.Timeout | None

    class _Params(MessageCreateParamsBase, _Options, total=False):
        """
        The parameters of `client.messages.create`, and the `output_format` of its `stream`.
        """

        output_format: type[Any] | UnionType | None

    class _BetaParams(BetaMessageCreateParamsBase, _Options, total=False):
        """
        The parameters of `client.beta.messages.create`, and the `output_format` of its `stream`.
        """

        # Without `betas` it is not the beta API that is asked, so that its other parameters are unknown.
        betas: Required[list[AnthropicBetaParam]]  # type: ignore[misc] # pyright: ignore[reportIncompatibleVariableOverride]
        output_format: type[Any] | UnionType | Mapping[str, Any] | None


@overload
def messages(
    client: _Client,
    *,
    retry: RetryPolicy | None = ...,
    timeouts: Timeouts | None = None,
    pings: bool = False,
    follow_pause: bool | int = False,
    **params: Unpack[_Params],
) -> Stream[Event]: ...
@overload
def messages(
    client: _Client,
    *,
    retry: RetryPolicy | None = ...,
    timeouts: Timeouts | None = None,
    pings: bool = False,
    follow_pause: bool | int = False,
    **params: Unpack[_BetaParams],
) -> Stream[Event]: ...
@keyword_hints
def messages(
    client: _Client,
    *,
    retry: RetryPolicy | None = RetryPolicy(),  # noqa: B008 -- immutable
    timeouts: Timeouts | None = None,
    pings: bool = False,
    follow_pause: bool | int = False,
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
        params: Those of `client.messages.create`: `model`, `max_tokens` and `messages`, which are required, and `cache_control`,
            `container`, `diagnostics`, `inference_geo`, `metadata`, `output_config`, `service_tier`, `speed`, `stop_sequences`,
            `system`, `thinking`, `tool_choice`, `tools`, `user_profile_id`, `workspace_id`, `extra_headers`, `extra_query`,
            `extra_body` and `timeout`. With `betas` those of `client.beta.messages.create`: also `billing_policy`, `compaction`,
            `context_management`, `fallback_credit_token`, `fallbacks`, `mcp_servers` and `thread`. And `output_format`: with a
            pydantic model, or another type with a schema, the answer is JSON of that type, and `outcome.parsed` is the
            instance, as with the SDK's `messages.stream`. A dict of parameters is a `dict[str, Any]` to a type checker only if it
            is annotated so.

    Raises:
        TypeError: A parameter is unknown or missing, or the client is a synchronous one. When the run is opened: the policy
            may start over, and a stage of the pipeline would hide that.
        ValueError: `follow_pause` is less than 1, or the policy would continue an answer that has a format of its own
            (`output_config`, `output_format`).
        anthropic.APIError: While running, before the stream begins: what the SDK raises, after the retries.
        StreamError: While running, from the first byte on: see its `type`.

    Emits: each event of the answer. Before the first content they are held while a retry is possible, so that it is not
        seen. A `Restarted`, where the policy starts over; where it continues, the rest of the same message.
    Backpressure: reads from the connection when asked for events.
    Completes: at the end of the response, if its message is complete.
    Fails: with a `StreamError`, after everything that has arrived.
    Cancels: at once, closing the response.
    Memory: one network read; the outcome keeps the text of the message.
    """
    _check_client(client)
    asked, output = with_schema(params)
    _check_policy(retry, asked)
    _check_timeouts(timeouts, params)
    flag("messages", "pings", pings)
    request = MessagesRequest(
        cast("anthropic.AsyncAnthropic", client), retry, timeouts, pings, _most_turns(follow_pause), asked
    )
    _check_params(request)
    # A description does not change when the application adds to its list, and a retry must not find an iterator used up.
    kept = {name: _kept(value) for name, value in asked.items()}
    _check_conversation(kept["messages"])
    _check_lists(kept)
    return Stream(_Messages(replace(request, params=kept), output))


def _check_client(client: Any) -> None:
    if not hasattr(client, "messages") or isinstance(client, type):
        given = f"the class {client.__name__}" if isinstance(client, type) else type(client).__name__
        raise TypeError(f"messages() needs a client of the SDK, anthropic.AsyncAnthropic, not {given}")
    if type(client).__module__.startswith("anthropic.resources") or hasattr(client.messages, "_messages"):
        raise TypeError(
            "messages() needs the client itself, not client.beta or a view such as with_raw_response: "
            f"got {type(client).__name__}"
        )
    if not is_asynchronous(client):
        raise TypeError(
            f"messages() needs an asynchronous client, anthropic.AsyncAnthropic, not {type(client).__name__}; a "
            "synchronous one works through `pipeline.over(client.messages.create(..., stream=True))`"
        )


def _check_policy(retry: object, params: Mapping[str, Any]) -> None:
    if retry is None:
        return
    if not isinstance(retry, RetryPolicy):
        raise TypeError(
            f"messages(retry=…) must be a RetryPolicy, such as RetryPolicy(attempts=3), or None, not {retry!r}"
        )
    if retry.resume == "continue" and retry.attempts > 1 and _has_format(params):
        raise ValueError(
            'RetryPolicy(resume="continue") cannot continue an answer in a format of its own (`output_config`, `output_format`), '
            'because each request gives a whole one: use resume="restart" or "never"'
        )


def _check_timeouts(timeouts: object, params: Mapping[str, Any]) -> None:
    if isinstance(params.get("timeout"), Timeouts):
        raise TypeError("messages() takes Timeouts as timeouts=…; `timeout` is the SDK's own")
    if timeouts is None:
        return
    if not isinstance(timeouts, Timeouts):
        raise TypeError(
            f"messages(timeouts=…) must be Timeouts, such as Timeouts(total=30), or None, not {timeouts!r}"
        )
    if "timeout" in params:
        raise TypeError("messages() takes either timeouts=Timeouts(…) or the SDK's `timeout`, not both")


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


def _check_params(request: MessagesRequest) -> None:
    if "stream" in request.params:
        raise TypeError("messages() always streams: leave out `stream`")
    check_accepts(request.resource.create, request.params)


def _check_conversation(messages: Any) -> None:
    is_list = messages.__class__ is list
    if not is_list or any(isinstance(each, str | bytes | int | None) for each in messages):
        given = type(messages).__name__
        raise TypeError(f'messages() needs messages=[{{"role": "user", "content": …}}], and got {given}')


def _check_lists(params: Mapping[str, Any]) -> None:
    """
    Refuse one thing in the place of a list of them.
    """
    for name in ("stop_sequences", "tools"):
        value = params.get(name)
        given = type(value).__name__
        if isinstance(value, str | Mapping):
            raise TypeError(f"messages() needs {name}=[…], a list, and got {given}")


def _has_format(params: Mapping[str, Any]) -> bool:
    match params:
        case {"output_config": {"format": wanted}} | {"output_format": wanted}:
            return bool(wanted)
        case _:
            return False


def _kept(value: Any) -> Any:
    """
    A copy of a value as it is now: containers are copied, and what can be iterated only once becomes a list.
    """
    if isinstance(value, dict):
        return {name: _kept(each) for name, each in cast("dict[str, Any]", value).items()}
    # The value itself may be a proxy that answers to any name.
    kind = type(cast("object", value))
    is_spent_once = hasattr(kind, "__next__") and not hasattr(kind, "read")
    if is_spent_once or isinstance(value, list | tuple):
        return [_kept(each) for each in cast("Iterable[Any]", value)]
    return value


class _Messages(Source):
    memory = "one network read, and the message's text for the outcome"

    def __init__(self, request: MessagesRequest, output: Any = None) -> None:
        self._request = request
        self._output = output  # the type of the answer
        policy = request.retry
        self.restarts: bool = policy is not None and policy.resume == "restart" and policy.attempts > 1

    def __repr__(self) -> str:
        params = self._request.params
        # Any other parameter may hold private text.
        shown = {name: value for name, value in params.items() if name in ("model", "max_tokens", "messages")}
        text = call_text("messages", self._request.client, **shown)
        return text if len(shown) == len(params) else f"{text[:-1]}, …)"

    def retried(self) -> Source:
        if self._request.retry is not None:
            return self
        return _Messages(replace(self._request, retry=RetryPolicy(attempts=1)), self._output)

    def open(self, context: Context) -> Opened:
        asked = self._request.params["messages"]
        record = Record(beta=self._request.beta or None, asked=asked, output=self._output)
        context.contribute(record)
        return Opened(
            "batched", _OpenedAnswer(Answer(self._request, context, record), record, context.run_id)
        )


class _OpenedAnswer:
    """
    The answer in its run. At its end the log is told what in it did not fit.
    """

    def __init__(self, answer: Answer, record: Record, run_id: RunId) -> None:
        self._batches = answer.batches()
        self._record = record
        self._run_id = run_id

    def __aiter__(self) -> AsyncIterator[list[Event]]:
        return self._batches

    async def aclose(self) -> None:
        await self._batches.aclose()
        self._record.log_oddities(self._run_id)
