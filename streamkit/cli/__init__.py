"""
The command line: `streamkit demo`, `streamkit replay FILE` and `streamkit operators`.
"""

from __future__ import annotations

from .command import main

__all__ = ["main"]
