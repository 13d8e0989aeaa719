"""
Frameworks that stream an answer of Claude, each by its own public way, over the SDK's client that it is given.
"""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from .frames import REQUEST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import anthropic

    Ask = Callable[[], AsyncIterator[str]]
    """Asks each time that it is called, and gives the pieces of the answer's text."""

__all__ = ["FRAMEWORKS"]

PROMPT: str = REQUEST["messages"][0]["content"]


def langchain(client: anthropic.AsyncAnthropic) -> Ask:
    """
    `ChatAnthropic(…).astream()`.
    """
    return partial(_langchain_pieces, _chat(client))


async def _langchain_pieces(model: Any) -> AsyncIterator[str]:
    async for chunk in model.astream(PROMPT):
        if chunk.content:
            yield chunk.text


def pydantic_ai(client: anthropic.AsyncAnthropic) -> Ask:
    """
    `model_request_stream()`, which is what its agents stream by.
    """
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    provider = AnthropicProvider(anthropic_client=client)
    return partial(_pydantic_ai_pieces, AnthropicModel(REQUEST["model"], provider=provider))


async def _pydantic_ai_pieces(model: Any) -> AsyncIterator[str]:
    from pydantic_ai.direct import model_request_stream
    from pydantic_ai.messages import ModelRequest, PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta

    async with model_request_stream(model, [ModelRequest.user_text_prompt(PROMPT)]) as stream:
        async for event in stream:
            if isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
                yield event.delta.content_delta  # noqa: ASYNC119 -- it is read to its end
            elif isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
                yield event.part.content  # noqa: ASYNC119


def genai_processors(client: anthropic.AsyncAnthropic) -> Ask:
    """
    Its `LangChainModel`, which is its way to Claude.
    """
    from genai_processors.contrib.langchain_model import LangChainModel

    return partial(_genai_pieces, LangChainModel(_chat(client)))


async def _genai_pieces(model: Any) -> AsyncIterator[str]:
    async for part in model(PROMPT):
        if part.text:
            yield part.text


def _chat(client: anthropic.AsyncAnthropic) -> Any:
    from langchain_anthropic import ChatAnthropic

    model = ChatAnthropic(
        model_name=REQUEST["model"], max_tokens_to_sample=REQUEST["max_tokens"], api_key="none"
    )
    # It makes a client by itself, as the SDK does, and has no argument for another.
    cast("dict[str, Any]", model.__dict__)["_async_client"] = client
    return model


_ALL = {
    "LangChain's ChatAnthropic": ("langchain_anthropic", langchain),
    "pydantic-ai": ("pydantic_ai", pydantic_ai),
    "genai-processors, over LangChain": ("genai_processors", genai_processors),
}
FRAMEWORKS = {name: make for name, (package, make) in _ALL.items() if find_spec(package)}
"""Those that are installed."""
