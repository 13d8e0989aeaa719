"""
What every test may use: both backends, and the recordings of real streams where they are at hand.
"""

from __future__ import annotations

from pathlib import Path

import pytest

RECORDINGS = Path(__file__).parents[2] / "shared" / "recordings"


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """
    Run each asynchronous test on both backends.
    """
    name: str = request.param
    return name


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """
    Run a test that has an argument `recording` once for each recorded stream, or skip it loudly without them.
    """
    if "recording" not in metafunc.fixturenames:
        return
    paths = sorted(RECORDINGS.glob("*.sse"))
    if paths:
        metafunc.parametrize("recording", paths, ids=[path.stem for path in paths])
    else:
        skip = pytest.mark.skip(reason=f"no recorded streams: {RECORDINGS} has no .sse file")
        metafunc.parametrize("recording", [pytest.param(None, marks=skip, id="none")])
