"""
tool: the one normal form of what an application lets Claude call.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any, cast

import anthropic
import pytest

import streamkit as sk


async def look(city: str) -> str:
    """
    Look out of a window.
    """
    return city


def add(a: int, b: int) -> str:
    return str(a + b)


async def unnamed(a: int, /, b: int) -> int:
    return a + b


async def many(*numbers: int) -> int:
    return sum(numbers)


class Room:
    async def enter(self, door: str) -> str:
        return door


def test_a_function_has_its_name_its_description_and_its_schema() -> None:
    made = sk.tool(look)
    assert made.name == "look"
    assert made.definition["description"] == "Look out of a window."
    assert made.definition["input_schema"]["required"] == ["city"]
    assert (made.effect, made.timeout, made.start, made.blocking) == (True, None, None, False)
    assert sk.tool(add).blocking
    assert sk.tool(Room().enter).name == "enter"


def test_it_also_stands_over_a_function_and_over_a_tool() -> None:
    @sk.tool(effect=False, timeout=3)
    async def search(query: str) -> str:
        return query

    assert (search.name, search.effect, search.timeout) == ("search", False, 3.0)
    again = sk.tool(search, start="message")
    assert (again.effect, again.timeout, again.start) == (False, 3.0, "message")
    assert repr(again) == "tool(search, effect=False, timeout=3.0, start='message')"


async def test_a_test_calls_it_by_the_names_of_its_input() -> None:
    made: Any = sk.tool(add)
    assert made.run(a=1, b=2) == "3"
    assert await cast("Any", sk.tool(look)).run(city="Oslo") == "Oslo"
    with pytest.raises(TypeError, match=r"is called as add\.run\(a=…, b=…\)"):
        made(1, 2)


def test_the_sdks_objects_and_dicts_are_tools_too() -> None:
    plus = sk.tool(anthropic.beta_tool(add, name="plus"))
    assert (plus.name, plus.blocking) == ("plus", True)
    made = sk.tool({"name": "note", "input_schema": {"type": "object"}, "run": look}, effect=False)
    assert made.definition == {"name": "note", "input_schema": {"type": "object"}}
    assert not made.effect


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        (3, TypeError, "a tool is a function, .* not int"),
        (Room, TypeError, "not the class Room"),
        (Room.enter, TypeError, r"method without its object, .* sk\.tool\(it\.enter, effect=False\)"),
        ({"name": "note"}, TypeError, "the tool 'note' needs its function"),
        ({"run": add}, TypeError, "needs its name"),
        (
            {"name": "note", "run": add},
            TypeError,
            "the tool 'note' needs input_schema, a JSON schema as a dict",
        ),
        ({"name": "note", "input_schema": "{}", "run": add}, TypeError, "needs input_schema"),
        (lambda: "", ValueError, r"not '<lambda>': give it one with anthropic.beta_tool"),
        (
            partial(look, "Oslo"),
            TypeError,
            "no tool can be made of look, because of .* Write a `def` around it",
        ),
        (unnamed, TypeError, "the tool unnamed has the parameter a without a name"),
        (many, TypeError, r"the tool many has the parameter \*numbers without a name, .* as a list"),
    ],
)
def test_what_is_no_tool_is_refused(given: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        sk.tool(given)


def test_a_toolset_of_the_sdk_is_refused_with_the_loop_that_runs_it() -> None:
    class Browser:
        toolset_name = "browser"

        def to_dict(self) -> dict[str, object]:
            return {"type": "browser_20260801"}

        async def call(self, given: object) -> str:
            return ""

    browser: Any = Browser()
    with pytest.raises(TypeError, match=r"the toolset 'browser' .* sk\.from_sdk\(client"):
        sk.tool(browser)


def test_a_generator_is_no_tool() -> None:
    async def pages() -> AsyncIterator[str]:
        yield ""

    with pytest.raises(TypeError, match="the tool pages is a generator function"):
        sk.tool(pages)


def test_a_tool_with_effects_cannot_begin_before_its_message_has_ended() -> None:
    with pytest.raises(ValueError, match="say effect=False if that does no harm"):
        sk.tool(look, start="block")
    assert sk.tool(look, effect=False, start="block").start == "block"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"timeout": 0}, ValueError),
        ({"timeout": "3"}, TypeError),
        ({"start": "now"}, ValueError),
        ({"effect": 1}, TypeError),
    ],
)
def test_a_wrong_option_is_refused(options: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        sk.tool(look, **options)


SEARCH: dict[str, Any] = {"type": "web_search_20250305", "name": "web_search"}

WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"tools": [look, look]}, ValueError, "two tools with the name 'look'"),
    ({"tools": look}, TypeError, r"needs tools=\[…\], a list, and got function"),
    ({"tools": [{"name": "note", "input_schema": {}}]}, TypeError, "the tool 'note' needs its function"),
    ({"max_turns": 0}, ValueError, "at least 1 for max_turns"),
    ({"concurrency": 0}, ValueError, "at least 1 for concurrency"),
    ({"start": "later"}, ValueError, 'start=…\\) must be "block" or "message"'),
    ({"on_error": "emit"}, ValueError, 'on_error=…\\) must be "result" or "raise"'),
    ({"model_name": "x"}, TypeError, "tool_loop\\(\\): client.messages.create"),
    ({"max_turn": 3}, TypeError, "did you mean max_turns"),
    ({"messages": "Hi"}, TypeError, "tool_loop\\(\\) needs messages"),
    ({"tools": [look, [look]]}, TypeError, r"write tools=\[\*these, \*those\]"),
    ({"tools": [SEARCH, SEARCH]}, ValueError, "two tools with the name 'web_search'"),
    ({"tools": [{"name": "web_search", "input_schema": {}, "run": look}, SEARCH]}, ValueError, "two tools"),
    (
        {"tools": [{"type": "bash_20250124", "name": "bash"}]},
        TypeError,
        "give its function too, as in {…, 'run': bash}",
    ),
    ({"tool_choice": "any"}, TypeError, "needs tool_choice={"),
]


@pytest.mark.parametrize(("options", "error", "says"), WRONG)
def test_the_loop_refuses_wrong_arguments_where_they_stand(
    options: Any, error: type[Exception], says: str
) -> None:
    given: dict[str, Any] = {"model": "claude-sonnet-5", "max_tokens": 9, "messages": [], **options}
    with pytest.raises(error, match=says):
        sk.tool_loop(anthropic.AsyncAnthropic(api_key="fake"), **given)


def test_tools_without_their_name_are_told_it() -> None:
    loop: Any = sk.tool_loop
    with pytest.raises(TypeError, match=r"write tool_loop\(…, tools=\[…\]\)"):
        loop(anthropic.AsyncAnthropic(api_key="fake"), [look], model="claude-sonnet-5", max_tokens=9)
