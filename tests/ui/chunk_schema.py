"""
The chunks that the npm package `ai` takes, read from its `uiMessageChunkSchema`: which fields, of which types, and no others.

The first releases of versions 6 and 7 are strict, the later ones let unknown fields pass. Only what the strict ones take is taken
here, besides `reset-step`, which came with 7.0.70.
"""

from __future__ import annotations

import json
from typing import Any, Final

STRING: Final = (str,)
BOOLEAN: Final = (bool,)
ANYTHING: Final = (object,)
METADATA: Final = (dict,)

Fields = dict[str, tuple[type, ...]]

_METADATA: Final[Fields] = {"providerMetadata": METADATA}
_PART: Final[tuple[Fields, Fields]] = ({"id": STRING}, _METADATA)
_CALL: Final[Fields] = {"toolCallId": STRING, "toolName": STRING}
_WHO: Final[Fields] = {"providerExecuted": BOOLEAN, "dynamic": BOOLEAN}
_TITLE: Final[Fields] = {"title": STRING}

COMMON: Final[dict[str, tuple[Fields, Fields]]] = {
    "text-start": _PART,
    "text-delta": ({"id": STRING, "delta": STRING}, _METADATA),
    "text-end": _PART,
    "reasoning-start": _PART,
    "reasoning-delta": ({"id": STRING, "delta": STRING}, _METADATA),
    "reasoning-end": _PART,
    "error": ({"errorText": STRING}, {}),
    "tool-input-start": (_CALL, _WHO | _TITLE),
    "tool-input-delta": ({"toolCallId": STRING, "inputTextDelta": STRING}, {}),
    "tool-input-available": (_CALL | {"input": ANYTHING}, _WHO | _TITLE | _METADATA),
    "tool-input-error": (_CALL | {"input": ANYTHING, "errorText": STRING}, _WHO | _TITLE | _METADATA),
    "tool-approval-request": ({"approvalId": STRING, "toolCallId": STRING}, {}),
    "tool-output-available": ({"toolCallId": STRING, "output": ANYTHING}, _WHO | {"preliminary": BOOLEAN}),
    "tool-output-error": ({"toolCallId": STRING, "errorText": STRING}, _WHO),
    "tool-output-denied": ({"toolCallId": STRING}, {}),
    "source-url": ({"sourceId": STRING, "url": STRING}, _TITLE | _METADATA),
    "source-document": (
        {"sourceId": STRING, "mediaType": STRING, "title": STRING},
        {"filename": STRING} | _METADATA,
    ),
    "file": ({"url": STRING, "mediaType": STRING}, _METADATA),
    "start-step": ({}, {}),
    "finish-step": ({}, {}),
    "start": ({}, {"messageId": STRING, "messageMetadata": ANYTHING}),
    "finish": ({}, {"finishReason": STRING, "messageMetadata": ANYTHING}),
    "abort": ({}, {}),
    "message-metadata": ({"messageMetadata": ANYTHING}, {}),
}

ONLY_7: Final[dict[str, tuple[Fields, Fields]]] = {
    "custom": ({"kind": STRING}, _METADATA),
    "reset-step": ({}, {}),
    "tool-output-available": (
        {"toolCallId": STRING, "output": ANYTHING},
        _WHO | {"preliminary": BOOLEAN} | _METADATA,
    ),
    "tool-output-error": ({"toolCallId": STRING, "errorText": STRING}, _WHO | _METADATA),
}

DATA: Final[tuple[Fields, Fields]] = ({"data": ANYTHING}, {"id": STRING, "transient": BOOLEAN})
FINISH_REASONS: Final = {"stop", "length", "content-filter", "tool-calls", "error", "other"}


def check_chunk(chunk: dict[str, Any], version: int = 7) -> None:
    """
    Have an `AssertionError` raised for a chunk that a client of this version refuses.
    """
    kind = chunk["type"]
    table = COMMON if version == 6 else {**COMMON, **ONLY_7}
    required, optional = DATA if kind.startswith("data-") else table[kind]
    assert required.keys() <= chunk.keys(), f"{kind} lacks a field: {chunk.keys()}"
    assert chunk.keys() <= {"type"} | required.keys() | optional.keys(), f"{kind} has more: {chunk.keys()}"
    for name, types in {**required, **optional}.items():
        assert name not in chunk or isinstance(chunk[name], types), f"{kind}.{name} is {chunk[name]!r}"
    for metadata in [chunk["providerMetadata"]] if "providerMetadata" in chunk else []:
        assert all(isinstance(fields, dict) for fields in metadata.values())
    if kind == "custom":
        assert "." in chunk["kind"]
    if "finishReason" in chunk:
        assert chunk["finishReason"] in FINISH_REASONS
    json.dumps(chunk, allow_nan=False)
