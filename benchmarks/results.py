"""
Results that are kept, one file for each version of streamkit, and how the ratios of a run differ from them.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .measure import Table

__all__ = ["as_document", "compared", "last", "load", "save"]

FOLDER = Path(__file__).parent / "results"
TOLERANCE = 0.1
"""By how much of itself a ratio may differ before it is listed. Two runs of the same code differ by less."""


def as_document(groups: dict[str, list[Table]], machine: dict[str, Any]) -> dict[str, Any]:
    """
    A run as it is printed by `--json` and kept by `--save`.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    tables = [
        {"group": group, "measured": now, **table.as_dict()}
        for group, tables in groups.items()
        for table in tables
    ]
    return {"measured": now, "machine": machine, "tables": tables}


def save(document: dict[str, Any]) -> Path:
    """
    Keep a run under its version. Of an earlier run of the same version, the groups stay that this one has not measured.
    """
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{_version(document)}.json"
    measured = {table["group"] for table in document["tables"]}
    earlier = load(path)["tables"] if path.exists() else []
    others = [table for table in earlier if table["group"] not in measured]
    document = {**document, "tables": [*others, *document["tables"]]}
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def load(path: Path) -> dict[str, Any]:
    """
    A run that was kept.
    """
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def last() -> dict[str, Any] | None:
    """
    The run that was kept last, or None where none was.
    """
    return max(map(load, FOLDER.glob("*.json")), key=lambda document: document["measured"], default=None)


def compared(new: dict[str, Any], old: dict[str, Any]) -> str:
    """
    How a run differs from an earlier one: the ratios that are no longer within a tenth, and what else is not the same.

    Ratios are compared, because microseconds are those of the machine. A row that only one of the runs has is left out.
    """
    before = _ratios(old)
    both = [(key, before[key], ratio) for key, ratio in _ratios(new).items() if key in before]
    moved = [each for each in both if abs(each[2] / each[1] - 1) > TOLERANCE]
    lines = [f"compared with {_version(old)} of {old['measured']}"]
    lines += [f"  {title}: `{row}` {was:.2f}, now {now:.2f}" for (title, row), was, now in moved]
    lines.append(f"  {len(both) - len(moved)} of {len(both)} ratios are within a tenth of what they were")
    lines += [f"  {difference}" for difference in _differences(new["machine"], old["machine"])]
    return "\n".join(lines)


def _version(document: dict[str, Any]) -> str:
    version: str = document["machine"]["versions"]["claude-streamkit"]
    return version


def _ratios(document: dict[str, Any]) -> dict[tuple[str, str], float]:
    """
    By table and row. The row that ratios are given against is left out, because its own is always 1; and so is one without a
    ratio, or with nothing.
    """
    return {
        (table["title"], row["name"]): row["ratio"]
        for table in document["tables"]
        for row in table["rows"]
        if row["name"] != table["base"] and row["ratio"]
    }


def _differences(new: dict[str, Any], old: dict[str, Any]) -> Iterator[str]:
    for name in ("python", "system", "cores"):
        if new[name] != old[name]:
            yield f"{name}: {old[name]}, now {new[name]}"
    for package, version in new["versions"].items():
        was = old["versions"].get(package)
        if version != was and package != "claude-streamkit":
            yield f"{package}: {was}, now {version}"
