"""Will an engine outlive its terminal: what logind and systemd do at log-out, read from files."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FOLDERS = ("usr/lib/systemd", "usr/local/lib/systemd", "run/systemd", "etc/systemd")
"""Where settings of logind are, the weakest first."""
_SESSION = re.compile(r"/session-[^/]+\.scope(/|$)")
_USER = re.compile(r"/user@\d+\.service(/|$)")
_TRUE = ("1", "yes", "y", "true", "t", "on")
_WAY_OUT = "start it with the unit of 'taskdeck serve --unit' and say 'loginctl enable-linger'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is looked at: the file system from `root` on, for a user and a process."""

    user: str
    pid: int
    """The engine, or this process where none runs."""
    root: Path = Path("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival:
    """Whether processes such as this one go on when their user logs out, and why."""

    outlives: bool
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Logind:
    """What logind does to the processes of a session that ends."""

    kills: bool
    only: tuple[str, ...] = ()
    """None but these users; empty = all."""
    spared: tuple[str, ...] = ("root",)

    def ends(self, user: str) -> bool:
        """Return whether it ends what this user left running."""
        return self.kills and user not in self.spared and (not self.only or user in self.only)


def judge(machine: Machine) -> Survival:
    """Decide from files alone whether an engine of this user goes on after log-out."""
    if not (machine.root / "run/systemd/system").is_dir():
        return Survival(outlives=True, message="no systemd here: nobody ends it at log-out")
    group = _group(machine)
    if _SESSION.search(group):
        return _judge_session(machine)
    if _USER.search(group):
        return _judge_manager(machine)
    return Survival(outlives=True, message="it belongs to no log-in session")


def read_logind(root: Path) -> Logind:
    """Read the settings of logind; the line that is commented out tells what it was built with."""
    found: dict[str, str] = {}
    for path in _settings_files(root):
        found |= _read(path)
    return Logind(
        kills=found.get("killuserprocesses", _built_in(root)).lower() in _TRUE,
        only=tuple(found.get("killonlyusers", "").split()),
        spared=tuple(found.get("killexcludeusers", "root").split()),
    )


def _judge_session(machine: Machine) -> Survival:
    if read_logind(machine.root).ends(machine.user):
        why = "logind ends all processes of a session with it (KillUserProcesses=yes)"
        return Survival(outlives=False, message=f"{why}: {_WAY_OUT}")
    return Survival(outlives=True, message="logind leaves it alone when its session ends")


def _judge_manager(machine: Machine) -> Survival:
    if (machine.root / "var/lib/systemd/linger" / machine.user).exists():
        return Survival(outlives=True, message=f"systemd keeps the services of {machine.user} (linger is on)")
    why = f"systemd ends the services of {machine.user} with the last session (linger is off)"
    return Survival(outlives=False, message=f"{why}: say 'loginctl enable-linger'")


def _group(machine: Machine) -> str:
    """Return the control group of the process: of systemd's own hierarchy, or the only one."""
    try:
        lines = (machine.root / f"proc/{machine.pid}/cgroup").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    parts = [line.split(":", 2) for line in lines if line.count(":") >= 2]
    named = [path for _, name, path in parts if name == "name=systemd"]
    return (named or [path for _, name, path in parts if not name] or [""])[0]


def _settings_files(root: Path) -> Iterator[Path]:
    mains = [root / folder / "logind.conf" for folder in _FOLDERS]
    yield from [path for path in mains if path.is_file()][-1:]
    # A drop-in hides those of the same name in weaker folders; all others are read in order of name.
    pieces: dict[str, Path] = {}
    for folder in _FOLDERS:
        pieces |= {path.name: path for path in (root / folder / "logind.conf.d").glob("*.conf")}
    yield from (pieces[name] for name in sorted(pieces))


def _read(path: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    try:
        parser.read_string(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, configparser.Error):
        return {}
    return {name: value or "" for name, value in parser["Login"].items()} if "Login" in parser else {}


def _built_in(root: Path) -> str:
    for folder in reversed(_FOLDERS):
        try:
            text = (root / folder / "logind.conf").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        shown = re.search(r"^#\s*KillUserProcesses\s*=\s*(\w+)", text, re.MULTILINE)
        if shown:
            return shown[1]
    # As its authors build it.
    return "yes"
