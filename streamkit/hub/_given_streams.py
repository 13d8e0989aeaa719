"""
What is given to be written: a stream, or a function that makes one.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, cast

from streamkit._core.algebra import Stream
from streamkit._core.naming import name_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["checked_stream", "made_stream"]


def checked_stream(call: str, stream: object) -> Stream[Any]:
    """
    What is to be written, if it is a stream.

    Args:
        call: What it was given to.
        stream: It.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(stream, Stream):
        raise TypeError(
            f"{call}() needs a stream, such as sk.messages(…) with its operators, not {type(stream).__name__}"
        )
    return cast("Stream[object]", stream)


async def made_stream(what: str, make: Callable[..., object], *given: object) -> Stream[Any]:
    """
    The stream that a function makes, or a coroutine function.

    Args:
        what: What the function is.
        make: The function.
        given: Its arguments.

    Raises:
        TypeError: It makes something else.
    """
    made: object = make(*given)
    if not isinstance(made, Stream) and inspect.isawaitable(made):
        made = await made
    if not isinstance(made, Stream):
        raise TypeError(f"{what} {name_of(make)} has to return a stream, not {type(made).__name__}")
    return cast("Stream[object]", made)
