"""
What is wanted of a text: a part of it, and the type of its complete values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._partial_json.model import validator
from streamkit._partial_json.path import parse_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamkit._partial_json.path import Path

__all__ = ["Selector"]


class Selector:
    """
    Says what is wanted of a text. One serves for any number of them.

    Args:
        path: The part of it, such as `"$.items[*]"`; None for the whole.
        model: What complete values are made into; None to leave them as they are.

    Raises:
        TypeError: `path` is not a string, or `model` is not a model.
        ValueError: `path` cannot be followed while the text is being written.

    Attributes:
        path: The steps of the path, or None.
        validate: The function that makes a value into an instance of the model, or None.
        memory: What an `Extractor` for it holds at most, in words.
        repeats: Whether it shows the whole again each time that it has grown, instead of one thing after the other.
    """

    def __init__(self, path: str | None, model: Any) -> None:
        self.path: Path | None = None if path is None else parse_path(path)
        self.validate: Callable[[Any], Any] | None = None if model is None else validator(model)
        self.memory: str = "the value so far" if path is None else "what the path selects, one at a time"
        self.repeats: bool = path is None and model is None
