"""
The type checkers are asked where they are asked for: `nox -s typing` does, and so does `pytest --full`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import profiles

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    named = (Path(config.invocation_params.dir, arg.partition("::")[0]).resolve() for arg in config.args)
    if profiles.current() == "full" or any(path.is_relative_to(HERE) for path in named):
        return
    why = "it takes long, and `nox -s typing` runs it"
    skip = pytest.mark.skip(reason=f"{profiles.FULL_ONLY}, or as `pytest tests/typing`: {why}")
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(skip)
