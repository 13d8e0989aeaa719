"""
The pytest plugin, as the pytest run of an application sees it.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from streamkit.testing import FakeClaude, reply, text
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from streamkit.testing.pytest_plugin import StartFakeClaude

pytest_plugins = ["pytester"]


async def test_the_fixture_starts_servers(fake_claude: StartFakeClaude) -> None:
    first = await fake_claude(reply(text("one")))
    second = await fake_claude(reply(text("two")), repeat=True)
    assert isinstance(first, FakeClaude)
    assert first.url != second.url
    for server in (first, second):
        client = server.client()
        await client.messages.create(model="m", max_tokens=1, messages=[{"role": "user", "content": "Hi"}])
        assert len(server.requests) == 1


@pytest.fixture
def application(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini(
        "[pytest]\nanyio_mode = auto\nfilterwarnings = error\naddopts = -p no:asyncio --strict-markers"
    )
    return pytester


def test_the_marker_runs_a_test_on_both_virtual_backends(application: pytest.Pytester) -> None:
    application.makepyfile(
        """
        import anyio
        import pytest

        @pytest.fixture
        async def started():
            yield anyio.current_time()
            assert anyio.current_time() == 3600

        @pytest.mark.virtual_time
        async def test_marked(started):
            assert started == 0
            await anyio.sleep(3600)

        async def test_unmarked():
            assert anyio.current_time() > 0

        """
    )
    result = application.runpytest_inprocess("-v")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines_random(
        ["*test_marked?asyncio-virtual? PASSED*", "*test_marked?trio-virtual? PASSED*"]
    )


def test_a_server_cannot_be_had_in_virtual_time(application: pytest.Pytester) -> None:
    application.makepyfile(
        """
        import pytest

        @pytest.mark.virtual_time
        async def test_served(fake_claude):
            pass
        """
    )
    result = application.runpytest_inprocess()
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        [
            "the fixture fake_claude cannot be had with the marker virtual_time. *in real time, or *replay(path)"
        ]
    )


def test_what_fails_is_shown_by_the_line_of_the_test(application: pytest.Pytester) -> None:
    """
    Not by the source of the testing kit, of which nobody has to read anything.
    """
    application.makepyfile(
        """
        import pytest
        import streamkit as sk
        from streamkit.testing import FakeClaude, OperatorSuite, marbles, reply, run_virtual

        @pytest.mark.virtual_time
        async def test_marbles():
            await marbles.expect(marbles.source("-a|"), "-b|")

        def test_a_diagram():
            marbles.parse("a|b")

        def test_a_reply():
            FakeClaude(reply(5))

        @sk.operator
        async def fails(items):
            async for item in items:
                raise LookupError("here")
                yield item

        class TestFails(OperatorSuite):
            inputs = ("a",)

            def operator(self):
                return fails()
        """
    )
    result = application.runpytest_inprocess("-k", "test_marbles or test_a or declared")
    result.stdout.no_fnmatch_line("*streamkit/testing/*")
    result.stdout.fnmatch_lines_random(
        [
            '>*raise LookupError("here")',
            '>*await marbles.expect(marbles.source("-a|"), "-b|")',
            "E*expected: -b|",
            '>*marbles.parse("a|b")',
            ">*FakeClaude(reply(5))",
            "E*reply() takes blocks*not 5",
        ]
    )


MARKED = """
    import anyio
    import pytest

    @pytest.mark.virtual_time
    async def test_an_hour():
        await anyio.sleep(3600)
