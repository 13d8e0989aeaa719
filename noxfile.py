"""
Everything that is checked, each in an environment of its own.

`nox` runs what every change has to pass, on the Python that it is started with. `nox -s NAME` runs one session, also one of
those that are only run by name: `nox -l` lists them. Arguments behind `--` go to pytest.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2026.8.10"

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)  # from the classifiers, which say it once for everybody
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"

# What a test starts would compile the SDK and its models each time, which takes longer than the test.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

nox.options.default_venv_backend = "uv|virtualenv"
# The longest one first, because they run side by side.
nox.options.sessions = [f"tests-{RUNNING}", "typing", "plugins", "notebooks", "lint"]
# A Python that is not installed is skipped, and the summary says so. `--error-on-missing-interpreters` is for CI.
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
if len(sys.argv) == 1:
    # Not where somebody has asked for a session: of those that run side by side, the output comes at the end.
    nox.options.parallel = os.cpu_count()

if (pyenv := shutil.which("pyenv")) and "PYENV_VERSION" not in os.environ:
    # pyenv's `python3.12` runs only where 3.12 has been chosen, and is taken for missing otherwise.
    listed = subprocess.run([pyenv, "versions", "--bare"], capture_output=True, text=True, check=False)
    os.environ["PYENV_VERSION"] = ":".join(reversed(listed.stdout.split()))

# What is imported is the installed wheel, and not the checkout that happens to be the working directory.
INSTALLED = {"PYTHONSAFEPATH": "1"}
REDACT = "./examples/plugins/streamkit-redact"
# Of the Pythons beside the one that runs here, the newest that is installed differs most from it.
NEWEST_OTHER = [v for v in PYTHONS if v != RUNNING and shutil.which(f"python{v}")][-1:] or PYTHONS[-1:]
# Generated loops, runs, decoding, and the matcher that reads the standard library's own regex parser are what depends most on the
# Python. What is left out takes long.
SMOKE = [
    *("tests/core", "tests/operators", "tests/partial_json"),
    *("tests/claude/protocol", "tests/claude/operators"),
]
# And what depends on the event loop.
HOSTED = [*SMOKE, "tests/sinks", "tests/claude/transport", "tests/claude/sources", "tests/serving"]


def groups(*names: str) -> list[str]:
    """
    The requirements of dependency groups.
    """
    return [requirement for name in names for requirement in nox.project.dependency_groups(PYPROJECT, name)]


def pytest(session: nox.Session, *args: str, command: tuple[str, ...] = ("pytest",)) -> None:
    """
    Run tests against what is installed, on all cores.
    """
    session.run(*command, "--numprocesses=auto", *args, *session.posargs, env=INSTALLED)


@nox.session(allow_parallel=True)
def lint(session: nox.Session) -> None:
    """
    Style, spelling, and the mistakes that can be seen without running the code.
    """
    session.install(*groups("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("codespell")


@nox.session(allow_parallel=True)
def typing(session: nox.Session) -> None:
    """
    Types of the package and of the tests, with mypy and with pyright, both strict; and that all public ones are known.
    """
    session.install(".[all]", *groups("tests", "clients", "typing"))
    session.run("mypy")
    session.run("pyright")
    session.run("pyright", "--verifytypes", "streamkit", "--ignoreexternal", env=INSTALLED)
    session.run("pytest", "tests/typing", env=INSTALLED)


@nox.session(allow_parallel=True)
def plugins(session: nox.Session) -> None:
    """
    The example of a plugin, beside ones that are broken on purpose: all of them installed, as a user would.
    """
    session.install(".", REDACT, "./tests/plugins/broken", "./tests/plugins/twin", *groups("plugins"))
    session.run("pytest", REDACT, env=INSTALLED)
    session.run("pytest", "tests/plugins/test_installed.py", env=INSTALLED)


@nox.session(allow_parallel=True)
def notebooks(session: nox.Session) -> None:
    """
    Run the notebooks from top to bottom.
    """
    session.install(".", REDACT, *groups("notebooks"))
    session.run("jupyter", "execute", *map(str, sorted(Path("examples").glob("*.ipynb"))))


@nox.session(python=PYTHONS, allow_parallel=True)
def tests(session: nox.Session) -> None:
    """
    The tests that every change has to pass, on asyncio and on trio, against the built wheel.
    """
    session.install(".[all]", *groups("tests"))
    pytest(session)


@nox.session(python=NEWEST_OTHER, allow_parallel=True)
def smoke(session: nox.Session) -> None:
    """
    What is most likely to differ between Pythons, on the newest other one that is installed: `tests` without the long half.
    """
    session.install(".[all]", *groups("tests"))
    pytest(session, *SMOKE)


@nox.session(allow_parallel=True)
def clients(session: nox.Session) -> None:
    """
    Other people's clients read what streamkit sends: the AI SDK's and AG-UI's under Node.js, and a browser of the system,
    such as Debian's `chromium-headless-shell`. Without one its tests are skipped, or fail with `CI=true`.
    """
    session.install(".[all]", *groups("tests", "clients"))
    session.run("python", "-m", "tests.clients.packages")
    asked = "required" if os.environ.get("CI") else "all"
    # A file's answers are read by one process of Node.js.
    session.run(
        *("pytest", "--numprocesses=auto", "--dist=loadfile", "tests/clients", *session.posargs),
        env={**INSTALLED, "STREAMKIT_CLIENTS": asked},
    )


@nox.session(python=PYTHONS[1:])  # tasks that begin at once are new in 3.12
def hosts(session: nox.Session) -> None:
    """
    The tests of `smoke` and those that wait for something, as other people's processes run them: uvloop, tasks that begin at
    once, Python's development mode, and without assertions. In every run here a warning is an error.
    """
    session.install(".[all]", *groups("tests"))
    pytest(session, "--asyncio-loop=uvloop", *HOSTED)
    pytest(session, "--asyncio-loop=eager", *HOSTED)
    pytest(session, *HOSTED, command=("python", "-X", "dev", "-m", "pytest"))
    # pytest warns that assertions outside of tests do nothing, which is what this is about.
    without = ("-W", "ignore::pytest.PytestConfigWarning")
    pytest(session, *without, *HOSTED, command=("python", "-O", "-m", "pytest"))


@nox.session
def full(session: nox.Session) -> None:
    """
    All tests, also the long ones.
    """
    session.install(".[all]", *groups("tests"))
    pytest(session, "--full")


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """
    The tests with the oldest versions that pyproject.toml allows of everything it names, on the oldest Python.
    """
    session.install("uv")
    session.run_install("uv", "pip", "install", "--resolution=lowest-direct", ".[all]", *groups("tests"))
    pytest(session)


@nox.session
def coverage(session: nox.Session) -> None:
    """
    Which lines and branches the tests reach; fewer than pyproject.toml wants is a failure.
    """
    session.install(".[all]", *groups("tests"))
    session.run("coverage", "erase")
    pytest(session, command=("coverage", "run", "-m", "pytest"))
    session.run("coverage", "combine")
    session.run("coverage", "report")


@nox.session
def docs(session: nox.Session) -> None:
    """
    The code in README.md, docs/ and examples/ alone; `tests` runs it too.
    """
    session.install(".[all]", *groups("tests"))
    pytest(session, "tests/docs")


@nox.session
def bench(session: nox.Session) -> None:
    """
    streamkit beside its peers: keeps the figures, writes the tables of the pages, and draws the charts. Arguments behind --, such
    as --quick, go to `python -m benchmarks`.
    """
    session.install(".", *groups("bench"))
    session.run("python", "-m", "benchmarks", "--save", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """
    The distributions, in dist/. A tag behind --, such as v1.2.0, has to fit the version.
    """
    session.install(*groups("build"))
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build")
    files = sorted(map(str, Path("dist").iterdir()))
    session.run("twine", "check", "--strict", *files)
    for tag in session.posargs:
        if f"claude_streamkit-{tag.removeprefix('v')}.tar.gz" not in {Path(file).name for file in files}:
            session.error(
                f"{tag} is not the tag of {', '.join(files)}: change streamkit/_version.py or the tag"
            )
