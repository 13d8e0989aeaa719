"""
`python -m benchmarks.report`: write the pages and the charts from the last kept result.

With `--check` nothing is written, and a page that says something else is an error.
"""

from __future__ import annotations

import sys

from . import differing, write

if "--check" in sys.argv[1:]:
    if names := [page.name for page in differing()]:
        sys.exit(
            f"run `python -m benchmarks.report`: {', '.join(names)} say something else than was measured"
        )
else:
    for path in write():
        print(f"written: {path}")
