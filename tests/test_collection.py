"""
What pytest-xdist relies on: every process collects the same tests.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support import profiles
from tests.support.patience import PATIENCE


@pytest.mark.full("pytest-xdist itself ends a run whose processes differ; this tells in which test")
def test_two_processes_collect_the_same_tests_in_the_same_order(request: pytest.FixtureRequest) -> None:
    """
    This process, and one whose strings have other hashes and whose objects are elsewhere.
    """
    mine = [item.nodeid for item in request.session.items]
    files = list(dict.fromkeys(nodeid.partition("::")[0] for nodeid in mine))
    options = ["--collect-only", "-q", "--no-header", "-p", "no:cacheprovider"]
    if profiles.current() == "full":
        options.append("--full")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", *options, *files],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        cwd=request.config.rootpath,
        env={**os.environ, "PYTHONHASHSEED": "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    chosen = {*mine}
    others = [line for line in done.stdout.splitlines() if "::" in line]
    # This process may run a part of them only.
    assert [nodeid for nodeid in others if nodeid in chosen] == mine