"""


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_the_marker_works_in_each_mode_of_anyios_plugin(pytester: pytest.Pytester, mode: str) -> None:
    pytester.makeini(f"[pytest]\nanyio_mode = {mode}\nfilterwarnings = error\naddopts = -p no:asyncio")
    pytester.makepyfile(MARKED)
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=2)


@pytest.mark.parametrize(("mode", "outcome"), [("auto", {"errors": 2}), ("strict", {"passed": 2})])
def test_a_marker_that_pytest_asyncio_would_ignore_is_an_error(
    pytester: pytest.Pytester, mode: str, outcome: dict[str, int]
) -> None:
    pytest.importorskip("pytest_asyncio")
    pytester.makeini(f"[pytest]\nasyncio_mode = {mode}\nasyncio_default_fixture_loop_scope = function")
    pytester.makepyfile(MARKED)
    result = pytester.runpytest_subprocess("-q", "-p", "asyncio")
    assert {name: result.parseoutcomes().get(name, 0) for name in outcome} == outcome
    if mode == "auto":
        result.stdout.fnmatch_lines(["*pytest-asyncio runs this test, in real time*"])


def test_a_marked_test_that_is_not_asynchronous_is_an_error(application: pytest.Pytester) -> None:
    """
    A marker of the whole module is meant for those tests in it that wait.
    """
    application.makepyfile(
        test_own="import pytest\n@pytest.mark.virtual_time\ndef test_own(): pass",
        test_module="import pytest\npytestmark = pytest.mark.virtual_time\ndef test_module(): pass",
    )
    result = application.runpytest_inprocess("-q")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*virtual_time does nothing for test_own*write `async def`*"])


def test_examples_of_hypothesis_run_in_virtual_time(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\naddopts = -p no:asyncio")
    pytester.makepyfile(
        """
        import anyio
        import pytest
        from hypothesis import given, settings, strategies as st

        @pytest.mark.virtual_time
        @settings(max_examples=3, deadline=None)
        @given(st.integers())
        async def test_given(number):
            await anyio.sleep(3600)
        """
    )
    pytester.runpytest_subprocess("-q", timeout=PATIENCE).assert_outcomes(passed=2)


@pytest.mark.turns(6)
@pytest.mark.parametrize("mode", ["auto", "strict"])
@pytest.mark.parametrize("fixture", ["fake_claude", "no_leaked_tasks"])
@pytest.mark.parametrize("scope", ["function", "module"])
def test_a_fixture_that_pytest_asyncio_would_wait_for_is_an_error(
    pytester: pytest.Pytester, mode: str, fixture: str, scope: str
) -> None:
    """
    Also behind a fixture of the application's, in a class, and in a loop of the module.
    """
    pytest.importorskip("pytest_asyncio")
    pytester.makeini(f"[pytest]\nasyncio_mode = {mode}\nasyncio_default_fixture_loop_scope = function")
    pytester.makepyfile(
        f"""
        import pytest
        import pytest_asyncio

        @pytest_asyncio.fixture
        async def behind({fixture}):
            return {fixture}

        class TestThings:
            @pytest.mark.asyncio(loop_scope="{scope}")
            async def test_it(self, behind):
                pass
        """
    )
    result = pytester.runpytest_subprocess("-q", "-p", "asyncio", timeout=PATIENCE)
    assert result.parseoutcomes().keys() & {"passed", "failed"} == set()
    result.stdout.fnmatch_lines(
        [f"*the fixture {fixture} needs anyio's plugin: write `asyncio_mode = strict`*"]
    )


@pytest.mark.turns(6)
@pytest.mark.parametrize("fixture", ["fake_claude", "no_leaked_tasks"])
@pytest.mark.parametrize("where", ["test", "fixture"])
@pytest.mark.parametrize("backend", ["", "@pytest.fixture\ndef anyio_backend(): return 'asyncio'"])
def test_such_a_fixture_that_is_asked_for_while_the_test_runs_is_an_error_too(
    pytester: pytest.Pytester, fixture: str, where: str, backend: str
) -> None:
    pytest.importorskip("pytest_asyncio")
    pytester.makeini("[pytest]\nasyncio_mode = strict\nasyncio_default_fixture_loop_scope = function")
    parameter = "request" if where == "test" else "behind"
    pytester.makepyfile(
        f"import pytest\n{backend}\n"
        f"@pytest.fixture\ndef behind(request): return request.getfixturevalue('{fixture}')\n"
        f"@pytest.mark.asyncio\nasync def test_it({parameter}): {parameter}.getfixturevalue('{fixture}')"
    )
    result = pytester.runpytest_subprocess("-q", "-p", "asyncio", timeout=PATIENCE)
    assert "passed" not in result.parseoutcomes()
    result.stdout.fnmatch_lines(
        [f"*the fixture {fixture} needs anyio's plugin: write `asyncio_mode = strict`*"]
    )


def test_without_anyios_plugin_the_error_says_so(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\naddopts = -p no:asyncio -p no:anyio")
    pytester.makepyfile(
        test_marked=MARKED,
        test_fixture="async def test_it(fake_claude): pass",
        test_other="def test_it(): pass",
    )
    result = pytester.runpytest_subprocess("-q", timeout=PATIENCE)
    assert result.parseoutcomes()["passed"] == 1
    result.stdout.fnmatch_lines_random(
        ["*the fixture fake_claude needs anyio's*`-p no:anyio`*", "*the marker virtual_time needs anyio's*"]
    )


def test_the_servers_of_the_fixture_are_not_tasks_of_the_test(application: pytest.Pytester) -> None:
    application.makepyfile(
        """
        from streamkit.testing import reply, text

        async def test_it(fake_claude, no_leaked_tasks):
            await fake_claude(reply(text("Hello")))
        """
    )
    application.runpytest_subprocess("-q", timeout=PATIENCE).assert_outcomes(passed=2)


def test_a_deadlock_fails_the_test_and_no_other(application: pytest.Pytester) -> None:
    application.makepyfile(
        """
        import anyio
        import pytest

        pytestmark = pytest.mark.virtual_time

        @pytest.fixture
        async def fixture():
            await anyio.sleep(1)
            yield
            await anyio.sleep(1)

        async def test_deadlock(fixture):
            await anyio.Event().wait()

        async def test_after(fixture):
            assert anyio.current_time() == 1
        """
    )
    result = application.runpytest_subprocess("-v", timeout=PATIENCE)
    outcomes = result.parseoutcomes()
    # On asyncio the error ends the loop, so the fixture of the failed test cannot be torn down
    assert (outcomes["passed"], outcomes["failed"], outcomes.get("errors", 0)) in {(2, 2, 0), (2, 2, 1)}
    result.stdout.fnmatch_lines(["*DeadlockError: every task waits, no timer is set*"])


def test_each_marked_test_has_a_clock_of_its_own(application: pytest.Pytester) -> None:
    application.makepyfile(
        """
        import anyio
        import pytest

        @pytest.mark.virtual_time
        @pytest.mark.parametrize("a", [1, 2])
        @pytest.mark.parametrize("b", [1, 2])
        async def test_parametrized_twice(a, b):
            assert anyio.current_time() == 0
            await anyio.sleep(60)
        """
    )
    application.runpytest_inprocess().assert_outcomes(passed=8)


def test_a_fixture_notices_tasks_that_are_left(application: pytest.Pytester) -> None:
    application.makepyfile(
        """
        import asyncio

        import anyio
        import pytest
        import trio

        left = []

        def start():
            if trio.lowlevel.in_trio_run():
                trio.lowlevel.spawn_system_task(trio.sleep, 60)
            else:
                left.append(asyncio.ensure_future(asyncio.sleep(60)))

        @pytest.fixture
        async def started():
            start()

        @pytest.mark.virtual_time
        @pytest.mark.parametrize("again", [1, 2])
        async def test_leaves_one(no_leaked_tasks, again):
            start()

        @pytest.mark.virtual_time
        async def test_leaves_none(started, no_leaked_tasks):
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep, 60)
        """
    )
    result = application.runpytest_inprocess()
    result.assert_outcomes(passed=6, errors=4)
    result.stdout.fnmatch_lines(["*AssertionError: the test has left tasks behind: sleep*"])


def test_loading_the_plugin_loads_nothing_else() -> None:
    program = (
        "import sys, pytest, streamkit; before = set(sys.modules); import streamkit.testing.pytest_plugin; "
        "print(*sorted(name for name in set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == ["streamkit.testing", "streamkit.testing.pytest_plugin"]


def test_importing_the_kit_imports_neither_the_sdk_nor_trio() -> None:
    program = (
        "import sys; from streamkit.testing import *; "
        "print(*sys.modules.keys() & {'anthropic', 'httpx2', 'pydantic', 'trio', 'pytest'})"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
