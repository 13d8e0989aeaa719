"""
The marble diagram in the docstring of every operator, and of every source that combines others, is what happens.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
import pytest
from anthropic.types import TextBlock

import streamkit as sk
from streamkit._claude.protocol.events import from_dict
from streamkit.testing import marbles

pytestmark = pytest.mark.virtual_time

Values = Mapping[str, object]


@dataclass(frozen=True)
class Diagram:
    """
    What goes in, an expression, and what comes out; and what the characters stand for that are no items themselves.
    """

    sources: list[str]
    expression: str
    result: str
    results: Values = field(default_factory=dict[str, object])
    inputs: Values = field(default_factory=dict[str, object])

    async def play(self) -> None:
        """
        Compare it with what happens.
        """
        sources = [marbles.source(line, values=self.inputs) for line in self.sources]
        names: dict[str, Any] = {
            name: getattr(sk, name) for name in set(re.findall(r"\w+", self.expression)) & {*dir(sk)}
        }
        names |= {"anyio": anyio, **dict(zip("abcdefgh", sources, strict=False))}
        made = eval(self.expression, names)
        stream = made if len(sources) > 1 else sources[0] | made
        # Any error fits a `#`: which one it is, the operator's own tests say.
        await marbles.expect(stream, self.result, values=self.results, error=Exception)


# -- marbles that are Claude's events ------------------------------------------------------------


def block_start(**block: object) -> object:
    return from_dict({"type": "content_block_start", "index": 0, "content_block": block})


def delta(**delta: object) -> object:
    return from_dict({"type": "content_block_delta", "index": 0, "delta": delta})


CITATION: Final = {"type": "char_location", "cited_text": "rivers", "document_index": 0}
MESSAGE: Final[dict[str, object]] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [],
}
ENDED: Final = {"stop_reason": "end_turn"}

EVENTS: Final = {
    "M": from_dict(
        {"type": "message_start", "message": {**MESSAGE, "usage": {"input_tokens": 5, "output_tokens": 1}}}
    ),
    "T": block_start(type="text", text=""),
    "a": delta(type="text_delta", text="a"),
    "b": delta(type="text_delta", text="b"),
    "q": delta(type="citations_delta", citation=CITATION),
    "H": block_start(type="thinking", thinking="", signature=""),
    "h": delta(type="thinking_delta", thinking="h"),
    "s": delta(type="signature_delta", signature="s"),
    "U": block_start(type="tool_use", id="tool_1", name="look", input={}),
    "i": delta(type="input_json_delta", partial_json='{"n": '),
    "j": delta(type="input_json_delta", partial_json="1}"),
    "k": delta(type="text_delta", text='{"n": '),
    "l": delta(type="text_delta", text="1}"),
    "W": block_start(type="server_tool_use", id="srv_1", name="web_search", input={}),
    "R": block_start(type="web_search_tool_result", tool_use_id="srv_1", content=[]),
    "E": from_dict({"type": "content_block_stop", "index": 0}),
    "D": from_dict({"type": "message_delta", "delta": ENDED, "usage": {"output_tokens": 9}}),
    "S": from_dict({"type": "message_stop"}),
}


EVENTS_IN: Final = {
    "budget",
    "blocks",
    "citations",
    "json",
    "meter",
    "only",
    "split",
    "text",
    "thinking",
    "tool_calls",
    "tool_input",
    "tool_results",
    "usage",
    "validate",
}
EVENTS_OUT: Final = {"budget", "meter", "only", "validate"}
"""The operators whose items before or behind them are such events."""

NAMES: Final = {
    **EVENTS,
    "ServerToolResult": sk.ServerToolResult,
    "TextBlock": TextBlock,
    "ToolCall": sk.ToolCall,
    "TotalUsage": sk.events.TotalUsage,
}
"""What the explanation of a letter may use."""


# -- reading them -------------------------------------------------------------------------------------------

EXPLANATION: Final = re.compile(r"(\S) = (.+)")


def diagrams(function: Callable[..., object]) -> list[Diagram]:
    """
    The indented paragraphs of a docstring that are marbles, an expression, and marbles; below, what letters stand for.
    """
    found: list[Diagram] = []
    inputs = EVENTS if function.__name__ in EVENTS_IN else {}
    outputs = EVENTS if function.__name__ in EVENTS_OUT else {}
    doc = inspect.getdoc(function) or ""
    for paragraph in re.split(r"\n{2,}(?! {4}\S = )", doc):
        lines = [line.removeprefix("    ") for line in paragraph.splitlines() if line]
        explained = [match for match in map(EXPLANATION.fullmatch, lines) if match]
        drawn = lines[: len(lines) - len(explained)]
        if len(drawn) > 2 and all(map(are_marbles, [*drawn[:-2], drawn[-1]])):
            results = {match[1]: eval(match[2], NAMES.copy()) for match in explained}
            found.append(Diagram(drawn[:-2], drawn[-2], drawn[-1], {**outputs, **results}, inputs))
    return found


def are_marbles(line: str) -> bool:
    try:
        timeline = marbles.parse(line)
    except ValueError:
        return False
    return timeline.ended or "-" in line


WITHOUT: Final = {
    "approve": "no part of a pipeline",
    "mcp": "no part of a pipeline",
    "branch": "settings for a sink of tee",
    "follow": "what comes next depends on an outcome, which no marble shows",
    "from_iterable": "a source without a time of its own",
    "from_sdk": "a source: what the SDK gives",
    "from_sse": "a source: bytes",
    "http_client": "no part of a pipeline",
    "messages": "a source: a request",
    "operator": "a decorator",
    "passthrough": "a decorator",
    "replay": "a source: a file",
    "sink": "a decorator",
    "source": "a decorator",
    "tool": "no part of a pipeline",
    "tool_loop": "a source: requests",
}
"""Public functions that no marbles can show, and why."""


# -- playing them -------------------------------------------------------------------------------------------


def is_function(name: str) -> bool:
    """
    Whether a public name is a function; one that does not load counts, and fails as a test of its own.
    """
    try:
        return inspect.isfunction(getattr(sk, name))
    except (AttributeError, ImportError):
        return True


@pytest.mark.parametrize("name", [name for name in dir(sk) if is_function(name)])
async def test_the_diagram_is_what_happens(name: str) -> None:
    drawn = diagrams(getattr(sk, name))
    if name in WITHOUT:
        assert not drawn, f"{name} has a diagram: take it out of WITHOUT"
        return
    assert drawn, f"the docstring of {name} needs a marble diagram"
    for diagram in drawn:
        assert diagram.expression.startswith(f"{name}(")
        await diagram.play()


@pytest.mark.parametrize("name", sorted(WITHOUT))
def test_the_tables_name_public_functions(name: str) -> None:
    assert name in dir(sk)


# -- they are really read and compared ----------------------------------------------------------------------


def example() -> None:
    """
    Lists.

    Text that is no diagram:

        async for item in items:
            print(item)
        -a-

        -ab---c|
        batch(2)
        --A----(B|)

        A = ["a", "b"]
        B = ["c"]

    Emits: so.
    """


async def test_a_block_with_two_sources_binds_them() -> None:
    await Diagram(["-a|", "-b|"], "a if b else a", "-a|").play()


async def test_a_diagram_is_found_between_other_blocks() -> None:
    (found,) = diagrams(example)
    assert found == Diagram(["-ab---c|"], "batch(2)", "--A----(B|)", {"A": ["a", "b"], "B": ["c"]})


async def test_a_wrong_one_is_noticed() -> None:
    with pytest.raises(AssertionError, match="something else"):
        await Diagram(["-ab---c|"], "batch(2)", "--A---(B|)", {"A": ["a", "b"], "B": ["c"]}).play()
