"""
`streamkit replay`: each view of a recording, and what is said where there is none to show.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

import streamkit as sk
from streamkit.testing import Drop, ErrorEvent, reply, text, tool_use

from ..plugins.distribution import OPERATORS, SHOUT, write_distribution

if TYPE_CHECKING:
    from pathlib import Path

    from streamkit.testing import Reply

    from .conftest import Command, Process, Record


def test_shows_the_text(command: Command, record: Record, answer: Reply) -> None:
    assert command("replay", record(answer)) == (0, "Cold stone,\npatient moss.", "")


def test_shows_the_thinking(command: Command, record: Record, answer: Reply) -> None:
    assert command("replay", record(answer), "--show", "thinking") == (0, "Rivers are long.", "")


def test_shows_the_tool_calls_as_lines_of_json(command: Command, record: Record, answer: Reply) -> None:
    status, out, err = command("replay", record(answer), "--show", "tools")
    assert (status, err) == (0, "")
    call = json.loads(out)
    assert (call["name"], call["input"], call["index"]) == ("measure", {"river": "Saône"}, 2)


def test_shows_a_call_that_cannot_be_executed_with_the_reason(command: Command, record: Record) -> None:
    cut = reply(tool_use("measure", '{"river": "Sa'), stop_reason="max_tokens")
    status, out, _ = command("replay", record(cut), "--show", "tools")
    call = json.loads(out)
    assert (status, call["raw"], call["reason"]) == (0, '{"river": "Sa', "truncated")


def test_shows_every_event_as_it_was(command: Command, record: Record, answer: Reply) -> None:
    path = record(answer)
    recorded = [json.loads(line[5:]) for line in path.read_text().splitlines() if line.startswith("data:")]
    shown = command("replay", path, "--show", "events").out
    assert [json.loads(line) for line in shown.splitlines()] == recorded


def test_shows_nothing_where_there_is_nothing_of_the_kind(command: Command, record: Record) -> None:
    assert command("replay", record(reply(text("Hm."))), "--show", "thinking") == (0, "", "")


def test_plays_every_recorded_stream(command: Command, recording: Path) -> None:
    status, out, _ = command("replay", recording, "--show", "events")
    events = [json.loads(line) for line in out.splitlines()]
    ends = [event for event in events if event["type"] == "message_delta" and event["delta"]["stop_reason"]]
    assert events[0]["type"] == "message_start"
    assert status == (0 if ends else 1)


async def test_plays_what_jsonl_has_kept(
    record: Record, tmp_path: Path, answer: Reply, process: Process
) -> None:
    kept = tmp_path / "run.jsonl"
    await (sk.replay(record(answer)) | sk.sinks.jsonl(kept))
    assert process("replay", kept).communicate() == (b"Cold stone,\npatient moss.", b"")


def test_its_help_says_what_it_plays(command: Command) -> None:
    told = " ".join(command("replay", "--help").out.split())
    assert "sinks.jsonl" in told
    assert "(.sse)" in told
    assert "a cassette: " in told


@pytest.mark.parametrize("speed", ["0.5", "1000"])
def test_plays_a_cassette_at_a_pace(command: Command, tmp_path: Path, answer: Reply, speed: str) -> None:
    # How long that takes is tested in virtual time, with replay() itself.
    path = tmp_path / "run.cassette"
    reads = [{"at": 0.01, "data": step.decode()} for step in answer.steps if isinstance(step, bytes)]
    head = {"streamkit": "cassette", "version": 1}
    path.write_text("".join(json.dumps(line) + "\n" for line in [head, *reads]))
    assert command("replay", path, "--speed", speed) == (0, "Cold stone,\npatient moss.", "")


@pytest.mark.parametrize(
    ("ending", "how"),
    [
        pytest.param(reply(text("Cold", " stone"), end="content"), "truncated", id="cut"),
        pytest.param(reply(text("Cold", " stone", Drop())), "truncated", id="dropped"),
        pytest.param(reply(text("Cold", " stone", ErrorEvent())), "failed: overloaded_error", id="failed"),
    ],
)
def test_shows_what_arrived_and_then_how_it_ended(
    command: Command, record: Record, ending: Reply, how: str
) -> None:
    path = record(ending)
    status, out, err = command("replay", path)
    assert (status, out) == (1, "Cold stone")
    assert err.startswith(f"streamkit: {path}: {how}")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("view", ["text", "thinking", "tools", "events"])
def test_shows_a_stream_that_had_started_over(command: Command, tmp_path: Path, view: str) -> None:
    cut, whole = reply(text("Cold "), id="msg_1").events[:3], reply(text("Cold stone"), id="msg_2").events
    restart = sk.Restarted(2, sk.StreamTruncated("cut")).to_dict()
    path = tmp_path / "kept.jsonl"
    path.write_text("".join(f"{json.dumps(each)}\n" for each in [*cut, restart, *whole]), encoding="utf-8")
    status, out, err = command("replay", path, "--show", view)
    assert (status, err) == (0, "")
    assert view != "text" or out == "Cold \nCold stone"


def test_an_error_before_the_message_is_how_a_stream_ended_too(command: Command, record: Record) -> None:
    status, out, err = command("replay", record(reply(ErrorEvent()).cut(-1).after(ErrorEvent().frame)))
    assert (status, out) == (1, "")
    assert "failed: overloaded_error" in err


@pytest.mark.parametrize(
    "content", [b"", b"# A heading\n", b"\x7fELF\x00\xff\xfe", b'{"a": 1}\n', b"data: {\n\n"]
)
def test_a_file_that_holds_no_stream_is_refused(command: Command, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    status, out, err = command("replay", path)
    assert (status, out) == (2, "")
    assert err.startswith(f"streamkit: {path} holds no recorded stream: ")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere.sse"], "there is no file 'nowhere.sse'"),
        (["."], "'.' is a directory"),
        ([os.devnull], f"'{os.devnull}' is not a regular file"),
        ([__file__, "--speed", "0"], "give a number above 0, such as 1 or 2.5, not '0'"),
        ([__file__, "--speed", "-1"], "give a number above 0, such as 1 or 2.5, not '-1'"),
        ([__file__, "--speed", "nan"], "give a number above 0, such as 1 or 2.5, not 'nan'"),
        ([__file__, "--speed", "inf"], "give a number above 0, such as 1 or 2.5, not 'inf'"),
        ([__file__, "--speed", "fast"], "give a number above 0, such as 1 or 2.5, not 'fast'"),
        ([__file__, "--show", "all"], "invalid choice: 'all'"),
        ([], "the following arguments are required: FILE"),
    ],
)
def test_a_slip_is_told_in_one_line(command: Command, arguments: list[str], complaint: str) -> None:
    status, out, err = command("replay", *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("streamkit replay: ")
    assert complaint in err
    assert len(err.splitlines()) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(command: Command, record: Record, answer: Reply) -> None:
    path = record(answer)
    path.chmod(0)
    status, out, err = command("replay", path)
    assert (status, out) == (2, "")
    assert "may not be read" in err


def test_in_a_terminal_the_prompt_gets_a_line_of_its_own(
    in_terminal: Command, record: Record, answer: Reply
) -> None:
    assert in_terminal("replay", record(answer)) == (0, "Cold stone,\npatient moss.\n", "")
    assert in_terminal("replay", record(answer), "--show", "tools").out.count("\n") == 1


def test_in_a_terminal_a_failure_gets_a_line_of_its_own(in_terminal: Command, record: Record) -> None:
    path = record(reply(text("Cold", " stone"), end="content"))
    status, shown, _ = in_terminal("replay", path)
    assert shown.startswith(f"Cold stone\nstreamkit: {path}: truncated: ")
    assert status == 1


def test_in_a_terminal_a_model_commands_nothing(in_terminal: Command, record: Record) -> None:
    path = record(reply(text("\x1b[2Jtwo\tcolumns\x07\x7f\x9b")))
    assert in_terminal("replay", path) == (0, "␛[2Jtwo\tcolumns␇␡\ufffd\n", "")


def test_elsewhere_text_is_written_as_it_is(command: Command, record: Record) -> None:
    assert command("replay", record(reply(text("\x1b[2J\x07")))).out == "\x1b[2J\x07"


@pytest.mark.parametrize(
    ("encoding", "written"), [("utf-8", "Saône \\ud83d".encode()), ("ascii", b"Sa\\xf4ne \\ud83d")]
)
def test_what_the_encoding_does_not_have_is_escaped(
    process: Process, record: Record, encoding: str, written: bytes
) -> None:
    path = record(reply(text("Saône \ud83d")))
    with process("replay", path, PYTHONIOENCODING=encoding) as running:
        assert running.communicate() == (written, b"")
    assert running.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--through", "until('moss')"], "Cold stone,\npatient "),
        (["--through", "take(1)"], "Cold stone,\n"),
        (["--through", "skip(1),take(1)"], "patient moss."),
        (["--through", "skip(1)", "--through", "take(1)"], "patient moss."),
        (["--through", "throttle(0.001)"], "Cold stone,\npatient moss."),
        (["--through", "batch(2)"], '["Cold stone,\\n","patient moss."]\n'),
        (["--show", "thinking", "--through", "skip(1)"], " are long."),
        (["--show", "tools", "--through", "take(0)"], ""),
        (["--show", "events", "--through", "text"], '"Cold stone,\\n"\n"patient moss."\n'),
        (["--show", "events", "--through", "only('message_stop')"], '{"type":"message_stop"}\n'),
    ],
)
def test_operators_stand_between_what_is_selected_and_the_page(
    command: Command, record: Record, answer: Reply, arguments: list[str], shown: str
) -> None:
    assert command("replay", record(answer), *arguments) == (0, shown, "")


@pytest.mark.parametrize(
    ("through", "complaint"),
    [
        ("taek(1)", "there is no operator 'taek'; did you mean take"),
        ("open('x')", "there is no operator 'open'"),
        ("take(open('x'))", "the arguments of take must be plain values"),
        ("take", "take: take() missing 1 required positional argument: 'n'"),
        ("take(-1)", "needs a whole number of at least 0, not -1"),
        ("take(1", "'take(1' does not read like redact, or take(3)"),
        ("", "'' does not read like"),
    ],
)
def test_a_slip_in_an_operator_is_told_in_one_line(
    command: Command, record: Record, answer: Reply, through: str, complaint: str
) -> None:
    status, out, err = command("replay", record(answer), "--through", through)
    assert (status, out) == (2, "")
    assert err.startswith("streamkit replay: argument --through: ")
    assert complaint in err
    assert len(err.splitlines()) == 1


def test_an_operator_that_does_not_fit_is_told_in_one_line(
    command: Command, record: Record, answer: Reply
) -> None:
    status, out, err = command("replay", record(answer), "--through", "text")
    assert (status, out) == (2, "")
    assert err.startswith("streamkit: --show text --through …: text() takes events")
    assert len(err.splitlines()) == 1


def test_an_operator_that_fails_is_told_in_one_line(command: Command, record: Record, answer: Reply) -> None:
    path = record(answer)
    status, out, err = command("replay", path, "--through", "until('moss'), tool_calls")
    assert (status, out) == (1, "")
    assert err.startswith(f"streamkit: {path}: failed: ")
    assert len(err.splitlines()) == 1


def test_what_is_no_json_is_told_in_one_line(command: Command, record: Record, answer: Reply) -> None:
    status, _, err = command("replay", record(answer), "--show", "events", "--through", "text,scan(None, 1)")
    assert (status, len(err.splitlines())) == (2, 1)


def test_an_operator_of_a_plugin(
    command: Command, record: Record, answer: Reply, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = {OPERATORS: {"shouted": "shout", "broken": "nothing"}}
    write_distribution(tmp_path / "site", "streamkit-shouted", SHOUT, groups)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    sk.plugins.rescan()
    try:
        path = record(answer)
        shown = command("replay", path, "--through", "shouted(mark='?'), take(1)")
        broken = command("replay", path, "--through", "broken")
    finally:
        del sys.modules["streamkit_shouted"]
        sk.plugins.rescan()
    assert shown == (0, "COLD STONE,\n?", "")
    assert (broken.status, broken.out, len(broken.err.splitlines())) == (2, "", 1)
    assert "streamkit-shouted 1.0: operator 'broken'" in broken.err


def test_a_reader_that_goes_is_no_fault_of_an_operator(process: Process, record: Record) -> None:
    path = record(reply(text(*["stone " * 1000] * 200)))
    with process("replay", path, "--through", "skip(1)") as running:
        assert running.stdout is not None
        running.stdout.read(1)
        running.stdout.close()
        assert running.wait(60) == 141
        assert running.stderr is not None
        assert running.stderr.read() == b""
