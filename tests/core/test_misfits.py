"""
Items that a stage cannot read, and stages that give nothing: the error says which stage it was, and what to write.
"""

from __future__ import annotations

from typing import Any

import pytest

import streamkit as sk

words: Any = sk.from_iterable(["a", "b"])
SECRET = "what a person said"


@pytest.mark.parametrize("item", [SECRET, {"type": "message_start", "message": SECRET}, None, object()])
@pytest.mark.parametrize(
    "operator",
    [sk.text(), sk.thinking(), sk.tool_calls(), sk.json(), sk.only("text_delta"), sk.meter(), sk.blocks()],
    ids=repr,
)
def test_an_operator_of_events_names_the_type_of_what_it_cannot_read(operator: Any, item: object) -> None:
    name = repr(operator).partition("(")[0]
    with pytest.raises(
        TypeError, match=rf"^{name}\(\) takes events, and cannot read {type(item).__name__}, .* messages\(\)"
    ) as raised:
        list(operator.over([item]))
    assert SECRET not in str(raised.value)
    assert isinstance(raised.value.__cause__, AttributeError)


async def test_a_run_fails_with_the_same_words_wherever_the_operator_stands() -> None:
    calls: Any = sk.tool_calls()
    recut: Any = sk.recut("word")
    pipelines: list[Any] = [
        calls,
        sk.take(1) | calls | sk.batch(2),
        sk.buffer(1) | calls,
        recut | calls,
        sk.split(a=sk.take(1) | recut, b=recut | calls | recut),
        sk.split(a=sk.take(1), b=calls, ordered=False),
        sk.tee(calls | sk.sinks.collect()),
    ]
    for pipeline in pipelines:
        told: list[BaseException] = []
        run = (words | pipeline).open()
        with pytest.raises(TypeError, match=r"^tool_calls\(\) takes events, and cannot read str") as raised:
            async with run:
                try:
                    async for _ in run:
                        pass
                except TypeError as error:
                    told.append(error)
                    raise
        assert run.outcome.error is raised.value
        assert told in ([], [raised.value])


class Forgetful(sk.Transducer[object, object]):
    """
    Gives None at an item or at the end.
    """

    def __init__(self, at: str) -> None:
        self.at = at

    def feed(self, item: object) -> Any:
        return None if self.at == "item" else [item]

    def flush(self) -> Any:
        return None if self.at == "end" else ()


def nothing(_: object) -> Any:
    return None


@pytest.mark.parametrize(
    "operator",
    [
        Forgetful("item"),
        Forgetful("end"),
        sk.flat_map(nothing),
        sk.split(a=Forgetful("end")),
    ],
    ids=["feed", "flush", "flat_map", "split"],
)
def test_a_stage_that_gives_nothing_gives_an_empty_iterable(operator: Any) -> None:
    name = "flat_map" if repr(operator).startswith("flat") else "Forgetful"
    with pytest.raises(
        TypeError,
        match=rf"^{name}\(\) has to give an iterable .*'NoneType' object is not iterable: return \[value\] for",
    ):
        list(operator.over([SECRET]))


class Careless(sk.Transducer[Any, Any]):
    """
    Takes events, and looks for attributes that it has not itself, or that something else has not.
    """

    takes = "events"

    def __init__(self, what: str) -> None:
        self.what = what

    def feed(self, item: Any) -> Any:
        missing: Any = self if self.what == "self" else object()
        return [missing.total]


def total(item: Any) -> object:
    return item.total


@pytest.mark.parametrize("what", ["self", "another object"])
def test_a_mistake_inside_an_operator_keeps_its_words(what: str) -> None:
    with pytest.raises(AttributeError, match=r"object has no attribute 'total'$"):
        list(Careless(what).over([1]))
    with pytest.raises(AttributeError, match=r"^'str' object has no attribute 'total'"):
        list(sk.map(total).over(["a"]))
