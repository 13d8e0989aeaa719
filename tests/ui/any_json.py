"""
Requests of front-ends in which something is something else.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final, cast

from hypothesis import strategies as st

Wire = dict[str, Any]

JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.sampled_from(["tool", "text", "toolu_1", "assistant"]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=3), inside, max_size=3),
    max_leaves=6,
)  # fmt: skip


def places(value: object) -> list[tuple[Any, Any]]:
    """
    Every container in a value with each key of it.
    """
    found: list[tuple[Any, Any]] = []
    waiting: list[Any] = [value]
    while waiting:
        part = waiting.pop()
        keys: list[Any] = []
        if isinstance(part, dict):
            keys = list(cast("Wire", part))
        elif isinstance(part, list):
            keys = list(range(len(cast("list[object]", part))))
        found += [(part, key) for key in keys]
        waiting += [part[key] for key in keys]
    return found


@st.composite
def changed(draw: st.DrawFn, request: Wire) -> Wire:
    """
    A request of which some values are something else, or are not there.
    """
    made = deepcopy(request)
    for _ in range(draw(st.integers(1, 4))):
        found = places(made)
        if not found:
            break
        container, key = found[draw(st.integers(0, len(found) - 1))]
        if draw(st.booleans()):
            container[key] = draw(JSON)
        else:
            del container[key]
    return made
