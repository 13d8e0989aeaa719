"""
What people write first, and wrongly: each says at once what to write instead.
"""

from __future__ import annotations

import copy
import subprocess
import sys
from typing import TYPE_CHECKING, Any, cast

import anthropic
import pytest

import streamkit as sk
from streamkit.testing import FakeClaude
from tests.support.claude import HELLO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

words: Any = sk.from_iterable(["a", "b"])
text: Any = sk.text()


def piped(left: Any, right: Any) -> Any:
    return left | right


async def test_a_stream_is_opened_before_it_is_entered() -> None:
    with pytest.raises(TypeError, match=r"write `async with stream\.open\(\) as run`"):
        async with words:
            pass


async def test_a_stream_is_not_awaited() -> None:
    with pytest.raises(TypeError, match=r"not awaited: .* stream\.collect\(\)"):
        await words


@pytest.mark.parametrize("described", [text, sk.sinks.collect(), words.open()])
async def test_only_a_job_is_awaited(described: Any) -> None:
    with pytest.raises(
        TypeError,
        match=r"not awaited: (put it behind a stream, as in `await \(stream \|"
        r"|write `async with stream\.open\(\) as run`, without `await`)",
    ):
        await described


def test_two_streams_are_merged_or_stand_one_after_the_other() -> None:
    with pytest.raises(
        TypeError,
        match=r"write merge\(one, another\) for .*, concat\(.*\) for .*, or zip\(.*\) for pairs",
    ):
        piped(words, sk.from_iterable([1]))


def test_a_branch_stands_in_tee() -> None:
    with pytest.raises(
        TypeError, match=r"^a branch is for tee\(\): write from_iterable\(.*\) \| tee\(collect\(\)\)$"
    ):
        piped(words, sk.branch(sk.sinks.collect()))


async def test_a_coroutine_is_awaited_before_it_is_iterated() -> None:
    async def numbers() -> list[int]:
        return [1, 2]

    awaited = numbers()
    with pytest.raises(
        TypeError, match=r"a coroutine has to be awaited first: write from_iterable\(await …\)"
    ):
        sk.from_iterable(cast("Any", awaited))
    assert await sk.from_iterable(await awaited).collect() == [1, 2]
    job: Any = words | sk.sinks.collect()
    with pytest.raises(TypeError, match=r"a Job has to be awaited first"):
        sk.from_iterable(job)
    await job
    with pytest.raises(
        TypeError, match=r"returned coroutine, .*: write an `async def` function with `yield`"
    ):
        await sk.from_iterable(cast("Any", lambda: numbers())).collect()


async def test_a_stream_of_the_sdk_is_given_to_from_sdk() -> None:
    async with FakeClaude(HELLO) as server, server.client() as client:
        manager: Any = client.messages.stream(model="m", max_tokens=1, messages=[])
        with pytest.raises(
            TypeError, match=r"has to be entered first: .* or from_sdk\(…\) for what the SDK gives$"
        ):
            sk.from_iterable(manager)
        with pytest.raises(TypeError, match=r"use from_iterable\(\), or from_sdk\(\)"):
            text(manager)
        with pytest.raises(TypeError, match=r"or from_sdk\(…\) \| text\(\) for a stream of the SDK$"):
            piped(manager, text)
        assert await (sk.from_sdk(manager) | text).collect() == ["Hello", " world"]


def test_the_function_of_catch_does_not_wait() -> None:
    async def other(error: Exception) -> Any: ...

    catch: Any = sk.catch
    with pytest.raises(
        TypeError, match=r"^catch\(\) calls .*other without awaiting it: give a plain function of the error"
    ):
        catch(other)


def test_a_name_that_is_nearly_right_is_suggested_once() -> None:
    """
    Python has suggestions of its own, and shows them where a program ends with the error.
    """
    program = [sys.executable, "-c", "import streamkit; streamkit.plugins.ops.throttl"]
    ended = subprocess.run(program, capture_output=True, text=True, check=False)
    assert ended.stderr.splitlines()[-1].endswith("there is no operator 'throttl'; did you mean throttle?")


def test_a_name_of_the_facade_that_is_nearly_right_is_suggested() -> None:
    facade: Any = sk
    with pytest.raises(AttributeError, match=r"has no attribute 'thortle'; did you mean throttle\?$"):
        facade.thortle(1)
    with pytest.raises(AttributeError, match=r"has no attribute '_thortle'$"):
        _ = facade._thortle


def test_the_whole_pipeline_is_opened() -> None:
    with pytest.raises(TypeError, match=r"a Run is running already, .*`\(stream \| text\(\)\)\.open\(\)`$"):
        piped(words.open(), text)


