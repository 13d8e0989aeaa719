"""
What every test may use: both backends, the profiles, and the recordings of real streams where they are at hand.
"""

from __future__ import annotations

import gc
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zlib import crc32

import anyio
import pytest
import structlog

pytest.register_assert_rewrite("tests.support")

from tests.support import profiles  # noqa: E402  (after the line that lets its assertions explain themselves)
from tests.support.backends import BACKENDS, LOOPS  # noqa: E402
from tests.support.hanging import Watch  # noqa: E402
from tests.support.idle_time import idle_time_skipped  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDINGS = Path(__file__).parents[2] / "shared" / "recordings"
MANY = 4
"""Of so many cases and more, each is tried on one of the event loops."""
LOOP = re.compile(r"\b(asyncio|trio)(-virtual)?\b")
"""What says in a test's id on which event loop it runs."""


# -- profiles -----------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full", action="store_true", help="run everything: every example, seed and size, and the long tests"
    )
    parser.addoption(
        "--asyncio-loop",
        choices=LOOPS,
        default="usual",
        help="the event loop of asyncio: as usual, uvloop, or one whose tasks begin at once (Python 3.12)",
    )


def pytest_configure(config: pytest.Config) -> None:
    profiles.use("full" if config.getoption("full") else "pr")
    config.pluginmanager.register(Watch())


def pytest_report_header() -> str:
    profile = profiles.current()
    return f"profile: {profile} ({profiles.SUMMARIES[profile]}); recordings: {len(recordings())} of {len(recorded())}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """
    Skip what the profile `pr` leaves out, so that the end of the run says what and why; what another event loop shows is left out
    silently. Under another event loop of asyncio only the tests that run on it are of interest.
    """
    if config.getoption("--asyncio-loop") != "usual":
        items[:] = [item for item in items if runs_on_any_asyncio(item)]
    if profiles.current() == "full":
        return
    cases = Counter[str]()
    for item in items:
        test = item.nodeid.partition("[")[0]
        for why in left_out(item, cases[test]):
            item.add_marker(pytest.mark.skip(reason=f"{profiles.FULL_ONLY}: {why}"))
        cases[test] += 1
    if not any("::" in arg for arg in config.args):  # whoever names a test wants all of it
        shown = dict.fromkeys(shown_by_the_other_loop(items))
        items[:] = [item for item in items if item not in shown]
        config.hook.pytest_deselected(items=[*shown])


def pytest_collection_finish() -> None:
    """
    Keep the garbage collector out of what lives as long as the run: ten thousand tests, and all that is imported.

    A test that collects garbage would go through all of it each time.
    """
    gc.collect()
    gc.freeze()


def left_out(item: pytest.Item, number: int) -> Iterator[str]:
    """
    Why a test is not in the profile `pr`.

    Args:
        item: The test.
        number: Which one of its cases it is, from 0 on.
    """
    for mark in item.iter_markers("turns"):
        [each] = mark.args
        if number % each:
            yield f"one case in {each} shows it"
    for mark in item.iter_markers("full"):
        [why] = mark.args
        yield why
    if isinstance(item, pytest.Function) and item.get_closest_marker("pure") and on_trio(item):
        yield "it is pure, so that one event loop shows it"


def shown_by_the_other_loop(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """
    Of a test of many cases, each case on one of its event loops: it runs on both then, and takes half the time.

    A suite of checks that many classes inherit is such a test: its cases are the classes. Not counted are cases that a marker
    chooses, and a test that asks which loop it runs on, since it may skip what another one cannot do.
    """
    tests: defaultdict[object, defaultdict[str, list[pytest.Function]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for item in items:
        if isinstance(item, pytest.Function) and hasattr(item, "callspec") and both_loops_show(item):
            case = LOOP.sub("", item.nodeid)
            tests[cast("Any", item).function][case].append(item)
    for cases in tests.values():
        on_both = [case for case, pair in cases.items() if {*map(on_trio, pair)} == {False, True}]
        # Shuffled, because a parameter of two values would have a loop for each.
        on_both.sort(key=lambda case: crc32(case.encode()))
        for turn, case in enumerate(on_both if len(on_both) >= MANY else ()):
            yield from (item for item in cases[case] if on_trio(item) == turn % 2)


def both_loops_show(item: pytest.Function) -> bool:
    return "anyio_backend_name" not in item.fixturenames and not any(
        item.get_closest_marker(name) for name in ("turns", "full", "pure")
    )


def runs_on_any_asyncio(item: pytest.Item) -> bool:
    needs_own_loop = any(item.get_closest_marker(name) for name in ("skips_idle_time", "virtual_time"))
    return isinstance(item, pytest.Function) and not needs_own_loop and not on_trio(item)


def on_trio(item: pytest.Function) -> bool:
    params = item.callspec.params if hasattr(item, "callspec") else {}
    backend = params.get("anyio_backend", params.get("backend"))
    return "trio" in (backend[:1] if isinstance(backend, tuple) else (backend,))


# -- backends -----------------------------------------------------------------------------------------------


@pytest.fixture(params=BACKENDS)
def anyio_backend(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> str | tuple[str, dict[str, Any]]:
    """
    Run each asynchronous test on both backends; where it is marked so, without the time in which nothing happens.
    """
    name: str = request.param
    loop = str(request.config.getoption("--asyncio-loop"))
    if loop != "usual":
        return name, LOOPS[loop]
    if request.node.get_closest_marker("skips_idle_time") is None:
        return name
    # The one place that measures by another clock than the event loop's.
    monkeypatch.setattr("streamkit._claude.transport.watchdog.monotonic", anyio.current_time)
    return idle_time_skipped(name)


# -- logs ---------------------------------------------------------------------------------------------------


@pytest.fixture
def structlog_configured() -> Iterator[None]:
    """
    An application that has configured structlog.
    """
    structlog.configure()
    yield
    structlog.reset_defaults()


# -- recordings ---------------------------------------------------------------------------------------------


def recorded() -> list[Path]:
    """
    All recorded streams that are at hand.
    """
    return sorted(RECORDINGS.glob("*.sse"))


def recordings() -> list[Path]:
    """
    Those that are tried in the profile of this run.
    """
    return recorded()[:: profiles.examples(pr=4, full=1)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """
    Run a test that has an argument `recording` once for each recorded stream, or skip it loudly without them.
    """
    if "recording" not in metafunc.fixturenames:
        return
    paths = recordings()
    if paths:
        metafunc.parametrize("recording", paths, ids=[path.stem for path in paths])
    else:
        skip = pytest.mark.skip(reason=f"no recorded streams: {RECORDINGS} has no .sse file")
        metafunc.parametrize("recording", [pytest.param(None, marks=skip, id="none")])
