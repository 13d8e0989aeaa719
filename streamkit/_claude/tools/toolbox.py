"""
The tools of one conversation, by their names, and how they are run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, cast, get_args

from streamkit._claude.tools.tool import Start, Tool, as_tool
from streamkit._core.checks import choice, whole_number

if TYPE_CHECKING:
    from streamkit._claude.tools.tool import ToolLike

__all__ = ["OnError", "Toolbox"]

OnError = Literal["result", "raise"]

_RUN_BY_THE_APPLICATION: Final = ("bash_", "text_editor_", "computer_", "memory_")
"""How the types begin of the tools that Anthropic has defined and that the application runs."""


@dataclass(frozen=True, slots=True)
class Toolbox:
    """
    What `tool_loop()` was given to run.

    Attributes:
        tools: The application's tools, by name.
        definitions: What each request says of them, and of those that the API runs, in their order.
        concurrency: How many may run at once.
        start: When those without effects begin that do not say it themselves.
        on_error: Whether one that fails has a result that says so, or ends the run.
    """

    tools: Mapping[str, Tool]
    definitions: tuple[Mapping[str, Any], ...]
    concurrency: int
    start: Start
    on_error: OnError

    @classmethod
    def of(cls, tools: Iterable[ToolLike], *, concurrency: int, start: Start, on_error: OnError) -> Toolbox:
        """
        Check the arguments of `tool_loop()`.

        Raises:
            TypeError: One of the tools is not a tool, or an argument is of the wrong kind.
            ValueError: Two tools have one name, or an argument is not one of those that there are.
        """
        if isinstance(tools, str | Mapping) or not hasattr(tools, "__iter__"):
            kind = type(cast("object", tools)).__name__
            raise TypeError(f"tool_loop() needs tools=[…], a list, and got {kind}")
        whole_number("tool_loop", concurrency, least=1, of="concurrency")
        choice("tool_loop", "start", start, get_args(Start))
        choice("tool_loop", "on_error", on_error, get_args(OnError))
        own: dict[str, Tool] = {}
        definitions: list[Mapping[str, Any]] = []
        names: set[str] = set()
        for given in tools:
            if _runs_at_the_api(given):
                definition: Mapping[str, Any] = dict(cast("Mapping[str, Any]", given))
            else:
                tool = as_tool(_one(given))
                own[tool.name], definition = tool, tool.definition
            definitions.append(definition)
            if (name := definition.get("name")) in names:
                raise ValueError(
                    f"tool_loop() was given two tools with the name {name!r}: give one of them another, those of an MCP server "
                    'with sk.mcp(…, prefix="…")'
                )
            names |= {name} if isinstance(name, str) else set()
        return cls(own, tuple(definitions), concurrency, start, on_error)

    def begins_early(self, tool: Tool) -> bool:
        """
        Whether a tool begins when its call is complete, before it is known how the message ends.
        """
        return not tool.effect and (tool.start or self.start) == "block"


def _one(given: object) -> object:
    """
    One tool. In the place of one, several are a mistake that is made easily: those of an MCP server are a list.
    """
    if isinstance(given, list | tuple):
        raise TypeError(
            "tool_loop() takes its tools in one list, and there is another list in it: write tools=[*these, *those]"
        )
    return given


def _runs_at_the_api(given: object) -> bool:
    """
    Whether it is the definition of a tool that the API runs, such as a web search, or that an MCP server does.

    Raises:
        TypeError: It is one that Anthropic has defined, and that the application runs.
    """
    if not isinstance(given, Mapping):
        return False
    fields = cast("Mapping[str, Any]", given)
    kind = fields.get("type", "custom")
    if "run" in fields or kind == "custom":
        return False
    if isinstance(kind, str) and kind.startswith(_RUN_BY_THE_APPLICATION):
        name = fields.get("name")
        raise TypeError(
            f"the tool {name!r} of the type {kind!r} is run by the application: give its function too, as in {{…, 'run': {name}}}"
        )
    return True