@pytest.mark.parametrize("name", ["outcome", "report", "cancel"])
def test_a_stream_has_no_outcome_but_its_run_has(name: str) -> None:
    with pytest.raises(
        AttributeError, match=f"no attribute '{name}': a run has it, which `async with stream.open"
    ):
        getattr(words, name)


@pytest.mark.parametrize(("name", "value"), [("stop_sequences", "END"), ("tools", {"name": "go"})])
def test_a_list_of_the_request_is_a_list(name: str, value: Any) -> None:
    ask: Any = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}], name: value}
    with pytest.raises(
        TypeError, match=rf"messages\(\) needs {name}=\[…\], a list, and got {type(value).__name__}$"
    ):
        sk.messages(anthropic.AsyncAnthropic(api_key="x"), **ask)


def test_an_operator_of_events_does_not_fit_behind_pieces_of_text() -> None:
    with pytest.raises(
        TypeError, match=r"tool_calls\(\) takes events, .* write split\(a=text\(\), b=tool_calls\(\)\)"
    ):
        piped(text, sk.tool_calls())
    with pytest.raises(
        TypeError, match=r"text\(\) takes events, and citations\(\) before it gives citations"
    ):
        piped(words | sk.citations(), text)
    assert repr(sk.only("text_delta") | text) == "only('text_delta') | text()"


def test_a_limit_is_named() -> None:
    limits: Any = sk.Timeouts
    with pytest.raises(TypeError, match=r"write Timeouts\(read=30\), or Timeouts\(total=30\)"):
        limits(30)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("retries", "; attempts counts the first try too"), ("max_retries", "; attempts"), ("wait", "$")],
)
def test_a_setting_of_a_retry_policy_has_its_name(name: str, hint: str) -> None:
    policy: Any = sk.RetryPolicy
    told = rf"RetryPolicy\({name}=…\): the settings are attempts, base, cap, jitter, resume{hint}"
    with pytest.raises(TypeError, match=told):
        policy(**{name: 3})


def test_what_makes_a_stage_is_called() -> None:
    for right in (sk.text, sk.sinks.collect):
        with pytest.raises(TypeError, match=r"was not called: write \w+\(…\)"):
            piped(words, right)
    sink: Any = sk.sinks.collect
    with pytest.raises(TypeError, match=r"was not called: write collect\(…\)"):
        sk.tee(sink)


def test_a_plain_function_is_no_stage() -> None:
    right: Any
    for right in (print, "".join):
        with pytest.raises(
            TypeError, match=r"write tap\(.*\) to show it each item, map\(.*\) to transform each"
        ):
            piped(words, right)


def test_a_sink_ends_a_pipeline() -> None:
    sink: Any = sk.sinks.collect()
    for left in (sink, words | sink, text | sink):
        with pytest.raises(
            TypeError,
            match=r"collect\(\) is a sink, which ends a pipeline, .* write tee\(",
        ):
            piped(left, text)


@pytest.mark.parametrize("left", [text, ["a"]])
def test_a_stream_stands_first(left: Any) -> None:
    with pytest.raises(
        TypeError, match=r"a stream begins a pipeline: write from_iterable\(.*\) \| … instead of "
    ):
        piped(left, words)


@pytest.mark.parametrize("left", [["a"], "a", 1, None])
def test_only_a_stream_begins_a_pipeline(left: Any) -> None:
    for right in (text, sk.sinks.collect()):
        with pytest.raises(
            TypeError, match=rf"^{type(left).__name__} is not a stream: write from_iterable\(…\) \| \w+\(\)"
        ):
            piped(left, right)


def test_a_stream_is_read_asynchronously() -> None:
    with pytest.raises(
        TypeError, match=r"write `async for` and not `for`, and `await stream\.collect\(\)` for a list"
    ):
        list(words)
    with pytest.raises(TypeError, match=r"write `async with stream\.open\(\) as run`"), words:
        pass
    assert not hasattr(words, "__iter__")


async def test_a_run_is_read_asynchronously() -> None:
    with pytest.raises(TypeError, match=r"write `async with stream\.open\(\) as run`"), words.open():
        pass
    async with words.open() as run:
        with pytest.raises(TypeError, match=r"write `async for` and not `for`"):
            list(run)


async def test_a_job_is_opened_before_it_is_entered() -> None:
    with pytest.raises(TypeError, match=r"write `async with job\.open\(\) as run`"):
        async with words | sk.sinks.collect():
            pass


async def test_a_job_is_a_description_that_may_run_twice() -> None:
    job = words | sk.sinks.collect()
    assert [await job, await job] == [["a", "b"], ["a", "b"]]


def test_a_stream_has_no_methods_for_every_operator() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'throttle': write `stream \| throttle\(…\)`$"):
        _ = words.throttle
    with pytest.raises(AttributeError, match=r"no attribute 'subscribe'$"):
        _ = words.subscribe
    assert not hasattr(words, "throttle")
    assert repr(copy.deepcopy(text)) == "text()"


