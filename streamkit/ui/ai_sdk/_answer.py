"""
What the client has been told of an answer so far, and what it has to be told next.

Which block each event speaks of, and when each block has ended, is what the outcome has too: both follow a `BlockTable`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from streamkit._claude.protocol.block_table import BlockTable
from streamkit._claude.protocol.content import content_of, stop_reason_told, text_in, thinking_in
from streamkit._claude.protocol.kinds import EVENTS, TOOLS, arrives_whole
from streamkit._claude.protocol.message_head import MessageHead
from streamkit._claude.protocol.progress import Progress
from streamkit._claude.protocol.reading import as_object, plain, text_of_field
from streamkit._claude.protocol.stop_reasons import stop_reason
from streamkit._claude.protocol.tool_blocks import call_in
from streamkit.ui.ai_sdk._calls import Calls
from streamkit.ui.ai_sdk._finish import finish_reason, metadata
from streamkit.ui.ai_sdk._parts import FORMS, Part, other_block, redacted_thought
from streamkit.ui.ai_sdk._retelling import Retelling
from streamkit.ui.ai_sdk._tool_chunks import call_end, server_result, untold_call

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamkit._claude.protocol.block import Block
    from streamkit.ui.ai_sdk._continued import Continued
    from streamkit.ui.ai_sdk._data import Chunk

__all__ = ["Answer"]


class Answer:
    """
    One answer, as the client sees it: a message with a step for each message of Claude's.

    Args:
        version: The major version of the client.
        continued: The message that it goes on with; None if it is a message of its own.
        message_id: Its id; by default that message's, or else Claude's.

    Attributes:
        parts: The parts that are being written, by the index of their block.
        retelling: What is told again though the page shows it; None where the stream has not started over.
    """

    def __init__(self, version: Literal[6, 7], continued: Continued | None, message_id: str | None) -> None:
        self.parts: dict[int, Part] = {}
        self.retelling: Retelling | None = None
        self._is_current = version >= 7
        self._own_id = message_id
        self._message_id = message_id or (continued.message_id if continued else None)
        self._started = False  # whether `start` has been told
        self._begins_anew = False  # whether the next message takes the place of all that was told
        self._in_step = False
        self._stays_in_step = False  # whether the next message goes on in the same step
        self._turn = continued.steps if continued else 0  # the number of the message, in the ids of its parts
        self._step = 0  # the number of the step
        self._restarts = 0
        self._calls = Calls(continued.calls if continued else {})
        self._turns: list[MessageHead] = []  # of the steps before this one
        self._messages: list[MessageHead] = []  # of this step
        self._progress = Progress()
        self._begin_blocks()

    def _begin_blocks(self, message_id: str = "") -> None:
        self._table = BlockTable(forgets=True, message_id=message_id)
        self._parts_of_blocks: dict[Block, Part] = {}
        self._late: dict[tuple[int, str], Part] = {}  # what has come for blocks that had ended
        self._own_calls: dict[str, Part] = {}  # of this message, by their id on the wire
        self._parts_begun = 0
        self.parts.clear()

    # -- what arrives ----------------------------------------------------------------------------------------

    def take(self, event: Any) -> Iterable[Chunk]:
        """
        The chunks of an event.

        Raises:
            GrammarError: A message begins inside another one.
        """
        kind = event.type
        if kind not in EVENTS or kind == "ping" or not self._progress.follow(event):
            return ()
        match kind:
            case "content_block_delta":
                return [*self._begin_untold(), *self._delta(event)]
            case "content_block_stop":
                return self._end(self._table.close(event))
            case "content_block_start":
                fields = as_object(plain(getattr(event, "content_block", None))) or {}
                told = self._begin_untold()
                block, ended = self._table.begin(event, fields)
                return [*told, *self._end(ended), *self._begin(block, fields)]
            case "message_start":
                return self._begin_message(event)
            case "message_delta":
                told = self._begin_untold()
                self._messages[-1].add(event)
                return [*told, *self._stop(event)]
            case _:
                if self._messages:
                    self._messages[-1].add(event)
                return [*self._stop(event), *self._end(self._table.end()), *self._end_late()]

    def say(self, chunk: Chunk) -> Iterable[Chunk]:
        """
        A chunk of the application's own. The client has to know of the message first.
        """
        if isinstance(call_id := chunk.get("toolCallId"), str):
            chunk = {**chunk, "toolCallId": self._calls.shown(call_id)}
        return [*self._start(), chunk]

    def start_over(self) -> Iterable[Chunk]:
        """
        What has come of the last message is void.
        """
        if not self._in_step:
            return ()
        self._progress = Progress()
        void = {message.id for message in self._messages}
        self._messages.clear()
        self._begin_blocks()
        self._restarts += 1
        self._stays_in_step = True
        if self._is_current:
            self._calls.take_back(self._step)
            self.retelling = Retelling((message.id for message in self._turns), void)
            return ({"type": "reset-step"},)
        self._begins_anew = True
        return ()

    def finish(self) -> Iterable[Chunk]:
        """
        The stream has ended. Where it was ended inside a message, that is not finished but aborted.
        """
        if not self._started:
            return ()
        chunks = self.break_off()
        if self._messages and not self._progress.complete:
            told = metadata([*self._turns, *self._messages])
            return [*chunks, {"type": "message-metadata", "messageMetadata": told}, {"type": "abort"}]
        if self._in_step:
            self._in_step = False
            chunks.append({"type": "finish-step"})
        end: Chunk = {"type": "finish"}
        if messages := [*self._turns, *self._messages]:
            end = {
                **end,
                "finishReason": finish_reason(messages[-1].stop_reason),
                "messageMetadata": metadata(messages),
            }
        return [*chunks, end]

    def break_off(self) -> list[Chunk]:
        """
        The ends of what is open, because nothing more comes.
        """
        ended = self._table.end(cut=True)
        whole = [block for block in ended if block.type in FORMS or arrives_whole(block.type)]
        return [*self._end(whole), *self._end_late()]

    # -- messages --------------------------------------------------------------------------------------------

    def _start(self, claudes_id: str = "") -> list[Chunk]:
        if self._started:
            return []
        self._started = True
        start: Chunk = {"type": "start"}
        if message_id := self._message_id or claudes_id:
            self._message_id = start["messageId"] = message_id
        return [start]

    def _begin_message(self, event: Any) -> list[Chunk]:
        message = getattr(event, "message", None)
        chunks = [*self._end(self._table.end()), *self._end_late()]
        message_id = text_of_field(message, "id")
        if self._table.is_untouched:
            self._table.message_id = message_id
        else:
            self._begin_blocks(message_id)
        chunks += self._begin_step(message_id)
        self._messages[-1].add(event)
        for index, whole in enumerate(content_of(message)):
            fields = as_object(plain(whole)) or {}
            block, ended = self._table.take_whole(index, fields)
            chunks += [*self._begin(block, fields), *self._end(ended)]
        return [*chunks, *self._stop(event)]

    def _begin_untold(self) -> list[Chunk]:
        """
        What comes before the content of a message whose beginning was left out.
        """
        return [] if self._messages else self._begin_step("")

    def _begin_step(self, claudes_id: str) -> list[Chunk]:
        chunks = self._start(claudes_id)
        if self._begins_anew:
            chunks += self._begin_anew(claudes_id)
        elif not self._stays_in_step:
            if self._in_step:
                chunks.append({"type": "finish-step"})
            chunks.append({"type": "start-step"})
            self._turns += self._messages
            self._messages = []
            self._step += 1
        self._in_step, self._stays_in_step, self._begins_anew = True, False, False
        self._turn += 1
        self._messages.append(MessageHead())
        return chunks

    def _begin_anew(self, claudes_id: str) -> list[Chunk]:
        """
        Another message takes the place of the one that the client has, which it cannot take back.
        """
        void, base = self._message_id, self._own_id or claudes_id or self._message_id or "message"
        self._message_id = base if base != void else f"{base}-{self._restarts}"
        self._calls = Calls({})
        self._step = 1
        return [
            {"type": "start", "messageId": self._message_id},
            {"type": "data-restarted", "data": {"void": void}},
            {"type": "start-step"},
        ]

    def _stop(self, event: Any) -> list[Chunk]:
        """
        What ends with the stop reason that an event tells, if it does.
        """
        reason = stop_reason_told(event)
        if not reason:
            return []
        self._stays_in_step = stop_reason(reason).pauses
        return self._end(self._table.end(cut=stop_reason(reason).cuts))

    # -- blocks ----------------------------------------------------------------------------------------------

    def _begin(self, block: Block, fields: dict[str, Any]) -> list[Chunk]:
        if block in self._parts_of_blocks:
            return []  # its start has only been said again
        if block.type.endswith("_result"):
            return self._server_result(fields)
        if block.type == "fallback":
            self._messages[-1].hand_over(fields)
        if block.type not in FORMS:
            return []
        part = self._new_part(block)
        text = fields.get(part.field)
        said = text if isinstance(text, str) and not part.is_call else ""
        return [*self._show(part), *(part.write(said) if said else ())]

    def _new_part(self, block: Block) -> Part:
        part = self._parts_of_blocks[block] = Part(block, self._next_id())
        if not block.stray:
            self.parts[block.index] = part
        if block.type in TOOLS:
            part.id = block.id or f"call_{part.id}"
        return part

    def _next_id(self) -> str:
        """
        An id for the next part, which no other part of the answer has.
        """
        self._parts_begun += 1
        return f"{self._turn}-{self._parts_begun - 1}"

    def _show(self, part: Part) -> list[Chunk]:
        """
        Tell the client of a part, unless it is a call that gets its id only when it ends.
        """
        if part.is_call:
            if self._waits_for_id(part):
                return []
            self._own_calls[part.id] = part
            part.id = self._calls.begin(part.id, self._step)
            self._calls.note(part.id, part.block)
        return [part.begin()]

    def _waits_for_id(self, part: Part) -> bool:
        """
        Whether a call has no id, or one that another call has: then its own is known at its end.
        """
        return not part.block.id or part.id in self._own_calls

    def _delta(self, event: Any) -> list[Chunk]:
        block = self._table.find(event)
        if block is None:
            self._table.lose(event)
            return []
        if block.ended:
            return self._write_late(event, block)
        part = self._parts_of_blocks.get(block)
        if part is None and block.type not in FORMS:
            block.add(event.delta)
            if block.type not in FORMS:
                return []
            part = self._new_part(block)  # the delta has told what the block is
            piece = part.taken()
        else:
            part = part or self._new_part(block)
            piece = part.add(event.delta)
        if part.begun:
            return part.write(piece)
        if part.is_call and self._waits_for_id(part):
            return []
        if block.stray and not piece.strip():
            return part.hold(piece)
        return [*self._show(part), *part.write(piece)]

    def _write_late(self, event: Any, block: Block) -> list[Chunk]:
        """
        Show what has come for a block that had ended, in a part of its own.
        """
        piece = (
            text_in(event)
            if block.type == "text"
            else thinking_in(event)
            if block.type == "thinking"
            else None
        )
        if not piece:
            return []
        index = self._table.place(event)
        key = (-1 if index is None else index, block.type)
        if (part := self._late.get(key)) is not None:
            return part.write(piece)
        part = self._late[key] = Part(block, self._next_id())
        return [part.begin(), *part.write(piece)]

    def _end_late(self) -> list[Chunk]:
        if not self._late:
            return []
        late, self._late = self._late, {}
        return [chunk for part in late.values() for chunk in part.end()]

    def _end(self, ended: list[Block]) -> list[Chunk]:
        if not ended:
            return []
        if len(ended) == 1:
            return self._end_block(ended[0])
        in_order = sorted(ended, key=lambda block: block.index)
        return [chunk for block in in_order for chunk in self._end_block(block)]

    def _end_block(self, block: Block) -> list[Chunk]:
        part = self._parts_of_blocks.pop(block, None)
        if self.parts.get(block.index) is part:
            self.parts.pop(block.index, None)
        if part is None:
            return self._whole_block(block)
        if part.is_call:
            return self._end_call(part)
        return part.end() if part.begun else []

    def _end_call(self, part: Part) -> list[Chunk]:
        block = part.block
        if block.repeats:
            return []
        call = call_in(block)
        if not part.begun:
            part.id = self._calls.begin(call.id or part.id, self._step)
        self._calls.note(part.id, block)
        return [call_end(call, part.id, block)]

    def _whole_block(self, block: Block) -> list[Chunk]:
        """
        A block that the client is told of when it is whole.
        """
        if block.type.endswith("_result") or not block.type:
            return []
        if block.type == "redacted_thinking":
            return redacted_thought(block, self._next_id())
        return [other_block(block, is_current=self._is_current)]

    def _server_result(self, block: dict[str, Any]) -> list[Chunk]:
        call_id = block.get("tool_use_id")
        if not isinstance(call_id, str) or not call_id:
            return []
        chunks: list[Chunk] = []
        part = self._own_calls.get(call_id)
        if part is not None and self._parts_of_blocks.pop(part.block, None) is not None:
            self.parts.pop(part.block.index, None)
            chunks += self._end_call(part)  # its end was left out
        is_told = call_id in self._calls
        shown = self._calls.shown(call_id) if is_told else self._calls.begin(call_id, self._step)
        block = {**block, "tool_use_id": shown}
        if not is_told:
            chunks.append(untold_call(block))
        later = self._step - self._calls.step_of(shown, self._step)
        told = later if self._is_current else None
        return [*chunks, server_result(block, dynamic=self._calls.is_dynamic(shown), later=told)]
