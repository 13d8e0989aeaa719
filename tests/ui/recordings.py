"""
The recordings of real streams, as pages see them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[3] / "shared" / "recordings"
RECORDINGS: Final = sorted(FOLDER.glob("*.sse"))
