"""
The errors that a running stream can raise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from typing import Self

__all__ = ["BufferOverflow", "StreamError", "TimeLimitError", "reduced"]

E = TypeVar("E", bound=BaseException)


def reduced(error: BaseException, **instead: object) -> tuple[Any, ...]:
    """
    What `__reduce__` of an error of ours returns.

    Args:
        error: The error.
        instead: Attributes that are kept with another value.
    """
    state: dict[str, Any] = {**vars(error), **instead}
    if notes := state.get("__notes__"):
        state["__notes__"] = [*notes]  # a copy that gets a note leaves the original as it is
    return _restored, (type(error), error.args), state


def _restored(kind: type[E], args: tuple[Any, ...]) -> E:
    """
    An error as pickle and copy make it again: without its constructor, which wants other arguments than `args`.
    """
    error: E = kind.__new__(kind, *args)
    error.args = args
    return error


class StreamError(Exception):
    """
    A stream that had begun could not go on.

    Everything received before it has been delivered. The original exception, where there is one, is `__cause__`.

    Attributes:
        type: What happened, as a word: the API's `error.type`, or `"transport"`, `"truncated"`, `"stalled"`, …
        status_code: The status that belongs to `type`, where the source's protocol has one; for Claude HTTP's.
        retriable: Whether the same request may succeed when it is sent again.
        request_id: The source's id of the request, for a support ticket.
        partial: What had arrived, as the source's own type (for Claude a `Message`), or None.
    """

    # `status_code` and `request_id` stand here and not in a subclass of the Claude layer, although the core has neither:
    # `except sk.StreamError` has to catch `BufferOverflow` and what plugins raise too, so the public class is this one,
    # and handlers read both attributes of whatever they catch. To the core they are two values that it never looks at.

    outcome_kind = "failed"
    args: tuple[Any, ...]

    def __init__(
        self,
        message: str,
        *,
        type: str,  # noqa: A002 -- the API's own word for it
        status_code: int | None = None,
        retriable: bool = False,
        request_id: str | None = None,
        partial: object = None,
    ) -> None:
        super().__init__(message)
        self.type = type
        self.status_code = status_code
        self.retriable = retriable
        self.request_id = request_id
        self._partial = partial

    @property
    def partial(self) -> Any:
        """
        What had arrived. Where that is given as a function, it is built each time it is asked for.
        """
        return self._partial() if callable(self._partial) else self._partial

    def with_context(
        self, *, request_id: str | None = None, partial: object = None, remark: str | None = None
    ) -> Self:
        """
        This error, with what was not known where it was made. As `with_traceback` does, it returns the error itself.

        What the error knows already stays as it is.

        Args:
            request_id: The source's id of the request.
            partial: What had arrived, or a function without arguments that builds it.
            remark: What the message says in addition, behind a semicolon.
        """
        if self.request_id is None:
            self.request_id = request_id
        if self._partial is None:
            self._partial = partial
        if remark is not None:
            self.args = (f"{self}; {remark}",)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # What builds `partial` refers to the run, which no other process has.
        return reduced(self, _partial=self.partial)

    def with_fixed_partial(self) -> Self:
        """
        This error, with `partial` built now, because what it is built from is about to change.
        """
        self._partial = self.partial
        return self


class TimeLimitError(TimeoutError):
    """
    Something took longer than its limit.

    Attributes:
        limit: The name of the limit: an argument of `timeout()`, a field of `Timeouts`, or `"close_timeout"`. None if it has no
            name here.
        seconds: How long the limit is. None if that is not known.
    """

    def __init__(self, message: str, *, limit: str | None = None, seconds: float | None = None) -> None:
        super().__init__(message)
        self.limit = limit
        self.seconds = seconds

    def __reduce__(self) -> tuple[Any, ...]:
        return reduced(self)


class BufferOverflow(StreamError):
    """
    A bounded buffer whose policy is `"error"` was full.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, type="buffer_overflow")
