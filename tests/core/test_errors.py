"""
Errors in other people's programs: they pickle and copy, and those of others come out as they are.
"""

from __future__ import annotations

import copy
import gc
import linecache
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import anthropic
import anyio.to_thread
import pytest

import streamkit as sk
from streamkit._core.foreign_errors import note
from streamkit._core.runtime.loop_writer import compiled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


def _partial() -> list[str]:
    return ["what", "came"]


class OfAPlugin(sk.StreamError):
    """
    An error with a constructor of its own.
    """

    def __init__(self, *, room: str) -> None:
        super().__init__(f"the room {room} is full", type="room", partial=lambda: [room])
        self.room = room


ERRORS: list[Exception] = [
    sk.StreamError("m", type="overloaded_error", status_code=529, retriable=True, partial=_partial),
    sk.BufferOverflow("full"),
    sk.StreamTruncated(request_id="req_1"),
    sk.StreamStalled("silence", limit="total", seconds=30, time_is_up=True),
    sk.TimeLimitError("late", limit="idle", seconds=2.5),
    sk.GrammarError("m"),
    sk.ToolInputError(sk.BrokenToolCall("i", "n", "{", "truncated", 0), offset=1),
    sk.JSONError("m", reason="invalid", offset=3),
    sk.PluginError("m", distribution="a", name="b", group="c"),
    OfAPlugin(room="blue"),
]


def pickled(protocol: int, error: Exception) -> Any:
    return pickle.loads(pickle.dumps(error, protocol))


WAYS: dict[str, Callable[[Any], Any]] = {
    **{f"pickle {protocol}": partial(pickled, protocol) for protocol in range(6)},
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_is_the_same_behind_pickle_and_copy(error: Exception, way: str) -> None:
    """
    With its class, text, notes and attributes, also where `partial` is built by a function that no other process has.
    """
    noted = copy.copy(error)
    noted.add_note("a note")
    made = WAYS[way](noted)
    assert (type(made), str(made), made.args) == (type(noted), str(noted), noted.args)
    for name in (*(name for name in vars(noted) if name != "_partial"), "partial"):
        assert getattr(made, name, None) == getattr(noted, name, None)
    made.add_note("another")
    assert noted.__notes__ == ["a note"]


FAILS = "import streamkit as sk; raise sk.JSONError('m', reason='missing', offset=0)"


def test_an_error_comes_back_from_another_process() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        error = pool.submit(exec, FAILS).exception()
    assert isinstance(error, sk.JSONError)
    assert error.reason == "missing"


@dataclass(frozen=True)
class Frozen(Exception):
    code: int


class Refusing(Exception):
    def __setattr__(self, name: str, value: object) -> None:
        raise RuntimeError(name)


class BadlyClosed:
    """
    A stream that fails, and then its cleanup fails too.
    """

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __aiter__(self) -> AsyncIterator[int]:
        return self

    async def __anext__(self) -> int:
        raise self._error

    async def aclose(self) -> None:
        raise ValueError("closing")


@pytest.mark.parametrize("error", [Frozen(7), Refusing(7)], ids=["frozen", "refusing"])
@pytest.mark.parametrize(
    "stage", [None, sk.finalize(lambda: 1 / 0), sk.map_async(anyio.to_thread.run_sync)], ids=str
)
async def test_an_error_that_takes_no_notes_comes_out_as_itself(
    error: Exception, stage: sk.Operator[Any, Any] | None
) -> None:
    """
    The very object is raised, and stands in the outcome.
    """
    stream: sk.Stream[Any] = sk.from_iterable(lambda: BadlyClosed(error))
    run = (stream if stage is None else stream | stage).open()
    with pytest.raises(type(error)) as caught:
        async with run:
            async for _ in run:
                pass
    assert caught.value is error
    assert run.outcome.error is error


class Empty(Exception):
    """
    False, as an error is that has the length of its list of problems.
    """

    def __len__(self) -> int:
        return 0


async def fails(_: object) -> None:
    raise Empty


def fails_at_once(_: object) -> None:
    raise Empty


async def empty_handed() -> AsyncIterator[int]:
    raise Empty
    yield 0


ONE = sk.from_iterable([1])
EMPTY_HANDED = sk.from_iterable(empty_handed)


def another(_: object) -> sk.Stream[int]:
    return EMPTY_HANDED


@pytest.mark.parametrize(
    "stream",
    [
        EMPTY_HANDED | sk.map(str),
        EMPTY_HANDED | sk.buffer(2),
        EMPTY_HANDED | sk.split(ordered=False, a=sk.map(str)),
        EMPTY_HANDED | sk.finalize(partial(fails_at_once, 0)),
        EMPTY_HANDED | sk.map_async(fails, 2),
        ONE | sk.map_async(fails, 2),
        ONE | sk.flat_map(another, concurrency=2),
        ONE | sk.tee(fails),
        sk.race(EMPTY_HANDED, EMPTY_HANDED),
        sk.merge(ONE, EMPTY_HANDED),
        sk.zip(ONE, EMPTY_HANDED),
    ],
    ids=repr,
)
async def test_an_error_that_is_false_is_an_error(stream: sk.Stream[Any]) -> None:
    run = stream.open()
    with pytest.raises(Empty) as caught:
        async with run:
            async for _ in run:
                pass
    assert run.outcome.error is caught.value


def test_a_note_that_is_refused_is_no_error() -> None:
    note(Frozen(1), "text")
    error = ValueError()
    note(error, "text")
    assert error.__notes__ == ["text"]


def test_a_loop_that_is_gone_leaves_linecache() -> None:
    def lines() -> int:
        return sum(name.startswith("<streamkit") for name in linecache.cache)

    compiled.cache_clear()
    gc.collect()
    before = lines()
    assert list(sk.map(str).over([1])) == ["1"]
    assert lines() == before + 1
    compiled.cache_clear()
    gc.collect()
    assert lines() == before


def test_one_tuple_has_all_that_a_stream_of_messages_raises() -> None:
    ours = {value for name in dir(sk) if isinstance(value := getattr(sk, name), type)}
    assert "ERRORS" in dir(sk)
    for kind in (*(each for each in ours if issubclass(each, sk.StreamError)), anthropic.APIError):
        assert issubclass(kind, sk.ERRORS)
