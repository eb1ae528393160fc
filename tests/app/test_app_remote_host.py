"""How a remote host is reached, and why it is not."""

from __future__ import annotations

import shlex
import stat
from pathlib import Path

import pytest

from core import host
from core.app.options import Options
from core.app.remote.ssh_host import RemoteHost, refusal, remote_host, try_connection
from core.model.errors import Invalid, Unavailable


def test_the_home_there_is_quoted_and_how_taskdeck_is_called_is_not() -> None:
    there = RemoteHost(host="ana@box", remote_command="~/deck/bin/taskdeck", home="/srv/it's; rm -rf ~")
    *ssh, name, command = there.starting_argv("-o", "BatchMode=yes")
    assert (ssh[:2], ssh[-2:], name) == (["ssh", "-T"], ["-o", "BatchMode=yes"], "ana@box")
    assert "ServerAliveInterval=15" in ssh
    assert command.startswith("~/deck/bin/taskdeck dial-stdio --start --home ")
    assert shlex.split(command)[-1] == "/srv/it's; rm -rf ~"


def test_one_connection_is_shared_in_a_private_folder(tmp_path: Path) -> None:
    words = RemoteHost(host="box", ssh="ssh -F my.conf", shared=tmp_path).starting_argv()
    assert words[:4] == ["ssh", "-F", "my.conf", "-T"]
    assert f"ControlPath={tmp_path}/%C" in words
    assert "ControlMaster=auto" in words
    assert "--start" not in RemoteHost(host="box").attaching_argv()[-1]


@pytest.mark.parametrize("name", ["", "-oProxyCommand=x", "a b"])
def test_a_host_that_ssh_would_read_as_an_option_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        RemoteHost(host=name)
    assert refused.value.code == "host.name"


@pytest.mark.parametrize(
    ("code", "said", "wanted"),
    [
        (255, "ssh: connect to host box port 22: Connection refused", "host.unreachable"),
        (127, "sh: 1: taskdeck: not found", "host.taskdeck"),
        (126, "sh: 1: taskdeck: Permission denied", "host.taskdeck"),
        (2, "usage: no such command: 'dial-stdio'", "host.version"),
        (4, "banner\nerror[engine.start]: the engine did not start: x; look there", "engine.start"),
        (4, "", "host.command"),
        (9, "\x1b[2Jgone", "host.command"),
    ],
)
def test_each_end_has_a_code_of_its_own_and_safe_words(code: int, said: str, wanted: str) -> None:
    error = refusal(RemoteHost(host="box"), code, said)
    assert (error.code, error.exit_code) == (wanted, 4)
    assert "box" in error.message
    assert error.hint
    assert "\x1b" not in error.message


async def test_a_connection_that_stays_behind_is_not_waited_for(tmp_path: Path) -> None:
    # As ssh does that keeps the connection for others: its error stream stays open.
    script = tmp_path / "ssh"
    script.write_text('#!/bin/sh\nsleep 30 &\necho $! > "$0.pid"\nexit 255\n')
    script.chmod(0o755)
    with pytest.raises(Unavailable) as refused:
        box = RemoteHost(host="box", ssh=str(script))
        await try_connection(box.starting_argv(), box)
    assert refused.value.code == "host.unreachable"
    left = host.find_process(int((tmp_path / "ssh.pid").read_text()))
    assert left is not None
    host.signal_process(left, host.signal.SIGKILL)  # type: ignore[attr-defined]


async def test_settings_of_this_machine_say_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKDECK_HOME", str(tmp_path / "here"))
    (tmp_path / "here").mkdir()
    (tmp_path / "here/config.toml").write_text('ssh = "ssh -F x"\nremote_command = "deck"\n')
    there = remote_host(Options(home=Path("/there"), host="box"))
    assert (there.ssh, there.remote_command, there.home) == ("ssh -F x", "deck", "/there")
    assert remote_host(Options(host="box", remote_command="other")).remote_command == "other"


def test_the_folder_of_the_shared_connection_is_private_and_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "_SOCKET_FOLDER", 200)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert host.runtime_dir() == tmp_path / "taskdeck"
    assert stat.S_IMODE((tmp_path / "taskdeck").stat().st_mode) == 0o700
    (tmp_path / "taskdeck").chmod(0o755)
    assert host.runtime_dir() != tmp_path / "taskdeck"
    (tmp_path / "taskdeck").rmdir()
    (tmp_path / "taskdeck").symlink_to("/tmp")
    assert host.runtime_dir() != tmp_path / "taskdeck"
    monkeypatch.setattr(host, "_SOCKET_FOLDER", 1)
    assert host.runtime_dir() is None
