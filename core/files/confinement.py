"""Paths that stay below a folder.

Used by the engine for the files that tasks wait for.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from core.model.errors import Invalid
from core.model.text import safe_line


class Confined(NamedTuple):
    """A path below one of some folders."""

    path: str
    root: str


def confine(path: str, roots: Sequence[str]) -> Confined:
    """Return a path as named from the first folder, with the one of the folders that it stays below.

    Links are not followed here: `leads_out` says what they do. Raises `Invalid` (`file.outside`).
    """
    full = os.path.normpath(Path(roots[0]) / path)
    for root in roots:
        if _is_below(full, os.path.normpath(root)):
            return Confined(full, os.path.normpath(root))
    shown = " or ".join(safe_line(root) for root in roots)
    raise Invalid(
        "file.outside",
        f"{safe_line(path)} is not below {shown}",
        hint="name a file below the folder of the task (`cwd`) or the data directory",
        facts={"path": path},
    )


def leads_out(path: str, root: str) -> Path | None:
    """Return where the links of a path lead to, if that is not below a folder; None = it is."""
    real = os.path.realpath(path)
    return None if _is_below(real, os.path.realpath(root)) else Path(real)


def _is_below(path: str, root: str) -> bool:
    return path != root and path.startswith(root if root.endswith("/") else f"{root}/")
