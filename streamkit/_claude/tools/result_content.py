"""
What Claude is sent of what a tool has given, or has failed with.

The API refuses a result for as long as it stands in the conversation, so nothing that it refuses may come out of here: an empty
text, an error that has more than texts or says nothing, half of a surrogate pair.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from streamkit._claude.protocol.plain_params import as_plain
from streamkit._core.foreign_objects import attribute_of
from streamkit._core.json_text import JSONText
from streamkit._surrogates import legal, plain_text

if TYPE_CHECKING:
    from anthropic.types.tool_result_block_param import Content

__all__ = ["content_of", "content_of_error"]

_BLOCKS: Final[Mapping[object, Mapping[str, type]]] = {
    "text": {"text": str},
    "image": {"source": object},
    "document": {"source": object},
    "search_result": {"source": str, "title": str, "content": list},
    "tool_reference": {"tool_name": str},
}
"""The content blocks that a result may have, and what each of them must have. A source that is an object has a type."""

_UNSAID: Final = "The tool has failed, and does not say why."


def content_of(value: object, name: str) -> str | list[Content]:
    """
    The content of a result: a text and content blocks as they are, other values as their JSON text.

    Args:
        value: What the tool has given.
        name: The tool's name.

    Raises:
        TypeError: JSON has no such value.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return legal(plain_text(value))
    kind = type(value)
    if isinstance(value, bytes | bytearray | memoryview):
        raise TypeError(
            f"the tool {name!r} gave {kind.__name__}, which Claude cannot be sent: return their text, as data.decode() "
            "gives it, or an image or a document, which has them as base64"
        )
    if isinstance(value, list | tuple | Iterator):
        items = list(cast("Iterable[object]", value))
        if items and all(map(_is_block, items)):
            return _sendable(items)
        value = items
    json_text = JSONText(name, error=str)
    try:
        return json_text.encode(value).decode()
    except TypeError:
        raise TypeError(
            f"the tool {name!r} gave {type(value).__name__}, which JSON cannot hold: return a text, content blocks, or plain "
            "values"
        ) from None


def content_of_error(error: Exception) -> str | list[Content]:
    """
    The content of the result of a tool that has failed: what the exception says, and where the input does not fit, why.
    """
    from anthropic.lib.tools import ToolError

    if isinstance(error, ToolError):
        content = attribute_of(error, "content")
        if isinstance(content, list) and all(map(_is_block, cast("list[object]", content))):
            return _only_texts(_sendable(cast("list[object]", content))) or _UNSAID
        return legal(content if isinstance(content, str) else _message(error)) or _UNSAID
    told = f"{type(error).__name__}: {_message(error)}".removesuffix(": ")
    return legal(told + "".join(f"\n{each}" for each in _misfits(error)))


def _misfits(error: Exception) -> Iterator[str]:
    """
    Which arguments do not fit a tool, and why. The SDK says only that there are some; pydantic, which.
    """
    from pydantic import ValidationError

    cause = error.__cause__
    if isinstance(cause, ValidationError):
        for each in cause.errors():
            yield f"{'.'.join(map(str, each['loc']))}: {each['msg']}"


def _message(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # it is somebody else's class
        return "its message cannot be told"


def _sendable(blocks: Iterable[object]) -> list[Content]:
    plain = [cast("dict[str, Any]", as_plain(block)) for block in blocks]
    return [cast("Content", block) for block in plain if block["type"] != "text" or block["text"]]


def _only_texts(blocks: Iterable[Content]) -> list[Content]:
    """
    The same blocks, with a text in the place of each that is another one, because an error may not have it.
    """
    return [
        block
        if block["type"] == "text"
        else {"type": "text", "text": f"[one {block['type']}, which cannot be shown with an error]"}
        for block in blocks
    ]


def _is_block(value: object) -> bool:
    """
    Whether it is a content block, and not an application's own data that has a type of that name.
    """
    kind = _field(value, "type")
    needed = _BLOCKS.get(kind) if isinstance(kind, str) else None
    if needed is None:
        return False
    return all(
        _field(_field(value, name), "type") is not None
        if type_ is object
        else isinstance(_field(value, name), type_)
        for name, type_ in needed.items()
    )


def _field(value: object, name: str) -> Any:
    if isinstance(value, Mapping):
        return cast("Mapping[str, object]", value).get(name)
    return attribute_of(value, name)
