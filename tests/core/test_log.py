"""
Logs: through structlog or logging, with the same id in all lines of a run, and never with what was said.
"""

from __future__ import annotations

import ast
import io
import logging
import re
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
import structlog
from structlog.testing import capture_logs

import streamkit as sk
from streamkit.testing import FakeClaude, error_reply, reply, text
from tests.support.claude import ASK

PACKAGE = Path(sk.__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "logs.md"
SECRET = "xyzzy"


class Kept(logging.Handler):
    """
    Keeps the records, whose attributes are the fields.
    """

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def listening(handler: logging.Handler) -> Generator[None]:
    logger = logging.getLogger("streamkit")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.setLevel(logging.NOTSET)
        logger.removeHandler(handler)


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    handler = Kept()
    with listening(handler):
        yield handler.records


# -- what the page lists ------------------------------------------------------------------------------------


def logged() -> dict[str, set[str]]:
    """
    The events that the code logs, and the fields that stand in the calls.
    """
    found: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in {"log_debug", "log_warning", "log_at"}:
                names = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                for name in names:
                    assert isinstance(name, str)
                    found.setdefault(name, set()).update(each.arg for each in node.keywords if each.arg)
    return found


def test_the_page_lists_every_event_with_its_fields_and_no_other() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| [^|]* \| [^|]* \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    listed = {event: set(re.findall(r"`(\w+)`", fields)) for event, fields in rows}
    found = logged()
    assert found.keys() == listed.keys()
    for event, fields in found.items():
        assert fields <= listed[event], event


# -- where it goes ------------------------------------------------------------------------------------------


async def test_without_a_handler_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    async def refuse(item: object) -> None:
        raise OSError

    await (sk.from_iterable([1]) | sk.tee(refuse, on_error="detach")).run()
    assert capfd.readouterr() == ("", "")


async def test_logging_gets_a_readable_line_whose_record_has_the_fields(lines: list[Any]) -> None:
    await (sk.from_iterable([1, 2]) | sk.take(1)).run()
    started, ended = lines
    assert started.getMessage() == f"run_started run_id={started.run_id}"
    assert (ended.run_id, ended.kind, ended.stopped_by) == (started.run_id, "stopped", "take")
    assert ended.levelname == "DEBUG"
    assert "kind=stopped" in ended.getMessage()


@pytest.mark.usefixtures("structlog_configured")
async def test_structlog_gets_it_where_the_application_has_configured_it(lines: list[Any]) -> None:
    with capture_logs() as logs, structlog.contextvars.bound_contextvars(kind="mine", user="u"):
        await sk.from_iterable([1]).run()
    assert [line["event"] for line in logs] == ["run_started", "run_ended"]
    assert logs[1]["streamkit_kind"] == "complete"  # the name is taken
    assert lines == []


async def test_all_lines_of_a_run_have_one_id_and_two_runs_have_two(lines: list[Any]) -> None:
    async def fails(item: object) -> None:
        raise OSError

    inner = sk.from_iterable([1]) | sk.tee(fails, on_error="detach")
    for _ in range(2):
        await sk.merge(inner, sk.from_iterable([2])).run()
    ids = [line.run_id for line in lines]
    assert ids == [ids[0]] * 3 + [ids[3]] * 3
    assert ids[0] != ids[3]


async def test_a_failed_run_is_told_at_info_without_the_errors_message(lines: list[Any]) -> None:
    async def source() -> AsyncIterator[int]:
        yield 1
        raise sk.StreamError(SECRET, type="overloaded_error")

    with pytest.raises(sk.StreamError):
        await sk.from_iterable(source).run()
    ended = lines[-1]
    assert (ended.levelname, ended.kind, ended.error, ended.error_type) == (
        "INFO",
        "failed",
        "StreamError",
        "overloaded_error",
    )
    assert SECRET not in "".join(line.getMessage() for line in lines)


async def test_a_run_with_claude_says_what_it_has_cost_and_nothing_that_was_said(lines: list[Any]) -> None:
    async with FakeClaude(error_reply(529), reply(text(SECRET))) as server:
        ask: dict[str, Any] = {**ASK, "messages": [{"role": "user", "content": SECRET}]}
        policy = sk.RetryPolicy(base=0.001)
        async with sk.messages(server.client(), retry=policy, **ask).open() as run:
            async for _ in run:
                pass
    started, retried, ended = lines
    assert [started.getMessage().split()[0], retried.getMessage().split()[0]] == [
        "run_started",
        "request_retried",
    ]
    assert (retried.levelname, retried.attempt, retried.error_type) == ("WARNING", 1, "overloaded_error")
    assert (ended.stop_reason, ended.requests, ended.model) == ("end_turn", 2, ask["model"])
    assert ended.output_tokens == run.outcome.usage.output_tokens
    assert len({line.run_id for line in lines}) == 1
    assert not any(SECRET in f"{vars(line)}" for line in lines)


async def test_a_handler_that_fails_ends_no_run() -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("no disk")

    before, logging.raiseExceptions = logging.raiseExceptions, False
    try:
        with listening(Broken()):
            assert await sk.from_iterable([1]).collect() == [1]
    finally:
        logging.raiseExceptions = before


def test_a_line_is_written_once() -> None:
    out = io.StringIO()
    with listening(logging.StreamHandler(out)):
        anyio.run(sk.from_iterable([1]).run)
    assert [line.split()[0] for line in out.getvalue().splitlines()] == ["run_started", "run_ended"]
