"""
The application in examples/web, served as its users have it.
"""

from __future__ import annotations

import runpy
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

import pytest
from anyio import lowlevel

from streamkit.testing import Pause, Reply, Request
from tests.clients.site import served

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tests.clients.judges import Told

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "web" / "app.py"


@contextmanager
def served_example(script: Callable[[Request], Reply] | None = None) -> Generator[str]:
    """
    Serve it; gives its URL.

    Args:
        script: What answers it, without the pauses; by default its own.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ANTHROPIC_API_KEY", raising=False)
        module = runpy.run_path(str(EXAMPLE))
        own = module["script"]

        def at_once(request: Request) -> Reply:
            answer: Reply = own(request)
            return replace(answer, steps=[step for step in answer.steps if not isinstance(step, Pause)])

        names = module["conversation"].__globals__
        names["script"] = script or at_once
        names["anyio"] = SimpleNamespace(sleep=quickly)
        with served(module["app"], "on") as port:
            yield f"http://127.0.0.1:{port}/"


async def quickly(seconds: float) -> None:
    """
    Let the others have their turn, in place of a pause.
    """
    await lowlevel.checkpoint()


def check_answer(told: Told) -> None:
    """
    Whether a client has been told the answer of the example's own script.
    """
    assert told.text.startswith("Let me look at the tides.Yes, if you start early.")
    assert told.text.endswith("faster than a person walks.")
    assert told.reasoning.endswith("and not guess.")
    [(call_id, name, given)] = told.calls
    assert (name, given) == ("tide_table", {"place": "Lindholm", "day": "tomorrow"})
    assert told.results[call_id].startswith("Lindholm, tomorrow")
