"""
Distributions as pip leaves them: a module, and its metadata beside it.
"""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

OPERATORS = "streamkit.operators"
SOURCES = "streamkit.sources"
SINKS = "streamkit.sinks"

SHOUT = """
    from collections.abc import AsyncIterator

    import streamkit as sk


    @sk.operator
    async def shout(items: AsyncIterator[str], mark: str = "!") -> AsyncIterator[str]:
        '''
        Text in capitals.

        And more of it.
        '''
        async for item in items:
            yield item.upper() + mark


    loudly = shout("!!!")


    class Twice(sk.Transducer[str, str]):
        '''
        Text, twice.
        '''
        def feed(self, item):
            return (item, item)


    @sk.source
    async def ticks(n: int) -> AsyncIterator[str]:
        for number in range(n):
            yield f"tick {number}"


    three = ticks(3)


    @sk.sink
    async def count(items: AsyncIterator[object]) -> int:
        return len([item async for item in items])


    counting = count()
"""


def write_distribution(
    site: Path, name: str, code: str, entry_points: Mapping[str, Mapping[str, str]], version: str = "1.0"
) -> Path:
    """
    Write a distribution that consists of one module, named after it.

    Args:
        site: The folder for it.
        name: The distribution.
        code: The module.
        entry_points: For each group the names and the attributes of the module that they stand for.
        version: Its version.

    Returns:
        The folder of its metadata.
    """
    site.mkdir(exist_ok=True)
    module = name.replace("-", "_").replace(".", "_").lower()
    (site / f"{module}.py").write_text(dedent(code), encoding="utf-8")
    about = site / f"{module}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines: list[str] = []
    for group, names in entry_points.items():
        lines += (f"[{group}]", *(f"{key} = {module}:{attribute}" for key, attribute in names.items()))
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return about
