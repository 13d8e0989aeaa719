"""
The chat of examples/outliving_chat in a browser: its answer outlives a page that is loaded again, and the process that writes it.
"""

from __future__ import annotations

import os
import random
import runpy
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import httpx2
import pytest

from tests.clients import packages
from tests.clients.conftest import needs
from tests.support.profiles import examples
from tests.support.redis_servers import running_redis

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from playwright.sync_api import Page

pytestmark = pytest.mark.usefixtures("browser")

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "outliving_chat" / "app.py"
ANSWER: Final[str] = runpy.run_path(str(EXAMPLE))["ANSWER"]
MOMENTS: Final = examples(pr=2, full=10)
PACE: Final = examples(pr=0.02, full=0.06)  # so that the page can be loaded so often while the answer comes


@contextmanager
def process(hub: str, pace: float = PACE) -> Generator[tuple[subprocess.Popen[str], str]]:
    """
    A process that serves the page and answers; gives its URL too.

    Args:
        hub: The URL of where the answers are.
        pace: Seconds between two pieces of an answer.
    """
    environment = {name: value for name, value in os.environ.items() if name != "ANTHROPIC_API_KEY"}
    environment |= {"CHAT_HUB": hub, "PORT": "0", "CHAT_PACE": str(pace)}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    command = [sys.executable, str(EXAMPLE)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stderr is not None
            lines = iter(running.stderr.readline, "")
            url = next(
                word for line in lines if "running on" in line for word in line.split() if "http" in word
            )
            yield running, f"{url}/"
        finally:
            running.kill()


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "redis":
        return f"{running_redis().url}?prefix={uuid4().hex}"
    pytest.importorskip("apsw")
    return f"sqlite:///{tmp_path_factory.mktemp('hub') / 'chats.db'}"


@pytest.fixture(scope="module")
def served(hub: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    needs(packages.browser)
    with process(hub) as served:
        yield served


@pytest.fixture(scope="module")
def url(served: tuple[subprocess.Popen[str], str]) -> str:
    return served[1]


def ask(page: Page, url: str) -> None:
    page.goto(url)
    page.click("#send")
    page.wait_for_selector("#answer:has-text('river')")


def text_of(page: Page) -> str:
    return page.eval_on_selector("#answer", "(answer) => answer.textContent")  # type: ignore[no-any-return]


def has_ended(page: Page, state: str = "done") -> str:
    page.wait_for_selector(f"#state:text-is({state!r})")
    return text_of(page)


@pytest.mark.turns(2)
def test_a_page_that_is_loaded_again_goes_on(page: Page, url: str) -> None:
    chance = random.Random(5)
    ask(page, url)
    for _ in range(MOMENTS):
        before = len(text_of(page))
        seen = min(before + chance.randrange(len(ANSWER) // (2 * MOMENTS)), len(ANSWER))
        while len(text_of(page)) < seen:
            page.wait_for_timeout(5)
        page.reload()
    assert has_ended(page) == ANSWER
    page.reload()
    assert has_ended(page) == ANSWER


@pytest.mark.turns(2)
def test_a_second_window_sees_the_same(page: Page, url: str, console: list[str]) -> None:
    ask(page, url)
    other = page.context.new_page()
    other.on("console", lambda message: console.append(message.text))
    other.goto(page.url)
    assert [has_ended(page), has_ended(other)] == [ANSWER, ANSWER]


@pytest.mark.turns(2)
def test_stop_stops_it_in_every_window(page: Page, url: str) -> None:
    ask(page, url)
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector("#answer:has-text('river')")
    other.click("#stop")
    texts = [has_ended(each, "stopped") for each in (page, other)]
    assert texts[0] == texts[1]
    assert ANSWER.startswith(texts[0])
    assert texts[0] != ANSWER


def test_where_the_process_is_killed_that_writes_another_one_goes_on(
    page: Page, hub: str, served: tuple[subprocess.Popen[str], str]
) -> None:
    other, url = served
    with process(hub, pace=0.1) as (writer, first):
        other.send_signal(signal.SIGSTOP)  # so that it does not take the answer itself
        try:
            question = {"messages": [{"role": "user", "content": "?"}]}
            answer = httpx2.post(f"{first}answers", json=question, trust_env=False).json()["id"]
            with httpx2.stream("GET", f"{first}answers/{answer}", trust_env=False) as told:
                next(line for line in told.iter_lines() if "text_delta" in line)
        finally:
            other.send_signal(signal.SIGCONT)
        page.goto(f"{url}#{answer}/%3F")
        page.wait_for_selector("#answer:has-text('river')")
        before = text_of(page)
        writer.kill()
        assert ANSWER.startswith(before)
        assert before != ANSWER
        assert has_ended(page) == ANSWER


@pytest.mark.turns(2)
def test_what_is_no_request_is_refused(url: str) -> None:
    for body in ("{", "[]", '{"messages": []}', '{"messages": [{"role": "system", "content": "x"}]}'):
        assert httpx2.post(f"{url}answers", content=body.encode(), trust_env=False).status_code == 400
    for path, status in (("x", 404), ("%00", 400), ("a" * 300, 400)):
        assert httpx2.get(f"{url}answers/{path}", trust_env=False).status_code == status
