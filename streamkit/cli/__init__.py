"""
The command line: `streamkit demo`, `replay`, `record`, `serve` and `operators`.
"""

from __future__ import annotations

from streamkit.cli.command_line import main

__all__ = ["main"]
