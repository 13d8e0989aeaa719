"""
Names: what they stand for, and what looking at them costs.
"""

from __future__ import annotations

import copy
import subprocess
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pytest

import streamkit as sk
from streamkit.plugins import Namespace, _plugin
from tests.support.patience import PATIENCE

from .distribution import OPERATORS, SHOUT, SINKS

if TYPE_CHECKING:
    from .conftest import Install

NAMESPACES = {"operator": sk.ops, "source": sk.sources, "sink": sk.plugins.sinks}


@pytest.mark.usefixtures("shout")
async def test_a_name_is_used_like_a_built_in_one() -> None:
    words = sk.from_iterable(["one", "two"])
    assert await (words | sk.ops.shout(mark="?")).collect() == ["ONE?", "TWO?"]
    assert await (words | sk.ops.loudly).collect() == ["ONE!!!", "TWO!!!"]
    assert await (words | sk.ops.twice()).collect() == ["one", "one", "two", "two"]
    assert await sk.sources.ticks(2).collect() == await sk.sources.three.pipe(sk.take(2)).collect()
    assert await (words | sk.plugins.sinks.count()) == await (words | sk.plugins.sinks.counting) == 2


@pytest.mark.usefixtures("shout")
def test_it_reads_as_it_was_written() -> None:
    pipeline = sk.ops.shout(mark="?") | sk.take(1)
    assert repr(pipeline) == "shout(mark='?') | take(1)"
    assert "Text in capitals." in sk.ops.shout.__doc__
    assert sk.ops.shout is sk.ops.shout


@pytest.mark.usefixtures("shout")
def test_one_that_was_not_called_is_told_like_a_built_in_one() -> None:
    stream = sk.from_iterable(["one"])
    for maker in (sk.ops.shout, sk.ops.twice, sk.plugins.sinks.count):
        with pytest.raises(TypeError, match="was not called"):
            _ = stream | maker


def test_a_plain_function_that_was_not_called_is_told_too(install: Install) -> None:
    code = "import streamkit as sk\ndef thing(n=1): return sk.take(n)"
    install("streamkit-plain", code, {OPERATORS: {"thing": "thing"}})
    with pytest.raises(TypeError, match="thing makes an operator or a sink, and was not called"):
        _ = sk.from_iterable(["one"]) | sk.ops.thing


@pytest.mark.usefixtures("shout")
def test_nothing_is_imported_until_its_name_is_used(install: Install) -> None:
    install("streamkit-other", "raise SystemExit('no')", {OPERATORS: {"other": "other"}})
    assert {"shout", "twice", "other"} <= {*dir(sk.ops)}
    assert {"ticks", "three"} <= {*dir(sk.sources)}
    assert {"count", "counting"} <= {*dir(sk.plugins.sinks)}
    assert not {"streamkit_shout", "streamkit_other"} & {*sys.modules}
    _ = sk.ops.shout
    assert "streamkit_shout" in sys.modules
    assert "streamkit_other" not in sys.modules


@pytest.mark.parametrize(
    ("namespace", "name", "same"),
    [
        (sk.ops, "take", sk.take),
        (sk.ops, "text", sk.text),
        (sk.ops, "throttle", sk.throttle),
        (sk.sources, "replay", sk.replay),
        (sk.sources, "follow", sk.follow),
        (sk.plugins.sinks, "jsonl", sk.sinks.jsonl),
    ],
)
def test_built_in_ones_are_among_them(namespace: Namespace, name: str, same: object) -> None:
    assert getattr(namespace, name) is same
    assert name in dir(namespace)


NO_NAMES_OF_STAGES = {
    "approve",
    "branch",
    "http_client",
    "mcp",
    "operator",
    "passthrough",
    "sink",
    "source",
    "tool",
}
"""Functions of the façade that make neither an operator nor a stream."""


def test_every_function_of_the_facade_is_of_one_kind() -> None:
    functions = {name for name in dir(sk) if type(getattr(sk, name)).__name__ == "function"}
    operators, sources = ({*kind.built_in} for kind in plugin_kinds()[:2])
    assert operators | sources == functions - NO_NAMES_OF_STAGES
    assert not operators & sources


