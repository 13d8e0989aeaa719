"""
Files: what a user has attached, as a content block of the API's.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Final

from streamkit._serving.bad_request import BadRequest

__all__ = ["file_block"]

_ESCAPES: Final = re.compile(rb"(?:%[0-9a-fA-F]{2})+")
_IMAGES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})


def file_block(part: dict[str, Any], place: str) -> dict[str, Any] | None:
    """
    The content block of a file part: an image, a PDF or a text, inside the request, at an address, or uploaded before. None where
    there is nothing in the file, because the API refuses that.

    Args:
        part: The part of the message.
        place: Where it stands, for an error.

    Raises:
        BadRequest: It is of another type, or has no data and no address.
    """
    media_type = _media_type(part.get("mediaType"))
    is_image = media_type.partition("/")[0] == "image"
    name = part.get("filename")
    title = {"title": name} if isinstance(name, str) and name and not is_image else {}
    reference = part.get("providerReference")
    if isinstance(reference, dict) and isinstance(file_id := reference.get("anthropic"), str):  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        source: dict[str, Any] = {"type": "file", "file_id": file_id}
        return {"type": "image" if is_image else "document", "source": source, **title}
    url = part.get("url")
    if not isinstance(url, str):
        raise BadRequest(f"{place}: a file has no url")
    if url[:5].lower() == "data:":
        told, data = _data_in(url, place)
        media_type = told or media_type
        is_image = media_type.partition("/")[0] == "image"
        source = _inline(media_type, data, place)
        if not data:
            return None
    elif url[:8].lower() == "https://" or url[:7].lower() == "http://":
        if not (is_image or media_type == "application/pdf" or media_type.partition("/")[0] == "text"):
            raise _unknown(place)
        source = {"type": "url", "url": url}
    else:
        raise BadRequest(f"{place}: the url of a file is neither a data: URL nor one of http or https")
    return {"type": "image" if is_image else "document", "source": source, **title}


def _media_type(value: object) -> str:
    return value.partition(";")[0].strip().lower() if isinstance(value, str) else ""


def _data_in(url: str, place: str) -> tuple[str, bytes]:
    """
    The media type and the bytes of a `data:` URL.
    """
    head, comma, data = url[5:].partition(",")
    if not comma:
        raise BadRequest(f"{place}: a file's data: URL has no data")
    media_type, said = _media_type(head), _unescaped(data)
    _, semicolon, last = head.rpartition(";")
    if not semicolon or last.strip().lower() != "base64":
        return media_type, said
    try:
        return media_type, base64.b64decode(said, validate=True)
    except binascii.Error:
        raise BadRequest(f"{place}: a file's data is not base64") from None


def _unescaped(data: str) -> bytes:
    # A file has so many escapes that each by itself takes seconds, as those of urllib do.
    return _ESCAPES.sub(lambda escapes: bytes.fromhex(escapes[0].replace(b"%", b"").decode()), data.encode())


def _inline(media_type: str, data: bytes, place: str) -> dict[str, Any]:
    if media_type in _IMAGES or media_type == "application/pdf":
        return {"type": "base64", "media_type": media_type, "data": base64.b64encode(data).decode()}
    if media_type.partition("/")[0] == "text" or media_type == "application/json":
        try:
            return {"type": "text", "media_type": "text/plain", "data": data.decode("utf-8-sig")}
        except UnicodeDecodeError:
            raise BadRequest(f"{place}: a text file is not UTF-8") from None
    raise _unknown(place)


def _unknown(place: str) -> BadRequest:
    return BadRequest(
        f"{place}: a file is of a type that Claude does not take; it takes images, PDF and text"
    )
