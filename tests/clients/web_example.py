"""
The application in examples/web, served as its users have it.
"""

from __future__ import annotations

import runpy
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from streamkit.testing import Pause, Reply, Request
from tests.clients.site import beside, uvicorn_serves

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "web" / "app.py"


@contextmanager
def served_example(script: Callable[[Request], Reply] | None = None) -> Generator[str]:
    """
    Serve it; gives its URL.

    Args:
        script: What answers it. By default its own script, without the pauses.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ANTHROPIC_API_KEY", raising=False)
        module = runpy.run_path(str(EXAMPLE))
        own = module["script"]

        def at_once(request: Request) -> Reply:
            answer: Reply = own(request)
            return replace(answer, steps=[step for step in answer.steps if not isinstance(step, Pause)])

        module["client"].__wrapped__.__globals__["script"] = script or at_once
        with beside(uvicorn_serves(module["app"], "on")) as port:
            yield f"http://127.0.0.1:{port}/"
