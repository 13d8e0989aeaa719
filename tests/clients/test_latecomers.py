"""
Other people's clients that come in the middle of an answer: they end with what those have that were there from the beginning.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, Final

import pytest

import streamkit as sk
from streamkit._claude.protocol.sse import EventDecoder
from streamkit._serving.catch_up import joined
from streamkit.ui import ag_ui, ai_sdk
from tests.clients.answers import played
from tests.clients.judges import judged

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.clients.judges import Judge
    from tests.clients.site import App, Site

pytestmark = pytest.mark.usefixtures("node")

SHOWN: Final[dict[Judge, Callable[[sk.Stream[Any]], App]]] = {
    "ai-6": lambda stream: ai_sdk.Response(stream, version=6),
    "ai-7": ai_sdk.Response,
    "ag-ui": lambda stream: ag_ui.Response(stream | ag_ui.events("thread", "run", messages=[])),
}


def recorded() -> dict[str, list[Any]]:
    """
    The events of each recording that is a legal stream.
    """
    recordings: dict[str, list[Any]] = {}
    for path in played():
        events = EventDecoder().feed(path.read_bytes())
        try:
            list(sk.validate().over(events))
        except sk.StreamError:
            continue
        recordings[path.stem] = list(events)
    return recordings


def test_a_client_that_comes_in_the_middle_ends_like_the_others(site: Site) -> None:
    apps: dict[str, tuple[Judge, App]] = {}
    names: list[str] = []
    for number, ((name, events), (judge, show)) in enumerate(product(recorded().items(), SHOWN.items())):
        cut = 1 + (number * 7919) % (len(events) - 1)
        late = [*joined(events[:cut]), *events[cut:]]
        names.append(f"{name}, {judge}")
        for when, items in (("early", events), ("late", late)):
            apps[f"{names[-1]}, {when}"] = (judge, show(sk.from_iterable(items)))
    seen = judged(site, apps)
    assert {name: each.errors for name, each in seen.items() if each.errors} == {}

    def ends(name: str) -> Any:
        return seen[name].end, seen[name].finished

    assert {name for name in names if ends(f"{name}, early") != ends(f"{name}, late")} == set()
