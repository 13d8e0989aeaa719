"""
An error as plain JSON objects, for another process, and what that makes of them: a `StreamError` that says the same.
"""

from __future__ import annotations

from typing import Any, Final

from streamkit._core.adapters import adapter_of
from streamkit._core.errors import StreamError
from streamkit._core.foreign_objects import attribute_of
from streamkit._core.log import error_fields
from streamkit._core.plain import plain_error

__all__ = ["error_name", "error_told", "fields_told", "tell_error"]

_NO_TYPE: Final = "exception"


def tell_error(error: BaseException) -> dict[str, Any]:
    """
    What another process is to know of an error.
    """
    said = plain_error(error) or {}
    status, request_id = attribute_of(error, "status_code"), attribute_of(error, "request_id")
    return {
        "class": said["type"],
        "type": error_fields(error).get("error_type") or _NO_TYPE,
        "message": said["message"].encode("utf-8", "replace").decode(),
        "status_code": status if isinstance(status, int) else None,
        "retriable": _may_pass(error),
        "request_id": request_id if isinstance(request_id, str) else None,
    }


def fields_told(told: dict[str, Any]) -> dict[str, Any]:
    """
    What a `StreamError` is made with: its message, and everything else by name.
    """
    name, message = told["class"], told["message"]
    return {
        "message": f"{name}: {message}" if message else name,
        **{field: told[field] for field in ("type", "status_code", "retriable", "request_id")},
    }


def error_name(told: dict[str, Any] | None) -> str | None:
    """
    What may be said of an error to anybody: its class, and the type that the API gives it.
    """
    if told is None:
        return None
    name: str = told["class"]
    return name if told["type"] == _NO_TYPE else f"{name} ({told['type']})"


def error_told(told: dict[str, Any]) -> StreamError:
    """
    The error that was told.
    """
    return StreamError(**fields_told(told))


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, StreamError):
        return error.retriable
    adapter = adapter_of(error)
    advice = adapter.retry_advice(error) if adapter is not None and isinstance(error, Exception) else None
    return advice is not None and advice.retriable
