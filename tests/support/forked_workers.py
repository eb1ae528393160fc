"""Workers of pytest-xdist forked from one process that collected the tests.

To collect all of them takes a processor six seconds, which is nearly all that a worker does until its first
test. Where that process ends before it has forked, as what is asked for is not there, workers are executed.
"""

from __future__ import annotations

import inspect
import json
import os
import selectors
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import _pytest.config
import pytest
from execnet import gateway_base

from tests.support.reports import tell_what_is_read
from tests.support.surroundings import settle_in

if TYPE_CHECKING:
    from _pytest.capture import CaptureManager
    from execnet.xspec import XSpec
    from pluggy import HookCaller

_ROOT = Path(__file__).resolve().parents[2]
_CLIENT = Path(__file__).with_name("forked_worker.py")
_STREAMS = 2
"""A worker is told what to do on its standard input, and answers on its standard output."""


class Collector:
    """The process that collects, as the one sees it that distributes the tests."""

    def __init__(self) -> None:
        self._line: socket.socket | None = None
        self._process: subprocess.Popen[str] | None = None

    def start(self, config: pytest.Config, specs: Sequence[XSpec]) -> None:
        """Let the workers to come be forked by it; one alone collects for itself."""
        if len(specs) < 2 or not all(spec.popen and not spec.python and not spec.chdir for spec in specs):
            return
        self._line, theirs = socket.socketpair()
        with theirs, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
            door.bind("")
            door.listen()
            given = (door.fileno(), theirs.fileno())
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.forked_workers", *map(str, given)],
                cwd=_ROOT,
                pass_fds=given,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                text=True,
            )
            where = door.getsockname().hex()
        words = [str(word) for word in config.invocation_params.args]
        assert self._process.stdin is not None
        with self._process.stdin as asked:
            told = {"args": words, "workers": len(specs), "folder": str(Path.cwd()), "path": sys.path}
            json.dump(told, asked)
        for spec in specs:
            spec.python = shlex.join([sys.executable, "-I", "-S", str(_CLIENT), where])

    def close(self) -> None:
        """End it, if it was started."""
        if self._line is not None and self._process is not None:
            self._line.close()
            self._process.wait()
            self._line = None


class _Forks:
    """Takes the place of the loop over the tests: it forks workers, each of which goes on with that loop."""

    def __init__(self, door: socket.socket, line: socket.socket) -> None:
        self._door = door
        self._line = line
        self._failed: list[pytest.CollectReport] = []
        self._session: pytest.Session | None = None
        """Set in a worker."""
        self._earlier: set[object] = set()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if not report.passed:
            self._failed.append(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Fork workers until the end; in each of them, do what it is told and end."""
        _capture(session.config).stop_global_capturing()
        if (streams := self._serve()) is None:
            return True
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
        settle_in()
        self._session, self._earlier = session, session.config.pluginmanager.get_plugins()
        # The program of a worker prepares a configuration and calls its main function: both come back here.
        vars(_pytest.config)["_prepareconfig"] = lambda *_: session.config
        # It comes behind what carries it out, which is loaded here.
        known = inspect.getsource(gateway_base)
        exec(eval(sys.stdin.readline()).removeprefix(known), {**vars(gateway_base)})
        os._exit(0)

    def _serve(self) -> list[int] | None:
        """Return the standard streams in a worker, None in this process at the end."""
        workers: dict[int, int] = {}
        with selectors.DefaultSelector() as selector:
            selector.register(self._door, selectors.EVENT_READ)
            selector.register(self._line, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._line:
                        for pid in workers.values():
                            os.waitpid(pid, 0)
                        return None
                    if key.fileobj is not self._door:
                        selector.unregister(key.fd)
                        os.close(key.fd)
                        os.waitpid(workers.pop(key.fd), 0)
                        continue
                    with self._door.accept()[0] as client:
                        _, streams, _, _ = socket.recv_fds(client, 1, _STREAMS)
                        if (pid := os.fork()) == 0:
                            client.send(b"w")
                            # Open as long as the worker lives: the client sees its end.
                            client.detach()
                            self._door.close()
                            self._line.close()
                            return streams
                    for stream in streams:
                        os.close(stream)
                    workers[watched := os.pidfd_open(pid)] = pid
                    selector.register(watched, selectors.EVENT_READ)

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> pytest.ExitCode | None:
        """Go on in a worker where the collection is over; the hooks of before are not for this one again."""
        if (session := self._session) is None:
            return None
        capture = _capture(config)
        capture.start_global_capturing()
        capture.suspend_global_capture()
        # With the folder of this worker.
        vars(config)["_tmp_path_factory"] = pytest.TempPathFactory.from_config(config, _ispytest=True)
        tell_what_is_read(config)
        status = pytest.ExitCode.OK
        late = self._late(config.pluginmanager)
        try:
            late("pytest_sessionstart")(session=session)
            for report in self._failed:
                late("pytest_collectreport")(report=report)
            late("pytest_collection_modifyitems")(session=session, config=config, items=session.items)
            late("pytest_collection_finish")(session=session)
            late("pytest_runtestloop")(session=session)
            if session.testsfailed:
                status = pytest.ExitCode.TESTS_FAILED
        except (KeyboardInterrupt, pytest.exit.Exception):
            status = pytest.ExitCode.INTERRUPTED
        except session.Failed:
            status = pytest.ExitCode.TESTS_FAILED
        except BaseException:
            status = pytest.ExitCode.INTERNAL_ERROR
            config.notify_exception(pytest.ExceptionInfo.from_current(), config.option)
        finally:
            os.chdir(session.startpath)
            config.hook.pytest_sessionfinish(session=session, exitstatus=status)
            config._ensure_unconfigure()
        return status

    def _late(self, plugins: pytest.PytestPluginManager) -> Callable[[str], HookCaller]:
        """Return what finds a hook of what was registered in this worker."""
        return lambda name: plugins.subset_hook_caller(name, remove_plugins=self._earlier)


def _capture(config: pytest.Config) -> CaptureManager:
    found: CaptureManager = config.pluginmanager.getplugin("capturemanager")
    return found


def main() -> None:
    door, line = (socket.socket(fileno=int(word)) for word in sys.argv[1:])
    asked = json.load(sys.stdin)
    os.chdir(asked["folder"])
    sys.path[:] = asked["path"]
    config = _pytest.config._prepareconfig(asked["args"], None)
    # Imported where pytest has got to it.
    import_module("xdist.remote").setup_config(config, None)
    # As pytest knows a worker.
    vars(config).update(workerinput={"workercount": asked["workers"]}, workeroutput={})
    config.pluginmanager.register(_Forks(door, line))
    try:
        config.hook.pytest_cmdline_main(config=config)
    except pytest.UsageError as error:
        sys.exit("\n".join(f"ERROR: {line}" for line in error.args))


if __name__ == "__main__":
    main()
