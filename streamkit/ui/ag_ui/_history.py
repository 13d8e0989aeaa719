"""
The messages that a client sends back, as the messages of a request to Claude.

What `events` has made of one message of Claude's becomes one message again: thoughts, texts and calls stand in their order, the
results of Anthropic's tools among them. The results of the application's tools begin the user message after it. What the API
refuses is left out: thinking without a signature, a call whose input was cut, a call without a result.
"""

from __future__ import annotations

from typing import Any, cast

from streamkit._claude.protocol.history import OpenCalls, answered
from streamkit._claude.protocol.kinds import SERVER_TOOLS, THINKING, TOOLS
from streamkit._claude.protocol.names import Names
from streamkit._claude.protocol.sendable_content import only_said
from streamkit._serving.bad_request import BadRequest
from streamkit._serving.request import parsed
from streamkit.ui.ag_ui._content import block_of
from streamkit.ui.ag_ui._reading import field, listed, object_at, wrong
from streamkit.ui.ag_ui._wire import noted

__all__ = ["History"]

_Json = dict[str, Any]

_OWN_PLACES = {"text", *THINKING, *TOOLS}
"""The blocks that are messages and calls here, besides results."""


class History:
    """
    Takes the messages of a conversation one by one.

    Attributes:
        system: The texts of system and developer messages.
    """

    def __init__(self) -> None:
        self.system: list[str] = []
        self._entries: list[_Answer | list[_Json]] = []  # an answer of Claude's, or what a user has sent
        # By the id of a call, of several with one id the last: where it stands, and under which id.
        self._asked: dict[str, tuple[_Answer, str]] = {}
        self._names = Names()
        self._unsaid = ""  # where the user has sent nothing that Claude can take, behind everything else
        # What Anthropic's tools have given to a call in an earlier answer, by the answer in which it came.
        self._late: dict[str, list[tuple[_Answer, _Json]]] = {}

    def add(self, message: _Json, place: str) -> None:
        """
        Take the next message.

        Raises:
            BadRequest: It is not a message of the protocol, or the output of a tool for no call.
        """
        match message.get("role"):
            case "user":
                self._entries.append(content := _content(message, place))
                self._unsaid = "" if content else place
            case "system" | "developer":
                self.system.append(_text(message, place))
            case "reasoning":
                self._answer(message).think(message, place)
            case "assistant":
                self._assistant(message, place)
            case "tool":
                self._result(message, place)
            case "activity":  # what a client shows, and no part of the conversation
                pass
            case _:
                raise wrong(f"{place}.role", "is none that the protocol has")

    def messages(self) -> list[_Json]:
        """
        The messages for Claude.

        Raises:
            BadRequest: The user has sent nothing that Claude can take, behind an answer: Claude would go on with that.
        """
        for answer, block in (each for late in self._late.values() for each in late):
            answer.blocks.append(block)  # the answer in which it came is not there
        self._late = {}
        made: list[_Json] = []
        open_calls = OpenCalls()
        for entry in self._entries:
            if isinstance(entry, list):
                _say(made, "user", entry)
                continue
            is_last = entry is self._entries[-1] and not entry.results
            content = answered(entry.content(), open_calls, waits=is_last)
            calls = {block.get("id") for block in content}
            open_calls.follow({"role": "assistant", "content": content})
            _say(made, "assistant", content)
            _say(made, "user", [entry.results[call] for call in entry.results if call in calls])
        if self._unsaid and made and made[-1]["role"] == "assistant":
            raise wrong(self._unsaid, "has nothing that Claude can take")
        return made

    def _answer(self, message: _Json) -> _Answer:
        """
        The answer of Claude's that a message is part of: the last one, unless the application has answered that already.
        """
        name = message.get("id")
        group = name.rpartition(":")[0] if isinstance(name, str) else ""
        last = self._entries[-1] if self._entries else None
        if not isinstance(last, _Answer) or (last.results and last.group != group):
            last = _Answer()
            self._entries.append(last)
            self._unsaid = ""
        last.group = group
        last.blocks += [block for _, block in self._late.pop(group, ())]
        return last

    def _assistant(self, message: _Json, place: str) -> None:
        answer = self._answer(message)
        answer.speak(message, place)
        for where, call in listed(message, "toolCalls", place):
            if (call_id := field(call, "id", str, where)) and (kept := answer.call(call, where, self._names)):
                self._asked[call_id] = answer, kept

    def _result(self, message: _Json, place: str) -> None:
        call_id = field(message, "toolCallId", str, place)
        if call_id is None or call_id not in self._asked:
            raise wrong(place, "is the output of a tool, and there is no such call before it")
        answer, kept = self._asked[call_id]
        block = answer.result(kept, message, place)
        if block is None:
            return
        group = block.pop("answer", answer.group)
        if isinstance(group, str) and group != answer.group:
            self._late.setdefault(group, []).append((answer, block))
        else:
            answer.blocks.append(block)


