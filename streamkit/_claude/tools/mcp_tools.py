"""
`mcp`: the tools of an MCP server as tools of a loop.
"""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

from streamkit._claude.tools.mcp_content import mcp_content
from streamkit._claude.tools.tool import NAME, Tool
from streamkit._core.checks import seconds
from streamkit._core.foreign_errors import note

if TYPE_CHECKING:
    from types import TracebackType

    from mcp import Client, ClientSession
    from mcp.types import Tool as MCPTool

__all__ = ["mcp"]

_REFUSED: Final = re.compile(r"[^a-zA-Z0-9_-]")
"""The characters that the API refuses in a name. MCP allows dots, and does not forbid others."""


def mcp(
    session: ClientSession | Client, /, *, prefix: str = "", timeout: float | None = None
) -> AbstractAsyncContextManager[list[Tool]]:
    """
    The tools of an MCP server, for `tool_loop(tools=…)`, alone or beside others:

        async with sk.mcp(session) as tools:
            loop = sk.tool_loop(client, tools=[*mine, *tools], ...)

    They are read once, when this is entered: all pages of them. Name, description and schema are the server's. One that says
    `readOnlyHint` has no effects and begins while Claude is still writing; each other has. A call that is cancelled, or takes too
    long, is cancelled at the server too. What the server, or the connection to it, fails with is a result that says so.

    Args:
        session: An entered `mcp.ClientSession`, which is initialized if it has not been; or an `mcp.Client`, which is entered
            and left with this if it has not been. Where the server asks something during a call, give a `Client`: with the newer
            revisions of the protocol, a session alone cannot answer.
        prefix: Begins the name of each tool, where two servers have tools of the same name.
        timeout: Seconds that each call may take.

    Raises:
        TypeError: `session` is neither of these, or an argument is of the wrong kind.
        ValueError: `prefix` has characters that the API refuses in a name, or `timeout` is not above 0. When entered: the API
            would refuse the name of a tool, or two of them have one name.
        ImportError: The package mcp is not installed, or is older than version 2.
        Exception: When entered: what the session raises, such as `mcp.MCPError`.
    """
    _check_session(session)
    _check_prefix(prefix)
    limit = None if timeout is None else seconds("mcp", timeout, of="timeout")
    return _Tools(session, prefix, limit)


def _check_session(session: object) -> None:
    try:
        from mcp import Client, ClientSession
    except ImportError as error:
        raise ImportError(
            'mcp() needs the package mcp, version 2: pip install "claude-streamkit[mcp]"'
        ) from error
    if not isinstance(session, Client | ClientSession):
        raise TypeError(f"mcp() needs an mcp.ClientSession or an mcp.Client, not {type(session).__name__}")


def _check_prefix(prefix: object) -> None:
    if not isinstance(prefix, str):
        raise TypeError(f"mcp(prefix=…) must be a text, not {type(prefix).__name__}")
    if _REFUSED.search(prefix):
        raise ValueError(f"mcp(prefix={prefix!r}): a tool's name has letters, digits, _ and - only")


class _Tools(AbstractAsyncContextManager[list[Tool]]):
    """
    The tools of a server, while its connection is open.
    """

    def __init__(self, server: ClientSession | Client, prefix: str, timeout: float | None) -> None:
        self._server = server
        self._prefix = prefix
        self._timeout = timeout
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> list[Tool]:
        self._opened = AsyncExitStack()
        try:
            return self._tools(await _listed(await self._session()))
        except BaseException as error:
            note(error, "while sk.mcp() asked the server for its tools")
            await self.__aexit__(type(error), error, error.__traceback__)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        if isinstance(error, Exception):
            # Which the client's task groups would raise in a group, and not as itself.
            await self._opened.aclose()
            return None
        return await self._opened.__aexit__(kind, error, traceback)

    async def _session(self) -> ClientSession:
        from mcp import ClientSession

        server = self._server
        if isinstance(server, ClientSession):
            if server.protocol_version is None:
                await _initialize(server)
            return server
        try:
            return server.session
        except RuntimeError:  # which is how it says that it has not been entered
            return (await self._opened.enter_async_context(server)).session

    def _tools(self, listed: list[MCPTool]) -> list[Tool]:
        names: dict[str, str] = {}
        for each in listed:
            name = self._prefix + _REFUSED.sub("_", each.name)
            if not NAME.fullmatch(name):
                raise ValueError(
                    f"a tool of the MCP server would have the name {name!r}; the API takes 1 to 128 letters, digits, _ and -"
                    + (f": make the prefix {self._prefix!r} shorter" if self._prefix else "")
                )
            if name in names:
                raise ValueError(
                    f"the tools {names[name]!r} and {each.name!r} of the MCP server would both have the name {name!r}"
                )
            names[name] = each.name
        return [self._tool(each, name) for each, name in zip(listed, names, strict=True)]

    def _tool(self, listed: MCPTool, name: str) -> Tool:
        definition: dict[str, Any] = {"name": name}
        if listed.description:
            definition["description"] = listed.description
        definition["input_schema"] = listed.input_schema
        hints = listed.annotations
        is_read_only = hints is not None and hints.read_only_hint is True
        run = _Calls(self._server, listed.name)
        return Tool(name, definition, run, effect=not is_read_only, timeout=self._timeout)


class _Calls:
    """
    Calls one tool of a server, by the name that it has there.
    """

    def __init__(self, server: ClientSession | Client, name: str) -> None:
        self._server = server
        self._name = name

    async def __call__(self, /, **arguments: object) -> object:
        from anthropic.lib.tools import ToolError

        result = await self._server.call_tool(self._name, arguments)
        content = mcp_content(result)
        if result.is_error:
            raise ToolError(content)
        return content


async def _initialize(session: ClientSession) -> None:
    try:
        await session.initialize()
    except RuntimeError as error:  # an unknown revision of the protocol, or this
        note(
            error,
            "a session that has not been entered cannot be used: async with session, sk.mcp(session) as tools",
        )
        raise


async def _listed(session: ClientSession) -> list[MCPTool]:
    """
    All tools of a server, page by page.

    Raises:
        RuntimeError: The pages have no end.
    """
    from mcp.types import PaginatedRequestParams

    page = await session.list_tools()
    tools, cursors = [*page.tools], set[str]()
    while page.next_cursor is not None:
        if page.next_cursor in cursors:
            raise RuntimeError("the MCP server gives the same page of its tools again and again")
        cursors.add(page.next_cursor)
        page = await session.list_tools(params=PaginatedRequestParams(cursor=page.next_cursor))
        tools += page.tools
    return tools
