"""
A program ends though a sink's file is stuck.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.backends import BACKENDS
from tests.support.patience import PATIENCE

PROGRAM = """
import os, sys
import anyio
import streamkit as sk

reading, writing = os.pipe()
pipe = os.fdopen(writing, "w", buffering=1)

async def main():
    with anyio.move_on_after(0.2):
        job = sk.from_iterable(["x" * 1000] * 1000) | sk.sinks.write(pipe)
        async with job.open(close_timeout=0.2) as run:
            await run
    print("left")

anyio.run(main, backend=sys.argv[1])
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_pipe_that_nobody_reads_does_not_keep_the_program_from_ending(backend: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, backend],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "left\n"), done.stderr
