"""
One file for each command of `streamkit`.

A command is a module with `SUMMARY`, `DESCRIPTION`, `add_arguments(parser)` and `run(options)`, which returns the exit status;
`Command` in `streamkit/cli/command_line.py` says what they are, and its table `COMMANDS` lists them.
"""
