"""
The pytest plugin: fixtures and a marker for applications that test their streams.

pytest loads it in every run where streamkit is installed, so it imports only what a test asks for.
"""

from __future__ import annotations

import inspect
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

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
    if not isinstance(collector, pytest.Module | pytest.Class) or not inspect.iscoroutinefunction(obj):
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
    Give a marked test a clock of its own, because a test with other parameters got one clock for all their values, and
    because a test may run again.
    """
    if not isinstance(item, pytest.Function) or item.get_closest_marker(_MARKER) is None:
        return
    if type(item).__module__.startswith("pytest_asyncio"):
        pytest.fail(
            "pytest-asyncio runs this test, in real time, and does not know the marker virtual_time: write "
            "asyncio_mode = strict, so that it leaves tests alone which are not its own, or leave the marker out",
            pytrace=False,
        )
    call = getattr(item, "callspec", None)
    if call is not None and "anyio_backend" in call.params:
        from streamkit.testing import virtual_backend

        name, _ = call.params["anyio_backend"]
        call.params["anyio_backend"] = virtual_backend(name)


class StartFakeClaude(Protocol):
    """
    The function that the fixture `fake_claude` returns: `server = await fake_claude(reply(text("Hello")))`.
    """

    async def __call__(self, *replies: Script, repeat: bool = False) -> FakeClaude: ...


@pytest.fixture
async def fake_claude(anyio_backend: object) -> AsyncIterator[StartFakeClaude]:
    """
    A function that starts servers, which end with the test. It needs anyio's pytest plugin and real time.
    """
    from streamkit.testing import FakeClaude

    async with AsyncExitStack() as servers:

        async def start(*replies: Script, repeat: bool = False) -> FakeClaude:
            return await servers.enter_async_context(FakeClaude(*replies, repeat=repeat))

        yield start


@pytest.fixture
async def no_leaked_tasks(anyio_backend: object) -> AsyncIterator[None]:
    """
    Fail if tasks are left that were not there before the test. It needs anyio's pytest plugin.

    Ask for it last, or tasks that other fixtures start count for the test.
    """
    from streamkit.testing._tasks import running_tasks

    before = running_tasks()
    yield
    left = sorted(running_tasks() - before)
    assert not left, f"the test has left tasks behind: {', '.join(left)}"
