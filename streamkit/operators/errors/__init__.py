"""
Errors: what happens when a stream fails, and when it ends.
"""

from .catch import catch
from .finalize import finalize
from .retry import retry

__all__ = ["catch", "finalize", "retry"]
