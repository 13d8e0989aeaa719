"""
Reads the JSON text of a tool's input, once all of it is there.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

from streamkit._claude.protocol.errors import GrammarError
from streamkit._claude.protocol.json_text import parse

if TYPE_CHECKING:
    from streamkit._claude.protocol.tool_call import Flaw

__all__ = ["flaw_in", "partial_object", "read_object"]

# The empty input of a block's start, which some gateways send once more in front of the real one.
_STRAY = re.compile(r"(?:[ \t\r\n]*\{[ \t\r\n]*\})+[ \t\r\n]*(?=\{)").match


def read_object(raw: str, *, closed: bool) -> dict[str, Any] | Flaw:
    """
    Parse a tool's input, or say why it cannot be used. An empty object before another one is not part of it.

    Args:
        raw: The JSON text. An empty one is a call without arguments, if its block was closed.
        closed: Whether the block got its `content_block_stop`.
    """
    if not raw.strip():
        return {} if closed else "truncated"
    raw = _without_stray(raw)
    try:
        value = parse(raw)
    except GrammarError:
        return _flaw(raw)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else "not_object"


def flaw_in(raw: str) -> str:
    """
    What is wrong with a tool's input, and where, for whoever has written it.
    """
    text = _without_stray(raw)
    begins = len(raw) - len(text.lstrip())
    try:
        value, end = json.JSONDecoder().raw_decode(text.lstrip())
    except json.JSONDecodeError as error:
        return f"{error.msg} at character {begins + error.pos} of {len(raw)}"
    except (ValueError, RecursionError):
        return "it has a number with too many digits, or is nested too deeply"
    if raw[begins + end :].strip():
        return f"it ends at character {begins + end} of {len(raw)}, and more follows"
    return "it is JSON that cannot be read" if isinstance(value, dict) else "it is not a JSON object"


def partial_object(raw: str) -> dict[str, Any]:
    """
    The whole members of an object whose text was cut, as the SDK reads it; empty where it is not an object.
    """
    try:
        value = _jiter(_without_stray(raw), strings=False)
    except ValueError:
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _without_stray(raw: str) -> str:
    stray = _STRAY(raw)
    return raw if stray is None else raw[stray.end() :]


def _flaw(raw: str) -> Flaw:
    text = raw.lstrip()
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        pass
    else:
        return "extra_data" if text[end:].strip() else "invalid"
    try:
        _jiter(raw, strings=True)
    except ValueError:
        return "invalid"
    return "truncated"


def _jiter(raw: str, *, strings: bool) -> object:
    from jiter import from_json  # the SDK's own parser: installed with it, and imported no sooner

    return from_json(raw.encode("utf-8", "replace"), partial_mode="trailing-strings" if strings else True)
