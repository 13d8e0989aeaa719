"""
Other people's clients, and a site for them; where one is missing, the tests that need it are skipped, and say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.clients import packages
from tests.clients.site import serving
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Dialog, Page

    from tests.clients.site import Site


def needs(find: Callable[[], object]) -> None:
    """
    Skip what needs a client that is missing; fail where clients are required, as in CI.
    """
    try:
        find()
    except packages.Missing as error:
        (pytest.fail if packages.ASKED == "required" else pytest.skip)(str(error))


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """
    A web server for everything that clients read.
    """
    with serving() as site:
        yield site


@pytest.fixture(scope="session")
def node() -> None:
    """
    Skip without Node.js and its packages.
    """
    needs(packages.judge)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """
    A browser. Playwright keeps an event loop in this thread while it lives, so a module that uses it has no asynchronous tests.
    """
    needs(packages.browser)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=packages.browser())
        yield browser
        browser.close()


@pytest.fixture
def console() -> Iterator[list[str]]:
    """
    What the console of a page says; at the end it has to be nothing.
    """
    said: list[str] = []
    yield said
    assert said == []


@pytest.fixture
def page(browser: Browser, console: list[str]) -> Iterator[Page]:
    """
    A page in a browser.
    """

    def refuse(dialog: Dialog) -> None:
        console.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    with browser.new_context(viewport={"width": 900, "height": 860}) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.on("console", lambda message: console.append(f"{message.type}: {message.text}"))
        page.on("dialog", refuse)
        page.on("pageerror", lambda error: console.append(str(error)))
        yield page