def test_every_sink_is_there() -> None:
    assert {*plugin_kinds()[2].built_in} == {*sk.sinks.__all__}


def plugin_kinds() -> Any:
    from streamkit.plugins._kinds import KINDS

    return KINDS


@pytest.mark.parametrize("kind", NAMESPACES)
@pytest.mark.usefixtures("shout")
def test_an_unknown_name_is_an_attribute_error(kind: str) -> None:
    with pytest.raises(AttributeError, match=f"there is no {kind} 'nonsense'$"):
        _ = NAMESPACES[kind].nonsense


@pytest.mark.usefixtures("shout")
def test_a_slip_is_told_with_what_may_have_been_meant() -> None:
    with pytest.raises(AttributeError, match=r"there is no operator 'shuot'; did you mean shout\?"):
        _ = sk.ops.shuot
    with pytest.raises(AttributeError, match="did you mean throttle"):
        _ = sk.ops.throtle


def test_a_name_of_the_facade_that_is_no_operator_is_none() -> None:
    for name in ("Operator", "events", "operator", "replay", "__version__"):
        assert not hasattr(sk.ops, name)


def test_private_names_are_never_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise AssertionError("looked for plugins")

    sk.plugins.rescan()
    monkeypatch.setattr(metadata, "distributions", refuse)
    assert not hasattr(sk.ops, "_repr_html_")
    assert not hasattr(sk.ops, "__wrapped__")
    assert copy.copy(sk.ops) is not None
    assert repr(sk.ops) == "<operators by name>"


@pytest.mark.usefixtures("shout")
def test_entry_points_are_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scans: list[None] = []
    distributions = metadata.distributions

    def counted() -> Any:
        scans.append(None)
        return distributions()

    monkeypatch.setattr(metadata, "distributions", counted)
    _ = sk.ops.shout, sk.ops.twice, sk.sources.ticks, dir(sk.ops), sk.plugins.sinks.count
    assert len(scans) == 1
    sk.plugins.rescan()
    _ = sk.ops.shout
    assert len(scans) == 2


def test_a_distribution_that_is_installed_later_is_found_after_a_rescan(install: Install) -> None:
    install("streamkit-early", SHOUT, {OPERATORS: {"early": "shout"}})
    assert not hasattr(sk.ops, "late")
    install("streamkit-late", SHOUT, {OPERATORS: {"late": "shout"}})
    assert sk.ops.late is not sk.ops.early


def test_sinks_and_operators_may_have_the_same_name(install: Install) -> None:
    install("streamkit-shout", SHOUT, {OPERATORS: {"shout": "shout"}, SINKS: {"shout": "count"}})
    assert isinstance(sk.ops.shout(), sk.Operator)
    assert isinstance(sk.plugins.sinks.shout(), sk.Sink)


def test_the_api_version_is_a_number() -> None:
    assert sk.plugins.API_VERSION == _plugin.API_VERSION == 1


def test_importing_streamkit_looks_for_nothing() -> None:
    code = """
from importlib import metadata
def refuse(*args, **kwargs): raise AssertionError("looked for plugins")
metadata.distributions = metadata.entry_points = refuse
import streamkit as sk
sk.take(3), sk.text(), sk.sinks.collect(), sk.ops, sk.sources, sk.PluginError, sk.plugins
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("shout")
async def test_sinks_stand_beside_the_built_in_ones() -> None:
    sinks: Any = sk.sinks
    assert {"count", "counting", "jsonl"} <= {*dir(sinks)}
    assert await (sk.from_iterable("abc") | sinks.count()) == 3


def test_a_sink_that_cannot_be_used_harms_only_its_user(install: Install) -> None:
    install("streamkit-broken", "1 / 0", {SINKS: {"thing": "thing", "jsonl": "thing"}})
    sinks: Any = sk.sinks
    with pytest.raises(sk.PluginError):
        _ = sinks.thing
    assert repr(sinks.collect()) == "collect()"
    assert sinks.jsonl.__module__ == "streamkit.sinks"


def test_an_unknown_sink_is_an_attribute_error() -> None:
    assert not hasattr(sk.sinks, "nonsense")
    assert not hasattr(sk.sinks, "_repr_html_")
