"""Find a workflow by file path or name of a built-in.

Called by the commands `check`, `graph` and `run`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from core.files.kinds import is_file
from core.model.errors import NotFound
from core.model.near_misses import near_misses, suggestion
from core.workflows.includes import read_whole
from core.workflows.loader import Loaded, load

_ENDINGS = (".yaml", ".yml", ".json")
_LISTED_MAX = 20


def names() -> tuple[str, ...]:
    """Return the names of the built-in workflows, sorted."""
    documents = (Path(item.name) for item in _folder().iterdir())
    return tuple(sorted(path.stem for path in documents if path.suffix == ".yaml"))


def find(word: str, *, cwd: Path | None = None) -> Loaded:
    """Return the document a word names: a path (relative to `cwd`), else a built-in name.

    Raises `NotFound` with a near miss, and what `read_whole` raises.
    """
    path = (cwd or Path()) / expanded(word)
    exists = _exists(path)
    if exists and is_file(path):
        return read_whole(path)
    if word in names():
        return load((_folder() / f"{word}.yaml").read_bytes(), source=word)
    # The loader says what is wrong with a pipe, a folder or a file without permission.
    if exists:
        return read_whole(path)
    raise unknown(word, cwd=cwd)


def builtin_text(name: str) -> str:
    """Return the text of a built-in workflow; raise `NotFound`."""
    if name not in names():
        raise unknown(name)
    return (_folder() / f"{name}.yaml").read_text("utf-8")


def unknown(word: str, registered: Sequence[str] = (), *, cwd: Path | None = None) -> NotFound:
    """Return the refusal of a word that is neither a file nor one of the names."""
    known = (*names(), *registered)
    path = (cwd or Path()) / expanded(word)
    near = near_misses(word, known) or near_misses(path.name, _neighbours(path))
    return NotFound(
        "workflow.not_found",
        f"{word!r} is not a workflow file or name{suggestion(near)}",
        hint=f"name a file, or one of: {', '.join(known[:_LISTED_MAX])}",
        facts={"workflow": word},
    )


def configuration_of(name: str) -> bytes | None:
    """Return what a built-in workflow brings for config.toml of a new data directory; None = nothing."""
    path = _folder() / f"{name}.toml"
    return path.read_bytes() if name in names() and is_file(path) else None


def expanded(word: str) -> Path:
    """Return a word as a path, `~` replaced by a home directory; without one it stays."""
    try:
        return Path(word).expanduser()
    except RuntimeError:
        return Path(word)


def _exists(path: Path) -> bool:
    # A name that is too long, or not text, belongs to no file.
    try:
        path.lstat()
    except (OSError, ValueError):
        return False
    return True


def _folder() -> Path:
    return Path(str(files("core.workflows"))) / "builtin"


def _neighbours(path: Path) -> list[str]:
    try:
        return [item.name for item in path.parent.iterdir() if item.suffix in _ENDINGS]
    except OSError:
        return []
