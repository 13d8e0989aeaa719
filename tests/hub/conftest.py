"""
The places that the suite of the hub runs on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.hub.places import PLACES, Place, Redis
from tests.support import profiles
from tests.support.backends import BACKENDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from streamkit.hub._stores.contract import Store


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Where a server's time has to pass, it passes in reality, and on both event loops alike.
    """
    if profiles.current() == "full":
        return
    skip = pytest.mark.skip(reason=f"{profiles.FULL_ONLY}: a server's time passes on each event loop alike")
    for item in items:
        if item.get_closest_marker("passes_time") and isinstance(item, pytest.Function):
            params = item.callspec.params
            if (params["anyio_backend"], params["place_kind"]) == ("trio", Redis.name):
                item.add_marker(skip)


@pytest.fixture(params=PLACES)
def place_kind(request: pytest.FixtureRequest) -> type[Place]:
    """
    Run a test in each kind of place.
    """
    kind: type[Place] = PLACES[request.param]
    return kind


@pytest.fixture(params=BACKENDS)
def anyio_backend(request: pytest.FixtureRequest) -> str | tuple[str, dict[str, Any]]:
    """
    Run each asynchronous test on both backends, as its place wants it.
    """
    name: str = request.param
    if "place_kind" not in request.fixturenames:
        return name
    kind: type[Place] = request.getfixturevalue("place_kind")
    return kind.backend(name)


@pytest.fixture
def place(place_kind: type[Place], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """
    A place with nothing in it.
    """
    return place_kind(tmp_path, monkeypatch)


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    """
    An open store.
    """
    async with place.store() as store:
        yield store
