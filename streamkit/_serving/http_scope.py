"""
What a response asks of its request: that it is one of HTTP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_http"]


def check_http(response: object, scope: Mapping[str, Any]) -> None:
    """
    Refuse a request of another kind, such as that of a WebSocket.

    Raises:
        RuntimeError: It is one.
    """
    if scope["type"] != "http":
        raise RuntimeError(f"{type(response).__name__} answers HTTP requests, not {scope['type']!r}")
