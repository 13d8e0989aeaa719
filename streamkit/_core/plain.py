"""
How values of streamkit become plain JSON objects, for `json.dumps`, FastAPI and whoever else sends them on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PlainValue", "error_name", "error_repr", "plain_error"]


class PlainValue:
    """
    A value that other programs can make JSON of: by `to_dict`, and by `dict(...)`, as FastAPI's encoder does.
    """

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """
        As plain JSON objects.
        """
        raise NotImplementedError

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """
        Each name of `to_dict()` with its value, as pydantic's models give their fields.
        """
        return iter(self.to_dict().items())


def error_name(error: BaseException | None) -> str:
    """
    An error as the `repr` of a report shows it: by its class, because its message may quote what was said.
    """
    return "None" if error is None else type(error).__name__


def error_repr(error: BaseException) -> str:
    """
    The `repr` of an error, also of one whose own fails, as that of somebody else's class may.
    """
    try:
        return repr(error)
    except Exception as failure:
        return f"<{type(error).__name__}, whose repr fails with {type(failure).__name__}>"


def plain_error(error: BaseException | None) -> dict[str, str] | None:
    """
    Of an error its class and its message, which may quote what was said.
    """
    if error is None:
        return None
    try:
        message = str(error)
    except Exception as failure:  # it is somebody else's class
        message = f"its message cannot be told: {type(failure).__name__}"
    return {"type": type(error).__name__, "message": message}
