"""
The parameters of a request, for type checkers: those of the SDK's `create`, and what its `stream` takes besides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Required, TypeAlias, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
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

    from streamkit._claude.tools.tool import ToolLike

    Client: TypeAlias = (
        anthropic.AsyncAnthropic
        | anthropic.AsyncAnthropicAWS
        | AsyncAnthropicBedrock
        | AsyncAnthropicBedrockMantle
        | anthropic.AsyncAnthropicFoundry
        | anthropic.AsyncAnthropicGoogleCloud
        | AsyncAnthropicVertex
    )

    class Options(TypedDict, total=False):
        """
        What `create` takes besides the parameters of the API.
        """

        extra_headers: Headers
        extra_query: Query
        extra_body: Body
        timeout: float | httpx2.Timeout | None

    class Params(MessageCreateParamsBase, Options, total=False):
        """
        The parameters of `client.messages.create`, and the `output_format` of its `stream`.
        """

        output_format: type[Any] | UnionType | None

    class BetaParams(BetaMessageCreateParamsBase, Options, total=False):
        """
        The parameters of `client.beta.messages.create`, and the `output_format` of its `stream`.
        """

        # Without `betas` it is not the beta API that is asked, so that its other parameters are unknown.
        betas: Required[list[AnthropicBetaParam]]  # type: ignore[misc] # pyright: ignore[reportIncompatibleVariableOverride]
        output_format: type[Any] | UnionType | Mapping[str, Any] | None

    class LoopParams(Params, total=False):
        """
        Those of `tool_loop`, whose tools are more than definitions.
        """

        tools: Iterable[ToolLike]  # type: ignore[misc] # pyright: ignore[reportIncompatibleVariableOverride]

    class BetaLoopParams(BetaParams, total=False):
        """
        Those of `tool_loop` with `betas`.
        """

        tools: Iterable[ToolLike]  # type: ignore[misc] # pyright: ignore[reportIncompatibleVariableOverride]