class _Answer:
    """
    One message of Claude's, as far as it has come back.

    Attributes:
        group: What the ids of its messages begin with; empty if they tell nothing.
        blocks: Its blocks.
        results: The results of the application's tools, by call.
    """

    def __init__(self) -> None:
        self.group: str = ""
        self.blocks: list[_Json] = []
        self.results: dict[str, _Json] = {}
        self._calls: dict[str, str] = {}  # the type of each
        self._broken: set[str] = set()
        self._done: set[str] = set()

    def content(self) -> list[_Json]:
        """
        Its blocks, without the calls of the application's tools that have no result.
        """
        return [block for block in self.blocks if block["type"] != "tool_use" or block["id"] in self.results]

    def think(self, message: _Json, place: str) -> None:
        facts = noted(message)
        self._before(facts)
        text = field(message, "content", str, place) or ""
        signed = field(message, "encryptedValue", str, place)
        if not signed:
            return
        if facts.get("type") == "redacted_thinking":
            self.blocks.append({"type": "redacted_thinking", "data": signed})
        else:
            self.blocks.append({"type": "thinking", "thinking": text, "signature": signed})

    def speak(self, message: _Json, place: str) -> None:
        facts = noted(message)
        self._before(facts)
        text = field(message, "content", str, place) or ""
        self.blocks += [block for block in _texts(text, facts.get("texts")) if block["text"].strip()]

    def call(self, call: _Json, place: str, names: Names) -> str | None:
        """
        Take a call.

        Args:
            call: The call.
            place: Where it stands, for an error.
            names: The ids of the calls before it. The API refuses one that comes twice.

        Returns:
            The id that it is sent with; None if it has none.
        """
        call_id = field(call, "id", str, place)
        function = object_at(call.get("function"), f"{place}.function")
        name = field(function, "name", str, f"{place}.function")
        value = _input(field(function, "arguments", str, f"{place}.function") or "")
        if not call_id:
            return None
        facts = noted(call)
        kind = facts.get("type")
        kind = kind if isinstance(kind, str) and kind in SERVER_TOOLS else "tool_use"
        call_id = names.free(call_id)
        self._calls[call_id] = kind
        if not name or value is None or "broken" in facts:
            self._broken.add(call_id)
        else:
            self.blocks.append({**facts, "type": kind, "id": call_id, "name": name, "input": value})
        return call_id

    def result(self, call_id: str, message: _Json, place: str) -> _Json | None:
        """
        Take a result.

        Returns:
            Its block, if it is one of a tool of Anthropic's, which stands in an answer.
        """
        if call_id in self._broken or call_id in self._done:
            return None
        self._done.add(call_id)
        facts = noted(message)
        if self._calls[call_id] == "tool_use":
            block: _Json = {"type": "tool_result", "tool_use_id": call_id}
            content: Any = _given(message, place)
            has_failed = facts.get("is_error") is True or bool(message.get("error"))
            if has_failed:
                content = only_said(content)
            if content not in ("", []):
                block["content"] = content
            if has_failed:
                block["is_error"] = True
            self.results[call_id] = block
            return None
        kind = facts.get("type")
        if not (isinstance(kind, str) and kind.endswith("_tool_result")):
            return None
        text = field(message, "content", str, place) or ""
        said = text if facts.pop("text", False) is True else _parsed(text, place)
        return {**facts, "type": kind, "tool_use_id": call_id, "content": said}

    def _before(self, facts: _Json) -> None:
        """
        Take the blocks that came along with a message, because the protocol has no word for them.
        """
        before: object = facts.get("before")
        for block in cast("list[object]", before) if isinstance(before, list) else ():
            fields = cast("_Json", block) if isinstance(block, dict) else {}
            kind = fields.get("type")
            if isinstance(kind, str) and not (kind in _OWN_PLACES or kind.endswith("_result")):
                self.blocks.append({**fields})


def _say(made: list[_Json], role: str, content: list[_Json]) -> None:
    if not content:
        return
    if made and made[-1]["role"] == role:
        made[-1]["content"] += content
    else:
        made.append({"role": role, "content": content})


def _text(message: _Json, place: str) -> str:
    text = field(message, "content", str, place)
    if text is None:
        raise wrong(f"{place}.content", "is missing")
    return text


def _content(message: _Json, place: str) -> list[_Json]:
    """
    The blocks of what a user has sent, or a tool has given, as far as Claude can take them.
    """
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content.strip() else []
    if not isinstance(content, list):
        raise wrong(f"{place}.content", "has to be a string or a list of parts")
    return [block for _, part in listed(message, "content", place) if (block := block_of(part)) is not None]


def _given(message: _Json, place: str) -> str | list[_Json]:
    """
    What a tool has given. Where it has failed, that is the reason, too.
    """
    content, error = message.get("content"), field(message, "error", str, place)
    if content is None and error is None:
        raise wrong(f"{place}.content", "is missing")
    if isinstance(content, str) or content is None:
        return content if content and not (error and not content.strip()) else error or ""
    return _content(message, place) or error or ""


def _texts(text: str, cuts: object) -> list[_Json]:
    """
    A text as the blocks that it was, if nobody has changed it since.
    """
    lengths: list[tuple[int, object]] = []
    for cut in cast("list[object]", cuts) if isinstance(cuts, list) else ():
        facts = cast("_Json", cut) if isinstance(cut, dict) else {}
        length = facts.get("length")
        if not isinstance(length, int) or length < 0:
            return [{"type": "text", "text": text}]
        lengths.append((length, facts.get("citations")))
    if sum(length for length, _ in lengths) != len(text):
        return [{"type": "text", "text": text}]
    blocks: list[_Json] = []
    begin = 0
    for length, cited in lengths:
        block: _Json = {"type": "text", "text": text[begin : begin + length]}
        blocks.append({**block, "citations": cited} if isinstance(cited, list) and cited else block)
        begin += length
    return blocks


def _input(arguments: str) -> _Json | None:
    """
    The input of a call; None if it is not a JSON object.
    """
    try:
        value = parsed(arguments or "{}")
    except BadRequest:
        return None
    return cast("_Json", value) if isinstance(value, dict) else None


def _parsed(text: str, place: str) -> Any:
    try:
        return parsed(text)
    except BadRequest:
        raise wrong(f"{place}.content", "is not the JSON that it was") from None
