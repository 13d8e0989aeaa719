"""
Everything that is checked, each in an environment of its own: `nox` runs it all, `nox -s NAME` one session.
"""

from __future__ import annotations

from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "typing", "tests", "plugins", "notebooks"]

PYPROJECT = nox.project.load_toml("pyproject.toml")
# What is imported is the installed wheel, and not the checkout that happens to be the working directory.
INSTALLED = {"PYTHONSAFEPATH": "1"}
REDACT = "./examples/plugins/streamkit-redact"


def install(session: nox.Session, *groups: str, package: bool = True) -> None:
    """
    Install dependency groups and, as a user would, the package: a wheel is built of it.
    """
    requirements = [name for group in groups for name in nox.project.dependency_groups(PYPROJECT, group)]
    session.install(*requirements, *(["."] if package else []))


@nox.session
def lint(session: nox.Session) -> None:
    """
    Style, and the mistakes that can be seen without running the code.
    """
    install(session, "lint", package=False)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def typing(session: nox.Session) -> None:
    """
    Types of the package and of the tests, with mypy and with pyright, both strict.
    """
    install(session, "tests", "typing")
    session.run("mypy")
    session.run("pyright")
    session.run("pytest", "tests/typing")


@nox.session
def tests(session: nox.Session) -> None:
    """
    All tests, on asyncio and on trio, against the built wheel. Arguments behind -- go to pytest.
    """
    install(session, "tests")
    session.run("pytest", *session.posargs, env=INSTALLED)


@nox.session
def plugins(session: nox.Session) -> None:
    """
    The example of a plugin, beside ones that are broken on purpose: all of them installed, as a user would.
    """
    install(session, "plugins")
    session.install(REDACT, "./tests/plugins/broken", "./tests/plugins/twin")
    session.run("pytest", REDACT, env=INSTALLED)
    session.run("pytest", "tests/plugins/test_installed.py", env=INSTALLED)


@nox.session
def docs(session: nox.Session) -> None:
    """
    The code in README.md, docs/ and examples/ alone; `tests` runs it too.
    """
    install(session, "tests")
    session.run("pytest", "tests/docs", *session.posargs, env=INSTALLED)


@nox.session
def notebooks(session: nox.Session) -> None:
    """
    Run the notebooks from top to bottom.
    """
    install(session, "notebooks")
    session.install(REDACT)
    session.run("jupyter", "execute", *map(str, sorted(Path("examples").glob("*.ipynb"))))


@nox.session
def coverage(session: nox.Session) -> None:
    """
    Which lines and branches the tests reach.
    """
    install(session, "tests")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *session.posargs, env=INSTALLED)
    session.run("coverage", "combine")
    session.run("coverage", "report")
