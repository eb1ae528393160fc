"""The user unit of an engine, written and enabled.

Called by the command `serve --install`.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from core.files.kinds import is_file
from core.files.reading import read_document_text
from core.files.writing import write_file
from core.host import default_home, effective_user
from core.model.errors import Conflict, TaskdeckError, Unavailable
from core.model.text import safe_line
from core.model.values import JsonObject

PATIENCE_SECONDS = 60.0
"""How long systemd may take for one step."""
_OURS = "Description=taskdeck engine on "
_NAME = re.compile(r"[^A-Za-z0-9_]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledUnit:
    """What was installed; `linger_fault` = why the engine ends at log-out, '' = it does not."""

    path: Path
    linger_fault: str


def unit_name(home: Path) -> str:
    """Return what the unit of a home is called: each home has one of its own."""
    if home == default_home():
        return "taskdeck.service"
    digest = blake2b(os.fsencode(home), digest_size=3).hexdigest()
    return f"taskdeck-{_NAME.sub('-', home.name)[:40].strip('-')}-{digest}.service"


def install_unit(home: Path, text: str) -> InstalledUnit:
    """Write the unit of a home, enable and start it, and let it outlive the log-out of its user.

    Raises `Conflict` (`unit.taken`: a unit of that name is not one of taskdeck) and `Unavailable`
    (`systemd.none`, `systemd.refused`: the unit is written and not enabled).
    """
    path = _folder() / unit_name(home)
    if is_file(path) and _OURS not in read_document_text(path):
        raise Conflict(
            "unit.taken",
            f"{safe_line(str(path))} is a unit of something else",
            hint="move it away, or write one by hand: taskdeck serve --unit",
            facts={"path": str(path)},
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, text.encode(), mode=0o644)
    _run(["systemctl", "--user", "daemon-reload"], path)
    _run(["systemctl", "--user", "enable", "--now", path.name], path)
    try:
        _run(["loginctl", "enable-linger", effective_user()], path)
    except TaskdeckError as error:
        return InstalledUnit(path=path, linger_fault=error.message)
    return InstalledUnit(path=path, linger_fault="")


def _folder() -> Path:
    named = os.environ.get("XDG_CONFIG_HOME", "")
    config = Path(named) if named.startswith("/") else Path.home() / ".config"
    return config / "systemd" / "user"


def _run(argv: Sequence[str], path: Path) -> None:
    facts: JsonObject = {"path": str(path), "command": " ".join(argv)}
    hint = f"the unit is written to {safe_line(str(path))}; without systemd start 'taskdeck serve' at boot"
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_SECONDS, check=False
        )
    except OSError as error:
        message = f"systemd does not run here: '{argv[0]}' cannot be run"
        raise Unavailable("systemd.none", message, hint=hint, facts=facts) from error
    except subprocess.TimeoutExpired as error:
        message = f"'{' '.join(argv)}' took longer than {PATIENCE_SECONDS:g} s"
        raise Unavailable("systemd.refused", message, hint=hint, facts=facts) from error
    if done.returncode:
        said = safe_line(done.stderr.decode(errors="replace").strip()[-300:]) or f"exit {done.returncode}"
        message = f"'{' '.join(argv)}' failed: {said}"
        raise Unavailable("systemd.refused", message, hint=hint, facts=facts)
