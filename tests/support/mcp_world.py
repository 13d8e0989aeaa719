"""
A real MCP server in the same process, which tells what it was asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
from mcp.server.lowlevel import Server
from mcp.types import CallToolResult, ListToolsResult, TextContent, Tool, ToolAnnotations

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp.server import ServerRequestContext
    from mcp.types import CallToolRequestParams, PaginatedRequestParams

    Answer = Callable[[ServerRequestContext[Any], CallToolRequestParams], Awaitable[CallToolResult]]

__all__ = ["World", "read_only", "said", "tool"]


def tool(name: str, **settings: Any) -> Tool:
    settings.setdefault("input_schema", {"type": "object"})
    return Tool(name=name, **settings)


def read_only(name: str) -> Tool:
    return tool(name, annotations=ToolAnnotations(read_only_hint=True))


def said(*texts: str, **settings: Any) -> CallToolResult:
    """
    A result of texts.
    """
    return CallToolResult(content=[TextContent(text=each) for each in texts], **settings)


class World:
    """
    A server with these tools.

    Args:
        pages: The tools, page by page.
        answer: What answers a call; without it, a call never ends.

    Attributes:
        calls: The names and arguments of the calls, as the server got them.
        begun: Set when the first call has begun.
        cancelled: Set when a call was cancelled at the server.
    """

    def __init__(self, *pages: list[Tool], answer: Answer | None = None) -> None:
        self.calls: list[tuple[str, dict[str, Any] | None]] = []
        self.begun = anyio.Event()
        self.cancelled = anyio.Event()
        self.listed = 0
        self._pages = pages
        self._answer = answer
        self.server = Server[Any]("world", on_list_tools=self._list, on_call_tool=self._call)

    async def _list(
        self, _: ServerRequestContext[Any], params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        self.listed += 1
        number = 0 if params is None or params.cursor is None else int(params.cursor)
        following = None if number + 1 == len(self._pages) else str(number + 1)
        return ListToolsResult(tools=self._pages[number], next_cursor=following)

    async def _call(
        self, context: ServerRequestContext[Any], params: CallToolRequestParams
    ) -> CallToolResult:
        self.calls.append((params.name, params.arguments))
        self.begun.set()
        try:
            if self._answer is not None:
                return await self._answer(context, params)
            await anyio.sleep_forever()
            raise AssertionError
        except anyio.get_cancelled_exc_class():
            self.cancelled.set()
            raise
