"""
A run as it is told: what AG-UI says for each of Claude's events, and for what the application puts among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from streamkit._claude.protocol.block_table import BlockTable
from streamkit._claude.protocol.codec import Unknown
from streamkit._claude.protocol.content import content_of
from streamkit._claude.protocol.events import ContentBlockDelta
from streamkit._claude.protocol.kinds import EVENTS
from streamkit._claude.protocol.message_head import MessageHead
from streamkit._claude.protocol.names import Names
from streamkit._claude.protocol.progress import Progress
from streamkit._claude.protocol.reading import as_list, as_object, json_text, plain, text_of_field
from streamkit._claude.protocol.stop_reasons import stop_reason
from streamkit._core.items import ORDINARY, is_restart
from streamkit.ui.ag_ui._calls import Calls
from streamkit.ui.ag_ui._content import content_of_result
from streamkit.ui.ag_ui._parts import Other
from streamkit.ui.ag_ui._turn import Turn
from streamkit.ui.ag_ui._usage import shares, token_usage
from streamkit.ui.ag_ui._wire import PROTOCOL_VERSION, STANDALONE, as_wire, calls_in, note

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamkit._claude.protocol.block import Block
    from streamkit._claude.protocol.usage import TotalUsage
    from streamkit.ui.ag_ui._conversation import Conversation
    from streamkit.ui.ag_ui._parts import Part
    from streamkit.ui.ag_ui._wire import WireEvent

__all__ = ["Run"]

_TOLD: Final = frozenset({"tool_use_id", "content"})
"""The fields of a result's block that the event for it has fields for."""

_NO_HALF: Final = "\ud7ff"
"""A text whose last character is not above this one does not end in half of a surrogate pair."""


