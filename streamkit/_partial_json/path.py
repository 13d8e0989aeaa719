"""
Parses the paths that can be followed while a text is being written: a small part of JSONPath.

`$` is the whole, `.name` and `['name']` a member, `[0]` an element, and `[*]` every one of them, as in RFC 9535. Whatever
searches ahead, back or from the end is refused, because it cannot be known in time.
"""

from __future__ import annotations

import json
import re
from typing import Final, NoReturn, TypeAlias

__all__ = ["Path", "parse_path"]

Path: TypeAlias = tuple[str | int | None, ...]
"""For each level: a name, an index, or None for every one."""

_STEP: Final = r"""
    \.(?P<name>[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*)
    | \.\* | \[\s*(?:
        (?P<all>\*)
        | (?P<index>0|[1-9][0-9]*)
        | "(?P<double>(?:[^"\\]|\\.)*)"
        | '(?P<single>(?:[^'\\]|\\.)*)'
    )\s*\]
    """

_REFUSALS: Final = (
    (r"\.\.", "it searches at every depth"),
    (r"\[\s*\?", "a filter needs the whole element first"),
    (r"\[\s*-", "an index from the end is known at the end only"),
    (r"\[[^\]\"']*:", "slices are not supported: select [*] and count"),
    (r"\[[^\]]*,", "it selects several names: use one path for each"),
)
_SYNTAX: Final = "$, .name, ['name'], [0] and [*]; any other name stands in brackets, as in ['new-text']"


def parse_path(path: str) -> Path:
    """
    Parse a path into its steps.

    Raises:
        TypeError: It is not a string.
        ValueError: It cannot be followed while the text is being written; the message says why.
    """
    if not isinstance(path, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"path must be a string such as '$.items[*]', not {path!r}")
    if not path.startswith("$"):
        raise ValueError(
            f"path={path!r} must begin with $, which is the whole: '$.{path.lstrip('.') or 'items[*]'}'"
        )
    steps: list[str | int | None] = []
    step = re.compile(_STEP, re.VERBOSE)  # with the first path: most programs use none
    at = 1
    while at < len(path):
        if (found := step.match(path, at)) is None:
            _refuse(path, at)
        steps.append(_step(found, path))
        at = found.end()
    return tuple(steps)


def _step(found: re.Match[str], path: str) -> str | int | None:
    if found["index"] is not None:
        return int(found["index"])
    if found["name"] is not None:
        return found["name"]
    if (text := found["double"]) is None:
        if (text := found["single"]) is None:
            return None
        text = text.replace("\\'", "'").replace('"', '\\"')
    try:
        name: str = json.loads(f'"{text}"')
    except ValueError:
        raise ValueError(
            f"path={path!r}: the name at {found.start()} has an escape that JSON does not know"
        ) from None
    return name


def _refuse(path: str, at: int) -> NoReturn:
    for pattern, reason in _REFUSALS:
        if re.compile(pattern).match(path, at):
            raise ValueError(f"path={path!r} cannot be followed at {path[at:]!r}: {reason}")
    raise ValueError(f"path={path!r} cannot be read at {path[at:]!r}: it may have {_SYNTAX}")
