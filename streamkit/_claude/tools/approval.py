"""
`approve`: tools that run only when somebody has said so.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Never, cast

from msgspec.structs import replace as changed

from streamkit._claude.tools.tool import Ask, Tool, as_tool
from streamkit._core.foreign_errors import note
from streamkit._core.naming import gives_async_items, name_of, signature_of
from streamkit._surrogates import legal

if TYPE_CHECKING:
    from streamkit._claude.protocol.tool_call import ToolCall
    from streamkit._claude.tools.tool import ToolLike

__all__ = ["Approval", "Refused", "approve", "asked"]


@dataclass(frozen=True, slots=True)
class Approval:
    """
    Makes tools that ask first: what `sk.approve()` gives.

    Attributes:
        ask: Who is asked.
    """

    ask: Ask

    def __call__(self, tool: ToolLike, /) -> Tool:
        """
        The same tool, which asks first. One that asks somebody else already asks them first.

        Raises:
            TypeError: It is not a tool.
        """
        if _is_asked(tool):
            raise TypeError(
                f"approve() is given who is asked first, and then the tool, and {name_of(tool)} takes a ToolCall: write "
                f"approve({name_of(tool)})(tool)"
            )
        made = as_tool(tool)
        return replace(made, asks=(*made.asks, self.ask))


def approve(fn: Ask, /, *tools: Never) -> Approval:
    """
    Make tools ask first: `sk.approve(ask)(edit_file)` is the tool `edit_file`, for which `await ask(call)` is awaited before it
    runs. It may also stand over a function, as `@sk.approve(ask)`.

    A call is asked about as soon as its input is complete, while Claude is still writing; with `start="message"`, when its
    message has ended. While somebody thinks it over, text and other tools go on. Where the message turns out void, or the run is
    left, the question is cancelled. What asking raises ends the run.

    Args:
        fn: An async function of the `ToolCall`. It returns True, False, or `(False, reason)`, which Claude is told; or a dict,
            the input that the tool is run with instead of the call's.

    Raises:
        TypeError: `fn` is not an async function; while running, it returns something else.
    """
    given: object = fn
    if tools:
        raise TypeError(
            "approve() is given who is asked, and what it gives is given the tool: write approve(ask)(tool), and for several "
            "[approve(ask)(each) for each in tools]"
        )
    if (
        isinstance(given, Tool)
        or not callable(given)
        or hasattr(given, "to_dict")
        or gives_async_items(given)
        or not _takes_one(given)
    ):
        raise TypeError(
            f"approve() needs an async function of one call, not {name_of(given)}: the tool stands behind it, as in "
            "approve(ask)(tool)"
        )
    return Approval(fn)


def _takes_one(fn: Callable[..., object]) -> bool:
    try:
        signature_of(fn).bind(None)
    except TypeError:
        return False
    except ValueError:
        pass  # a builtin that does not tell
    return True


def _is_asked(given: object) -> bool:
    """
    Whether somebody is asked by it: a function of a call.
    """
    if not callable(given):
        return False
    try:
        parameters = [*signature_of(given).parameters.values()]
    except (TypeError, ValueError):
        return False
    if len(parameters) != 1:
        return False
    said: object = parameters[0].annotation
    name: object = said if isinstance(said, str) else getattr(said, "__name__", "")
    return isinstance(name, str) and name.rpartition(".")[2] == "ToolCall"


@dataclass(frozen=True, slots=True)
class Refused:
    """
    Somebody has said no.

    Attributes:
        told: What Claude is told.
    """

    told: str


async def asked(tool: Tool, call: ToolCall) -> ToolCall | Refused:
    """
    Ask all who are to be asked about a call.

    Returns:
        The call as it may be run, or that it may not.

    Raises:
        Exception: What asking has raised.
    """
    for ask in tool.asks:
        try:
            verdict = await _verdict(ask, call)
        except Exception as error:
            note(error, f"in approve({name_of(ask)}), about the tool {call.name!r}")
            raise
        match verdict:
            case True | (True, str()):
                pass
            case False | (False, ""):
                return Refused("The user did not allow this call.")
            case (False, str() as reason):
                return Refused(f"The user did not allow this call: {legal(reason)}")
            case Mapping():
                call = changed(call, input=dict(cast("Mapping[str, Any]", verdict)))
            case _:
                raise TypeError(
                    f"approve({name_of(ask)}) was asked about the tool {call.name!r} and gave {type(verdict).__name__}; it "
                    "returns True, False, (False, reason), or another input as a dict"
                )
    return call


async def _verdict(ask: Ask, call: ToolCall) -> object:
    made: Any = ask(call)
    if not inspect.isawaitable(made):
        raise TypeError(
            f"approve({name_of(ask)}) needs an async function: it returned {type(made).__name__} without being awaited"
        )
    return await made