class Run:
    """
    One run, as the client is told of it.

    Args:
        thread_id: The conversation.
        run_id: The run.
        messages: The messages that the client has, where that is known.
    """

    def __init__(self, thread_id: str, run_id: str, messages: Conversation | None) -> None:
        self.thread_id = thread_id
        self.run_id = run_id
        self.history: list[dict[str, Any]] = [] if messages is None else messages.messages
        self.names: Names = Names(_ids_in(self.history))
        self.calls: Calls = Calls(self.names, self.history)
        self.begun: bool = False
        self.steps: int = 0
        self.paid: list[tuple[str | None, TotalUsage]] = []
        self.thoughts: list[str] = []  # of this run, as far as they count
        self.void_thought: str | None = None  # an empty one, which the client has
        self.stop_reason: str | None = None
        self.progress: Progress = Progress()
        self.turn: Turn | None = None
        self.open: dict[int, Part] = {}  # by the index of its block, which takes more

    def feed(self, item: Any) -> Iterable[WireEvent]:
        """
        The events for one item.
        """
        # Nearly all events are pieces for a part that is open.
        if item.__class__ is ContentBlockDelta and (part := self.open.get(item.index)) is not None:
            delta = item.delta
            if delta.__class__ is part.delta:
                piece: str = getattr(delta, part.field)
                if part.keeps:
                    part.block.texts[part.into].write(piece)
                if part.flowing and piece and (piece.isascii() or piece[-1] <= _NO_HALF):
                    part.length += len(piece)
                    return ({"type": part.event, part.named: part.id, "delta": piece},)
                return part.write(piece)
        if item.__class__ not in ORDINARY and is_restart(item):
            return self._start_over()
        return self._take(item)

    def finish(self) -> Iterable[WireEvent]:
        """
        The last events: the stream has ended.
        """
        is_whole = self.turn is None or bool(self.message.stop_reason)
        out = [*self._begin_run(), *self._end_message(cut=not is_whole)]
        pending = self.calls.pending
        outcome: dict[str, Any] = {"type": "success" if is_whole else "cancelled"}
        if is_whole and pending:
            outcome["pendingToolCallIds"] = pending
        finished = {
            "type": "RUN_FINISHED",
            "threadId": self.thread_id,
            "runId": self.run_id,
            "outcome": outcome,
            **note({"stop_reason": self.stop_reason} if self.stop_reason else {}),
        }
        if usage := token_usage(shares(self.paid)):
            finished["usage"] = usage
        return [*out, finished]

    # -- what comes -----------------------------------------------------------------------------------------

    def _take(self, item: Any) -> list[WireEvent]:
        kind: object = getattr(item, "type", None)
        if not isinstance(kind, str) or kind not in EVENTS:
            # An object of an unknown type that has come on the wire is not the application's, whatever it says that it is.
            is_given = not isinstance(kind, str) or kind.isupper() or kind == "tool_result"
            return (
                [*self._begin_run(), *self._given(item)] if is_given and item.__class__ is not Unknown else []
            )
        if kind == "ping" or not self.progress.follow(item):
            return []
        out = self._begin_run()
        match kind:
            case "message_start":
                return out + self._message_start(item)
            case "content_block_delta":
                return out + self._delta(item)
            case "content_block_start":
                fields = as_object(plain(getattr(item, "content_block", None))) or {}
                out += self._in_message()
                block, ended = self.table.begin(item, fields)
                return out + self._ended(ended) + self._begin_block(block, fields)
            case "content_block_stop":
                return out + self._stop_block(item)
            case "message_delta":
                out += self._in_message()
                self.message.add(item)
                return out + self._stop()
            case _:
                if self.turn is not None:
                    self.message.add(item)
                    out += self._stop()
                return out + self._end_message(cut=False)

    def _given(self, item: Any) -> list[WireEvent]:
        """
        Something of the application's own.
        """
        given = item if getattr(item, "type", None) == "tool_result" else as_wire(item)
        kind = _field(given, "type")
        if kind == "tool_result":
            return self._tool_result(given)
        if isinstance(given, dict):
            fields = cast("dict[str, Any]", given)
            if kind in STANDALONE:
                return [fields]
            content = as_list(fields.get("content")) if fields.get("role") == "user" else None
            if results := [part for part in content or () if _field(part, "type") == "tool_result"]:
                return [event for result in results for event in self._tool_result(result)]
        said = f" of type {kind}" if isinstance(kind, str) and kind.isupper() else ""
        raise TypeError(
            f"events() takes events of Claude's, tool_result blocks, and AG-UI events that open and close nothing "
            f"({', '.join(sorted(STANDALONE))}), not {type(item).__name__}{said}"
        )

    # -- messages -------------------------------------------------------------------------------------------

    def _begin_run(self) -> list[WireEvent]:
        if self.begun:
            return []
        self.begun = True
        return [
            {
                "type": "RUN_STARTED",
                "threadId": self.thread_id,
                "runId": self.run_id,
                "protocolVersion": PROTOCOL_VERSION,
            }
        ]

    def _message_start(self, item: Any) -> list[WireEvent]:
        out = self._end_message(cut=False)
        message: object = getattr(item, "message", None)
        out += self._in_message(text_of_field(message, "id"))
        self.message.add(item)
        for index, block in enumerate(content_of(message)):
            fields = as_object(plain(block)) or {}
            begun, ended = self.table.take_whole(index, fields)
            later = [each for each in ended if each is begun]
            out += self._ended([each for each in ended if each is not begun])
            out += self._begin_block(begun, fields) + self._ended(later)
        return out + self._stop()

    def _in_message(self, message_id: str = "") -> list[WireEvent]:
        """
        Begin a message, unless one has begun: a gateway may leave out its beginning.
        """
        if self.turn is not None:
            return []
        self.steps += 1
        name = self.names.free(message_id or f"{self.run_id}:{self.steps}")
        self.turn = Turn(name, self.names, self.calls, thought=self.void_thought)
        self.table: BlockTable = BlockTable(message_id=message_id)
        self.message: MessageHead = MessageHead()
        return [{"type": "STEP_STARTED", "stepName": self._step}]

    def _stop(self) -> list[WireEvent]:
        """
        End the blocks of a message that has told why it stops.
        """
        reason = self.message.stop_reason
        return self._ended(self.table.end(cut=stop_reason(reason).cuts)) if reason else []

    def _end_message(self, *, cut: bool) -> list[WireEvent]:
        if self.turn is None:
            return []
        out = self._ended(self.table.end(cut=cut), cut=cut)
        out += self.turn.close(cut=cut)
        out.append({"type": "STEP_FINISHED", "stepName": self._step})
        self.thoughts += self.turn.thoughts
        self.void_thought = self.turn.free_thought
        self.stop_reason = self.message.stop_reason
        self.paid.append((self.message.model, self.message.usage))
        self.turn = None
        self.open.clear()
        return out

    @property
    def _step(self) -> str:
        return f"turn {self.steps}"

    # -- blocks ---------------------------------------------------------------------------------------------

    def _begin_block(self, block: Block, fields: dict[str, Any]) -> list[WireEvent]:
        """
        Take a block that begins.

        Args:
            block: The block.
            fields: What it begins with, as far as that was not said before.
        """
        turn = self._turn
        if block in turn.parts:  # its start has only been said again
            return []
        if block.type.endswith("_result"):
            return self._server_result(fields)
        if block.type == "fallback":
            self.message.hand_over(fields)
        out = turn.begin(block)
        part = turn.parts[block]
        if not block.stray:
            self.open[block.index] = part
        part.is_plain = not fields.get("citations")
        said = fields.get(part.field)
        return out + part.write(said) if isinstance(said, str) and said else out

    def _stop_block(self, item: Any) -> list[WireEvent]:
        if self.turn is None:
            return []
        if (index := self.table.place(item)) is not None:
            self.open.pop(index, None)
        return self._ended(self.table.close(item))

    def _delta(self, item: Any) -> list[WireEvent]:
        out = self._in_message()
        block = self.table.find(item)
        if block is None:
            self.table.lose(item)
            return out
        turn = self._turn
        part = turn.parts.get(block)
        if part is None and (not block.ended or block.type == "text"):
            out += self._begin_block(block, {})
            part = turn.parts.get(block)
        if part is None:
            return out
        if isinstance(part, Other):
            kind = block.type
            block.add(item.delta)
            if block.type == kind:
                return out
            del turn.parts[block]  # the delta has told what it is
            return out + self._begin_block(block, block.to_dict())
        part.is_plain = False
        # What a delta adds, whatever it is, is what the block has got by it.
        store = block.texts[part.into]
        before = store.take()
        block.add(item.delta)
        piece = store.take()
        store.write(before + piece if part.keeps else before)
        return out + part.write(piece) if piece else out

    def _ended(self, blocks: Iterable[Block], *, cut: bool = False) -> list[WireEvent]:
        turn = self.turn
        if turn is None:
            return []
        out: list[WireEvent] = []
        for block in blocks:
            self.open.pop(block.index, None)
            out += turn.end(block, cut=cut and not block.closed)
        return out

    # -- results --------------------------------------------------------------------------------------------

    def _server_result(self, fields: dict[str, Any]) -> list[WireEvent]:
        """
        What a tool of Anthropic's, or of an MCP server, has given.
        """
        call_id: object = fields.get("tool_use_id")
        if not isinstance(call_id, str):
            return []
        out = self._turn.interrupt() + self._end_call(call_id)
        shown = self.calls.answer(call_id)
        if shown is None:
            return out
        content: object = fields.get("content")
        facts = {name: value for name, value in fields.items() if name not in _TOLD and value is not None}
        if call_id not in self._turn.call_ids:  # a client puts it behind its call, in an earlier answer
            facts["answer"] = self._turn.name
        if isinstance(content, str):
            facts["text"] = True
        else:
            content = json_text(content)
        return [*out, self._result(shown, content, facts)]

    def _tool_result(self, result: Any) -> list[WireEvent]:
        """
        What a tool of the application's has given.
        """
        call_id: object = _field(result, "tool_use_id")
        if not isinstance(call_id, str) or not self.calls.knows(call_id):
            raise ValueError(
                f"a tool_result answers the call {call_id!r}, which this run has not made: give events() the messages= "
                "of the request if it was made before"
            )
        out = self._end_call(call_id)
        shown = self.calls.answer(call_id)
        if shown is None:  # its call is void, or has its result
            return out
        facts = {"is_error": True} if _field(result, "is_error") is True else {}
        return [*out, self._result(shown, content_of_result(_field(result, "content")), facts)]

    def _result(self, call: str, content: object, facts: Mapping[str, object]) -> WireEvent:
        return {
            "type": "TOOL_CALL_RESULT",
            "messageId": self.names.free(f"{call}:result"),
            "toolCallId": call,
            "content": content,
            "role": "tool",
            **note(facts),
        }

    def _end_call(self, call_id: str) -> list[WireEvent]:
        """
        End a call whose result is there, though its end was left out.
        """
        turn = self.turn
        if turn is None:
            return []
        return self._ended([block for block in turn.parts if block.id == call_id])

    @property
    def _turn(self) -> Turn:
        assert self.turn is not None, "a message has begun"
        return self.turn

    # -- starting over --------------------------------------------------------------------------------------

    def _start_over(self) -> list[WireEvent]:
        out = [*self._begin_run(), *self._end_message(cut=True)]
        messages = [*self.history]
        # A client keeps the thoughts that it has, unless a snapshot has one. So one stays, empty, for the next to go on with.
        if self.thoughts and not any(message.get("role") == "reasoning" for message in messages):
            self.void_thought = self.thoughts[0]
        if self.void_thought is not None:
            messages.append({"id": self.void_thought, "role": "reasoning", "content": ""})
        self.thoughts = []
        self.calls = self.calls.start_over(self.history)
        self.progress = Progress()
        return [*out, {"type": "MESSAGES_SNAPSHOT", "messages": messages}]


def _field(part: object, name: str) -> object:
    if isinstance(part, Mapping):
        return cast("Mapping[str, object]", part).get(name)
    return getattr(part, name, None)


def _ids_in(messages: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for message in messages:
        for thing in (message, *calls_in(message)):
            if isinstance(name := thing.get("id"), str):
                yield name
