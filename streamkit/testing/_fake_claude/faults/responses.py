"""
Faults of a whole response: an HTTP error, a redirect, a gateway's page or a JSON document in place of the stream.

The folder's docstring has the other kinds of fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

from streamkit._claude.protocol.errors import STATUS_OF_ERROR
from streamkit.testing._fake_claude.reply import Reply, json_reply

__all__ = ["error_reply", "json_body", "page", "redirect"]

REDIRECTS: Final = (301, 302, 303, 307, 308)

ERROR_OF_STATUS: Final[Mapping[int, str]] = {status: name for name, status in STATUS_OF_ERROR.items()}


def error_reply(
    status: int,
    type: str | None = None,  # noqa: A002 -- the API's own word for it
    message: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """
    An HTTP error instead of a message.

    Args:
        status: The HTTP status, such as 529.
        type: The API's name of the error; by default the one that belongs to `status`.
        message: The text for people; by default the type in words.
        headers: HTTP headers to add, such as `{"retry-after": "2"}`.

    Raises:
        ValueError: `status` is not that of an error.
    """
    if not 400 <= status <= 599:
        raise ValueError(f"error_reply({status!r}): give an HTTP error status, 400 to 599")
    name = type or ERROR_OF_STATUS.get(status) or ("invalid_request_error" if status < 500 else "api_error")
    told = message or name.removesuffix("_error").replace("_", " ").capitalize()
    return json_reply({"type": "error", "error": {"type": name, "message": told}}, status, headers)


def redirect(location: str = "/v1/messages", status: int = 307) -> Reply:
    """
    A redirect to another place, which the SDK follows.

    Args:
        location: The other place: a path or a URL.
        status: The HTTP status; after 301, 302 and 303 clients ask with GET.

    Raises:
        ValueError: `status` is not that of a redirect.
    """
    if status not in REDIRECTS:
        raise ValueError(f"redirect(status={status!r}): give one of {', '.join(map(str, REDIRECTS))}")
    headers = {"location": location, "content-type": "text/plain", "content-length": "0"}
    return Reply((), status, headers)


def json_body(document: object, content_type: str = "application/json") -> Reply:
    """
    A JSON document with status 200 in place of events: a gateway's error, or a message from one that cannot stream.

    Args:
        document: What it holds.
        content_type: What the response calls itself; some say `"text/event-stream"` even so.
    """
    return json_reply(document, headers={"content-type": content_type})


def page(status: int = 200, title: str = "Bad gateway") -> Reply:
    """
    A gateway's HTML page in place of events.

    Args:
        status: The HTTP status: 200, which some gateways send even with such a page, or that of an error.
        title: What the page says.

    Raises:
        ValueError: `status` is neither 200 nor that of an error.
    """
    if status != 200 and not 400 <= status <= 599:
        raise ValueError(f"page(status={status!r}): give 200, or an HTTP error status, 400 to 599")
    words = escape(title)
    html = f"<!DOCTYPE html>\n<html>\n<head><title>{words}</title></head>\n<body><h1>{words}</h1></body>\n</html>\n"
    body = html.encode()
    return Reply(
        [body], status, {"content-type": "text/html; charset=utf-8", "content-length": str(len(body))}
    )
