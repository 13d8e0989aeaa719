"""
The page of the example and of `streamkit serve --ui`, in a browser: what one does on it, and what it makes of hostile answers.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest

from streamkit.cli.page_server import PageServer
from streamkit.testing import Pause, Reply, Stall, error_reply, reply, text, thinking, tool_use
from streamkit.testing._fake_claude.faults.wire import WireFault
from tests.clients import screenshots
from tests.clients.chat import Chat, shown
from tests.clients.site import beside
from tests.clients.web_example import served_example
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from streamkit.testing import Request

    Script = Callable[[Request], Reply]
    Opened = Callable[..., Chat]

pytestmark = pytest.mark.usefixtures("browser")  # before anything is written for it

EXAMPLE: Final = ("sse", "websocket")
WAYS: Final = (*EXAMPLE, "serve")

TIDES: Final = {"place": "Lindholm", "day": "tomorrow"}


class Held(WireFault):
    """
    A response that says nothing more, until who has asked goes away, and tells of that.
    """

    def __init__(self) -> None:
        self.gone = threading.Event()

    async def play(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            self.gone.set()


@pytest.fixture
def opened(page: Page) -> Iterator[Opened]:
    """
    Opens the page of the example, over server-sent events or a WebSocket, or that of `serve --ui`; a script answers it.
    """
    with ExitStack() as stack:

        def open_page(way: str, script: Script | None = None) -> Chat:
            if way == "serve":
                assert script is not None
                server = stack.enter_context(beside(PageServer(script, port=0, questions=["?"])))
                return Chat(page, server.url)
            return Chat(page, stack.enter_context(served_example(script)), way)

        yield open_page


# -- what one does ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", EXAMPLE)
def test_an_answer_with_thinking_and_a_tool(way: str, opened: Opened, page: Page) -> None:
    chat = opened(way)
    page.click("#questions button")
    page.locator("article.ended").wait_for()
    seen = shown(chat.answers)
    assert seen.text.startswith("Let me look at the tides.Yes, if you start early.")
    assert seen.text.endswith("faster than a person walks.")
    assert seen.reasoning.endswith("tomorrow, and not guess.")
    assert seen.calls == [("tide_table", TIDES)]
    assert "causeway dry 07:50 to 11:30" in seen.results[0]
    assert chat.answers.locator("details.thinking summary").inner_text() == "Thought"
    assert not chat.answers.locator("details.thinking p").is_visible(), "it is folded"
    assert seen.footer.startswith("20 tokens in · 100 out · ")
    assert seen.footer.endswith("end turn")


@pytest.mark.parametrize("way", WAYS)
def test_it_comes_bit_by_bit_and_can_be_stopped(way: str, opened: Opened, page: Page) -> None:
    asked: list[Request] = []

    def script(request: Request) -> Reply:
        asked.append(request)
        if len(asked) > 1:
            return reply(text("The end."))
        call = tool_use("tide_table", '{"place": ', Stall())
        return reply(thinking("Hm."), text("Once ", Pause(0.05), "upon a time "), call)

    chat = opened(way, script)
    answer = chat.begin("Tell me a story")
    answer.locator(".card .input", has_text='{"place": ').wait_for()
    assert not answer.locator(".card [data-state]").count(), "the call is being written"
    assert page.inner_text("#send") == "Stop"
    chat.stop()
    page.locator("article.ended").wait_for()
    seen = shown(chat.answers.first)
    assert (seen.text, seen.calls) == ("Once upon a time ", [])
    assert seen.footer.endswith("stopped")
    assert page.inner_text("#send") == "Send"
    assert len(asked) == 1
    assert shown(chat.ask("How does it end?")).text == "The end."
    said = [message["content"] for message in asked[1].body["messages"]]
    assert said == ["Tell me a story", "Once upon a time ", "How does it end?"]


@pytest.mark.parametrize("way", EXAMPLE)
def test_the_next_question_has_its_own_thoughts_and_tools_and_knows_what_was_said(
    way: str, opened: Opened
) -> None:
    asked: list[Request] = []

    def script(request: Request) -> Reply:
        asked.append(request)
        number = len(asked)
        if number % 2 == 0:
            return reply(thinking(f"Now {number}."), text(f"Answer {number}."))
        call = tool_use("tide_table", {**TIDES, "day": f"day {number}"})
        return reply(thinking(f"Hm {number}."), text("Let me look. "), call)

    chat = opened(way, script)
    for first, second in ((1, 2), (3, 4)):
        chat.ask(f"Question {first}")
        for answer, number in zip(chat.answers.all(), (1, 3), strict=False):
            seen = shown(answer)
            assert seen.text == f"Let me look. Answer {number + 1}."
            assert seen.reasoning == f"Hm {number}.Now {number + 1}."
            assert seen.calls == [("tide_table", {**TIDES, "day": f"day {number}"})]
            assert [result.partition(":")[0] for result in seen.results] == [f"Lindholm, day {number}"]
        assert len(asked) == second
    assert asked[2].body["messages"] == [
        {"role": "user", "content": "Question 1"},
        {"role": "assistant", "content": "Let me look. Answer 2."},
        {"role": "user", "content": "Question 3"},
    ]


@pytest.mark.parametrize("way", WAYS)
def test_a_page_that_is_loaded_again_ends_the_answer_and_can_ask(
    way: str, opened: Opened, page: Page
) -> None:
    held = Held()
    answers = iter([reply(text("Once ", held)), reply(text("Twice"))])

    def script(request: Request) -> Reply:
        return next(answers)

    chat = opened(way, script)
    chat.begin("Tell me a story").locator("p.text").wait_for()
    page.reload()
    assert held.gone.wait(PATIENCE), "the request to Claude has ended"
    chat.ready()
    assert chat.answers.count() == 0
    assert shown(chat.ask("Again")).text == "Twice"


@pytest.mark.parametrize("way", WAYS)
def test_each_window_has_a_conversation_of_its_own(way: str, opened: Opened, page: Page) -> None:
    def script(request: Request) -> Reply:
        match request.body["messages"]:
            case [{"content": "wait"}]:
                return reply(text("First ", Stall()))
            case messages:
                return reply(text(f"{len(messages)}: {messages[-1]['content']}"))

    first = opened(way, script)
    waiting = first.begin("wait")
    waiting.locator("p.text").wait_for()
    with page.context.expect_page() as other:
        page.evaluate("window.open(location.href) && null")
    second = Chat(other.value, page.url, way)
    assert [shown(second.ask(said)).text for said in ("a", "b")] == ["1: a", "3: b"]
    assert shown(waiting).text == "First "
    first.stop()
    page.locator("article.ended").wait_for()
    assert shown(first.ask("c")).text == "3: c"


@pytest.mark.parametrize("way", WAYS)
def test_an_error_is_shown_in_words(way: str, opened: Opened, page: Page, console: list[str]) -> None:
    def script(request: Request) -> Reply:
        return error_reply(400, message="a secret of the provider")

    chat = opened(way, script)
    answer = chat.ask("Hi")
    assert answer.locator(".error").inner_text() == "the request was refused as invalid"
    assert answer.locator("footer").inner_text().endswith("failed")
    console[:] = [line for line in console if "Failed to load resource" not in line]


# -- what it is told -------------------------------------------------------------------------------------------------------

HOSTILE: Final = (
    "<img src=/x onerror=alert(1)><script>alert(2)</script>\r\n\r\nevent: done\ndata: {}\n\n&amp;\u2028</p></article>"
    "\x1b[31m\x1b]8;;javascript:alert(3)\x07\u202eesrever\u2066\ufeff\x00"
)
LINKS: Final = ["https://t.example/?<script>alert(4)</script>", "HTTP://t.example/'onmouseover='alert(5)"]
NOT_LINKS: Final = [
    "javascript:alert(6)",
    " JaVaScRiPt:alert(7)",
    "\x01javascript:alert(8)//https://t.example",
    "data:text/html,<script>alert(9)</script>",
    "file:///etc/passwd",
]


def cited(url: str) -> dict[str, Any]:
    place = {"type": "web_search_result_location", "cited_text": HOSTILE, "encrypted_index": "aQ=="}
    return {**place, "url": url, "title": HOSTILE + url}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_said_is_shown_and_never_run(way: str, opened: Opened, page: Page) -> None:
    found = {"type": "web_search_result", "url": NOT_LINKS[0], "title": HOSTILE, "encrypted_content": "eA=="}
    result = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [found]}
    answer = reply(
        thinking(HOSTILE),
        tool_use(HOSTILE, {HOSTILE: HOSTILE}, id="srvtoolu_1", type="server_tool_use"),
        result,
        text(HOSTILE, citations=[cited(url) for url in (*LINKS, *NOT_LINKS)]),
        tool_use(HOSTILE, HOSTILE, id="toolu_1"),
        stop_reason="end_turn",
    )

    def script(request: Request) -> Reply:
        return answer

    chat = opened(way, script)
    shown_answer = chat.ask(HOSTILE)
    seen = shown(shown_answer)
    assert (seen.text, seen.reasoning) == (HOSTILE, HOSTILE)
    assert seen.calls == [(HOSTILE, {HOSTILE: HOSTILE})]
    assert seen.results == [HOSTILE]
    assert seen.sources == [(HOSTILE + url, url if url in LINKS else None) for url in (*LINKS, *NOT_LINKS)]
    assert shown_answer.locator("h2").all_text_contents() == [HOSTILE] * 2
    broken = shown_answer.locator(".card").last
    assert broken.locator(".input").text_content() == HOSTILE
    assert page.locator("main .question").text_content() == HOSTILE.replace("\r\n", "\n")
    assert page.locator("main img, main script").count() == 0
    links = shown_answer.locator("a")
    assert {link.get_attribute("rel") for link in links.all()} == {"noopener noreferrer"}
    # What turns the direction of writing does so up to the end of its own element.
    inside = ["p", "h2", "pre", "li"]
    styles = "(all) => all.map((each) => getComputedStyle(each).unicodeBidi)"
    assert {style for name in inside for style in shown_answer.locator(name).evaluate_all(styles)} == {
        "isolate"
    }


# -- in the docs -----------------------------------------------------------------------------------------------------------

SCREENSHOTS: Final[dict[str, Callable[[Browser, Path], None]]] = {
    "web-example.png": screenshots.whole,
    "web-example-phone.png": screenshots.begun,
}


@pytest.mark.parametrize("name", SCREENSHOTS)
def test_the_screenshots_of_the_docs_can_be_taken_again(name: str, browser: Browser, tmp_path: Path) -> None:
    SCREENSHOTS[name](browser, tmp_path)
    assert size(tmp_path / name) == size(screenshots.DOCS / name)


def size(png: Path) -> tuple[int, int]:
    """
    The width and the height of a PNG image, in pixels.
    """
    data = png.read_bytes()
    assert data.startswith(b"\x89PNG")
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
