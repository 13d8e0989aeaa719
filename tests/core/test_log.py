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
from streamkit._claude.protocol.record import Record
from streamkit._core.log import error_fields
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


LOGS = {"log_debug", "log_warning", "log_at"}
FIELDS = {"error_fields": set(error_fields(OSError())), "loggable": set(Record.loggable([Record()]))}
"""What functions give whose result is spread into a call."""


def logged() -> dict[str, tuple[set[str], set[str]]]:
    """
    The events that the code logs, each with its levels and with the fields that stand in the calls.
    """
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")]
    found: dict[str, tuple[set[str], set[str]]] = {}
    for function in (
        node
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ):
        for call in calls_of(function, LOGS):
            words = [arg.value for arg in call.args if isinstance(arg, ast.Constant)]
            if not words:  # sinks.log(): the name and the level are its caller's
                continue
            levels, fields = found.setdefault(str(words[-1]), (set(), set()))
            levels |= levels_of(call, function)
            for keyword in call.keywords:
                fields |= {keyword.arg} if keyword.arg else spread(keyword.value)
    return found


def calls_of(node: ast.AST, names: set[str]) -> Iterator[ast.Call]:
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and called(each) in names:
            yield each


def called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def levels_of(call: ast.Call, function: ast.AST) -> set[str]:
    """
    The level in the name of what is called; for `log_at(level, …)` each word that the function may make its level.
    """
    name = called(call).removeprefix("log_")
    if name != "at":
        return {name}
    [given] = [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "level"
    ]
    assert isinstance(given, ast.IfExp)
    return {ast.literal_eval(given.body), ast.literal_eval(given.orelse)}


def spread(value: ast.expr) -> set[str]:
    assert isinstance(value, ast.Call)
    return FIELDS[called(value)]


def listed() -> dict[str, tuple[set[str], set[str]]]:
    """
    The events on the page, each with its levels and fields.
    """
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \| [^|]* \| (.*) \|$", page, re.MULTILINE)
    return {
        event: (
            set(re.findall(r"\b(debug|info|warning|error|critical)\b", level)),
            set(re.findall(r"`(\w+)`", fields)),
        )
        for event, level, fields in rows
    }


def test_the_page_lists_every_event_with_its_levels_and_fields_and_no_other() -> None:
    assert listed() == logged()


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


async def test_what_is_told_of_such_a_handler_is_nothing_that_was_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    And it is told nowhere in a program without a console.
    """

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("no disk")

    async def refuses(_: object) -> None:
        raise ValueError(SECRET)

    stream = sk.from_iterable([1]) | sk.tee(sk.branch(refuses, on_error="detach"))
    stderr = io.StringIO()
    with listening(Broken()):
        for place in (stderr, None):
            monkeypatch.setattr("sys.stderr", place)
            assert await stream.collect() == [1]
    assert "could not log sink_detached" in stderr.getvalue()
    assert "no disk" in stderr.getvalue()
    assert SECRET not in stderr.getvalue()


def test_a_line_is_written_once() -> None:
    out = io.StringIO()
    with listening(logging.StreamHandler(out)):
        anyio.run(sk.from_iterable([1]).run)
    assert [line.split()[0] for line in out.getvalue().splitlines()] == ["run_started", "run_ended"]
