"""
Plugins that cannot be used: who is told, what they are told, and who is not bothered.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

import streamkit as sk

from .distribution import OPERATORS, SHOUT, SINKS, SOURCES

if TYPE_CHECKING:
    from .conftest import Install

GROUPS = {OPERATORS: sk.ops, SOURCES: sk.sources, SINKS: sk.plugins.sinks}


def use(install: Install, code: str, group: str = OPERATORS) -> sk.PluginError:
    """
    The error of using what `thing` is in this code.
    """
    install("Streamkit.Broken", code, {group: {"thing": "thing"}}, version="2.1")
    with pytest.raises(sk.PluginError) as caught:
        _ = GROUPS[group].thing
    error = caught.value
    assert (error.distribution, error.name, error.group) == ("Streamkit.Broken", "thing", group)
    assert str(error).startswith(f"Streamkit.Broken 2.1: {group[10:-1]} 'thing' (streamkit_broken:thing) ")
    return error


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("1 / 0", ZeroDivisionError),
        ("import a_module_that_is_not_there", ModuleNotFoundError),
        ("def thing(:", SyntaxError),
        ("raise SystemExit(3)", SystemExit),
        ("raise GeneratorExit", GeneratorExit),
        ("raise ExceptionGroup('two', [ValueError(1), ValueError(2)])", ExceptionGroup),
        ("other = 1", AttributeError),
        ("import warnings; warnings.warn('old')", UserWarning),
    ],
)
def test_one_that_cannot_be_imported(install: Install, code: str, cause: type[BaseException]) -> None:
    error = use(install, code)
    assert f"cannot be imported: {cause.__name__}" in str(error)
    assert isinstance(error.__cause__, cause)
    assert not isinstance(error, sk.StreamError)


def test_ctrl_c_while_it_is_imported_is_no_fault_of_it(install: Install) -> None:
    install("streamkit-broken", "raise KeyboardInterrupt", {OPERATORS: {"thing": "thing"}})
    with pytest.raises(KeyboardInterrupt):
        _ = sk.ops.thing


def test_a_failed_import_is_tried_again(install: Install) -> None:
    code = """
        import sys
        import streamkit as sk
        if not hasattr(sys, "_streamkit_test_ready"):
            raise RuntimeError("not yet")
        thing = sk.take(1)
    """
    use(install, code)
    try:
        sys._streamkit_test_ready = True  # type: ignore[attr-defined]  # pyright: ignore
        assert isinstance(sk.ops.thing, sk.Operator)
    finally:
        del sys._streamkit_test_ready  # type: ignore[attr-defined]  # pyright: ignore


IMPORT = "import streamkit as sk\n"


@pytest.mark.parametrize(
    ("group", "code", "complaint"),
    [
        (OPERATORS, "thing = 42", "is not of type Operator, and does not make one: it is of type int"),
        (OPERATORS, "thing = None", "of type NoneType"),
        (
            OPERATORS,
            "class thing: ...",
            "is not of type Operator, and does not make one: it is the class thing",
        ),
        (OPERATORS, IMPORT + "thing = sk.Stream", "it is the class Stream"),
        (OPERATORS, IMPORT + "thing = sk.sinks.collect()", "of type Collect"),
        (OPERATORS, IMPORT + "thing = sk.from_iterable([])", "of type Stream"),
        (OPERATORS, "async def thing(items):\n  yield 1", "decorate it with @sk.operator"),
        (OPERATORS, "async def thing(items): ...", "decorate it with @sk.operator"),
        (
            SOURCES,
            IMPORT + "thing = sk.take(1)",
            "is not of type Stream, and does not make one: it is of type Same",
        ),
        (SOURCES, "thing = [1, 2]", "of type list"),
        (SOURCES, "async def thing():\n  yield 1", "decorate it with @sk.source"),
        (
            SINKS,
            IMPORT + "thing = sk.take(1)",
            "is not of type Sink, and does not make one: it is of type Same",
        ),
        (SINKS, "async def thing(items): ...", "decorate it with @sk.sink"),
    ],
)
def test_one_of_the_wrong_kind(install: Install, group: str, code: str, complaint: str) -> None:
    error = use(install, code, group)
    assert complaint in str(error)
    assert error.__cause__ is None


@pytest.mark.parametrize(
    ("group", "code", "given"),
    [
        (OPERATORS, "def thing(*args): return list(args)", "list"),
        (OPERATORS, "def thing(*args): return None", "NoneType"),
        (OPERATORS, IMPORT + "thing = sk.sinks.collect", "Collect"),
        (OPERATORS, IMPORT + "@sk.source\nasync def thing(*args):\n  yield 1", "Stream"),
        (OPERATORS, "async def late(): ...\ndef thing(*args): return late()", "coroutine"),
        (SOURCES, IMPORT + "thing = sk.meter", "Same"),
        (SINKS, IMPORT + "thing = sk.meter", "Same"),
    ],
)
def test_one_that_makes_the_wrong_kind_is_found_out_when_it_is_called(
    install: Install, group: str, code: str, given: str
) -> None:
    install("streamkit-broken", code, {group: {"thing": "thing"}})
    with pytest.raises(
        sk.PluginError, match=f"streamkit-broken 1.0: .* when it was called: its result is of type {given}"
    ):
        GROUPS[group].thing()
    [plugin] = sk.plugins.registry().plugins
    assert plugin.check() is not None, "a check calls what needs no arguments"


def test_what_its_function_raises_comes_out_as_itself(install: Install) -> None:
    code = "def thing(n=0): raise ValueError('n must be above 0')"
    install("streamkit-strict", code, {OPERATORS: {"thing": "thing"}})
    with pytest.raises(ValueError, match="n must be above 0"):
        sk.ops.thing()
    [plugin] = sk.plugins.registry().plugins
    assert plugin.check() is None, "that it wants other arguments is no fault"


@pytest.mark.parametrize("where", ["module", "object"])
@pytest.mark.parametrize("version", ["0", "2", "'1.0'", "None"])
def test_one_that_asks_for_another_api(install: Install, where: str, version: str) -> None:
    target = "" if where == "module" else "thing."
    error = use(install, SHOUT.replace("loudly", "thing") + f"\n    {target}__streamkit_api__ = {version}\n")
    assert f"asks for version {version} of the plugin API, and this streamkit has 1" in str(error)


@pytest.mark.parametrize("where", ["", "thing."])
def test_one_that_asks_for_this_api(install: Install, where: str) -> None:
    code = SHOUT.replace("loudly", "thing") + f"\n    {where}__streamkit_api__ = 1\n"
    install("streamkit-shout", code, {OPERATORS: {"thing": "thing"}})
    assert isinstance(sk.ops.thing, sk.Operator)


@pytest.mark.parametrize("name", ["not-python", "2nd", "class", "_private", "a.b"])
def test_a_name_that_is_none_in_python_can_only_be_reported(install: Install, name: str) -> None:
    install("streamkit-broken", SHOUT, {OPERATORS: {name: "shout"}})
    [plugin] = sk.plugins.registry().plugins
    assert "has a name that cannot be written as an attribute in Python" in str(plugin.check())


@pytest.mark.usefixtures("shout")
async def test_the_others_do_not_notice(install: Install) -> None:
    install("streamkit-broken", "1 / 0", {OPERATORS: {"thing": "thing"}, SINKS: {"thing": "thing"}})
    assert await (sk.from_iterable(["one"]) | sk.ops.shout()).collect() == ["ONE!"]
    assert "thing" in dir(sk.ops)
    assert "streamkit_broken" not in sys.modules


@pytest.mark.usefixtures("shout")
@pytest.mark.parametrize(
    "content", [b"[streamkit.operators]\nno equals sign\n", b"\xff\xfe streamkit.operators"]
)
def test_metadata_that_cannot_be_read_harm_nobody(install: Install, content: bytes) -> None:
    about = install("streamkit-broken", SHOUT, {OPERATORS: {"thing": "shout"}})
    (about / "entry_points.txt").write_bytes(content)
    assert sk.ops.shout is not None
    assert not hasattr(sk.ops, "thing")


def test_entry_points_that_cannot_be_read_are_reported(install: Install) -> None:
    about = install("streamkit-broken", SHOUT, {})
    (about / "entry_points.txt").write_text("[streamkit.operators]\nno equals sign\n")
    [problem] = sk.plugins.registry().problems
    assert problem.startswith("streamkit-broken: its entry points cannot be read: ")


@pytest.mark.usefixtures("shout")
def test_the_remnant_of_an_installation_is_none(install: Install) -> None:
    about = install("streamkit-removed", SHOUT, {OPERATORS: {"thing": "shout"}})
    (about / "METADATA").unlink()
    assert sk.ops.shout is not None
    assert not hasattr(sk.ops, "thing")
    assert sk.plugins.registry().problems == ()


def test_one_whose_attributes_raise_cannot_be_used(install: Install) -> None:
    """
    Looking at it harms nobody but its user, who is told.
    """
    code = "class Bad:\n    def __getattr__(self, name): raise SystemExit(3)\nthing = Bad()"
    assert "cannot be looked at: SystemExit: 3" in str(use(install, code))


def test_one_whose_error_cannot_be_shown_is_named_all_the_same(install: Install) -> None:
    code = "class Mute(Exception):\n    def __str__(self): raise ValueError\nraise Mute"
    assert "cannot be imported: Mute: its error cannot be shown" in str(use(install, code))


def test_an_error_of_a_plugin_does_not_command_the_terminal(install: Install) -> None:
    assert "\\x1b[2J" in str(use(install, "raise ValueError('\\x1b[2J')"))


def test_ctrl_c_while_it_is_imported_is_not_its_error(install: Install) -> None:
    install("Streamkit.Broken", "raise KeyboardInterrupt", {OPERATORS: {"thing": "thing"}}, version="2.1")
    with pytest.raises(KeyboardInterrupt):
        _ = sk.ops.thing
