"""
The pytest plugin: fixtures and a marker for applications that test their streams.

pytest loads it in every run where streamkit is installed, so it imports only what a test asks for.
"""

from __future__ import annotations

import inspect
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from streamkit.testing import FakeClaude, Script

__all__ = [
    "StartFakeClaude",
    "fake_claude",
    "no_leaked_tasks",
    "pytest_configure",
    "pytest_generate_tests",
    "pytest_pycollect_makeitem",
    "pytest_runtest_setup",
]


_MARKER = "virtual_time"
_ASYNC_FIXTURES = ("fake_claude", "no_leaked_tasks")
_STRICT = "write `asyncio_mode = strict` in pytest's settings"
_ANYIO_TEST = "mark the test with @pytest.mark.anyio in place of @pytest.mark.asyncio"
_WITHOUT_FIXTURE = {"fake_claude": ", or write `async with FakeClaude(…) as server:` in the test"}


def pytest_configure(config: pytest.Config) -> None:
    """
    Register the marker.
    """
    config.addinivalue_line(
        "markers",
        f"{_MARKER}: run the async test on every installed backend of anyio in virtual time, where an hour "
        "of sleeping takes milliseconds.",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> None:
    """
    Have anyio's plugin run a marked test, in its strict mode too.
    """
    if not isinstance(collector, pytest.Module | pytest.Class) or not _is_asynchronous(obj):
        return
    marks = [*getattr(obj, "pytestmark", ()), *collector.iter_markers(_MARKER)]
    if collector.istestfunction(obj, name) and any(mark.name == _MARKER for mark in marks):
        pytest.mark.usefixtures("anyio_backend")(obj)


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """
    Run a marked test once on each backend.
    """
    if metafunc.definition.get_closest_marker(_MARKER) is None:
        return
    if "anyio_backend" not in metafunc.fixturenames:
        return
    from anyio import get_available_backends

    from streamkit.testing import virtual_backend

    backends = [
        pytest.param(virtual_backend(name), id=f"{name}-virtual") for name in get_available_backends()
    ]
    metafunc.parametrize("anyio_backend", backends)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """
    Refuse what would be ignored or hang, and give a marked test a clock of its own, because a test with other parameters got one
    clock for all their values, and because a test may run again.
    """
    if not isinstance(item, pytest.Function):
        return
    for problem in _problems(item):
        pytest.fail(problem, pytrace=False)
    _check_tasks_last(item)
    call = getattr(item, "callspec", None)
    if item.get_closest_marker(_MARKER) is not None and call is not None and "anyio_backend" in call.params:
        from streamkit.testing import virtual_backend

        name, _ = call.params["anyio_backend"]
        call.params["anyio_backend"] = virtual_backend(name)


def _problems(item: pytest.Function) -> Iterator[str]:
    """
    Why a test cannot have what it asks for, and what to write instead.
    """
    on_anyio = "anyio_backend" in item.fixturenames
    if any(mark.name == _MARKER for mark in item.own_markers) and not on_anyio:
        yield (
            f"the marker {_MARKER} does nothing for {item.name}, which is not asynchronous: write `async def`, or call "
            "streamkit.testing.run_virtual in it and leave the marker out"
        )
    is_marked = on_anyio and item.get_closest_marker(_MARKER) is not None
    asked = [name for name in _ASYNC_FIXTURES if name in item.fixturenames]
    if is_marked and "fake_claude" in asked:
        yield _virtual_server()
    if _is_of_pytest_asyncio(item):
        if is_marked:
            yield (
                f"pytest-asyncio runs this test, in real time, and does not know the marker {_MARKER}: {_STRICT}, and leave "
                "@pytest.mark.asyncio out; or leave the marker out"
            )
        yield from map(_of_another_loop, asked)
    elif not item.config.pluginmanager.has_plugin("anyio"):
        for name in [f"the marker {_MARKER}"] * is_marked + [f"the fixture {name}" for name in asked]:
            yield f"{name} needs anyio's pytest plugin, which is turned off: leave `-p no:anyio` out"


def _virtual_server() -> str:
    """
    Why a marked test cannot have `fake_claude`, and what to write instead.
    """
    from streamkit.testing._fake_claude.server import VIRTUAL

    return f"the fixture fake_claude cannot be had with the marker {_MARKER}. {VIRTUAL}"


def _is_of_pytest_asyncio(item: object) -> bool:
    return type(item).__module__.startswith("pytest_asyncio")


def _of_another_loop(fixture: str) -> str:
    """
    Why a test of pytest-asyncio cannot have `fixture`: it would live in another event loop than the test, which would wait for it
    for ever.
    """
    return (
        f"pytest-asyncio runs this test, and the fixture {fixture} needs anyio's plugin: {_STRICT}, and {_ANYIO_TEST}"
        f"{_WITHOUT_FIXTURE.get(fixture, '')}"
    )


def _check_tasks_last(item: pytest.Function) -> None:
    """
    Have `no_leaked_tasks` look when the servers of `fake_claude` have ended: their tasks are not the test's.
    """
    names = item.fixturenames
    if "fake_claude" in names and "no_leaked_tasks" in names:
        names.remove("no_leaked_tasks")
        names.insert(names.index("fake_claude"), "no_leaked_tasks")


def _is_asynchronous(function: object) -> bool:
    # What hypothesis' @given returns is an ordinary function around the test.
    inner = getattr(getattr(function, "hypothesis", None), "inner_test", function)
    return inspect.iscoroutinefunction(inner)


class StartFakeClaude(Protocol):
    """
    The function that the fixture `fake_claude` returns: `server = await fake_claude(reply(text("Hello")))`.
    """

    async def __call__(self, *replies: Script, repeat: bool = False) -> FakeClaude: ...


def _refuses_another_loop(fixture: str) -> Any:
    """
    A fixture for `fixture` to ask for before anyio's: a test may have asked for that by `request.getfixturevalue`, of which
    nothing is known before the test runs.
    """

    def refuse(request: pytest.FixtureRequest) -> None:
        if _is_of_pytest_asyncio(request.node):
            pytest.fail(_of_another_loop(fixture), pytrace=False)

    return pytest.fixture(refuse)


_fake_claude_loop = _refuses_another_loop("fake_claude")
_no_leaked_tasks_loop = _refuses_another_loop("no_leaked_tasks")


@pytest.fixture
async def fake_claude(
    _fake_claude_loop: None,  # it has to come before the next one
    anyio_backend: object,
) -> AsyncIterator[StartFakeClaude]:
    """
    A function that starts servers, which end with the test, before its event loop does. It needs anyio's pytest plugin and real
    time.
    """
    from streamkit.testing import FakeClaude

    async with AsyncExitStack() as servers:

        async def start(*replies: Script, repeat: bool = False) -> FakeClaude:
            return await servers.enter_async_context(FakeClaude(*replies, repeat=repeat))

        yield start


@pytest.fixture
async def no_leaked_tasks(
    _no_leaked_tasks_loop: None,  # it has to come before the next one
    anyio_backend: object,
) -> AsyncIterator[None]:
    """
    Fail if tasks are left that were not there before the test. It needs anyio's pytest plugin.

    Ask for it last, or tasks that other fixtures start count for the test; those of `fake_claude` never do.
    """
    from streamkit.testing._tasks import running_tasks

    before = running_tasks()
    yield
    left = sorted(running_tasks() - before)
    __tracebackhide__ = True
    assert not left, f"the test has left tasks behind: {', '.join(left)}"
