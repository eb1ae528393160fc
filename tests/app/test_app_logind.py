"""Whether an engine survives its terminal, on machines made of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.app.systemd.logind import Logind, Machine, read_logind, survival

SESSION = "0::/user.slice/user-1000.slice/session-3.scope\n"
MANAGER = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/taskdeck.service\n"
SYSTEM = "0::/system.slice/cron.service\n"
OLD = "12:pids:/user.slice\n1:name=systemd:/user.slice/user-1000.slice/session-3.scope\n0::/\n"
HERE = "etc/systemd/logind.conf"
VENDOR = "usr/lib/systemd/logind.conf"


def machine(root: Path, group: str, files: dict[str, str] | None = None) -> Machine:
    (root / "run/systemd/system").mkdir(parents=True)
    for name, text in {"proc/7/cgroup": group, **(files or {})}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return Machine(user="ana", pid=7, root=root)


def test_without_systemd_nobody_ends_it(tmp_path: Path) -> None:
    assert survival(Machine(user="ana", pid=7, root=tmp_path)).survives


@pytest.mark.parametrize(
    ("group", "files", "survives", "said"),
    [
        (SESSION, {HERE: "[Login]\nKillUserProcesses=yes\n"}, False, "KillUserProcesses=yes"),
        (OLD, {HERE: "[Login]\nKillUserProcesses=yes\n"}, False, "KillUserProcesses=yes"),
        (SESSION, {HERE: "[Login]\nKillUserProcesses=no\n"}, True, "leaves it alone"),
        (SESSION, {HERE: "[Login]\n#KillUserProcesses=no\n"}, True, "leaves it alone"),
        (SESSION, {VENDOR: "[Login]\n#KillUserProcesses=yes\n"}, False, "KillUserProcesses=yes"),
        (SESSION, {}, False, "KillUserProcesses=yes"),
        (SYSTEM, {HERE: "[Login]\nKillUserProcesses=yes\n"}, True, "no log-in session"),
        (MANAGER, {}, False, "loginctl enable-linger"),
        (MANAGER, {"var/lib/systemd/linger/bob": ""}, False, "linger is off"),
        (MANAGER, {"var/lib/systemd/linger/ana": ""}, True, "linger is on"),
        ("nonsense", {}, True, "no log-in session"),
    ],
)
def test_the_files_of_the_machine_decide(
    tmp_path: Path, group: str, files: dict[str, str], survives: bool, said: str
) -> None:
    found = survival(machine(tmp_path, group, files))
    assert (found.survives, said in found.message) == (survives, True), found


def test_a_process_that_is_gone_belongs_to_nobody(tmp_path: Path) -> None:
    there = machine(tmp_path, SESSION)
    assert survival(Machine(user="ana", pid=8, root=there.root)).survives


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        (
            {VENDOR: "[Login]\nKillUserProcesses=yes\n", HERE: "[Login]\nKillUserProcesses=no\n"},
            Logind(kills=False),
        ),
        (
            {
                HERE: "[Login]\nKillUserProcesses=no\n",
                f"{HERE}.d/90-x.conf": "[Login]\nKillUserProcesses=1\n",
            },
            Logind(kills=True),
        ),
        (
            {
                f"{VENDOR}.d/50-a.conf": "[Login]\nKillUserProcesses=yes\n",
                f"{HERE}.d/50-a.conf": "[Login]\nKillUserProcesses=no\n",
            },
            Logind(kills=False),
        ),
        (
            {
                f"{HERE}.d/10-a.conf": "[Login]\nKillUserProcesses=no\n",
                f"{VENDOR}.d/20-b.conf": "[Login]\nKillUserProcesses=yes\nKillOnlyUsers=ana bob\n",
            },
            Logind(kills=True, only_users=("ana", "bob")),
        ),
        (
            {HERE: "[Login]\nKillUserProcesses=yes\nKillExcludeUsers=root ana\n"},
            Logind(kills=True, exempt_users=("root", "ana")),
        ),
        ({HERE: "no section\n"}, Logind(kills=True)),
    ],
)
def test_settings_of_logind_are_read_as_logind_reads_them(
    tmp_path: Path, files: dict[str, str], wanted: Logind
) -> None:
    machine(tmp_path, SESSION, files)
    assert read_logind(tmp_path) == wanted


@pytest.mark.parametrize(
    ("logind", "ends"),
    [
        (Logind(kills=True), True),
        (Logind(kills=False), False),
        (Logind(kills=True, only_users=("bob",)), False),
        (Logind(kills=True, only_users=("ana",)), True),
        (Logind(kills=True, exempt_users=("ana",)), False),
    ],
)
def test_only_those_it_names_are_ended(logind: Logind, ends: bool) -> None:
    assert logind.kills_for("ana") is ends
