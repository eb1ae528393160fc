"""The same environment for every test and its children."""

from __future__ import annotations

import os
import pwd
import signal
import tempfile
import time
from pathlib import Path

_ROOT = str(Path(__file__).resolve().parents[2])
LOADED = "SUITE_LOADED"
"""Variable with the address of the process that loads taskdeck for all workers of a run."""
_KEPT = ("PATH", "TMPDIR", "TESTS_DEADLINE", LOADED)
_KEPT_PREFIXES = ("PIP_", "PYTEST_", "SSL_", "REQUESTS_", "HTTP_", "HTTPS_", "http_", "https_", "no_proxy")
"""How packages are fetched is a matter of the machine; one test installs the wheel."""
_FOLDERS = {
    "XDG_CONFIG_HOME": ".config",
    "XDG_CACHE_HOME": ".cache",
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
}
_SIGNALS = (
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGCHLD,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGWINCH,
)


_homes: list[tempfile.TemporaryDirectory[str]] = []
"""The last is that of this process; one that forked it has its own, and removes it by itself."""


def settle_in() -> None:
    """Give this process and its children to come a home, variables and signals that no caller chose."""
    home = tempfile.TemporaryDirectory(prefix="taskdeck-suite-")
    _homes.append(home)
    environ = _environ(Path(home.name))
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    os.umask(0o022)
    # `nohup` ignores SIGHUP, a shell ignores SIGINT of what it starts with `&`; children inherit both.
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def move_out() -> None:
    """Remove the home of this process."""
    _homes[-1].cleanup()


def _environ(home: Path) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)
    }
    if os.environ.get("PYTHONPATH") == _ROOT:
        # A copy of the checkout under test, which the installed package must not stand in for.
        kept["PYTHONPATH"] = _ROOT
    user = pwd.getpwuid(os.getuid()).pw_name
    return {
        **_pip_of_the_caller(),
        **kept,
        "HOME": str(home),
        **{name: str(home / folder) for name, folder in _FOLDERS.items()},
        "LANG": "C.UTF-8",
        "LOGNAME": user,
        "SHELL": "/bin/sh",
        "TERM": "xterm-256color",
        "TZ": "UTC",
        "USER": user,
    }


def _pip_of_the_caller() -> dict[str, str]:
    """Return where the caller's pip finds its settings and what it has fetched before."""
    home = Path.home()
    found = {"PIP_CACHE_DIR": str(home / ".cache/pip")}
    for settings in (home / ".pip/pip.conf", home / ".config/pip/pip.conf"):
        if settings.is_file():
            found["PIP_CONFIG_FILE"] = str(settings)
    return found
