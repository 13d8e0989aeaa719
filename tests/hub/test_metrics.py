"""
What a hub measures of its work, as the reader of OpenTelemetry's SDK sees it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import anyio
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import streamkit as sk
from streamkit import hub as hubs
from streamkit.hub import Cancelled, Failed, Gone, Hub
from streamkit.hub._metrics import Metrics
from tests.hub.places import LEASE, Place, opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "hub-operations.md"


class Measured:
    """
    A provider, and what it has been told.
    """

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider([self._reader])

    def instruments(self) -> dict[str, Any]:
        data: Any = self._reader.get_metrics_data()
        scopes: list[Any] = [] if data is None else data.resource_metrics[0].scope_metrics
        return {metric.name: metric for scope in scopes for metric in scope.metrics}

    def points(self, name: str) -> dict[str, Any]:
        """
        The points of one instrument by their outcome, or by their store.
        """
        instrument = self.instruments().get(f"streamkit.hub.{name}")
        points: list[Any] = [] if instrument is None else list(instrument.data.data_points)
        return {
            point.attributes.get("streamkit.hub.outcome", point.attributes["streamkit.hub.store"]): point
            for point in points
        }

    def values(self, name: str) -> dict[str, Any]:
        return {key: point.value for key, point in self.points(name).items()}


async def all_ended(measured: Measured, count: int) -> None:
    """
    Wait until so many runs have ended for those who write them, too.
    """
    for _ in range(1000):
        if sum(measured.values("runs.ended").values()) == count:
            break
        await anyio.sleep(0.01)


@pytest.fixture
def measured() -> Iterator[Measured]:
    measured = Measured()
    yield measured
    measured.provider.shutdown()


@pytest.fixture
async def hub(place: Place, measured: Measured) -> AsyncIterator[Hub]:
    async with hubs.connect(place.url, lease=LEASE, ttl=60, metrics=measured.provider) as hub:
        yield hub


async def test_runs_viewers_bytes_and_delays_are_measured(hub: Hub, place: Place, measured: Measured) -> None:
    may_go_on, may_end = anyio.Event(), anyio.Event()

    async def slowly() -> AsyncIterator[str]:
        yield "four"
        await may_go_on.wait()
        yield "seven"
        await may_end.wait()

    hub.start("run", sk.from_iterable(slowly))
    async with hub.subscribe("run").open() as run:
        assert (await anext(run)).data == "four"
        await anyio.sleep(0.05)
        may_go_on.set()
        assert (await anext(run)).data == "seven"
        live = [measured.values(name) for name in ("runs.live", "viewers.live")]
        may_end.set()
        assert [record async for record in run] == []
    # A viewer may know of the end before its writer does.
    await all_ended(measured, 1)
    assert live == [{place.name: 1}, {place.name: 1}]
    assert measured.values("append.io") == {place.name: len("sfour" + "sseven")}
    for name, count in {"append.duration": 2, "delivery.duration": 1}.items():
        [point] = measured.points(name).values()
        assert point.count >= count
        assert 0 <= point.sum < 10
        assert point.explicit_bounds[:3] == (0.0005, 0.001, 0.0025)
    for name in ("runs.live", "viewers.live"):
        assert measured.values(name) == {place.name: 0}
    assert measured.values("runs.ended") == {"complete": 1}
    assert measured.values("takeovers") == {}


@pytest.mark.virtual_time
async def test_a_slow_viewer_is_no_slow_delivery_and_a_slow_append_is(
    measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("_metrics", "_viewer", "_publisher", "_stores.memory"):
        monkeypatch.setattr(f"streamkit.hub.{module}.time", lambda: 1e9 + anyio.current_time())

    async with hubs.connect("memory:", metrics=measured.provider) as hub:
        append = hub.store.append

        async def slow(*args: Any) -> str | None:
            told = await append(*args)
            await anyio.sleep(0.25)
            return told

        hub.start("run", two_items())
        async for _ in hub.subscribe("run"):
            await anyio.sleep(5)
        [delivery] = measured.points("delivery.duration").values()
        assert delivery.sum == pytest.approx(0)
        before = measured.points("append.duration")["memory"].sum
        assert before == pytest.approx(0)
        monkeypatch.setattr(hub.store, "append", slow)
        await hub.publish("slow", two_items())
        assert measured.points("append.duration")["memory"].sum == pytest.approx(0.5)


def two_items() -> sk.Stream[str]:
    async def items() -> AsyncIterator[str]:
        yield "a"
        await anyio.sleep(1)
        yield "b"

    return sk.from_iterable(items)


async def test_runs_are_counted_by_how_they_ended(hub: Hub, measured: Measured) -> None:
    def fails() -> Any:
        raise LookupError("the source's own")
        yield

    await hub.publish("failed", sk.from_iterable(fails))
    await hub.publish("stopped", sk.from_iterable("abc") | sk.take(1))
    for act in (hub.cancel, hub.delete):
        hub.start("run", sk.from_iterable(forever))
        async with hub.subscribe("run").open() as run:
            await anext(run)
            await act("run")
            with pytest.raises((Cancelled, Gone)):
                await anext(run)
    await all_ended(measured, 4)
    assert measured.values("runs.ended") == {"failed": 1, "stopped": 1, "cancelled": 1, "left": 1}
    with pytest.raises(Failed):
        await hub.subscribe("failed").collect()


async def forever() -> AsyncIterator[str]:
    yield "a"
    await anyio.sleep_forever()


async def test_takeovers_are_counted_and_what_is_given_up(hub: Hub, measured: Measured) -> None:
    @hub.recipe("chat")
    def chat(payload: Any, so_far: Any) -> sk.Stream[str]:
        return sk.from_iterable("a")

    for run, deaths in {"taken": 1, "given up": 2}.items():
        await hub.submit(run, "chat")
        for _ in range(deaths):
            await hub.store.release(run, await opened(hub.store, run, takeover=True))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: hub.work(lease=LEASE, attempts=1))
        assert [record.data async for record in hub.subscribe("taken")] == ["a"]
        with pytest.raises(hubs.Lost):
            await hub.subscribe("given up").collect()
        await all_ended(measured, 2)
        tasks.cancel_scope.cancel()
    assert sum(measured.values("takeovers").values()) == 1
    assert measured.values("runs.ended") == {"complete": 1, "lost": 1}


async def test_hubs_of_one_process_have_their_instruments_in_common(
    measured: Measured, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("opentelemetry.metrics.get_meter_provider", lambda: measured.provider)
    for metrics in (True, measured.provider):
        async with hubs.connect("memory:", metrics=metrics) as hub:
            await hub.publish("run", sk.from_iterable("a"))
    assert measured.values("runs.ended") == {"complete": 2}
    assert caplog.records == []  # which has a warning where an instrument is made twice


def test_the_page_lists_every_metric_with_its_unit() -> None:
    class Meter:
        known: ClassVar[dict[str, tuple[str, str]]] = {}

        def __getattr__(self, name: str) -> Any:
            def create(metric: str, unit: str, description: str, **settings: Any) -> None:
                self.known[metric] = (name.removeprefix("create_").replace("up_down_", "up-down "), unit)

            return create

    class Provider:
        def get_meter(self, name: str, version: str | None = None) -> Any:
            assert (name, version) == ("streamkit", sk.__version__)
            return Meter()

    hubs.connect("memory:", metrics=Provider())
    rows = re.findall(
        r"^\| `(streamkit\.hub\.[a-z.]+)` \| ([a-z -]+) \| `([^`]+)` \|", PAGE.read_text("utf-8"), re.M
    )
    assert {name: (kind, unit) for name, kind, unit in rows} == Meter.known


def test_a_hub_that_is_not_asked_measures_nothing_and_needs_nothing() -> None:
    code = """
import anyio, sys
sys.modules["opentelemetry"] = None
import streamkit as sk
async def main():
    async with sk.hub.connect("memory:") as hub:
        await hub.publish("run", sk.from_iterable("a"))
        await hub.subscribe("run").collect()
        assert type(hub.metrics).__name__ == "Metrics"
    try:
        sk.hub.connect("memory:", metrics=True)
    except ImportError as error:
        print(error)
anyio.run(main)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    said = 'hub.connect(metrics=True) needs opentelemetry-api: pip install "claude-streamkit[otel]"\n'
    assert (done.returncode, done.stdout) == (0, said), done.stderr


def test_what_cannot_measure_is_refused() -> None:
    wrong: Any = "yes"
    with pytest.raises(TypeError, match="is True, False or a MeterProvider of OpenTelemetry, not str"):
        hubs.connect("memory:", metrics=wrong)
    assert type(hubs.connect("memory:", metrics=False).metrics) is Metrics
