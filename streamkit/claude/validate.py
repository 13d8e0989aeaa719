"""
Validate: the grammar of a Claude stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit.core.operator import Same
from streamkit.core.protocols import is_restart
from streamkit.core.transducer import Transducer, pure

from .errors import GrammarError
from .extract import whole_blocks
from .progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["validate"]

_TOOLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
_FITS = {
    "text_delta": frozenset({"text"}),
    "citations_delta": frozenset({"text"}),
    "input_json_delta": _TOOLS,
    "thinking_delta": frozenset({"thinking"}),
    "signature_delta": frozenset({"thinking"}),
    "compaction_delta": frozenset({"compaction"}),
}
_FILLED_BY_DELTAS = frozenset[str]().union(*_FITS.values())
