"""A process that is loaded, and forks for each run of tests.

Started by `mutants.py` in a copy of the checkout. A line of its input is a JSON object with `tests` and
`seconds`, one of its output the exit code of pytest and its last line; 1 where the run takes longer.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest

OURS = frozenset({"core", "console", "themes", "tests", "_taskdeck"})
"""Packages that may be broken: each run imports them itself."""
LIKE_ALL = ("tests/connectors/test_connector_http.py", "tests/console/test_console_keys.py")
"""Tests that import what nearly all import."""


def foreign_modules() -> list[str]:
    """Return the modules of others that tests import, as a fork finds them."""
    ours, theirs = os.pipe()
    if (pid := os.fork()) == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        pytest.main(["-q", "--collect-only", "-p", "no:cacheprovider", *LIKE_ALL])
        names = [name for name in sys.modules if name.partition(".")[0] not in OURS]
        os.write(theirs, json.dumps(names).encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as told:
        found: list[str] = json.loads(told.read())
    os.waitpid(pid, 0)
    return found


def load(names: Sequence[str]) -> None:
    """Import modules; some stand for what cannot be imported by their name."""
    for name in names:
        with suppress(ImportError):
            import_module(name)
    # So that no run writes to the pages of what is loaded.
    gc.freeze()


def run(tests: Sequence[str], seconds: float) -> tuple[int, str]:
    """Run tests in a fork; return pytest's exit code and its last line."""
    with tempfile.TemporaryFile() as output:
        if (pid := os.fork()) == 0:
            os.setsid()
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-header", *tests])
            sys.stdout.flush()
            os._exit(code)
        ended = os.pidfd_open(pid)
        try:
            if not select.select([ended], [], [], seconds)[0]:
                os.killpg(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return 1, "it hangs"
        finally:
            os.close(ended)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        output.seek(0)
        lines = output.read().decode(errors="replace").strip().splitlines()
    return code, lines[-1] if lines else ""


def wanted() -> Iterator[tuple[list[str], float]]:
    """Yield the runs that are asked for."""
    for line in sys.stdin:
        asked = json.loads(line)
        yield asked["tests"], asked["seconds"]


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    load(foreign_modules())
    for tests, seconds in wanted():
        print(json.dumps(run(tests, seconds)), flush=True)
