"""
What pydantic-ai does on the way to a page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from streamkit.testing import FakeClaude

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from streamkit.testing import Reply

__all__ = ["PydanticAI", "ag_ui_frames", "vercel_ai_frames"]


class PydanticAI:
    """
    Its own events of answers, which are made beforehand.

    Attributes:
        answers: Those that it can read.
    """

    def __init__(self) -> None:
        self.answers: list[Reply] = []
        self._events: list[list[Any]] = []

    @classmethod
    async def of(cls, answers: Sequence[Reply]) -> Self:
        """
        Have it read answers.
        """
        from pydantic_ai.direct import model_request_stream
        from pydantic_ai.messages import ModelRequest, UserPromptPart
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        made = cls()
        question = ModelRequest(parts=[UserPromptPart("Hi")])
        async with FakeClaude(*answers) as server:
            provider = AnthropicProvider(anthropic_client=server.client())
            model = AnthropicModel("claude-sonnet-5", provider=provider)
            for answer in answers:
                try:
                    async with model_request_stream(model, [question]) as stream:
                        events = [event async for event in stream]
                except Exception:
                    continue
                made.answers.append(answer)
                made._events.append(events)
        return made

    async def write(self, frames: Callable[[list[Any]], AsyncIterator[str]]) -> None:
        """
        Have it write them for a page.
        """
        for events in self._events:
            _ = [frame async for frame in frames(events)]


def vercel_ai_frames(events: list[Any]) -> AsyncIterator[str]:
    """
    An answer as its adapter for the AI SDK writes it.
    """
    from pydantic_ai.ui.vercel_ai import VercelAIEventStream
    from pydantic_ai.ui.vercel_ai.request_types import SubmitMessage

    shown = VercelAIEventStream[Any, Any](SubmitMessage(id="chat", messages=[]), sdk_version=6)
    return shown.encode_stream(shown.transform_stream(_given(events)))


def ag_ui_frames(events: list[Any]) -> AsyncIterator[str]:
    """
    An answer as its adapter for AG-UI writes it.
    """
    from ag_ui.core import RunAgentInput
    from pydantic_ai.ui.ag_ui import AGUIEventStream

    asked = RunAgentInput(
        thread_id="thread", run_id="run", state=None, messages=[], tools=[], context=[], forwarded_props=None
    )
    shown = AGUIEventStream[Any, Any](asked)
    return shown.encode_stream(shown.transform_stream(_given(events)))


async def _given(events: list[Any]) -> AsyncIterator[Any]:
    for event in events:
        yield event
