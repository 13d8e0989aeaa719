"""
Checks what `messages()` and `tool_loop()` were given, and makes a request of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from streamkit._claude.exchange.messages_request import MessagesRequest
from streamkit._claude.exchange.output_format import has_format, with_schema
from streamkit._claude.transport.sdk import check_accepts, is_asynchronous
from streamkit._claude.transport.timeouts import Timeouts
from streamkit._core.retry_policy import RetryPolicy

if TYPE_CHECKING:
    import anthropic

__all__ = ["checked_request"]


def checked_request(
    name: str,
    client: object,
    params: Mapping[str, Any],
    *,
    retry: RetryPolicy | None,
    timeouts: Timeouts | None,
    pings: bool = False,
    most_turns: int = 1,
    own: Iterable[str] = (),
) -> tuple[MessagesRequest, Any]:
    """
    The request, and the type that its answer is made into, if there is one.

    Args:
        name: The function that was given the rest.
        client: The SDK's client.
        params: The parameters of `create`.
        retry: As for `messages()`.
        timeouts: As for `messages()`.
        pings: As for `messages()`.
        most_turns: How many messages the answer may have.
        own: What the function takes itself.

    Raises:
        TypeError: One of them is of the wrong kind.
        ValueError: The policy would continue an answer that has a format of its own.
    """
    _check_client(name, client)
    asked, output = with_schema(params)
    _check_policy(name, retry, asked)
    _check_timeouts(name, timeouts, params)
    # A description does not change when the application adds to its list, and a retry must not find an iterator used up.
    kept = {param: _kept(value) for param, value in asked.items()}
    request = MessagesRequest(
        cast("anthropic.AsyncAnthropic", client), retry, timeouts, pings, most_turns, kept
    )
    _check_params(name, request, own)
    _check_conversation(name, kept["messages"])
    _check_forms(name, kept)
    return request, output


def _check_client(name: str, client: Any) -> None:
    if not hasattr(client, "messages") or isinstance(client, type):
        given = f"the class {client.__name__}" if isinstance(client, type) else type(client).__name__
        raise TypeError(f"{name}() needs a client of the SDK, anthropic.AsyncAnthropic, not {given}")
    if type(client).__module__.startswith("anthropic.resources") or hasattr(client.messages, "_messages"):
        raise TypeError(
            f"{name}() needs the client itself, not client.beta or a view such as with_raw_response: "
            f"got {type(client).__name__}"
        )
    if not is_asynchronous(client):
        raise TypeError(
            f"{name}() needs an asynchronous client, anthropic.AsyncAnthropic, not {type(client).__name__}; a "
            "synchronous one works through `pipeline.over(client.messages.create(..., stream=True))`"
        )


def _check_policy(name: str, retry: object, params: Mapping[str, Any]) -> None:
    if retry is None:
        return
    if not isinstance(retry, RetryPolicy):
        raise TypeError(
            f"{name}(retry=…) must be a RetryPolicy, such as RetryPolicy(attempts=3), or None, not {retry!r}"
        )
    if retry.resume == "continue" and retry.attempts > 1 and has_format(params):
        raise ValueError(
            'RetryPolicy(resume="continue") cannot continue an answer in a format of its own (`output_config`, `output_format`), '
            'because each request gives a whole one: use resume="restart" or "never"'
        )


def _check_timeouts(name: str, timeouts: object, params: Mapping[str, Any]) -> None:
    if isinstance(params.get("timeout"), Timeouts):
        raise TypeError(f"{name}() takes Timeouts as timeouts=…; `timeout` is the SDK's own")
    if timeouts is None:
        return
    if not isinstance(timeouts, Timeouts):
        raise TypeError(
            f"{name}(timeouts=…) must be Timeouts, such as Timeouts(total=30), or None, not {timeouts!r}"
        )
    if "timeout" in params:
        raise TypeError(f"{name}() takes either timeouts=Timeouts(…) or the SDK's `timeout`, not both")


def _check_params(name: str, request: MessagesRequest, own: Iterable[str]) -> None:
    if "stream" in request.params:
        raise TypeError(f"{name}() always streams: leave out `stream`")
    check_accepts(name, request.resource.create, request.params, own)


def _check_conversation(name: str, messages: Any) -> None:
    is_list = messages.__class__ is list
    if not is_list or any(isinstance(each, str | bytes | int | None) for each in messages):
        given = type(messages).__name__
        raise TypeError(f'{name}() needs messages=[{{"role": "user", "content": …}}], and got {given}')


def _check_forms(name: str, params: Mapping[str, Any]) -> None:
    """
    Refuse one thing in the place of a list of them, and a word in the place of an object.
    """
    if isinstance(choice := params.get("tool_choice"), str):
        raise TypeError(
            f'{name}() needs tool_choice={{"type": …}}, such as {{"type": "any"}}, and got {choice!r}'
        )
    for param in ("stop_sequences", "tools"):
        value = params.get(param)
        given = type(value).__name__
        if isinstance(value, str | Mapping):
            raise TypeError(f"{name}() needs {param}=[…], a list, and got {given}")


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
