"""
One file for each command of `streamkit`.

A command is a module with `SUMMARY`, `DESCRIPTION`, `add_arguments(parser)` and `run(options)`, which returns the exit status;
`streamkit/cli/command_table.py` says what they are, and lists them.
"""
