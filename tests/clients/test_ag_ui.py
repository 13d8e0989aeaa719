"""
AG-UI's own client reads what `streamkit.ui.ag_ui` sends: every recording, and every fault of the failure matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from streamkit.ui import ag_ui
from tests.clients.answers import played, written
from tests.clients.judges import asked, judged, told_by_ag_ui, told_by_outcome
from tests.clients.web_example import check_answer, served_example
from tests.ui.ag_ui_client import accounted

if TYPE_CHECKING:
    import streamkit as sk
    from streamkit.events import Event
    from tests.clients.answers import Answer
    from tests.clients.judges import Seen
    from tests.clients.site import Site
    from tests.conformance.failure_matrix import Resume

pytestmark = pytest.mark.usefixtures("node")

REQUEST: Final[dict[str, Any]] = {
    "threadId": "thread",
    "runId": "next",
    "tools": [],
    "context": [],
    "state": {},
    "forwardedProps": {},
}
HISTORY: Final = [{"id": "question", "role": "user", "content": "Hi"}]


def write(stream: sk.Stream[Event], resume: Resume) -> ag_ui.Response:
    return ag_ui.Response(stream | ag_ui.events("thread", "run", messages=HISTORY))


@pytest.fixture(scope="module")
def answers() -> dict[str, Answer]:
    return written(write)


@pytest.fixture(scope="module")
def seen(site: Site, node: None, answers: dict[str, Answer]) -> dict[str, Seen]:
    return judged(site, {name: ("ag-ui", answer.app) for name, answer in answers.items()})


def test_a_client_ends_with_what_the_outcome_has(answers: dict[str, Answer], seen: dict[str, Seen]) -> None:
    wrong = {name: found for name, answer in answers.items() if (found := difference(answer, seen[name]))}
    assert wrong == {}


def test_what_a_client_sends_back_is_what_claude_has_said(
    answers: dict[str, Answer], seen: dict[str, Seen]
) -> None:
    """
    Byte for byte: signatures and encrypted results too. Calls without a result are not sent to Claude.
    """
    wrong: dict[str, object] = {}
    for name in (path.stem for path in played()):
        history = answers[name].outcome.history
        if not history or answers[name].outcome.tool_calls:
            continue
        request = {**REQUEST, "messages": [*HISTORY, *seen[name].end]}
        said = [message for message in ag_ui.params(request)["messages"] if message["role"] == "assistant"]
        if blocks(said) != blocks(history):
            wrong[name] = said, history
    assert wrong == {}


def blocks(messages: Any) -> list[dict[str, Any]]:
    """
    The content blocks of messages.
    """
    contents = [message["content"] for message in messages]
    lists = [[{"type": "text", "text": each}] if isinstance(each, str) else each for each in contents]
    return [block for each in lists for block in each]


def difference(answer: Answer, seen: Seen) -> object:
    """
    What a client has seen otherwise than it should have, if anything.
    """
    outcome = answer.outcome
    if answer.status != 200:
        # It makes an error of the body.
        return (seen.end != [] or len(seen.errors) != 1) and seen
    if seen.errors:
        return seen.errors
    told, expected = told_by_ag_ui(seen.end), told_by_outcome(outcome)
    # Where an answer starts over, a call under the id of one that is void has another id in the protocol.
    told.calls = [(call_id.removesuffix("_2"), name, given) for call_id, name, given in told.calls]
    if told != expected:
        return told, expected
    if (outcome.error is None) != (not seen.told) or (outcome.error is None) != (seen.finished is not None):
        return outcome, seen.told, seen.finished
    usage = (seen.failed or seen.finished).get("usage", [])
    if usage != (used := accounted(outcome)):
        return usage, used
    if outcome.error is None and seen.finished["metadata"]["anthropic"]["stop_reason"] != outcome.stop_reason:
        return seen.finished, outcome.stop_reason
    return None


def test_the_example_is_asked_and_read() -> None:
    with served_example() as url:
        for seen in asked({"ag-ui": ("ag-ui", f"{url}ag-ui")}).values():
            assert seen.errors == []
            check_answer(told_by_ag_ui(seen.end))
