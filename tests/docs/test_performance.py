"""
The pages say of the figures what was measured, and nothing else.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


def test_the_tables_are_those_of_the_last_kept_result() -> None:
    environment = {**os.environ, "PYTHONSAFEPATH": ""}  # the benchmarks are not installed
    command = [sys.executable, "-m", "benchmarks.report", "--check"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
