"""
A run that begins as another one does, and then goes on with a stream of its own.
"""

from __future__ import annotations

from contextlib import aclosing
from os import urandom
from typing import TYPE_CHECKING, Any, Final, cast

from streamkit._claude.protocol.so_far import message_so_far
from streamkit._core.algebra import Stream
from streamkit._core.errors import StreamError
from streamkit._core.items import Restarted, is_restart
from streamkit.hub._given_streams import made_stream
from streamkit.hub._items import decode_item
from streamkit.hub._patience import patiently
from streamkit.hub._reading import Reading, batches_of
from streamkit.hub._record import Place, parse_place
from streamkit.hub._stores.refusals import gone

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamkit.hub._publisher import Publisher
    from streamkit.hub._stores.contract import Store

__all__ = ["Fork", "checked_end", "checked_rest", "new_run"]

_ANY_EPOCH: Final = 0


class Fork:
    """
    The beginning of one run, and what another one goes on with.

    Args:
        store: Where the log is.
        run: The id of the run that is there.
        at: Its last record that the other one begins with; None for all that there are now.
        rest: What follows: a stream, or a function that makes it of the message so far.

    Attributes:
        is_copied: Whether the other run has its beginning, and a stream.
    """

    def __init__(self, store: Store, run: str, at: Place | None, rest: Any) -> None:
        self._store = store
        self._run = run
        self._at = at
        self._rest = rest
        self._makes_rest = not isinstance(rest, Stream)
        self._told: list[Any] = []
        self._restarts = 0
        self._in_message = False
        self.is_copied = False

    async def look(self) -> None:
        """
        See whether the beginning is there.

        Raises:
            Gone: The run is not there.
            Diverged: It is not the one that the record is from.
            ValueError: It does not have so many records.
        """
        place = self._at or Place(0, _ANY_EPOCH)
        page = await patiently(lambda: self._store.read(self._run, place.number, limit=1))
        if page is None:
            raise gone(self._run)
        last = page.state.last
        if self._at is None:
            self._at = Place(last, _ANY_EPOCH)
        elif place.epoch == _ANY_EPOCH:
            if place.number > last:
                raise ValueError(
                    f"fork(at={place.number}) is behind the end of run {self._run!r}, which has {last} records: give the number "
                    "or the id of one of them, or 0 for none"
                )
        else:
            reading = Reading(self._run, place)
            reading.compare(page.state)
            if not any(batch.holds(place.number) and batch.epoch == place.epoch for batch in page.batches):
                raise reading.diverged()

    async def make(self, publisher: Publisher, when_copied: Callable[[], None]) -> Stream[Any]:
        """
        Give the other run its beginning, and make what follows.

        Args:
            publisher: That of the other run.
            when_copied: Called when both is done.

        Raises:
            TypeError: The function has made no stream.
            StreamError: The beginning is not there any more, or cannot be kept.
            Exception: What the function raises.
        """
        assert self._at is not None
        async with aclosing(batches_of(self._store, self._run, self._at.number)) as batches:
            async for batch in batches:
                await publisher.retell(batch)
                for record in batch.records:
                    self._note(record)
                if publisher.is_stopped:
                    break
        publisher.before_first = self._before
        stream: Stream[Any] = await self._made_rest() if self._makes_rest else self._rest
        self.is_copied = True
        when_copied()
        return stream

    async def _made_rest(self) -> Stream[Any]:
        so_far = message_so_far(self._told)
        self._told.clear()
        return await made_stream("fork(stream=…):", self._rest, so_far)

    def _note(self, record: bytes) -> None:
        """
        Keep of the beginning what says how it can go on.
        """
        if not self._makes_rest and record[:1] not in _TELLING:
            return
        item = decode_item(record)
        if is_restart(item):
            self._restarts += 1
            self._told.clear()
            self._in_message = False
            return
        if self._makes_rest:
            self._told.append(item)
        match getattr(item, "type", None):
            case "message_start":
                self._in_message = True
            case "message_stop":
                self._in_message = False
            case _:
                pass

    def _before(self, first: object) -> Sequence[Restarted]:
        """
        A restart where the beginning has a part of a message, and another message follows.
        """
        if not self._in_message or getattr(first, "type", None) != "message_start":
            return []
        error = StreamError(
            f"run {self._run!r} was forked inside a message, and another one follows", type="forked"
        )
        return [Restarted(self._restarts + 2, error)]


def new_run(run: str) -> str:
    """
    An id for a fork, made of the other run's and of chance.
    """
    return f"{run[:_KEPT_OF_ID]}-{urandom(6).hex()}"


_KEPT_OF_ID: Final = 180
_TELLING: Final = (b"e", b"r", b"o")
"""The letters of records that may begin or end a message, or void one."""


def checked_end(at: object) -> Place | None:
    """
    The last record of a beginning.

    Args:
        at: Its number, or its id.

    Raises:
        TypeError: It is neither.
        ValueError: It is below 0, or not the id of a record.
    """
    if at is None:
        return None
    if isinstance(at, int) and not isinstance(at, bool):
        if at < 0:
            raise ValueError(f"fork(at=…) is the number of a record, or 0 for none, not {at}")
        return Place(at, _ANY_EPOCH)
    if not isinstance(at, str):
        raise TypeError(
            f"fork(at=…) is the number or the id of a record, or None for all of them, not {type(at).__name__}"
        )
    return parse_place("fork(at=…)", at)


def checked_rest(rest: object) -> Any:
    """
    What a fork goes on with, if it can be that.

    Raises:
        TypeError: It is neither a stream nor a function.
    """
    if not isinstance(rest, Stream) and not callable(rest):
        raise TypeError(
            "fork(stream=…) needs a stream, or a function of the message so far that makes one, not "
            f"{type(rest).__name__}"
        )
    return cast("Any", rest)
