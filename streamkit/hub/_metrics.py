"""
What a hub measures of its own work, for whoever has asked for it: instruments of OpenTelemetry.

streamkit knows the API alone. What becomes of the values, such as a page for Prometheus, is the application's to say, with
OpenTelemetry's SDK. A hub that was not asked for metrics has one whose methods do nothing.
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any, Final, Protocol
from weakref import WeakKeyDictionary

from streamkit._version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamkit.hub._stores.contract import Batch, State

__all__ = ["MakesMeters", "Metrics", "metrics_of"]


class MakesMeters(Protocol):
    """
    A `MeterProvider` of OpenTelemetry.
    """

    def get_meter(self, name: str, version: str | None = None, /) -> Any:
        """
        What makes the instruments of one library.
        """
        ...


class Metrics:
    """
    Measures nothing.
    """

    def run_begins(self) -> None:
        """
        This process begins to write a run.
        """

    def run_ends(self, outcome: str) -> None:
        """
        It writes it no longer.

        Args:
            outcome: How the run has ended; "left" where this process has not ended it.
        """

    def run_is_lost(self) -> None:
        """
        A run was given up that nobody writes.
        """

    def run_is_taken_over(self) -> None:
        """
        This process goes on with what another writer has left.
        """

    def viewer_comes(self) -> None:
        """
        Somebody begins to follow a run.
        """

    def viewer_goes(self) -> None:
        """
        Somebody does that no longer.
        """

    def appended(self, batch: Batch, seconds: float) -> None:
        """
        A batch was acknowledged.

        Args:
            batch: It.
            seconds: How long that took.
        """

    def delivered(self, state: State, batches: Sequence[Batch], waits_since: float) -> None:
        """
        A viewer that waited for records has them.

        Args:
            state: That of the log.
            batches: What it has.
            waits_since: From when on it has waited, in seconds since the epoch of Unix.
        """


class OpenTelemetryMetrics(Metrics):
    """
    Measures with OpenTelemetry.

    Args:
        provider: Makes the meter.
        store: The kind of the hub's store.
    """

    def __init__(self, provider: MakesMeters, store: str) -> None:
        self._told = _instruments_of(provider)
        self._store: Mapping[str, str] = {"streamkit.hub.store": store}

    def run_begins(self) -> None:
        self._told.runs.add(1, self._store)

    def run_ends(self, outcome: str) -> None:
        self._told.runs.add(-1, self._store)
        self._end(outcome)

    def run_is_lost(self) -> None:
        self._end("lost")

    def run_is_taken_over(self) -> None:
        self._told.takeovers.add(1, self._store)

    def viewer_comes(self) -> None:
        self._told.viewers.add(1, self._store)

    def viewer_goes(self) -> None:
        self._told.viewers.add(-1, self._store)

    def appended(self, batch: Batch, seconds: float) -> None:
        self._told.append_duration.record(seconds, self._store)
        self._told.appended.add(sum(map(len, batch.records)), self._store)

    def delivered(self, state: State, batches: Sequence[Batch], waits_since: float) -> None:
        now = time()
        for batch in batches:
            # By the clocks of two machines, maybe. A fork's records are timed behind its beginning: they may be in the future.
            handed_over = state.started + batch.at
            if handed_over <= now:
                # A viewer that was slow itself has not waited for what it did not ask for.
                self._told.delivery_duration.record(now - max(handed_over, waits_since), self._store)

    def _end(self, outcome: str) -> None:
        self._told.ended.add(1, {**self._store, "streamkit.hub.outcome": outcome})


class _Instruments:
    """
    The instruments of one provider, which all hubs have in common.
    """

    def __init__(self, provider: MakesMeters) -> None:
        meter = provider.get_meter("streamkit", __version__)
        self.runs = meter.create_up_down_counter(
            "streamkit.hub.runs.live", "{run}", "Runs that this process is writing."
        )
        self.ended = meter.create_counter(
            "streamkit.hub.runs.ended", "{run}", "Runs that this process has written, by how they ended."
        )
        self.takeovers = meter.create_counter(
            "streamkit.hub.takeovers",
            "{takeover}",
            "Runs that this process has gone on with for another writer.",
        )
        self.viewers = meter.create_up_down_counter(
            "streamkit.hub.viewers.live", "{viewer}", "Viewers in this process."
        )
        self.appended = meter.create_counter(
            "streamkit.hub.append.io", "By", "Bytes of records that were appended."
        )
        self.append_duration = meter.create_histogram(
            "streamkit.hub.append.duration",
            "s",
            "From when a batch is handed to the store until it is acknowledged.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self.delivery_duration = meter.create_histogram(
            "streamkit.hub.delivery.duration",
            "s",
            "How long a viewer waits for a batch that was handed to the store.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )


_SECONDS: Final = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0),
)
"""The bounds of buckets: from what an append costs to what an outage may last."""

_MADE: Final[WeakKeyDictionary[MakesMeters, _Instruments]] = WeakKeyDictionary()


def _instruments_of(provider: MakesMeters) -> _Instruments:
    # Of each name there is one: OpenTelemetry warns of a second.
    made = _MADE.get(provider)
    if made is None:
        made = _MADE[provider] = _Instruments(provider)
    return made


def metrics_of(asked: object, store: str) -> Metrics:
    """
    What a hub measures with.

    Args:
        asked: Whether to measure; or the provider to measure with, in place of the one that OpenTelemetry was given for all.
        store: The kind of the hub's store.

    Raises:
        TypeError: It is neither.
        ImportError: OpenTelemetry's API is not installed.
    """
    if asked is False:
        return Metrics()
    if asked is True:
        try:
            from opentelemetry.metrics import get_meter_provider
        except ModuleNotFoundError as error:
            raise ImportError(
                'hub.connect(metrics=True) needs opentelemetry-api: pip install "claude-streamkit[otel]"'
            ) from error
        return OpenTelemetryMetrics(get_meter_provider(), store)
    if not callable(getattr(asked, "get_meter", None)):
        raise TypeError(
            f"hub.connect(metrics=…) is True, False or a MeterProvider of OpenTelemetry, not {type(asked).__name__}"
        )
    provider: Any = asked
    return OpenTelemetryMetrics(provider, store)
