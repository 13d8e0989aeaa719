"""
Two that offer one name, and the variable that selects distributions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import streamkit as sk

from .distribution import OPERATORS, SHOUT, SINKS

if TYPE_CHECKING:
    from .conftest import Install


@pytest.fixture
def twins(install: Install) -> None:
    install("streamkit-one", SHOUT, {OPERATORS: {"twice": "Twice", "one": "shout"}})
    install("Streamkit_Two", SHOUT, {OPERATORS: {"twice": "Twice", "two": "shout"}}, version="2.0")


@pytest.mark.usefixtures("twins")
def test_a_name_that_two_distributions_offer_names_both_and_the_fix() -> None:
    with pytest.raises(sk.PluginError) as caught:
        _ = sk.ops.twice
    error = caught.value
    assert "Streamkit_Two 2.0 and streamkit-one 1.0 both offer it" in str(error)
    assert "STREAMKIT_PLUGINS" in str(error)
    assert (error.distribution, error.name, error.group) == (
        "Streamkit_Two, streamkit-one",
        "twice",
        OPERATORS,
    )
    assert error.__cause__ is None


@pytest.mark.usefixtures("twins")
def test_their_other_names_can_be_used() -> None:
    assert sk.ops.one is not sk.ops.two
    assert [plugin.state for plugin in sk.plugins.registry().plugins if plugin.name == "twice"] == [
        "conflict"
    ] * 2


@pytest.mark.usefixtures("twins")
@pytest.mark.parametrize(
    "selection", ["streamkit-two", "STREAMKIT.two", " streamkit_two , streamkit-absent,"]
)
def test_a_selection_ends_the_conflict(monkeypatch: pytest.MonkeyPatch, selection: str) -> None:
    monkeypatch.setenv("STREAMKIT_PLUGINS", selection)
    assert sk.ops.twice.__module__ == "streamkit_two"
    assert "one" not in dir(sk.ops)
    with pytest.raises(
        AttributeError, match="'one': streamkit-one has one, and STREAMKIT_PLUGINS leaves that out"
    ):
        _ = sk.ops.one


@pytest.mark.usefixtures("twins")
@pytest.mark.parametrize("selection", ["", "  ", ","])
def test_an_empty_selection_selects_none(monkeypatch: pytest.MonkeyPatch, selection: str) -> None:
    monkeypatch.setenv("STREAMKIT_PLUGINS", selection)
    assert not {"one", "two", "twice"} & {*dir(sk.ops)}
    assert {plugin.state for plugin in sk.plugins.registry().plugins} == {"deselected"}
    assert sk.ops.take is sk.take


@pytest.mark.usefixtures("twins")
def test_an_unknown_name_in_the_selection_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMKIT_PLUGINS", "streamkit-one,Streamkit-Tow")
    [problem] = sk.plugins.registry().problems
    assert problem == (
        "STREAMKIT_PLUGINS names 'streamkit-tow', and no installed distribution of that name offers anything"
    )


async def test_a_built_in_name_wins_and_the_conflict_is_reported(install: Install) -> None:
    install("streamkit-greedy", SHOUT, {OPERATORS: {"take": "shout"}, SINKS: {"jsonl": "count"}})
    assert sk.ops.take is sk.take
    assert sk.plugins.sinks.jsonl is sk.sinks.jsonl
    for plugin in sk.plugins.registry().plugins:
        assert plugin.state == "conflict"
        error = plugin.check()
        assert error is not None
        assert error.distribution == "streamkit-greedy"
        assert "streamkit-greedy offers it, and streamkit's own wins" in str(error)


def test_a_distribution_that_is_installed_twice_counts_once(install: Install) -> None:
    install("streamkit-shout", SHOUT, {OPERATORS: {"twice": "Twice"}}, version="1.0")
    install("Streamkit_Shout", SHOUT, {OPERATORS: {"twice": "Twice"}}, version="1.1")
    assert isinstance(sk.ops.twice(), sk.Operator)
    assert len(sk.plugins.registry().plugins) == 1


def test_one_distribution_that_says_the_same_twice_has_no_conflict(install: Install) -> None:
    about = install("streamkit-shout", SHOUT, {OPERATORS: {"twice": "Twice"}})
    with (about / "entry_points.txt").open("a") as file:
        file.write("twice = streamkit_shout:Twice\n")
    sk.plugins.rescan()
    assert isinstance(sk.ops.twice(), sk.Operator)
