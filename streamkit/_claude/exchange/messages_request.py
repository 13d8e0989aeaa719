"""
What `messages()` was asked for, and how a request for it is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamkit._claude.transport.response import response_events
from streamkit._claude.transport.sdk import without_retries

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    import anthropic

    from streamkit._claude.protocol.attempt import Attempt
    from streamkit._claude.protocol.events import Event
    from streamkit._claude.transport.timeouts import Timeouts
    from streamkit._claude.transport.watchdog import Watchdog
    from streamkit._core.retry_policy import RetryPolicy

__all__ = ["MessagesRequest"]


@dataclass(frozen=True, slots=True)
class MessagesRequest:
    """
    What `messages()` was asked for. Its attributes are the arguments of `messages()`, but for `most_turns`: how many messages the
    answer may have, because the API has paused it.
    """

    client: anthropic.AsyncAnthropic
    retry: RetryPolicy | None
    timeouts: Timeouts | None
    pings: bool
    most_turns: int
    params: Mapping[str, Any]

    @property
    def beta(self) -> bool:
        """
        Whether it is for the beta API.
        """
        return "betas" in self.params

    @property
    def resource(self) -> Any:
        """
        The SDK's resource whose `create` sends it.
        """
        return self.client.beta.messages if self.beta else self.client.messages

    async def send(
        self, params: Mapping[str, Any], attempt: Attempt, watchdog: Watchdog | None
    ) -> AsyncGenerator[list[Event], None]:
        """
        Send one request and wait for its response to begin.

        Args:
            params: The parameters of `create`. A request that continues an answer has others than the first one.
            attempt: Where the request's id is noted, and what did not fit.
            watchdog: Limits each wait for the API.

        Returns:
            The events of the response, in batches as they arrive; to be closed by the caller.

        Raises:
            anthropic.APIError: The API refused the request, or could not be reached.
            StreamStalled: The response did not begin in time.
        """
        # Only one of the two retries: this library, or else the SDK.
        api = self.resource if self.retry is None else without_retries(self.resource)
        limits = {} if self.timeouts is None else {"timeout": self.timeouts.for_http()}
        call = api.create(**params, **limits, stream=True)
        stream = await (call if watchdog is None else watchdog.response(call))
        attempt.request_id = stream.response.headers.get("request-id")
        return response_events(stream, pings=self.pings, watchdog=watchdog, oddities=attempt.oddities)
