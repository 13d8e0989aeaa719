"""
The command line: `streamkit demo` and `streamkit replay FILE`.
"""

from __future__ import annotations

from .command import main

__all__ = ["main"]
