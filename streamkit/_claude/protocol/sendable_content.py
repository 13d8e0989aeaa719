"""
The content of a tool's result, as the API takes it.

The API refuses a result for as long as it stands in the conversation, so nothing that it refuses may come out of here: an empty
text, a block without what belongs to it, an error that has more than texts or says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from streamkit._core.foreign_objects import attribute_of

if TYPE_CHECKING:
    from anthropic.types.tool_result_block_param import Content

__all__ = ["are_blocks", "only_said", "sendable"]

_BLOCKS: Final[Mapping[object, Mapping[str, type]]] = {
    "text": {"text": str},
    "image": {"source": object},
    "document": {"source": object},
    "search_result": {"source": str, "title": str, "content": list},
    "tool_reference": {"tool_name": str},
}
"""The content blocks that a result may have, and what each of them must have. A source that is an object has a type."""

_UNSAID: Final = "The tool has failed, and does not say why."


def are_blocks(values: Sequence[object]) -> bool:
    """
    Whether they are content blocks, and not an application's own data that has a type of that name.
    """
    return bool(values) and all(map(_is_block, values))


def sendable(blocks: Iterable[object]) -> list[Content]:
    """
    Content blocks, without texts that say nothing.
    """
    return [cast("Content", block) for block in blocks if not _is_empty(block)]


def only_said(content: str | Sequence[Content]) -> str | list[Content]:
    """
    The content of a result that tells of a failure: texts, a text in the place of each block that is another one, because an
    error may not have it, and something where nothing is said.
    """
    if isinstance(content, str):
        return content if content.strip() else _UNSAID
    texts: list[Content] = [
        block
        if (kind := _field(block, "type")) == "text"
        else {"type": "text", "text": f"[one {kind}, which cannot be shown with an error]"}
        for block in content
    ]
    return texts or _UNSAID


def _is_empty(block: Any) -> bool:
    return _field(block, "type") == "text" and _field(block, "text") in ("", None)


def _is_block(value: object) -> bool:
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
