"""
The commands of `streamkit`: a module in `commands/` each, and a line each in this table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from streamkit.cli.commands import demo, hub, operators, record, replay, serve

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

__all__ = ["COMMANDS", "Command"]


class Command(Protocol):
    """
    What the module of a command defines.
    """

    @property
    def SUMMARY(self) -> str:
        """
        One line for the list of commands.
        """
        ...

    @property
    def DESCRIPTION(self) -> str:
        """
        What `streamkit COMMAND --help` says first.
        """
        ...

    def add_arguments(self, parser: ArgumentParser) -> None:
        """
        Declare the arguments of the command.
        """

    def run(self, options: Namespace) -> int:
        """
        Run the command, and return the exit status.
        """
        ...


COMMANDS: Final[Mapping[str, Command]] = {
    "demo": demo,
    "replay": replay,
    "record": record,
    "serve": serve,
    "hub": hub,
    "operators": operators,
}
