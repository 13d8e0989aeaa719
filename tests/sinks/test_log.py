"""
log: that items came, and nothing of what they said.
"""

from __future__ import annotations

import logging
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from streamkit import from_iterable
from streamkit.events import ContentBlockDelta, Ping, TextDelta
from streamkit.sinks import log

SECRET = "what somebody said"


@pytest.mark.usefixtures("structlog_configured")
async def test_type_and_size_are_logged_and_no_content() -> None:
    items = [SECRET, ("body", SECRET), {"said": SECRET}, Ping(), ContentBlockDelta(0, TextDelta(SECRET)), 7]
    with capture_logs() as logs:
        await (from_iterable(items) | log())
    run_id = logs[0]["run_id"]
    said = {"event": "stream_item", "log_level": "info", "run_id": run_id}
    assert [line for line in logs if line["event"] == "stream_item"] == [
        {"type": "str", "size": len(SECRET), **said},
        {"type": "tuple", "size": 2, **said},
        {"type": "dict", "size": 1, **said},
        {"type": "ping", **said},
        {"type": "content_block_delta", **said},
        {"type": "int", **said},
    ]
    assert SECRET not in repr(logs)


@pytest.mark.usefixtures("structlog_configured")
async def test_event_and_level_can_be_chosen() -> None:
    with capture_logs() as logs:
        await (from_iterable(["a"]) | log("token", "debug"))
    [line] = [line for line in logs if line["event"] == "token"]
    assert (line["log_level"], line["type"], line["size"]) == ("debug", "str", 1)


async def test_it_is_silent_where_structlog_is_not_configured(capsys: pytest.CaptureFixture[str]) -> None:
    assert not structlog.is_configured()
    await (from_iterable(["a"]) | log())
    assert capsys.readouterr() == ("", "")


async def test_a_logger_that_was_given_is_used_in_any_case() -> None:
    calls: list[tuple[str, dict[str, object]]] = []

    class Logger:
        def warning(self, event: str, **fields: object) -> None:
            calls.append((event, fields))

    await (from_iterable(["abc"]) | log(level="warning", logger=Logger()))
    assert calls == [("stream_item", {"type": "str", "size": 3})]


async def test_what_logging_itself_has_is_a_logger(caplog: pytest.LogCaptureFixture) -> None:
    class Unsized(list[int]):
        def __len__(self) -> int:
            raise TypeError("no dimensions")

    caplog.set_level("INFO")
    adapter = logging.LoggerAdapter(logging.getLogger("mine"), {"request": 7})
    for logger in (adapter, logging, logging.getLogger("other")):
        await (from_iterable([Unsized()]) | log(logger=logger))
    lines = [record for record in caplog.records if record.getMessage() == "stream_item type=Unsized"]
    assert [record.name for record in lines] == ["mine", "root", "other"]
    assert vars(lines[0])["request"] == 7


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"event": 3}, TypeError, "name of the event as a str, not 3"),
        ({"level": "loud"}, ValueError, "level must be one of 'debug', 'info', .*, not 'loud'"),
        ({"level": "info", "logger": object()}, TypeError, r"with a method info\(\)"),
    ],
)
def test_junk_is_refused_at_once(kwargs: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        log(**kwargs)


def test_it_reads_like_its_source() -> None:
    assert repr(log()) == "log()"
    assert repr(log("token", level="debug")) == "log(event='token', level='debug')"
