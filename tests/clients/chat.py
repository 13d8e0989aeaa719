"""
The chat page in a browser: what one does on it, and what an answer on it says.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from streamkit._claude.protocol.reading import as_list
from tests.clients.judges import told_by_outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playwright.sync_api import Locator, Page

    import streamkit as sk

READ: Final = """
(answer) => {
  const all = (selector, inside = answer) => [...inside.querySelectorAll(selector)];
  const texts = (selector, inside) => all(selector, inside).map((each) => each.textContent);
  return {
    text: texts("p.text").join(""),
    reasoning: texts("details.thinking p").join(""),
    cards: all(".card").map((card) => ({
      name: texts("h2", card)[0],
      state: all("i", card)[0].dataset.state,
      input: texts(".input", card)[0],
      results: texts(".result", card),
    })),
    sources: all(".sources li > *").map((each) => [each.textContent, each.getAttribute("href")]),
    errors: texts(".error"),
    footer: texts("footer")[0],
  };
}
"""

ASK_ALL: Final = """
async (questions) => {
  const [send, asked] = ["send", "question"].map((id) => document.getElementById(id));
  const idle = () => new Promise((done) => {
    const look = () => { if (send.textContent === "Send") { observer.disconnect(); done(); } };
    const observer = new MutationObserver(look);
    observer.observe(send, { childList: true });
  });
  const seen = [];
  for (const question of questions) {
    asked.value = question;
    asked.form.requestSubmit();
    await idle();
    seen.push(READ(document.querySelector("article:last-child")));
    document.getElementById("conversation").replaceChildren();
  }
  return seen;
}
""".replace("READ", f"({READ})")


@dataclass
class Shown:
    """
    What an answer on the page says.

    Attributes:
        text: The text, as one.
        reasoning: The thinking, as one.
        calls: Each call that was made: its tool and its input.
        results: What they have given: JSON, or a text.
        sources: What is cited: each with its link, if it has one.
        footer: What stands below it.
        errors: The errors that are shown.
    """

    text: str = ""
    reasoning: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])
    results: list[Any] = field(default_factory=list[Any])
    sources: list[tuple[str, str | None]] = field(default_factory=list[tuple[str, "str | None"]])
    footer: str = field(default="", compare=False)
    errors: list[str] = field(default_factory=list[str], compare=False)


class Chat:
    """
    The page, and what one does on it.
    """

    def __init__(self, page: Page, url: str, way: str = "sse") -> None:
        self._page = page
        self._way = way
        page.goto(url)
        self.ready()
        self.answers = page.locator("article")

    def ready(self) -> None:
        """
        Wait until one can ask.
        """
        self._page.locator("#questions button").first.wait_for()
        if self._page.locator("#way").is_visible():
            self._page.select_option("#way", self._way)

    def ask(self, question: str) -> Locator:
        """
        Ask, and wait for the end of the answer.
        """
        answer = self.begin(question)
        self._page.locator("article.ended").nth(self.answers.count() - 1).wait_for()
        return answer

    def ask_all(self, questions: Iterable[str]) -> list[Shown]:
        """
        Ask one after the other, and read the answers, all of it inside the page, which is quick.
        """
        return [_shown(seen) for seen in self._page.evaluate(ASK_ALL, [*questions])]

    def begin(self, question: str) -> Locator:
        self._page.fill("#question", question)
        self._page.press("#question", "Enter")
        return self.answers.last

    def stop(self) -> None:
        self._page.click("#send")


def shown(answer: Locator) -> Shown:
    """
    What an answer says.
    """
    return _shown(answer.evaluate(READ))


def _shown(seen: Any) -> Shown:
    made = [
        card
        for card in seen["cards"]
        if card["state"] == "done" or (card["results"] and not card["results"][0].startswith("Not called"))
    ]
    return Shown(
        seen["text"],
        seen["reasoning"],
        [(card["name"], json.loads(card["input"])) for card in made],
        [_parsed(result) for card in made for result in card["results"]],
        [(name, link) for name, link in seen["sources"]],
        seen["footer"],
        seen["errors"],
    )


def shown_by_outcome(outcome: sk.Outcome) -> Shown:
    """
    What the page has to say of an answer.
    """
    told = told_by_outcome(outcome)
    sources = [(_name(cited), _link(cited)) for cited in told.sources]
    return Shown(
        told.text,
        told.reasoning,
        [(tool, given) for _, tool, given in told.calls],
        [_parsed(_text(told.results[call_id])) for call_id, _, _ in told.calls if call_id in told.results],
        list(dict.fromkeys(sources)),
    )


def wrong_at_the_end(seen: Shown, outcome: sk.Outcome) -> object:
    """
    What the page says otherwise than it should of how an answer has ended, if anything.
    """
    if outcome.error is not None:
        right = seen.footer.endswith("failed") and len(seen.errors) == 1
    else:
        usage = outcome.usage
        tokens = f"{usage.input_tokens} tokens in · {usage.output_tokens} out · "
        end = str(outcome.stop_reason or outcome.kind).replace("_", " ")
        right = seen.footer.startswith(tokens) and seen.footer.endswith(f" s · {end}") and not seen.errors
    return None if right else (seen.footer, seen.errors, outcome)


def _text(content: Any) -> str:
    parts = as_list(content)
    return _json(content) if parts is None else "\n".join(_json(_said(part)) for part in parts)


def _said(part: Any) -> Any:
    """
    What is shown of a part of a result: its text, or its title, or all of it.
    """
    match part:
        case {"text": str(said)} | {"title": str(said)}:
            return said
        case _:
            return part


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _name(cited: Any) -> str:
    names = (cited.get(name) for name in ("title", "document_title", "url", "source"))
    return next(
        (name for name in names if name is not None), f"Document {cited.get('document_index', 0) + 1}"
    )


def _link(cited: Any) -> str | None:
    url = cited.get("url")
    return url if isinstance(url, str) and url.startswith(("http://", "https://")) else None
