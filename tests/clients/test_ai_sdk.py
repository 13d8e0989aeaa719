"""
The AI SDK's own clients, of versions 6 and 7, read what `streamkit.ui.ai_sdk` sends: every recording, and every fault of the
failure matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from streamkit.ui import ai_sdk
from tests.clients.answers import played, written
from tests.clients.judges import AI_SDK, asked, judged, told_by_outcome, told_by_ui_message
from tests.clients.web_example import check_answer, served_example
from tests.ui.test_chunks_of_streams import ASKED, answers as blocks_in

if TYPE_CHECKING:
    import streamkit as sk
    from streamkit.events import Event
    from tests.clients.answers import Answer
    from tests.clients.judges import Judge, Seen
    from tests.clients.site import Site
    from tests.conformance.failure_matrix import Resume

pytestmark = pytest.mark.usefixtures("node")


VERSIONS: Final[dict[Judge, ai_sdk.Version]] = {"ai-6": 6, "ai-7": 7}


@pytest.fixture(scope="module", params=AI_SDK)
def answers(request: pytest.FixtureRequest) -> tuple[Judge, dict[str, Answer]]:
    judge: Judge = request.param

    def write(stream: sk.Stream[Event], resume: Resume) -> ai_sdk.Response:
        return ai_sdk.Response(stream, version=VERSIONS[judge])

    return judge, written(write)


@pytest.fixture(scope="module")
def seen(site: Site, node: None, answers: tuple[Judge, dict[str, Answer]]) -> dict[str, Seen]:
    judge, written = answers
    return judged(site, {name: (judge, answer.app) for name, answer in written.items()})


def test_a_page_ends_with_what_the_outcome_has(
    answers: tuple[Judge, dict[str, Answer]], seen: dict[str, Seen]
) -> None:
    _, written = answers
    wrong = {name: found for name, answer in written.items() if (found := difference(answer, seen[name]))}
    assert wrong == {}


def test_what_a_page_sends_back_is_what_claude_has_said(
    answers: tuple[Judge, dict[str, Answer]], seen: dict[str, Seen]
) -> None:
    """
    Byte for byte: signatures and encrypted results too.
    """
    judge, written = answers
    wrong: dict[str, object] = {}
    for name in (path.stem for path in played()):
        given = ai_sdk.params({"messages": [ASKED, seen[name].end]})
        said = [
            blocks_in(each, VERSIONS[judge]) for each in (given["messages"], written[name].outcome.history)
        ]
        if said[0] != said[1]:
            wrong[name] = said
    assert wrong == {}


def difference(answer: Answer, seen: Seen) -> object:
    """
    What a client has seen otherwise than it should have, if anything.
    """
    outcome = answer.outcome
    if answer.status != 200:
        # It makes an error of the body.
        return (seen.end is not None or len(seen.errors) != 1) and seen
    if seen.errors:
        return seen.errors
    told, expected = told_by_ui_message(seen.end), told_by_outcome(outcome)
    if told != expected:
        return told, expected
    if (outcome.error is None) != (not seen.told) or (outcome.error is None) != (seen.finished is not None):
        return outcome, seen.told, seen.finished
    metadata = seen.end["metadata"]
    if (metadata["usage"], metadata["stop_reason"]) != (outcome.usage.to_dict(), outcome.stop_reason):
        return metadata, outcome.usage, outcome.stop_reason
    return outcome.error is None and metadata.get("model") != outcome.model and (metadata, outcome.model)


def test_the_example_is_asked_and_read() -> None:
    with served_example() as url:
        for seen in asked({judge: (judge, f"{url}ai-sdk") for judge in AI_SDK}).values():
            assert seen.errors == []
            check_answer(told_by_ui_message(seen.end))
