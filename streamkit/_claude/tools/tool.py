"""
`tool`: what an application lets Claude call, in its one normal form.

Whatever a program has, an async or a plain function, one of the SDK's tool objects, or a dict with `run`, becomes a `Tool`
here. Nothing else in the package knows these kinds.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias, cast, get_args, overload

from streamkit._claude.protocol.tool_call import ToolCall
from streamkit._core.checks import choice, flag, seconds
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.naming import gives_async_items, gives_awaitable, name_of, signature_of

__all__ = ["NAME", "Ask", "Start", "Tool", "ToolLike", "Verdict", "as_tool", "tool"]

Start: TypeAlias = Literal["block", "message"]
"""When a tool begins: as soon as its call is complete, or when the message of the call has ended."""

Verdict: TypeAlias = bool | tuple[bool, str] | Mapping[str, object]
"""What a person says about a call: yes, no, no with a reason, or yes with another input."""

Ask: TypeAlias = Callable[[ToolCall], Awaitable[Verdict]]
"""Asks somebody about a call."""

NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")
"""The names that the API takes: https://docs.claude.com/en/docs/agents-and-tools/tool-use/implement-tool-use"""


class SDKTool(Protocol):
    """
    One of the SDK's tool objects, as `anthropic.beta_tool` and `beta_async_tool` make them, and its tools with a memory.
    """

    @property
    def name(self) -> str: ...
    def to_dict(self) -> Mapping[str, Any]: ...
    def call(self, given: object, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Tool:
    """
    A tool that Claude may call: what `sk.tool()` makes.

    Attributes:
        name: Its name.
        definition: What a request says of it: its name, description and schema.
        run: The function, called with the input's fields as keyword arguments; it may give an awaitable.
        blocking: Whether `run` is a plain function, which is called in a worker thread.
        effect: Whether it changes something, so that it must not run for a call that turns out void, or twice for one.
        timeout: Seconds that it may take; None for as long as it needs.
        start: When it begins; None where the loop says.
        asks: Who is asked before it runs, one after another.
    """

    name: str
    definition: Mapping[str, Any]
    run: Callable[..., object]
    blocking: bool = False
    effect: bool = True
    timeout: float | None = None
    start: Start | None = None
    asks: tuple[Ask, ...] = ()

    if not TYPE_CHECKING:  # for a checker it is an error already

        def __call__(self, *_: object, **fields: object) -> None:
            given = ", ".join(
                f"{name}=…" for name in self.definition.get("input_schema", {}).get("properties", {})
            )
            wait = "" if self.blocking else "await "
            raise TypeError(
                f"the tool {self.name!r} is called as {wait}{self.name}.run({given}), by the names of its input"
            )

    def __repr__(self) -> str:
        said = [f"effect={self.effect}"]
        said += [] if self.timeout is None else [f"timeout={self.timeout}"]
        said += [] if self.start is None else [f"start={self.start!r}"]
        return f"tool({self.name}, {', '.join(said)})"


ToolLike: TypeAlias = Callable[..., object] | Tool | SDKTool | Mapping[str, Any]
"""What can be made a tool of."""


@overload
def tool(
    fn: ToolLike, /, *, effect: bool | None = None, timeout: float | None = None, start: Start | None = None
) -> Tool: ...
@overload
def tool(
    *, effect: bool | None = None, timeout: float | None = None, start: Start | None = None
) -> Callable[[ToolLike], Tool]: ...
@keyword_hints
def tool(
    fn: ToolLike | None = None,
    /,
    *,
    effect: bool | None = None,
    timeout: float | None = None,
    start: Start | None = None,
) -> Tool | Callable[[ToolLike], Tool]:
    """
    Say more of a tool than its function does. It may also stand over the function, as `@sk.tool(effect=False)`.

    Args:
        fn: The tool: an async function; a plain one, which runs in a worker thread; what `anthropic.beta_tool` or
            `beta_async_tool` has made; or a dict with the definition and `run`, a function that is called with the input's
            fields. Of a function, the name, the description and the schema are made by the SDK, from its signature and docstring.
        effect: Whether it changes something. One that does not (`False`) begins while Claude is still writing, and is
            taken back where its message turns out void. Unsaid, it does.
        timeout: Seconds that it may take. What takes longer has a result that says so.
        start: `"message"` lets one without effects begin only when the message of its call has ended.

    Raises:
        TypeError: `fn` is none of these, or an argument is of the wrong kind.
        ValueError: A tool with effects is to begin before its message has ended; its name is not one that the API takes; or
            `timeout` is not above 0.
    """
    if fn is None:
        return lambda given: tool(given, effect=effect, timeout=timeout, start=start)
    made = as_tool(fn)
    said: dict[str, Any] = {}
    if effect is not None:
        said["effect"] = flag("tool", "effect", effect)
    if timeout is not None:
        said["timeout"] = seconds("tool", timeout, of="timeout")
    if start is not None:
        choice("tool", "start", start, get_args(Start))
        said["start"] = start
    made = replace(made, **said)
    if made.effect and made.start == "block":
        raise ValueError(
            f'tool({made.name}, start="block") begins before its message has ended, when its call may still turn out void: say '
            "effect=False if that does no harm, or leave out start"
        )
    return made


def as_tool(given: object) -> Tool:
    """
    The normal form of what was given as a tool.

    Raises:
        TypeError: It is not a tool.
        ValueError: Its name is not one that the API takes.
    """
    if isinstance(given, Tool):
        return given
    if isinstance(given, Mapping):
        made = _of_dict(cast("Mapping[str, Any]", given))
    elif isinstance(toolset := getattr(given, "toolset_name", None), str):
        raise TypeError(
            f"the toolset {toolset!r} of the SDK is many tools under one definition, which tool_loop() does not run: the SDK's "
            "own loop does, as sk.from_sdk(client.beta.messages.tool_runner(tools=[…], stream=True, …))"
        )
    elif hasattr(given, "to_dict") and callable(getattr(given, "call", None)):
        made = _of_sdk(cast("SDKTool", given))
    elif callable(given) and not isinstance(given, type):
        made = _of_function(given)
    else:
        raise TypeError(
            "a tool is a function, a tool object of the SDK, or a dict with `run`, not "
            + (f"the class {given.__name__}" if isinstance(given, type) else type(given).__name__)
        )
    if not NAME.fullmatch(made.name):
        raise ValueError(
            f"a tool's name has letters, digits, _ and -, and at most 128 of them, not {made.name!r}: give it one with "
            'anthropic.beta_tool(fn, name="…") or beta_async_tool'
        )
    return made


def _of_dict(given: Mapping[str, Any]) -> Tool:
    name, run = given.get("name"), given.get("run")
    if not isinstance(name, str):
        raise TypeError("a tool that is a dict needs its name: {'name': …, 'input_schema': …, 'run': …}")
    if not callable(run):
        raise TypeError(f"the tool {name!r} needs its function: {{'name': {name!r}, …, 'run': …}}")
    _refuse_items(name, run)
    definition = {key: value for key, value in given.items() if key != "run"}
    if definition.get("type", "custom") == "custom" and not isinstance(
        definition.get("input_schema"), Mapping
    ):
        raise TypeError(
            f"the tool {name!r} needs input_schema, a JSON schema as a dict: {{'type': 'object', 'properties': {{…}}}}, or "
            "{'type': 'object'} where it takes nothing"
        )
    return Tool(name, definition, run, blocking=not gives_awaitable(run))


def _of_sdk(given: SDKTool) -> Tool:
    definition = dict(given.to_dict())
    call = given.call

    def run(**fields: object) -> object:
        return call(fields)

    return Tool(given.name, definition, run, blocking=not inspect.iscoroutinefunction(call))


def _of_function(given: Callable[..., object]) -> Tool:
    from anthropic import beta_async_tool, beta_tool

    name = name_of(given)
    _refuse_items(name, given)
    _refuse_unnamed(name, given)
    make: Any = beta_async_tool if gives_awaitable(given) else beta_tool
    try:
        return _of_sdk(make(given))
    except Exception as error:
        why = str(error).partition("\n")[0].rstrip(".")
        raise TypeError(
            f"no tool can be made of {name}, because of {type(error).__name__}: {why}. Write a `def` around it, whose parameters "
            f"have names and types, or {{'name': …, 'description': …, 'input_schema': …, 'run': {name}}}"
        ) from error


def _refuse_unnamed(name: str, fn: Callable[..., object]) -> None:
    """
    Refuse parameters that nobody can give a value, because Claude gives each by its name.
    """
    try:
        parameters = [*signature_of(fn).parameters.values()]
    except (TypeError, ValueError):
        return  # the SDK says what it cannot read
    for each in parameters:
        if each.kind is each.VAR_POSITIONAL or (
            each.kind is each.POSITIONAL_ONLY and each.default is each.empty
        ):
            raise TypeError(
                f"the tool {name} has the parameter {str(each).partition(':')[0]} without a name, and Claude gives each by its "
                "name: write it as one that has a name, of several values as a list"
            )
    if [each.name for each in parameters[:1]] == ["self"]:
        raise TypeError(
            f"the tool {name} is a method without its object, and Claude would be asked for `self`: make the tool of the bound "
            f"method, as in tool_loop(tools=[it.{name}]) or sk.tool(it.{name}, effect=False)"
        )


def _refuse_items(name: str, fn: object) -> None:
    if gives_async_items(fn) or inspect.isgeneratorfunction(fn):
        raise TypeError(
            f"the tool {name} is a generator function: a tool returns its result, it does not yield it"
        )
