"""Whether an engine survives log-out, from the settings of logind and systemd.

Used by `doctor`.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.files.kinds import exists, is_dir, is_file

_FOLDERS = ("usr/lib/systemd", "usr/local/lib/systemd", "run/systemd", "etc/systemd")
"""Where logind's settings are; later folders override earlier ones."""
_SESSION = re.compile(r"/session-[^/]+\.scope(/|$)")
_USER = re.compile(r"/user@\d+\.service(/|$)")
_TRUE = ("1", "yes", "y", "true", "t", "on")
_REMEDY = "'taskdeck serve --install' enables a unit of it that goes on, with 'loginctl enable-linger'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is checked: the file system below `root`, for a user and a process."""

    user: str
    pid: int
    """The engine, or this process where none runs."""
    root: Path = Path("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival:
    """Whether such a process survives the log-out of its user, and why."""

    survives: bool
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Logind:
    """What logind does to the processes of a session that ends."""

    kills: bool
    only_users: tuple[str, ...] = ()
    """Empty = all users."""
    exempt_users: tuple[str, ...] = ("root",)

    def kills_for(self, user: str) -> bool:
        """Return whether it ends the processes that this user left running."""
        listed = not self.only_users or user in self.only_users
        return self.kills and listed and user not in self.exempt_users


def survival(machine: Machine) -> Survival:
    """Decide from files alone whether an engine of this user survives log-out."""
    if not is_dir(machine.root / "run/systemd/system"):
        return Survival(survives=True, message="no systemd here: nothing ends it at log-out")
    group = _control_group(machine)
    if _SESSION.search(group):
        return _session_survival(machine)
    if _USER.search(group):
        return _service_survival(machine)
    return Survival(survives=True, message="it belongs to no log-in session")


def read_logind(root: Path) -> Logind:
    """Read the settings of logind; a default is read from the commented line of its file."""
    settings: dict[str, str] = {}
    for path in _settings_files(root):
        settings |= _read(path)
    return Logind(
        kills=settings.get("killuserprocesses", _built_in_default(root)).lower() in _TRUE,
        only_users=tuple(settings.get("killonlyusers", "").split()),
        exempt_users=tuple(settings.get("killexcludeusers", "root").split()),
    )


def _session_survival(machine: Machine) -> Survival:
    if read_logind(machine.root).kills_for(machine.user):
        why = "logind ends all processes of a session with it (KillUserProcesses=yes)"
        return Survival(survives=False, message=f"{why}: {_REMEDY}")
    return Survival(survives=True, message="logind leaves it alone when its session ends")


def _service_survival(machine: Machine) -> Survival:
    if exists(machine.root / "var/lib/systemd/linger" / machine.user):
        return Survival(survives=True, message=f"systemd keeps the services of {machine.user} (linger is on)")
    why = f"systemd ends the services of {machine.user} with the last session (linger is off)"
    return Survival(survives=False, message=f"{why}: run 'loginctl enable-linger'")


def _control_group(machine: Machine) -> str:
    """Return the control group of the process: in systemd's own hierarchy, or the only one."""
    try:
        lines = (machine.root / f"proc/{machine.pid}/cgroup").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    parts = [line.split(":", 2) for line in lines if line.count(":") >= 2]
    named = [path for _, name, path in parts if name == "name=systemd"]
    return (named or [path for _, name, path in parts if not name] or [""])[0]


def _settings_files(root: Path) -> Iterator[Path]:
    mains = [root / folder / "logind.conf" for folder in _FOLDERS]
    yield from [path for path in mains if is_file(path)][-1:]
    # A drop-in replaces those of the same name in earlier folders; they are read in order of name.
    drop_ins: dict[str, Path] = {}
    for folder in _FOLDERS:
        drop_ins |= {path.name: path for path in (root / folder / "logind.conf.d").glob("*.conf")}
    yield from (drop_ins[name] for name in sorted(drop_ins))


def _read(path: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    try:
        parser.read_string(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, configparser.Error):
        return {}
    return {name: value or "" for name, value in parser["Login"].items()} if "Login" in parser else {}


def _built_in_default(root: Path) -> str:
    for folder in reversed(_FOLDERS):
        try:
            text = (root / folder / "logind.conf").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        shown = re.search(r"^#\s*KillUserProcesses\s*=\s*(\w+)", text, re.MULTILINE)
        if shown:
            return shown[1]
    # The default of systemd itself.
    return "yes"
