"""
Sources: what a citation of Claude's is in the protocol.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamkit.ui.ai_sdk._data import Chunk

__all__ = ["source"]


def source(citation: dict[str, Any], source_id: str) -> Chunk:
    """
    The chunk of one citation: `source-url` where it names a place on the web, else `source-document`.

    The citation itself is in its `providerMetadata`, as the SDK's own provider has it.
    """
    metadata = {"anthropic": citation}
    title = _text(citation, "title")
    url = _text(citation, "url") or (
        _text(citation, "source") if citation.get("type") == "search_result_location" else ""
    )
    if url:
        chunk: Chunk = {"type": "source-url", "sourceId": source_id, "url": url}
        if title:
            chunk["title"] = title
    else:
        number = citation.get("document_index")
        name = _text(citation, "document_title") or title
        chunk = {
            "type": "source-document",
            "sourceId": source_id,
            "mediaType": "application/pdf" if citation.get("type") == "page_location" else "text/plain",
            "title": name or ("Document" if number is None else f"Document {number}"),
        }
    chunk["providerMetadata"] = metadata
    return chunk


def _text(citation: dict[str, Any], field: str) -> str:
    value = citation.get(field)
    return value if isinstance(value, str) else ""
