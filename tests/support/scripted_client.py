"""
A stand-in for the SDK's client that answers from a function, without sockets: so it follows virtual time.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import anyio
import anyio.lowlevel

from streamkit.events import from_dict

if TYPE_CHECKING:
    import anthropic

__all__ = ["Script", "ScriptedClient", "Step"]

Step: TypeAlias = "dict[str, Any] | float | Exception"
"""An event, seconds to wait, or what the connection fails with."""

Script: TypeAlias = Callable[[dict[str, Any]], Iterable[Step]]
"""Answers a request: its parameters."""


class ScriptedClient:
    """
    Answers requests in turn.

    Attributes:
        requests: The parameters of every request, as they were.
        times: When each of them came.
        open: How many responses are open.
    """

    def __init__(self, script: Script) -> None:
        self.requests: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.open = 0
        self._script = script
        self.messages = _Messages(self)

    @property
    def as_sdk(self) -> anthropic.AsyncAnthropic:
        """
        The same, for type checkers.
        """
        return cast("anthropic.AsyncAnthropic", self)

    def answer(self, params: dict[str, Any]) -> Iterable[Step]:
        self.requests.append(copy.deepcopy(params))
        self.times.append(anyio.current_time())
        return self._script(self.requests[-1])


class _Messages:
    def __init__(self, client: ScriptedClient) -> None:
        self._client = client

    async def create(self, **params: Any) -> _Stream:
        steps = list(self._client.answer(params))
        await anyio.lowlevel.checkpoint()
        if steps and isinstance(steps[0], Exception):
            raise steps[0]
        return _Stream(self._client, steps)


class _Response:
    def __init__(self) -> None:
        self.headers = {"request-id": "req_1"}


class _Stream:
    def __init__(self, client: ScriptedClient, steps: list[Step]) -> None:
        self.response = _Response()
        self._client = client
        self._steps = steps
        self._is_open = True
        client.open += 1

    async def __aiter__(self) -> AsyncIterator[Any]:
        for step in self._steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, int | float):
                await anyio.sleep(step)
            else:
                yield from_dict(step)

    async def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._client.open -= 1
