"""
Time: when items go on.
"""

from __future__ import annotations

from streamkit.operators.time.debounce import debounce
from streamkit.operators.time.rate_limit import rate_limit
from streamkit.operators.time.sample import sample
from streamkit.operators.time.timeout import timeout

__all__ = ["debounce", "rate_limit", "sample", "timeout"]