@pytest.mark.parametrize("name", ["feed", "flush", "reset"])
def test_a_transducer_waits_for_nothing(name: str) -> None:
    async def method(*_: object) -> list[str]:
        return []

    with pytest.raises(
        TypeError, match=rf"Louder\.{name}\(\) must be a plain function, .* write .* with @operator"
    ):
        type("Louder", (sk.Transducer,), {name: method})


def test_a_pipeline_of_split_has_a_name() -> None:
    split: Any = sk.split
    with pytest.raises(TypeError, match=r"write split\(a=text\(\), …\)"):
        split(text)


def test_limits_that_do_not_exist() -> None:
    limits: Any = sk.Timeouts
    with pytest.raises(TypeError, match=r"^Timeouts\(first=…\): the limits are connect, .*, first_event, "):
        limits(first=2)


async def test_what_follows_is_chosen_by_an_async_function() -> None:
    def nothing(_: sk.Outcome) -> None: ...
    def a_stream(_: sk.Outcome) -> Any:
        return words

    choice: Any
    for choice in (nothing, a_stream):
        with pytest.raises(TypeError, match=r"\w+\(\) returned .* so write it with `async def`"):
            await sk.follow(words, choice).collect()


async def test_a_misspelt_parameter_is_named_before_a_missing_one() -> None:
    messages: Any = sk.messages
    async with FakeClaude() as server:
        with pytest.raises(
            TypeError, match=r"unexpected keyword argument 'max_token'; did you mean max_tokens\?$"
        ):
            messages(server.client(), model="m", max_token=9, messages=[])


@pytest.mark.parametrize("held", [b"import streamkit\n", b'"a piece of text"\n"another"\n'])
async def test_only_a_recording_is_replayed(tmp_path: Path, held: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(held)
    with pytest.raises(
        sk.GrammarError, match=r"this is not a recording: .* put sinks\.jsonl\(\) before text\(\)"
    ):
        await sk.replay(file).collect()


async def test_a_run_that_has_ended_is_not_read_again() -> None:
    async with words.open() as run:
        pass
    with pytest.raises(RuntimeError, match=r"not open any more: call open\(\) again"):
        await anext(run)


async def test_a_run_is_read_inside_its_block() -> None:
    with pytest.raises(RuntimeError, match=r"read it inside `async with stream\.open\(\) as run`"):
        async for _ in words.open():
            pass


@pytest.mark.parametrize(
    ("use", "remedy"),
    [
        (
            lambda: text.collect,
            r"'Operator' object has no attribute 'collect'.*\(stream \| text\(\)\)\.collect\(",
        ),
        (lambda: text.open, r"a stream has it, so write `\(stream \| text\(\)\)\.open\(…\)`$"),
        (lambda: cast("Any", sk.take(1)).first, r"\(stream \| take\(1\)\)\.first\("),
        (lambda: cast("Any", sk.sinks.collect()).run, r"\(stream \| collect\(\)\)\.run\("),
        (lambda: text.colour, r"'Operator' object has no attribute 'colour'$"),
        (lambda: words.over([1]), r"an operator has it, as in `text\(\)\.over\(items\)`"),
    ],
)
def test_what_a_stream_has_is_asked_of_a_stream(use: Callable[[], object], remedy: str) -> None:
    with pytest.raises(AttributeError, match=remedy):
        use()


def test_over_reads_what_is_there_and_not_a_stream() -> None:
    with pytest.raises(TypeError, match=r"^over\(\) takes a plain iterable, not Stream; behind \|"):
        text.over(words)


def test_a_stream_is_made_by_a_source() -> None:
    stream: Any = sk.Stream
    with pytest.raises(TypeError, match=r"such as from_iterable\(…\) and messages\(…\), not of list$"):
        stream([1])


def test_a_pipeline_of_split_is_an_operator() -> None:
    split: Any = sk.split
    with pytest.raises(TypeError, match=r"^text makes an operator or a sink, and was not called: write text"):
        split(a=sk.text)
    with pytest.raises(TypeError, match=r"needs an operator for a=, such as text\(\), not max$"):
        split(a=max)


def test_from_sse_takes_the_bytes_of_a_response() -> None:
    from_sse: Any = sk.from_sse
    with pytest.raises(TypeError, match=r"^from_sse\(\) takes .* not int: .* write from_sdk\(…\)$"):
        from_sse(5)


def test_what_a_refused_argument_holds_is_not_told() -> None:
    class Held:
        def __repr__(self) -> str:
            raise AssertionError

    refused: Any
    for refused in (sk.from_iterable, sk.tee):
        with pytest.raises(TypeError, match="Held"):
            refused(Held())
