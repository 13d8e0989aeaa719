"""
How a run has ended, as the bytes that end its log, and what its viewers make of them: their outcome has what the writer's had.

What was said is not in it: that is in the records, as far as the run has published it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from msgspec import Struct, convert

from streamkit._claude.protocol.attempt import Attempt
from streamkit._claude.protocol.oddities import Oddities
from streamkit._claude.protocol.usage import usage_of
from streamkit.hub._errors import Cancelled, Failed, Lost, Truncated
from streamkit.hub._json import from_json, to_json
from streamkit.hub._told_error import error_told, fields_told, tell_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamkit._core.errors import StreamError
    from streamkit._core.outcome import Contribution, Outcome

__all__ = ["Ending", "EndingFacts", "EndingKind"]

EndingKind = Literal["complete", "stopped", "truncated", "failed", "cancelled", "lost"]


class Ending(Struct, frozen=True, omit_defaults=True):
    """
    How a run has ended.

    Attributes:
        kind: As the outcome's, and `"lost"` where nobody has gone on with it.
        stopped_by: Who ended it early on purpose.
        error: What it failed with.
        reason: Why it was cancelled or given up.
        facts: What its sources have told of it.
    """

    kind: EndingKind
    stopped_by: str | None = None
    error: dict[str, Any] | None = None
    reason: str | None = None
    facts: dict[str, Any] | None = None

    @classmethod
    def of(cls, outcome: Outcome, *, error: BaseException | None = None) -> Ending:
        """
        That of a run whose stream has ended.

        Args:
            outcome: The stream's.
            error: What has failed, if it was not the stream.
        """
        failure = error or outcome.error
        kind = cast("EndingKind", "failed" if error is not None else outcome.kind)
        told = None if failure is None else tell_error(failure)
        return cls(kind, outcome.stopped_by, told, facts=_facts_of(outcome))

    @classmethod
    def cancelled(cls, reason: str, outcome: Outcome | None = None) -> Ending:
        """
        That of a run that was cancelled.

        Args:
            reason: Why.
            outcome: That of its stream, where that was opened.
        """
        return cls("cancelled", reason=reason, facts=None if outcome is None else _facts_of(outcome))

    @classmethod
    def lost(cls, reason: str) -> Ending:
        """
        That of a run which nobody goes on with.
        """
        return cls("lost", reason=reason)

    def encode(self) -> bytes:
        """
        As bytes.
        """
        return to_json(self)

    @classmethod
    def decode(cls, data: bytes) -> Ending:
        """
        Of those bytes.
        """
        return convert(from_json(data), cls)

    def failure(self, run: str) -> StreamError | None:
        """
        What a viewer's stream fails with; None where it ends as it should.
        """
        match self.kind:
            case "cancelled":
                return Cancelled(f"run {run!r} was cancelled: {self.reason}", reason=self.reason)
            case "lost":
                return Lost(f"run {run!r} is lost: {self.reason}")
            case "failed" | "truncated" if self.error is not None:
                kind = Truncated if self.kind == "truncated" else Failed
                return kind(**fields_told(self.error))
            case _:
                return None


class EndingFacts:
    """
    What a viewer's outcome has of the writer's.
    """

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts

    @staticmethod
    def fact(name: str, records: list[Contribution], /) -> object:
        """
        The value of `outcome.<name>`.
        """
        facts = _told(records)
        if name not in facts:
            raise AttributeError(
                f"a viewer's outcome has no {name!r}: a run tells its viewers {', '.join(facts) or 'only how it has ended'}; "
                "what was said is in its records"
            )
        return _READ.get(name, _as_it_is)(facts[name])

    @staticmethod
    def loggable(records: list[Contribution], /) -> dict[str, object]:
        """
        The facts that are no secret.
        """
        facts = _told(records)
        return {name: facts[name] for name in ("model", "request_id", "stop_reason") if name in facts}

    @staticmethod
    def described(records: list[Contribution], /) -> dict[str, object]:
        """
        The facts as plain JSON objects.
        """
        return {name: value for name, value in _told(records).items() if name not in _NOT_DESCRIBED}


def _told(records: Sequence[Contribution]) -> dict[str, Any]:
    told = [record.facts for record in records if isinstance(record, EndingFacts)]
    return told[-1] if told else {}


_NOT_DESCRIBED = {"turns", "usage_by_model"}
"""Facts of Claude's that `outcome.to_dict()` does not have."""


def _facts_of(outcome: Outcome) -> dict[str, Any]:
    facts = outcome.to_dict()
    for name in ("kind", "stopped_by", "error"):
        del facts[name]
    if "attempts" in facts:  # Claude's
        facts["turns"] = [usage.to_dict() for usage in outcome.turns]
        facts["usage_by_model"] = {model: usage.to_dict() for model, usage in outcome.usage_by_model.items()}
        for attempt, told in zip(outcome.attempts, facts["attempts"], strict=True):
            told["error"] = None if attempt.error is None else tell_error(attempt.error)
    return facts


def _attempt(told: dict[str, Any]) -> Attempt:
    error, usage = told["error"], told["usage"]
    return Attempt(
        told["number"],
        request_id=told["request_id"],
        model=told["model"],
        error=None if error is None else error_told(error),
        usage=None if usage is None else usage_of(usage),
        oddities=Oddities(told["oddities"]),
    )


def _as_it_is(value: Any) -> Any:
    return value


_READ: dict[str, Callable[[Any], Any]] = {
    "usage": usage_of,
    "turns": lambda turns: [usage_of(usage) for usage in turns],
    "usage_by_model": lambda usages: {model: usage_of(usage) for model, usage in usages.items()},
    "attempts": lambda attempts: [_attempt(told) for told in attempts],
}
"""Facts of Claude's that are more than JSON values."""
