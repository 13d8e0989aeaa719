"""
The command `streamkit`: its argument parser and its exit status.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import TYPE_CHECKING, Final, NoReturn, cast

from streamkit._version import __version__
from streamkit.cli.arguments import UsageError
from streamkit.cli.command_table import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from io import TextIOWrapper

__all__ = ["main"]

# Shells give these as the status of a command that a signal has ended: 128 + SIGINT, 128 + SIGPIPE.
INTERRUPTED: Final = 130
READER_GONE: Final = 141

EPILOG: Final = """\
exit status:
  0    the stream is complete, the plugins are fine
  1    it was cut, or it failed; what had arrived was shown. A plugin cannot be used
  2    the command cannot be done as it was given
  130  interrupted with Ctrl-C
  141  whatever read the output has gone
"""


class Parser(ArgumentParser):
    """
    An argument parser whose errors are one line.
    """

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command line. Errors are one line on stderr.

    Args:
        argv: The arguments; by default those of the process.

    Returns:
        The exit status: 0 if the stream is complete, 1 if it was cut or failed or a plugin that was checked
        cannot be used, 2 if the command cannot be done as it was given, 130 after Ctrl-C, 141 if the program
        that read the output has gone.
    """
    open_missing_streams()
    # A model may write characters that the terminal's encoding does not have, or lone surrogates.
    cast("TextIOWrapper", sys.stdout).reconfigure(errors="backslashreplace")
    try:
        status = obey(argv)
        sys.stdout.flush()
    except (KeyboardInterrupt, BrokenPipeError, BaseExceptionGroup) as error:
        if holds(error, KeyboardInterrupt):
            return INTERRUPTED
        if holds(error, BrokenPipeError):
            give_up_stdout()
            return READER_GONE
        raise
    return status


def obey(argv: Sequence[str] | None) -> int:
    """
    Run the command that the arguments name, and return the exit status.
    """
    commands = parser()
    try:
        options = commands.parse_args(argv)
        if options.run is None:  # without any argument, as when somebody tries whether it is there
            commands.print_help()
            return 0
        status: int = options.run(options)
    except SystemExit as exiting:  # argparse has printed an error or the help
        return int(exiting.code or 0)
    except UsageError as error:
        print(f"streamkit: {error}", file=sys.stderr)
        return 2
    return status


def parser() -> ArgumentParser:
    """
    The argument parser. After parsing, `options.run` is the function of the command; None if there is none.
    """
    top = Parser(
        prog="streamkit",
        description="Composable pipelines for Claude message streams.",
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"streamkit {__version__}")
    top.set_defaults(run=None)
    commands = top.add_subparsers(title="commands", metavar="COMMAND")
    for name, command in COMMANDS.items():
        own = commands.add_parser(name, help=command.SUMMARY, description=command.DESCRIPTION)
        command.add_arguments(own)
        own.set_defaults(run=command.run)
    return top


def holds(error: BaseException, kind: type[BaseException]) -> bool:
    """
    Whether `error` is of that kind, or is a group that contains such an error.
    """
    return BaseExceptionGroup("", [error]).subgroup(kind) is not None


def open_missing_streams() -> None:
    """
    Where the process was started with its output closed, as by a service manager, write to nowhere.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            setattr(sys, name, os.fdopen(nowhere, "w", encoding="utf-8", closefd=False))


def give_up_stdout() -> None:
    """
    Discard what has not been written yet, because Python would flush it at its exit, and print an error.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
