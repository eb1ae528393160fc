"""A real sshd on loopback, and an ssh that reaches it."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.support.homes import Home
from tests.support.waiting import DEADLINE, until_now

BOX = "box"
_SERVER = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
LogLevel VERBOSE
"""
_CLIENT = """\
Host {box} silent
  HostName 127.0.0.1
  User {user}
  IdentityFile {folder}/user_key
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
  HostKeyAlias {box}
  StrictHostKeyChecking yes
  LogLevel ERROR
Host {box}
  Port {port}
Host silent
  Port 1
"""


def find_sshd() -> str:
    """Return where sshd is, or skip the test."""
    found = shutil.which("sshd") or shutil.which("/usr/sbin/sshd")
    if found is None or shutil.which("ssh") is None:
        pytest.skip("no sshd or ssh here: apt-get install openssh-server openssh-client")
    return found


class Box:
    """The server, and the settings with which a command line reaches it."""

    def __init__(self, folder: Path) -> None:
        self._sshd = find_sshd()
        self._folder = folder
        folder.mkdir(mode=0o700)
        # Sockets have short paths only.
        self._runtime = Path(tempfile.mkdtemp(prefix="deck", dir="/tmp"))
        self.log = folder / "sshd.log"
        for name in ("host_key", "user_key"):
            argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
            subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
        (folder / "known_hosts").write_text(f"{BOX} {(folder / 'host_key.pub').read_text()}")
        self._port = _free_port()
        words = {"folder": folder, "port": self._port, "user": getpass.getuser(), "box": BOX}
        (folder / "sshd_config").write_text(_SERVER.format(**words))
        (folder / "ssh_config").write_text(_CLIENT.format(**words))
        self._process = self._serve()

    def environ(self, home: Home) -> dict[str, str]:
        """Return the variables for a command line on this side; taskdeck there is the one under test."""
        program = home.argv()
        return {
            "TASKDECK_SSH": f"ssh -F {self._folder}/ssh_config",
            "TASKDECK_REMOTE_COMMAND": f"env PYTHONPATH='{home.package}' {' '.join(program)}",
            "XDG_RUNTIME_DIR": str(self._runtime),
        }

    def connection(self) -> int:
        """Return the process that holds the connection which all commands share."""
        sockets = [str(path) for path in (self._runtime / "taskdeck").iterdir()]
        (path,) = sockets
        argv = ["ssh", "-F", f"{self._folder}/ssh_config", "-S", path, "-O", "check", BOX]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        return int(done.stderr.partition("pid=")[2].partition(")")[0])

    def drop(self) -> None:
        """Break the connection, as a line that goes dead does."""
        os.kill(self.connection(), signal.SIGKILL)

    def hang_up(self) -> None:
        """End every connection that ssh keeps for the next command, which would share one that is ending."""
        for path in (self._runtime / "taskdeck").glob("*"):
            argv = ["ssh", "-F", f"{self._folder}/ssh_config", "-S", str(path), "-O", "exit", BOX]
            if subprocess.run(argv, capture_output=True, check=False).returncode:
                # Of one that was dropped, the socket alone is left.
                path.unlink(missing_ok=True)
        until_now(lambda: not any((self._runtime / "taskdeck").glob("*")), "ssh has ended its connections")

    def end(self) -> None:
        """End the server and every connection to it."""
        self.hang_up()
        self._process.terminate()
        self._process.wait(DEADLINE)
        shutil.rmtree(self._runtime, ignore_errors=True)

    def _serve(self) -> subprocess.Popen[bytes]:
        if os.geteuid() == 0:
            # Where sshd locks itself up before somebody has logged in; its package makes it at boot.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [self._sshd, "-D", "-e", "-f", f"{self._folder}/sshd_config"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until_now(
            lambda: "Server listening" in self.log.read_text() or process.poll() is not None, "sshd listens"
        )
        assert process.poll() is None, self.log.read_text()
        return process


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
