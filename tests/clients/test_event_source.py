"""
A browser's own `EventSource` reads what `sk.sse.Response` sends: every recording, and every fault of the failure matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from starlette.responses import HTMLResponse

import streamkit as sk
from tests.clients.answers import PARTS, written
from tests.clients.judges import Told, told_by_outcome

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from streamkit.events import Event
    from tests.clients.answers import Answer
    from tests.clients.site import Site
    from tests.conformance.failure_matrix import Resume

pytestmark = pytest.mark.usefixtures("browser")  # before anything is written for it

READ: Final = """
(url) => new Promise((done) => {
  let blocks, seen;
  const source = new EventSource(url);
  const on = (name, take) => source.addEventListener(name, ({ data }) => take(JSON.parse(data)));
  const clear = () => {
    blocks = [];
    seen = { text: "", thinking: "", calls: [], results: {}, sources: [] };
  };
  clear();
  on("restarted", clear);

  // named by split()
  on("text", (piece) => { seen.text += piece; });
  on("thinking", (piece) => { seen.thinking += piece; });
  on("call", ({ id, name, input }) => { seen.calls.push([id, name, input]); });
  on("source", (citation) => { seen.sources.push(citation); });
  on("result", ({ block }) => { seen.results[block.tool_use_id] = block.content; });

  // Claude's events
  const begin = (block) => {
    seen.text += block.text ?? "";
    seen.thinking += block.thinking ?? "";
    return { ...block, json: "" };
  };
  const end = ({ type, id, name, input, json }) => {
    if (type === "tool_use") seen.calls.push([id, name, json ? JSON.parse(json) : input]);
  };
  on("message", ({ type, message, index, content_block, delta }) => {
    if (type === "message_start") message.content.map(begin).forEach(end);
    if (type === "content_block_start") blocks[index] = begin(content_block);
    if (type === "content_block_stop") end(blocks[index]);
    if (type === "content_block_delta") {
      seen.text += delta.text ?? "";
      seen.thinking += delta.thinking ?? "";
      blocks[index].json += delta.partial_json ?? "";
    }
  });

  on("done", (end) => { source.close(); done({ ...seen, end, error: null }); });
  source.addEventListener("error", ({ data }) => {  // the stream's own, or the browser's, without data
    source.close();
    done({ ...seen, end: null, error: data ? JSON.parse(data) : "the browser gave up" });
  });
})
"""


def write(stream: sk.Stream[Event], resume: Resume) -> sk.sse.Response:
    """
    The parts of an answer; where it may start over, its events, because the parts would hide it.
    """
    return sk.sse.Response(stream if resume == "restart" else stream | PARTS)


@pytest.fixture(scope="module")
def answers() -> dict[str, Answer]:
    return written(write)


def test_event_source_ends_with_what_the_outcome_has(
    site: Site, page: Page, console: list[str], answers: dict[str, Answer]
) -> None:
    page.goto(site.put(HTMLResponse("<title>a page</title><link rel=icon href=data:,>")))
    urls = {name: site.put(answer.app) for name, answer in answers.items()}
    read = f"(urls) => Promise.all(urls.map({READ}))"
    seen: dict[str, Any] = dict(zip(urls, page.evaluate(read, [*urls.values()]), strict=True))
    # Of a response with the status of an error a browser says so itself.
    console[:] = [line for line in console if "Failed to load resource" not in line]
    wrong = {name: found for name, answer in answers.items() if (found := difference(answer, seen[name]))}
    assert wrong == {}


def difference(answer: Answer, seen: dict[str, Any]) -> object:
    outcome = answer.outcome
    if answer.status != 200:
        return seen["error"] != "the browser gave up" and seen
    calls = [tuple(call) for call in seen["calls"]]
    told = Told(seen["text"], seen["thinking"], calls, seen["results"], seen["sources"])
    if told != (expected := told_by_outcome(outcome)):
        return told, expected
    if outcome.error is not None:
        return seen["error"] is None and seen
    end = {"kind": "complete", "stop_reason": outcome.stop_reason, "usage": outcome.usage.to_dict()}
    return seen["end"] != end and (seen["end"], end)
