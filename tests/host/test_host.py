"""What this machine says of processes, files and itself."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import platformdirs
import pytest

from core import host
from core.model.records import replace
from tests.support.waiting import until_now


@pytest.fixture
def sleeper():
    """Return a maker of processes with a variable, each in a session of its own."""
    made = []

    def start(*command: str, mark: str = "NONE=1") -> subprocess.Popen:
        name, _, value = mark.partition("=")
        made.append(
            subprocess.Popen(
                command or ("sleep", "90"), env={**os.environ, name: value}, start_new_session=True
            )
        )
        return made[-1]

    yield start
    for process in made:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_this_process_is_found_with_its_start_and_session():
    found = host.find_process(os.getpid())
    assert found == host.Process(pid=os.getpid(), start=found.start, session=os.getsid(0))
    ticks = os.sysconf("SC_CLK_TCK")
    assert 0 <= time.clock_gettime(time.CLOCK_BOOTTIME) - found.start / ticks < 3600
    assert found in set(host.processes())


def test_a_name_with_brackets_and_blanks_misleads_nobody(tmp_path, sleeper):
    program = tmp_path / "a) Z 1 (b"
    program.symlink_to("/bin/sleep")
    process = sleeper(str(program), "91")
    found = host.find_process(process.pid)
    assert (found.pid, found.session) == (process.pid, process.pid)


def test_who_has_ended_is_not_found_even_before_it_is_reaped(sleeper):
    process = sleeper()
    found = host.find_process(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert host.find_process(process.pid) is None
    assert host.open_pidfd(found) is None
    assert not host.signal_process(found, signal.SIGTERM)


def test_a_process_with_another_start_is_another_process(sleeper):
    process = sleeper()
    found = host.find_process(process.pid)
    impostor = replace(found, start=found.start + 1)
    assert host.open_pidfd(impostor) is None
    assert not host.signal_process(impostor, signal.SIGKILL)
    assert process.poll() is None
    assert host.signal_process(found, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_who_begins_a_session_of_its_own_meanwhile_has_not_ended(sleeper):
    found = host.find_process(sleeper().pid)
    descriptor = host.open_pidfd(replace(found, session=found.session + 1))
    assert descriptor is not None
    os.close(descriptor)


def test_a_mark_is_found_behind_a_long_environment(sleeper):
    found = host.find_process(
        sleeper("env", f"LONG={'x' * 120_000}", f"MORE={'y' * 120_000}", "M=1", "sleep", "92").pid
    )
    _becomes_marked(found, "M=1")


def test_a_mark_is_matched_whole(sleeper):
    process = host.find_process(sleeper(mark="TASKDECK_TEST=s:1:2").pid)
    _becomes_marked(process, "TASKDECK_TEST=s:1:2")
    assert not host.carries_mark(process, "TASKDECK_TEST=s:1:")
    assert not host.carries_mark(process, "DECK_TEST=s:1:2")


def test_a_family_is_its_session_and_who_bears_the_mark(sleeper):
    mark = f"TASKDECK_TEST=family:{os.getpid()}"
    leader = host.find_process(sleeper().pid)
    marked = host.find_process(sleeper(mark=mark).pid)
    stranger = host.find_process(sleeper().pid)
    _becomes_marked(marked, mark)
    assert host.family(leader, mark) == {leader, marked}
    assert stranger not in host.kill_family(leader, mark)
    assert host.family(leader, mark) == set()
    assert host.find_process(stranger.pid) == stranger


def test_nobody_is_family_of_nothing():
    assert host.family(None, "TASKDECK_TEST=nobody") == set()


def test_a_session_whose_number_was_given_away_is_not_family(sleeper):
    present = host.find_process(sleeper().pid)
    former = replace(present, start=present.start - 1)
    assert host.family(former, "NOBODY=1") == set()


def test_the_session_of_the_caller_is_never_family():
    mine = host.Process(pid=os.getsid(0), start=1, session=os.getsid(0))
    assert host.family(mine, "NOBODY=1") == set()
    leader = host.find_process(os.getsid(0))
    if leader is not None:
        assert host.family(leader, "NOBODY=1") == set()


def test_programs_are_found_by_path_and_by_place(tmp_path):
    tool = tmp_path / "bin" / "tool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    cwd = str(tmp_path)
    assert host.find_program("tool", path="/none:bin", cwd=cwd) is None
    tool.chmod(0o755)
    assert host.find_program("tool", path="/none:bin", cwd=cwd) == tool
    assert host.find_program("./bin/tool", path="", cwd=cwd) == tool
    assert host.find_program(str(tool), path="", cwd="/") == tool
    assert host.find_program("bin", path=cwd, cwd="/") is None


@pytest.mark.parametrize("entry", ["/" + "x" * 5000, "/x" * 3000, "/etc/passwd", "a\0b", "\udcff"])
def test_an_entry_of_path_that_cannot_be_searched_is_passed_over(tmp_path, entry):
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    assert host.find_program("tool", path=f"{entry}:{tmp_path}", cwd="/") == tool


def test_the_umask_is_read_without_a_change():
    before = os.umask(0o027)
    try:
        assert host.current_umask() == 0o027
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)


def test_the_machine_tells_about_itself(tmp_path, monkeypatch):
    assert len(host.boot_id()) == 36
    monkeypatch.setenv("LOGNAME", "somebody")
    assert host.user_name() == "somebody"
    assert 0 < host.free_bytes(tmp_path) < 2**60
    assert host.open_files_limit() == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert host.has_pidfd()


@pytest.mark.parametrize("named", [None, "", "/data", "data", "~/data"])
@pytest.mark.parametrize("home", [None, "", "/home/ana", "ana"])
def test_the_default_home_follows_the_desktop_rules(monkeypatch, named, home):
    for variable, value in (("XDG_DATA_HOME", named), ("HOME", home)):
        if value is None:
            monkeypatch.delenv(variable, raising=False)
        else:
            monkeypatch.setenv(variable, value)
    assert host.default_home() == platformdirs.user_data_path("taskdeck", appauthor=False)


def test_a_user_without_a_home_directory_has_no_default_home(monkeypatch):
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    with pytest.raises(ValueError, match="no home directory"):
        host.default_home()


def test_a_process_has_the_command_line_it_was_started_with(sleeper):
    process = _process(sleeper("sleep", "91"))
    _becomes(process, "sleep 91")
    odd = _process(sleeper("sh", "-c", "sleep 92; :", "two words", "", "\x1b[31m\n", "\udcff"))
    _becomes(odd, "sh -c 'sleep 92; :' 'two words' '' '\x1b[31m\n' '\ufffd'")


def test_a_long_command_line_is_cut_and_a_hidden_one_is_named(sleeper):
    long = _process(sleeper("sh", "-c", "sleep 93; :", "x" * 9_000))
    assert len(host.command_line(long) or "") < 4_200
    kernel = host.find_process(2)
    if kernel is not None and not Path("/proc/2/cmdline").read_bytes():
        assert host.command_line(kernel) == "[kthreadd]"


def test_the_words_of_a_stranger_under_a_reused_number_are_not_told(sleeper):
    process = _process(sleeper())
    assert host.command_line(replace(process, start=process.start - 1)) is None
    host.signal_process(process, signal.SIGKILL)
    until_now(lambda: host.find_process(process.pid) != process, "it ends")
    assert host.command_line(process) is None


def _process(started: subprocess.Popen) -> host.Process:
    found = host.find_process(started.pid)
    assert found is not None
    return found


def _becomes(process: host.Process, command_line: str) -> None:
    # Until its program is loaded a child shows the command line of its parent.
    until_now(lambda: host.command_line(process) == command_line, f"it runs {command_line!r}")


def _becomes_marked(process: host.Process, mark: str) -> None:
    # Until its program is loaded a child has the environment of its parent.
    until_now(lambda: host.carries_mark(process, mark), f"it carries {mark}")


def test_a_process_that_cannot_be_looked_at_now_has_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def short(*_: object) -> int:
        raise OSError(errno.EMFILE, "too many open files")

    process = host.find_process(os.getpid())
    assert process is not None
    monkeypatch.setattr(os, "open", short)
    with pytest.raises(OSError, match="too many"):
        host.find_process(os.getpid())
    with pytest.raises(OSError, match="too many"):
        host.carries_mark(process, "A=1")


def test_the_environment_is_that_of_the_moment_and_read_again_only_when_it_has_changed(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("COLOUR", "red")
    first = host.own_surroundings()
    assert first.env == dict(os.environ)
    assert host.own_surroundings().env is first.env
    monkeypatch.setenv("COLOUR", "b\udce9ge")
    assert host.own_surroundings().env["COLOUR"] == "b\udce9ge"
    monkeypatch.delenv("COLOUR")
    assert host.own_surroundings().env == dict(os.environ)
    assert first.env["COLOUR"] == "red"


def test_the_environment_of_a_program_that_put_another_in_its_place(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "environ", {"COLOUR": "red"})
    assert host.own_surroundings().env == {"COLOUR": "red"}
