"""
A reply: what the server does to answer one request, as bytes, waits and faults in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from streamkit._claude.sources.cassette import parse_recording, read_recording
from streamkit.testing._fake_claude.faults.ends import check_order, is_end
from streamkit.testing._fake_claude.faults.error_event import ErrorEvent
from streamkit.testing._fake_claude.faults.wire import Drop, Pause, Step, WireFault
from streamkit.testing._fake_claude.frames import dumps, event, events_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from os import PathLike

__all__ = ["Reply", "json_reply"]

__tracebackhide__ = True  # pytest shows the lines of the test, and those of this file with --full-trace


@dataclass(frozen=True, slots=True)
class Reply:
    """
    The answer to one request, a plain value that may be used any number of times.

    The status line and headers go out together with the first `bytes` step, so `Reply([Drop()])` closes the
    connection without any response, and `Reply([b"", Stall()])` sends the headers and then nothing. When the
    steps are done, the body ends as HTTP asks for, even if the message in it did not.

    Attributes:
        steps: What to do, in order.
        status: The HTTP status.
        headers: Headers to add to those that the server sends, or to put in their place.

    Raises:
        TypeError: A step is not `bytes`, `Pause`, `Pings`, `Stall` or `Drop`.
        ValueError: A step follows `Stall()`, `Drop()` or endless `Pings`, or the status is not a final HTTP status.
    """

    steps: Sequence[Step] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        steps = tuple(self.steps)
        for step in steps:
            if not isinstance(step, bytes | WireFault):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"a step is bytes, Pause, Pings, Stall or Drop, not {step!r}")
        check_order(steps)
        if not 200 <= self.status <= 599:
            raise ValueError(f"status={self.status!r}: give a final HTTP status, 200 to 599")
        object.__setattr__(self, "steps", steps)
        object.__setattr__(self, "headers", {name.lower(): value for name, value in self.headers.items()})

    @classmethod
    def file(cls, path: str | PathLike[str], speed: float | None = None) -> Self:
        """
        Send what was recorded, byte for byte.

        A cassette is sent with one write for each of its reads, and breaks off where the connection did. The raw
        body of a response (`.sse`) and the events that `sinks.jsonl` has kept have one write for each event.

        Args:
            path: The file.
            speed: 1.0 sends at the recorded pace, 2.0 twice as fast, None as fast as it can. A file without
                times is sent with 20 ms between its events.

        Raises:
            ValueError: `speed` is not above 0.
            GrammarError: The file is not a cassette of version 1.
        """
        if speed is not None and not 0 < speed < inf:
            raise ValueError(
                f"Reply.file(speed=…) must be above 0, or None for as fast as possible, not {speed!r}"
            )
        steps: list[Step] = []
        sent = 0.0
        for at, data, end in parse_recording(read_recording(Path(path))):
            if speed is not None and at > sent:
                steps.append(Pause((at - sent) / speed))
                sent = at
            if end is None:
                steps.append(data)
            elif end == "dropped":
                steps.append(Drop())
        return cls(steps)

    @property
    def is_events(self) -> bool:
        """
        Whether the body is server-sent events: it is, unless the status or a `content-type` says otherwise.
        """
        return self.status == 200 and "content-type" not in self.headers

    @property
    def body(self) -> bytes:
        """
        All bytes of the writes, without those of `Pings`.
        """
        return b"".join(step for step in self.steps if isinstance(step, bytes))

    @property
    def events(self) -> list[dict[str, Any]]:
        """
        The events of the body.

        Raises:
            ValueError: The body is not a well-formed series of events.
        """
        return list(events_in(self.body))

    def edited(self, fn: Callable[[list[dict[str, Any]]], Iterable[Mapping[str, object]]], /) -> Self:
        """
        Send other events: fewer, repeated ones, in another order, or with other fields.

        Args:
            fn: A function of the events, which it may change; it returns those that are to be sent.

        Raises:
            ValueError: The reply waits or breaks off, so it is unclear where it should do that among other events.
        """
        for step in self.steps:
            if not isinstance(step, bytes):
                raise ValueError(
                    f"a reply with {step!r} cannot be edited: edit first, then insert() or cut()"
                )
        return replace(self, steps=[event(item) for item in fn(self.events)])

    def after(self, *steps: Step) -> Self:
        """
        Do these steps before all others.

        Args:
            steps: Usually `Pause(seconds)`: the response then begins late.
        """
        return replace(self, steps=(*steps, *self.steps))

    def cut(self, events: int, *then: Step | ErrorEvent) -> Self:
        """
        Send only the first writes and then do something else.

        Args:
            events: How many of the writes to keep, with what comes before each; negative counts from the end.
            then: What follows, such as `Drop()` or `ErrorEvent()`. Without any, the body ends cleanly there.

        Raises:
            ValueError: Something follows an end.
        """
        return replace(self, steps=(*self.steps[: self._after_writes(events)], *_framed(then)))

    def cut_bytes(self, size: int, *then: Step | ErrorEvent) -> Self:
        """
        Send only the first bytes of the body and then do something else.

        Args:
            size: How many bytes to keep, with what comes before each; negative counts from the end. With 0, the
                headers are sent only with what follows.
            then: What follows, such as `Drop()`. Without any, the body ends cleanly there.

        Raises:
            ValueError: Something follows an end.
        """
        left = size if size >= 0 else len(self.body) + size
        kept: list[Step] = []
        before: list[Step] = []
        for step in self.steps:
            if not isinstance(step, bytes):
                before.append(step)
            elif left > 0:
                kept += [*before, step[:left]]
                left -= len(step)
                before.clear()
        return replace(self, steps=(*kept, *_framed(then)))

    def insert(self, events: int, *steps: Step) -> Self:
        """
        Do something after the first writes, and then continue.

        Args:
            events: After how many of the writes; negative counts from the end.
            steps: Such as a `Pause`, `Pings` with a count, or bytes of any kind.

        Raises:
            ValueError: One of the steps is an end.
        """
        for step in steps:
            if is_end(step):
                raise ValueError(f"nothing can be sent after {step!r}: use cut({events!r}, {step!r})")
        place = self._after_writes(events)
        return replace(self, steps=(*self.steps[:place], *steps, *self.steps[place:]))

    def _after_writes(self, count: int) -> int:
        """
        The place in `steps` right after that many writes.
        """
        writes = [position for position, step in enumerate(self.steps) if isinstance(step, bytes)][:count]
        return writes[-1] + 1 if writes else 0

    def chunked(self, size: int) -> Self:
        """
        Send the same bytes in writes of another size, so that events are cut anywhere.

        Pauses keep their places; bytes on either side of one are not joined.

        Args:
            size: Bytes per write.

        Raises:
            ValueError: `size` is less than 1.
        """
        if size < 1:
            raise ValueError(f"chunked({size!r}): give at least 1 byte per write")
        steps: list[Step] = []
        held = bytearray()

        def flush() -> None:
            steps.extend(bytes(held[start : start + size]) for start in range(0, len(held), size))
            held.clear()

        for step in self.steps:
            if isinstance(step, bytes):
                held += step
            else:
                flush()
                steps.append(step)
        flush()
        return replace(self, steps=steps)

    def drip(self, size: int = 1, every: float = 0.01) -> Self:
        """
        Send the same bytes a few at a time.

        Args:
            size: Bytes per write.
            every: Seconds between two writes, where there is no other wait.

        Raises:
            ValueError: `size` is less than 1, or `every` is negative or not finite.
        """
        if size < 1:
            raise ValueError(f"drip({size!r}): give at least 1 byte per write")
        wait = Pause(every)
        steps: list[Step] = []
        for step in self.chunked(size).steps:
            if steps and isinstance(step, bytes) and isinstance(steps[-1], bytes):
                steps.append(wait)
            steps.append(step)
        return replace(self, steps=steps)


def json_reply(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """
    A response that is one JSON document.
    """
    data = dumps(body)
    framing = {"content-type": "application/json", "content-length": str(len(data))}
    return Reply([data], status, {**framing, **(headers or {})})


def _framed(steps: Iterable[Step | ErrorEvent]) -> list[Step]:
    """
    The steps, with each error event written as its frame.
    """
    steps = tuple(steps)
    check_order(steps)  # as a frame, an error event does not show any more that nothing can follow it
    return [step.frame if isinstance(step, ErrorEvent) else step for step in steps]
