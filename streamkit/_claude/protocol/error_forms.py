"""
Reads an error out of any JSON object, whoever has written it: the API, a cloud, a gateway or a local server.

The API's own form is `{"type": "error", "error": {"type": …, "message": …}}` (https://docs.claude.com/en/api/errors). Others
write `{"error": "…"}`, `{"message": "…"}` or `{"detail": "…"}`, name the error by an HTTP status, or as AWS
(https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html) and Google
(https://cloud.google.com/apis/design/errors) name theirs. Whatever they say is in the message of the `StreamError`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
from msgspec import UNSET

from streamkit._claude.protocol.errors import STATUS_OF_ERROR, status_of
from streamkit._claude.protocol.events import (
    Message,
    MessageChanges,
    MessageDelta,
    MessageStart,
    MessageStop,
)
from streamkit._claude.protocol.kinds import EVENTS
from streamkit._claude.protocol.reading import text_of_field
from streamkit._claude.protocol.retriable import is_retriable
from streamkit._claude.protocol.stop_reasons import STOP_REASONS
from streamkit._core.errors import StreamError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["failure_told", "is_error", "read_error"]

_MAX_QUOTED: Final = 200
"""Characters that a message quotes of an error without a text of its own."""

_NESTS: Final = ("error", "detail", "errors", "fault", "base_resp")
"""Fields that may hold the error itself."""

_TEXTS: Final = (
    "message", "Message", "msg", "error_message", "errorMessage", "error_msg", "status_msg", "detail", "error_description",
    "description", "error", "reason", "title",
)  # fmt: skip
"""Fields that may hold the text for people, the best first."""

_TELLING: Final = ("message", "Message", "detail", "__type", "error_msg", "error_message", "errorMessage")
"""Fields whose text makes an object without a type an error."""

_NAMES: Final = ("type", "__type", "code", "status", "error_code", "errorCode", "error")
"""Fields that may name the kind of error."""

_STATUSES: Final = ("code", "status", "status_code", "statusCode", "http_status", "httpStatus", "error_code")
"""Fields that may hold an HTTP status."""

_FAILED: Final = frozenset({"error", "fail", "failed", "failure"})
"""What `status` says of a failure."""

_GOOD_CODES: Final = frozenset({"0", "1", "200"})
_GOOD_WORDS: Final = re.compile(r"\W*(?:ok|succe)", re.IGNORECASE)
"""What `code` and `msg` say where nothing has failed; a code alone is different with each server."""

_STOP_REASON_IN: Final = {MessageStart: "message", MessageDelta: "delta", MessageStop: None}
"""Events without a field that nobody knows, and their part with the stop reason."""

_PARTS: Final = frozenset({Message, MessageChanges})
_USUAL: Final = frozenset({None, UNSET, *STOP_REASONS})

_MOST_LAYERS: Final = 8
"""Objects inside one another that are looked into."""

_REQUEST_IDS: Final = ("request_id", "requestId")

_STATUS_OF_NAME: Final = {
    **{re.sub(r"_error$|_", "", name): status for name, status in STATUS_OF_ERROR.items()},
    # AWS
    "accessdenied": 403,
    "internalfailure": 500,
    "internalserver": 500,
    "modelnotready": 429,
    "modelstreamerror": 424,
    "modeltimeout": 408,
    "requestlimitexceeded": 429,
    "requesttimeout": 408,
    "resourcenotfound": 404,
    "servicequotaexceeded": 400,
    "serviceunavailable": 503,
    "slowdown": 503,
    "throttled": 429,
    "throttling": 429,
    "toomanyrequests": 429,
    "validation": 400,
    # Google
    "aborted": 409,
    "deadlineexceeded": 504,
    "failedprecondition": 400,
    "internal": 500,
    "invalidargument": 400,
    "permissiondenied": 403,
    "resourceexhausted": 429,
    "unauthenticated": 401,
    "unavailable": 503,
    # names that gateways have for the same
    "badgateway": 502,
    "badrequest": 400,
    "forbidden": 403,
    "gatewaytimeout": 504,
    "notfound": 404,
    "ratelimitexceeded": 429,
    "server": 500,
    "serveroverloaded": 529,
    "unauthorized": 401,
    "upstream": 502,
}
"""The HTTP status that belongs to the name of an error, which is written small, without signs and without its last `Error`
or `Exception`."""

_RETRIABLE_NAMES: Final = frozenset({"modelstreamerror"})
"""Names of errors that may pass although their status says nothing of that: AWS asks to retry these."""

_WORDS: Final = re.compile(
    r"overloaded|rate.?limit|too many requests|throttl|time(?:d.)?out|temporarily|service unavailable"
    r"|internal server error|bad gateway|(?:try again|retry) (?:later|in|after|shortly)",
    re.IGNORECASE,
)
"""What people are told of errors that may pass."""

_NO_NAME: Final = frozenset({"", "error", "exception", "none", "null"})
_IDENTIFIER: Final = re.compile(r"[A-Za-z][\w.-]*")


def is_error(obj: Mapping[str, Any], name: str = "") -> bool:
    """
    Whether a JSON object that stands where an event is due is an error.

    Args:
        obj: The object.
        name: The event that its frame names; empty without one.
    """
    kind = obj.get("type")
    if not isinstance(kind, str):
        kind = name
    if kind in EVENTS:
        return False
    if (
        kind.lower() in {"error", "exception"}
        or kind in STATUS_OF_ERROR
        or _is_exception(kind)
        or obj.get("object") == "error"
    ):
        return True
    if isinstance(obj.get("type"), str):
        return False
    if any(isinstance(obj.get(field), str | Mapping | list) and obj[field] for field in ("error", "errors")):
        return True
    if _says_failure(obj):
        return True
    if kind not in ("", "message"):
        return False  # it is an event that this version does not know, under the name of its frame
    told = (obj.get(field) for field in _TELLING)
    return (
        any(isinstance(each, str) for each in told)
        or isinstance(obj.get("detail"), list | Mapping)
        or _wrapped(obj) is not None
    )


def failure_told(event: Any) -> StreamError | None:
    """
    The error that an event says beside what its kind has: how a gateway ends a message that has failed. None if it does not.

    Args:
        event: Any event of a message but its content: this library's, or the SDK's.
    """
    if event.__class__ in _STOP_REASON_IN:  # nearly all are, and say nothing of the kind
        name = _STOP_REASON_IN[event.__class__]
        part: Any = None if name is None else getattr(event, name)
        if name is None or (part.__class__ in _PARTS and part.stop_reason in _USUAL):
            return None
    carriers = (event, getattr(event, "delta", None), getattr(event, "message", None))
    for carrier in carriers:
        error: Any = getattr(carrier, "error", None)
        if isinstance(error, str | Mapping) and error:
            return read_error({"error": cast("object", error)})
        status: Any = getattr(carrier, "base_resp", None)
        if isinstance(status, Mapping) and _says_failure({"base_resp": cast("object", status)}):
            return read_error({"base_resp": cast("object", status)})
    for carrier in carriers:
        if text_of_field(carrier, "stop_reason").lower() == "error":
            return read_error({"message": "the message ended with the stop reason 'error'"})
    return None


def read_error(
    data: bytes | str | Mapping[str, object], *, name: str = "", request_id: str | None = None
) -> StreamError:
    """
    The error that some data says.

    Whether it is retriable is decided by its type, else by the HTTP status in it, else by well-known words.

    Args:
        data: A JSON object, or its text. Anything else is quoted.
        name: The event that its frame names; empty without one.
        request_id: The API's id of the request, where the data does not name it.

    Returns:
        An error whose `type` is the one that the data names. Without any it is `"unknown_error"`.
    """
    body = data if isinstance(data, Mapping) else _json_object(data)
    layers = _layers(body)
    names = [each for each in (*_names_in(layers), _bare(name)) if each.lower() not in _NO_NAME]
    kind = next(iter(names), "unknown_error")
    text = _text_in(layers) or (_quoted(body) if body else None)
    if text is None:
        text = _quoted(data) if not body and isinstance(data, bytes | str) else "no message"
    status = next((status for status in map(_status_of_name, names) if status is not None), None)
    if status is None:
        status = _status_in(layers)
    ids = (layer.get(field) for layer in layers for field in _REQUEST_IDS)
    return StreamError(
        f"{kind}: {text}",
        type=kind,
        status_code=status,
        retriable=_may_pass(names, status, text),
        request_id=next((each for each in ids if isinstance(each, str) and each), request_id),
    )


def _says_failure(obj: Mapping[str, Any]) -> bool:
    """
    Whether an object says of itself that something has failed: by MiniMax's `base_resp`, or in words.
    """
    status = obj.get("base_resp")
    if isinstance(status, Mapping):
        return cast("Mapping[str, object]", status).get("status_code") not in (None, 0, "0", "")
    said, code, text = obj.get("status"), str(_plain_number(obj.get("code"))), str(obj.get("msg") or "")
    failed = (
        obj.get("success") is False
        or (isinstance(said, str) and said.lower() in _FAILED)
        or (text != "" and code.isdecimal() and code not in _GOOD_CODES and not _GOOD_WORDS.match(text))
    )
    return failed and _text_in([obj]) is not None


# -- where things stand --------------------------------------------------------------------------------------


def _layers(body: Mapping[str, object]) -> list[Mapping[str, object]]:
    """
    The object and those that it wraps, the innermost first.
    """
    layers = [body]
    inner = _wrapped(body)
    while len(layers) < _MOST_LAYERS:
        if inner is None:
            nested = (_first_object(layers[0].get(field)) for field in _NESTS)
            inner = next((each for each in nested if each is not None), None)
        if inner is None:
            break
        layers.insert(0, inner)
        inner = _wrapped(inner)
    return layers


def _wrapped(body: Mapping[str, object]) -> Mapping[str, object] | None:
    """
    The exception that is the only field of an object, as in the unions of AWS: `{"throttlingException": {"message": …}}`.
    """
    if len(body) != 1:
        return None
    [(name, value)] = body.items()
    inside = _first_object(value)
    return {"type": name, **inside} if _is_exception(name) and inside is not None else None


def _first_object(value: object) -> Mapping[str, object] | None:
    if isinstance(value, list):
        value = next(iter(cast("list[object]", value)), None)
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) and value else None


def _names_in(layers: Sequence[Mapping[str, object]]) -> Iterator[str]:
    for layer in layers:
        for field in _NAMES:
            value = layer.get(field)
            # An `error` may be a name or the text. Only a name that is known is taken for one.
            if isinstance(value, str) and (field != "error" or _normal(value) in _STATUS_OF_NAME):
                value = _bare(value)
                if _IDENTIFIER.fullmatch(value):
                    yield value


def _text_in(layers: Sequence[Mapping[str, object]]) -> str | None:
    said = (layer.get(field) for layer in layers for field in _TEXTS)
    return next((each for each in said if isinstance(each, str) and each.strip()), None)


def _status_in(layers: Sequence[Mapping[str, object]]) -> int | None:
    for layer in layers:
        for field in _STATUSES:
            value = _plain_number(layer.get(field))
            if isinstance(value, str) and value.isdecimal() and len(value) == 3:
                value = int(value)
            if type(value) is int and 400 <= value <= 599:
                return value
    return None


def _plain_number(value: object) -> object:
    """
    A whole number as an int, also where a proxy whose language has only floats has written 503.0; all else as it is.
    """
    return int(value) if isinstance(value, float) and value.is_integer() else value


# -- what follows --------------------------------------------------------------------------------------------


def _may_pass(names: Sequence[str], status: int | None, text: str) -> bool:
    for name in names:
        if name in STATUS_OF_ERROR or _normal(name) in _STATUS_OF_NAME:
            known = None if name in STATUS_OF_ERROR else _status_of_name(name)
            return is_retriable(name, known) or _normal(name) in _RETRIABLE_NAMES
    if status is not None:
        return is_retriable(None, status)
    return _WORDS.search(text) is not None


def _status_of_name(name: str) -> int | None:
    return status_of(name) or _STATUS_OF_NAME.get(_normal(name))


def _is_exception(name: str) -> bool:
    """
    Whether a name is one that AWS gives to its exceptions, written as it may be.
    """
    return name.lower().endswith("exception") and name.lower() != "exception"


def _normal(name: str) -> str:
    small = re.sub(r"[^a-z0-9]", "", _bare(name).lower())
    return re.sub(r"(?:error|exception)$", "", small)


def _bare(name: str) -> str:
    """
    A name without the namespace and the link that AWS may put around it.
    """
    return name.rpartition("#")[2].partition(":")[0].strip()


def _json_object(data: bytes | str) -> Mapping[str, object]:
    try:
        value: object = msgspec.json.decode(data)
    except (ValueError, RecursionError):  # it is not JSON or not UTF-8, but a gateway's own words
        return {}
    return _first_object(value) or {}


def _quoted(data: bytes | str | Mapping[str, object]) -> str:
    if isinstance(data, Mapping):
        with suppress(ValueError, RecursionError):
            return _cut(json.dumps(data, ensure_ascii=False, default=str))
        return "no message"
    return repr(_cut(data.decode("utf-8", "replace") if isinstance(data, bytes) else data))


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_QUOTED else text[:_MAX_QUOTED] + "…"
