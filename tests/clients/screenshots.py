"""
The screenshots of the docs: `python -m tests.clients.screenshots` takes them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamkit.testing import Reply, Request, Stall, reply, text, thinking, tool_use
from tests.clients import packages
from tests.clients.web_example import served_example

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DOCS: Final = Path(__file__).parents[2] / "docs"


def half_an_answer(request: Request) -> Reply:
    """
    The example's answer as far as the middle of the tool's input.
    """
    call = tool_use("tide_table", '{"place": "Lindholm", "day": "tomo', Stall())
    return reply(thinking("The causeway floods twice a day."), text("Let me look at the tides."), call)


def whole(browser: Browser, folder: Path) -> None:
    """
    A question and its answer.
    """
    with served_example() as url, browser.new_context(viewport={"width": 760, "height": 860}) as context:
        page = context.new_page()
        page.goto(url)
        page.click("#questions button")
        page.locator("article.ended").wait_for()
        page.click("details summary")
        page.screenshot(path=folder / "web-example.png")


def begun(browser: Browser, folder: Path) -> None:
    """
    An answer that is still written, on a phone in dark mode.
    """
    with (
        served_example(half_an_answer) as url,
        browser.new_context(viewport={"width": 390, "height": 560}, color_scheme="dark") as context,
    ):
        page = context.new_page()
        page.goto(url)
        page.click("#questions button")
        page.locator(".card .input", has_text="tomo").wait_for()
        page.screenshot(path=folder / "web-example-phone.png", animations="disabled")
        page.click("#send")
        page.locator("article.ended").wait_for()


if __name__ == "__main__":
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=packages.browser())
        whole(browser, DOCS)
        begun(browser, DOCS)
