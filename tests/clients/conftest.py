"""
Other people's clients, and a site for them; where one is missing, the tests that need it are skipped, and say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.clients import packages
from tests.clients.site import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.clients.site import Site


def needs(find: Callable[[], object]) -> None:
    """
    Skip what needs a client that is missing; fail where clients are required, as in CI.
    """
    try:
        find()
    except packages.Missing as error:
        (pytest.fail if packages.REQUIRED else pytest.skip)(str(error))


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """
    A web server for everything that clients read.
    """
    with serving() as site:
        yield site


@pytest.fixture(scope="session")
def node() -> None:
    """
    Skip without Node.js and its packages.
    """
    needs(packages.judge)
