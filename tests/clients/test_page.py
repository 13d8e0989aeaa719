"""
The page of the example and of `streamkit serve --ui`, in a browser: it ends with what was answered, and the console is silent.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final

import anyio
import pytest

import streamkit as sk
from streamkit.cli.page_server import PageServer
from streamkit.testing import (
    FakeClaude,
    Pause,
    Reply,
    Stall,
    error_reply,
    reply,
    text,
    thinking,
    tool_use,
)
from tests.clients.answers import faults, played, takes_time
from tests.clients.judges import Told, told_by_outcome
from tests.clients.site import beside
from tests.clients.web_example import served_example
from tests.support.claude import ASK, read_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Locator, Page

    from streamkit.testing import Request

pytestmark = pytest.mark.usefixtures("browser")  # before anything is written for it

WAYS: Final = ("sse", "websocket")
HOSTILE: Final = (
    "<img src=/x onerror=alert(1)><script>alert(2)</script>\r\n\r\nevent: done\ndata: {}\n\n&amp;\u2028</p>"
)


class Chat:
    """
    The page, and what one does on it.
    """

    def __init__(self, page: Page, url: str, way: str = "sse") -> None:
        self._page = page
        page.goto(url)
        page.locator("#questions button").first.wait_for()
        if page.locator("#way").is_visible():
            page.select_option("#way", way)
        self.answers = page.locator("article")

    def ask(self, question: str) -> Locator:
        """
        Ask, and wait for the end of the answer.
        """
        answer = self.begin(question)
        self._page.locator("article.ended").nth(self.answers.count() - 1).wait_for()
        return answer

    def begin(self, question: str) -> Locator:
        self._page.fill("#question", question)
        self._page.press("#question", "Enter")
        return self.answers.last

    def stop(self) -> None:
        self._page.click("#send")


def told_by(answer: Locator) -> Told:
    """
    What an answer on the page says; of its calls those that were made.
    """
    cards = answer.locator(".card").filter(has=answer.page.locator("[data-state=done]"))
    names, inputs = cards.locator("h2").all_text_contents(), cards.locator(".input").all_text_contents()
    return Told(
        "".join(answer.locator("p.text").all_text_contents()),
        "".join(answer.locator("details.thinking p").all_text_contents()),
        [("", name, json.loads(written)) for name, written in zip(names, inputs, strict=True)],
    )


@pytest.fixture
def example() -> Iterator[Callable[..., str]]:
    """
    Serves the example, answered by a function of the request if one is given, and gives its URL.
    """
    with ExitStack() as stack:
        yield lambda *script: stack.enter_context(served_example(*script))


# -- the example -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_with_thinking_and_a_tool(way: str, example: Callable[..., str], page: Page) -> None:
    chat = Chat(page, example(), way)
    page.click("#questions button")
    page.locator("article.ended").wait_for()
    told = told_by(chat.answers)
    assert told.text.startswith("Let me look at the tides.Yes, if you start early.")
    assert told.text.endswith("faster than a person walks.")
    assert told.reasoning.endswith("tomorrow, and not guess.")
    assert told.calls == [("", "tide_table", {"place": "Lindholm", "day": "tomorrow"})]
    assert "causeway dry 07:50 to 11:30" in chat.answers.locator(".card .result.done").inner_text()
    assert chat.answers.locator("details.thinking summary").inner_text() == "Thought"
    assert not chat.answers.locator("details.thinking p").is_visible(), "it is folded"
    assert "20 tokens in · 100 out" in chat.answers.locator("footer").inner_text()
    assert chat.answers.locator("footer").inner_text().endswith("end turn")


@pytest.mark.parametrize("way", WAYS)
def test_it_comes_bit_by_bit_and_can_be_stopped(way: str, example: Callable[..., str], page: Page) -> None:
    asked: list[Request] = []

    def script(request: Request) -> Reply:
        asked.append(request)
        call = tool_use("tide_table", '{"place": ', Stall())
        return reply(thinking("Hm."), text("Once ", Pause(0.05), "upon a time "), call)

    chat = Chat(page, example(script), way)
    answer = chat.begin("Tell me a story")
    answer.locator(".card .input", has_text='{"place": ').wait_for()
    assert not answer.locator(".card [data-state]").count(), "the call is being written"
    assert page.inner_text("#send") == "Stop"
    chat.stop()
    answer.and_(page.locator(".ended")).wait_for()
    assert told_by(answer).text == "Once upon a time "
    assert answer.locator("footer").inner_text().endswith("stopped")
    assert page.inner_text("#send") == "Send"
    assert len(asked) == 1


@pytest.mark.parametrize("way", WAYS)
def test_the_next_question_knows_what_was_said(way: str, example: Callable[..., str], page: Page) -> None:
    asked: list[Request] = []

    def script(request: Request) -> Reply:
        asked.append(request)
        return reply(text(f"Answer {len(asked)}"))

    chat = Chat(page, example(script), way)
    for number in (1, 2):
        assert told_by(chat.ask(f"Question {number}")).text == f"Answer {number}"
    assert asked[1].body["messages"] == [
        {"role": "user", "content": "Question 1"},
        {"role": "assistant", "content": "Answer 1"},
        {"role": "user", "content": "Question 2"},
    ]


@pytest.mark.parametrize("way", WAYS)
def test_what_is_said_is_shown_and_never_run(way: str, example: Callable[..., str], page: Page) -> None:
    def script(request: Request) -> Reply:
        return reply(
            thinking(HOSTILE), text(HOSTILE), tool_use(HOSTILE, {"place": HOSTILE}), stop_reason="end_turn"
        )

    chat = Chat(page, example(script), way)
    answer = chat.ask(HOSTILE)
    told = told_by(answer)
    assert (told.text, told.reasoning) == (HOSTILE, HOSTILE)
    assert page.locator("main img, main script").count() == 0
    assert answer.locator("h2").text_content() == HOSTILE
    assert page.locator("main .question").text_content() == HOSTILE.replace("\r\n", "\n")


@pytest.mark.parametrize("way", WAYS)
def test_an_error_is_shown_in_words(
    way: str, example: Callable[..., str], page: Page, console: list[str]
) -> None:
    def script(request: Request) -> Reply:
        return error_reply(400, message="a secret of the provider")

    chat = Chat(page, example(script), way)
    answer = chat.ask("Hi")
    assert answer.locator(".error").inner_text() == "the request was refused as invalid"
    assert answer.locator("footer").inner_text().endswith("failed")
    console[:] = [line for line in console if "Failed to load resource" not in line]


# -- streamkit serve --ui ---------------------------------------------------------------------------------------------------


def test_the_page_of_serve_ends_with_what_the_outcome_has(page: Page) -> None:
    """
    Every recording, and every fault but those that only time shows.
    """
    replies = {path.stem: Reply.file(path) for path in played()}
    replies |= {name: first for name, first, _ in faults() if not takes_time(first)}
    with ThreadPoolExecutor(1) as threads:  # Playwright keeps an event loop in this one
        expected = threads.submit(anyio.run, outcomes_of, replies).result()

    def answer(request: Request) -> Reply:
        return replies[request.body["messages"][-1]["content"]]

    wrong: dict[str, object] = {}
    with beside(PageServer(answer, port=0, questions=["?"])) as server:
        chat = Chat(page, server.url)
        for name, outcome in expected.items():
            told, should = told_by(chat.ask(name)), told_by_outcome(outcome)
            should.calls = [("", tool, given) for _, tool, given in should.calls]
            should.results.clear()
            should.sources.clear()
            if told != should:
                wrong[name] = told, should
            if ("failed" in chat.answers.last.locator("footer").inner_text()) != (outcome.error is not None):
                wrong[name] = outcome.error
    assert wrong == {}


async def outcomes_of(replies: dict[str, Reply]) -> dict[str, sk.Outcome]:
    """
    What becomes of each of these answers.
    """
    outcomes: dict[str, sk.Outcome] = {}
    for name, first in replies.items():
        async with FakeClaude(first) as server:
            run = sk.messages(server.client(), retry=None, **ASK).open()
            with suppress(*sk.ERRORS):
                await read_all(run)
            outcomes[name] = run.outcome
    return outcomes
