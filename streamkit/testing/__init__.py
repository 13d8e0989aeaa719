"""
A kit for testing code that streams: a scripted Messages API that can fail, recordings, virtual time, marble diagrams, and
a suite of tests for operators.

    async with FakeClaude(reply(text("Hello"))) as server:
        stream = sk.messages(server.client(), model="claude-sonnet-5", max_tokens=64, messages=[...])
        assert await (stream | sk.text() | sk.sinks.join()) == "Hello"

Names load when the first one is used, because pytest imports this package in every run, for its plugin. They are listed in
`streamkit/testing/_api.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._core.facade import lazy_names

if TYPE_CHECKING:
    from streamkit.testing import marbles as marbles
    from streamkit.testing._api import *

if not TYPE_CHECKING:  # a checker would take it as a promise that every name exists
    __getattr__, __dir__ = lazy_names(globals(), ("marbles",))
