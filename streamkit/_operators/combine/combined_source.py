"""
The base class of sources that combine several streams, and how such a source begins them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from streamkit._core.algebra import Stream, stream_of
from streamkit._core.naming import call_text
from streamkit._core.runtime.assembly import begin
from streamkit._core.source import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["CombinedSource", "begin_all"]


class CombinedSource(Source):
    """
    A source that is made of streams.

    Args:
        name: The name of the operator.
        streams: What it was given.
        settings: Its other arguments, for its `repr`.

    Raises:
        TypeError: There is not a stream, one of them is not an async iterable, or one may start over.
    """

    concurrent = True
    one_of_them: ClassVar[bool] = False
    """Whether all items come from one of the streams, so that it may start over."""

    def __init__(self, name: str, streams: tuple[object, ...], **settings: object) -> None:
        self.streams: list[Stream[Any]] = [_stream(name, each) for each in streams]
        if not self.streams:
            raise TypeError(f"{name}() needs at least one stream")
        self.repeatable: bool = all(each.repeatable for each in self.streams)
        self.restarts: bool = any(each.restarts for each in self.streams)
        if self.restarts and not self.one_of_them:
            raise TypeError(
                f"{name}() cannot combine a stream that may start over with others, because their items would be void with it: "
                'use resume="never" in it'
            )
        self._name = name
        self._settings = settings

    def __repr__(self) -> str:
        return call_text(self._name, *self.streams, **self._settings)


def _stream(name: str, part: object) -> Stream[Any]:
    if hasattr(part, "__aiter__"):
        return stream_of(part)
    kind = type(part).__name__
    if isinstance(part, Iterable):
        raise TypeError(
            f"{name}() combines streams, and this is a {kind}: write from_iterable(…) for a stream of its items, "
            f"or {name}(*streams) for the streams in it"
        )
    raise TypeError(f"{name}() combines streams and other async iterables, and this is a {kind}")


async def begin_all(streams: Sequence[Stream[Any]], contexts: Sequence[Context]) -> list[Chain]:
    """
    Begin all of `streams` in their order. If one of them fails to begin, those that have begun are closed.
    """
    begun: list[Chain] = []
    try:
        for stream, context in zip(streams, contexts, strict=True):
            begun.append(await begin(stream.source, stream.stages, context))
    except BaseException:
        for chain, context in zip(begun, contexts, strict=False):
            await context.closing(chain)
        raise
    return begun
