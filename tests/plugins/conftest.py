"""
Distributions that are installed for one test: a folder on `sys.path`, with metadata, as pip leaves it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

import pytest

from streamkit import plugins

from .distribution import OPERATORS, SHOUT, SINKS, SOURCES, write_distribution

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Install(Protocol):
    """
    Installs a distribution that consists of one module, named after it.

    Args:
        name: The distribution.
        code: The module.
        entry_points: For each group the names and the attributes of the module that they stand for.
        version: Its version.
    """

    def __call__(
        self, name: str, code: str, entry_points: Mapping[str, Mapping[str, str]], version: str = "1.0"
    ) -> Path: ...


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """
    The folder of these distributions.
    """
    return tmp_path / "site"


@pytest.fixture
def install(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """
    Install distributions. The first use of a name after it sees them.
    """
    monkeypatch.delenv("STREAMKIT_PLUGINS", raising=False)
    site.mkdir()
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    before = {*sys.modules}

    def install(
        name: str, code: str, entry_points: Mapping[str, Mapping[str, str]], version: str = "1.0"
    ) -> Path:
        about = write_distribution(site, name, code, entry_points, version)
        plugins.rescan()
        return about

    yield install
    for module in {*sys.modules} - before:
        if str(site) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]
    plugins.rescan()


@pytest.fixture
def shout(install: Install) -> None:
    """
    A distribution without fault, with everything that a plugin may be.
    """
    install(
        "streamkit-shout",
        SHOUT,
        {
            OPERATORS: {"shout": "shout", "loudly": "loudly", "twice": "Twice"},
            SOURCES: {"ticks": "ticks", "three": "three"},
            SINKS: {"count": "count", "counting": "counting"},
        },
    )
