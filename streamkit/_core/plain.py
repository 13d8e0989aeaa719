"""
How values of streamkit become plain JSON objects, for `json.dumps`, FastAPI and whoever else sends them on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PlainValue", "plain_error"]


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
