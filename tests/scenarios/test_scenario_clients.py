"""Clients interrupted, stopped or killed: the engine serves the others."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.host import find_process
from core.model.actors import Door
from tests.support.actors import by
from tests.support.homes import Home
from tests.support.waiting import DEADLINE, until_now


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    yield home
    home.end()


def gated(gate: Path, *, before: str = "") -> tuple[str, ...]:
    """Return the words of a command that says a line and then waits for a file."""
    return ("--", "sh", "-c", f"{before} echo begun; until test -e {gate}; do sleep 0.02; done; echo ended")


def line(process: subprocess.Popen[bytes], stream: str = "stdout") -> str:
    found = getattr(process, stream)
    assert found
    return found.readline().decode()


def test_a_client_that_is_interrupted_or_stopped_leaves_the_work_of_others_alone(
    place: Home, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    first = place.start("exec", "--slots", "3", *gated(tmp_path / "never"))
    # Output comes while the task runs.
    assert line(first) == "begun\n"
    engine = place.has_engine()
    # Of no terminal: its interrupts end commands, not the engine.
    assert os.getsid(engine) == engine
    second = place.start("exec", *gated(gate))
    assert line(second) == "begun\n"

    first.send_signal(signal.SIGSTOP)
    # The others go on, and one that has ended does not wait for what still runs.
    assert place.run("exec", "--", "echo", "third").stdout == "third\n"
    first.send_signal(signal.SIGCONT)

    first.send_signal(signal.SIGINT)
    out, err = first.communicate(timeout=DEADLINE)
    # A shell whose child is ended before itself may say so.
    assert (first.returncode, out.replace(b"Terminated\n", b"")) == (130, b"")
    assert "cancelling task 1" in err.decode()
    assert "task 1 was called off" in err.decode()
    assert place.rows("SELECT status FROM task ORDER BY id") == [
        ("cancelled",),
        ("running",),
        ("succeeded",),
    ]
    gate.touch()
    assert second.communicate(timeout=DEADLINE)[0] == b"ended\n"
    assert second.returncode == 0
    assert place.engine == engine


def test_a_second_interrupt_kills_and_a_terminal_that_goes_away_leaves_the_task(
    place: Home, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    stubborn = place.start(
        "exec", "--as", "night", *gated(gate, before="trap '' TERM;"), TASKDECK_CANCEL_GRACE="3600"
    )
    assert line(stubborn) == "begun\n"
    stubborn.send_signal(signal.SIGTERM)
    assert line(stubborn, "stderr").startswith("cancelling task 1")
    place.waits_for("SELECT stop_at IS NOT NULL FROM task", (1,))
    stubborn.send_signal(signal.SIGINT)
    assert line(stubborn, "stderr").startswith("killing task 1")
    remarks = stubborn.communicate(timeout=DEADLINE)[1].decode()
    assert stubborn.returncode == 130
    assert place.rows("SELECT status FROM task") == [("cancelled",)]
    assert by("night", Door.CLI) in remarks
    asked = place.rows("SELECT DISTINCT actor FROM event WHERE kind = 'task.stop_requested'")
    assert asked == [(by("night", Door.CLI),)]

    left = place.start("exec", *gated(gate))
    assert line(left) == "begun\n"
    left.send_signal(signal.SIGHUP)
    assert b"taskdeck wait --task 2" in left.communicate(timeout=DEADLINE)[1]
    assert left.returncode == 130
    gate.touch()
    waited = place.run("wait", "#2")
    assert (waited.returncode, waited.stdout) == (0, "task 2 succeeded\n")


def test_an_interrupt_of_map_calls_off_its_group_and_nothing_else(place: Home, tmp_path: Path) -> None:
    (tmp_path / "gate.sh").write_text(f"until test -e {tmp_path}/gate; do sleep 0.02; done")
    other = place.start("exec", *gated(tmp_path / "gate"))
    assert line(other) == "begun\n"
    mapped = place.start("map", "--", "sh", str(tmp_path / "gate.sh"), stdin=subprocess.PIPE)
    assert mapped.stdin
    mapped.stdin.write(b"1\n2\n3\n4\n5\n")
    mapped.stdin.close()
    mapped.stdin = None
    assert line(mapped, "stderr").startswith("5 tasks in group map-")
    mapped.send_signal(signal.SIGINT)
    out, err = mapped.communicate(timeout=DEADLINE)
    assert mapped.returncode == 130
    assert b"5 cancelled" in out
    assert b"was called off" in err
    (tmp_path / "gate").touch()
    other.communicate(timeout=DEADLINE)
    assert other.returncode == 0


def test_an_interrupt_of_run_leaves_the_job_and_names_the_way_back(place: Home, tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    script = f"until test -e {tmp_path}/gate; do sleep 0.02; done"
    flow.write_text(f"name: flow\ntasks: [{{key: a, uses: shell, with: {{script: '{script}'}}}}]\n")
    run = place.start("run", str(flow))
    place.waits_for("SELECT status FROM task", ("running",))
    assert line(run, "stderr") == "job 2 flow: 1 task\n"
    run.send_signal(signal.SIGINT)
    assert (
        run.communicate(timeout=DEADLINE)[1]
        .decode()
        .endswith(
            "left job 2; the engine continues it\n"
            "hint: wait for it: taskdeck wait 2, or end it: taskdeck cancel 2\n"
        )
    )
    assert run.returncode == 130
    assert place.run("wait", "2", "--timeout", "10ms").returncode == 130
    wait = place.start("wait", "2", "--json")
    (tmp_path / "gate").touch()
    assert wait.communicate(timeout=DEADLINE)[0].startswith(b'{"job": 2, "status": "succeeded"')


def test_output_nobody_reads_ends_its_command(place: Home) -> None:
    endless = place.start("exec", "--", "yes")
    assert line(endless) == "y\n"
    assert endless.stdout
    endless.stdout.close()
    endless.stdout = None
    endless.communicate(timeout=DEADLINE)
    assert endless.returncode == 130
    place.waits_for("SELECT status FROM task", ("cancelled",))


def test_an_output_that_is_read_slowly_comes_whole_when_its_engine_has_gone(place: Home) -> None:
    slow = place.start("exec", "--", "sh", "-c", "yes abc | head -c 1000000")
    assert slow.stdout
    # Not by a line: that reads ahead.
    assert os.read(slow.stdout.fileno(), 4) == b"abc\n"
    place.waits_for("SELECT status FROM task", ("succeeded",))
    os.kill(place.has_engine(), signal.SIGKILL)
    place.has_none()
    out, err = slow.communicate(timeout=DEADLINE)
    assert (slow.returncode, err, len(out)) == (0, b"", 999_996)


def test_an_engine_waits_for_the_client_that_started_it(place: Home) -> None:
    # It would be gone before the client is connected, and before its work has come.
    ended = place.run("exec", "--", "echo", "done", TASKDECK_LINGER="0")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")
    assert place.rows("SELECT epoch FROM engine") == [(1,)]
    place.has_none()


def test_contenders_start_one_engine_between_them(place: Home) -> None:
    words = [("exec", "--", "echo", str(number)) for number in range(4)]
    started = [place.start(*one, TASKDECK_LINGER="30") for one in words]
    ends = [process.communicate(timeout=DEADLINE) for process in started]
    assert [out for out, _ in ends] == [b"0\n", b"1\n", b"2\n", b"3\n"], ends
    assert place.rows("SELECT epoch FROM engine") == [(1,)]


def test_why_an_engine_does_not_start_is_told_as_it_says_it(place: Home, tmp_path: Path) -> None:
    place.path.mkdir(mode=0o700)
    (place.path / "config.toml").write_text("slotz = 1\n")
    refused = place.run("exec", "--", "true")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error[config.unknown]: ")
    assert "did you mean `slots`?" in refused.stderr
    (place.path / "config.toml").unlink()
    # Not by a refusal of ours: it is found broken by the interpreter.
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nif 'serve' in sys.orig_argv:\n"
        "    os.write(2, b'one\\nerror[it]: it broke\\nhint: mend it\\n')\n    os._exit(9)\n"
    )
    broken = place.run("exec", "--", "true", PYTHONPATH=f"{tmp_path}{os.pathsep}{place.package}")
    assert (broken.returncode, broken.stderr.splitlines()[0]) == (
        4,
        "error[engine.start]: the engine did not start (exit 9): error[it]: it broke",
    )


def test_a_client_that_gives_up_while_its_engine_starts_ends_that_engine(place: Home, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import pathlib, asyncio\n"
        "class Slow:\n"
        "    name = 'slow'\n"
        "    async def start(self):\n"
        f"        pathlib.Path('{tmp_path}/begun').touch()\n"
        "        await asyncio.Event().wait()\n"
        "    async def stop(self): return\n"
        "    def check(self, with_): return ()\n"
        "    def call(self, with_, context): raise NotImplementedError\n"
        "    def classify(self, error): raise NotImplementedError\n"
        "connector = Slow()\n"
    )
    paths = f"{tmp_path}{os.pathsep}{place.package}"
    client = place.start("exec", "--connector", "slow:connector", "--", "true", PYTHONPATH=paths)
    until_now((tmp_path / "begun").exists, "the engine starts")
    engine = place.engine
    client.send_signal(signal.SIGINT)
    _, err = client.communicate(timeout=DEADLINE)
    assert client.returncode == 130
    assert err.startswith(b"interrupted (SIGINT) before the engine was ready\n")
    assert find_process(engine) is None
    assert not place.owned


def test_options_that_an_engine_does_not_take_are_named(place: Home) -> None:
    first = place.run("exec", "--slots", "3", "--", "true")
    assert (first.returncode, first.stderr) == (0, "")
    same = place.run("exec", "--slots", "3", "--detach", "--", "true")
    assert same.stderr == ""
    other = place.run("exec", "--slots", "5", "--detach", "--", "true")
    assert other.stderr == "an engine runs already, with 3 slots: --slots 5 is ignored\n"


def test_an_engine_that_drains_says_so_on_every_door_and_serves_on_when_it_is_taken_back(
    place: Home, tmp_path: Path
) -> None:
    first = place.start("exec", *gated(tmp_path / "gate"))
    assert line(first) == "begun\n"
    engine = place.engine
    stop = place.start("stop", "--drain")
    assert line(stop, "stderr") == "draining: 1 running\n"
    told = "it drains: new work waits for the next engine"
    for words in (("jobs",), ("tasks", "--json"), ("exec", "--detach", "--json", "--", "true")):
        assert told in place.run(*words).stderr, words
    waiting = place.start("exec", "--", "echo", "second")
    assert told in line(waiting, "stderr")
    overview = place.run("--plain").stdout
    assert ", draining (take it back: taskdeck resume --engine)\n" in overview
    assert "taskdeck resume --engine" in overview
    back = place.run("resume", "--engine")
    assert (back.returncode, back.stdout) == (0, f"the engine (process {engine}) starts tasks again\n")
    # The client that waited for the end is told, and the one that waited for the work gets it.
    assert b"the drain was taken back" in stop.communicate(timeout=DEADLINE)[1]
    assert waiting.communicate(timeout=DEADLINE)[0] == b"second\n"
    assert place.run("resume", "--engine").stderr.startswith("error[engine.serving]")
    (tmp_path / "gate").touch()
    assert first.communicate(timeout=DEADLINE)[0] == b"ended\n"
    assert (place.engine, place.owned) == (engine, True)


def piped(place: Home, data: bytes, *words: str) -> tuple[int | None, bytes, bytes]:
    """Return how a command line ended whose standard input held these bytes, and what it wrote."""
    process = place.start(*words, stdin=subprocess.PIPE)
    out, err = process.communicate(data, timeout=DEADLINE)
    return process.returncode, out, err


def test_standard_input_is_kept_with_the_task_and_a_workflow_may_come_by_it(
    place: Home, tmp_path: Path
) -> None:
    # The second attempt gets it again.
    again = f"cat; test -e {tmp_path}/tried || {{ touch {tmp_path}/tried; exit 1; }}"
    done = piped(place, b"in ${{ 1 }} \xff\0\n", "exec", "--retry", "1", "--", "sh", "-c", again)
    assert done == (0, b"in ${{ 1 }} \xff\0\n" * 2, b"attempt 2\n")
    assert piped(place, b"${{ 1 }}\n", "exec", "--", "cat")[1] == b"${{ 1 }}\n"
    assert piped(place, b"x" * 1_048_576, "exec", "--", "wc", "-c")[1].strip() == b"1048576"
    code, out, err = piped(place, b"x" * 1_048_577, "exec", "--", "wc", "-c")
    assert (code, out) == (2, b"")
    assert b"standard input is longer than 1,048,576 bytes" in err

    flow = b"name: piped\ntasks: [{key: a, uses: shell, with: {script: cat, stdin: '${{ params.x }}'}}]\n"
    flow += b"params: {x: {type: string}}\n"
    for name in ("-", "/dev/stdin"):
        code, out, err = piped(place, flow, "run", name, "-p", "x=given")
        assert (code, out.split()[2:4]) == (0, [b"piped", b"succeeded"]), err
    assert place.run("logs", "3/a").stdout == "given"
    for verb in ("run", "check", "graph"):
        assert b"standard input:1:" in piped(place, b"nme: x\n", verb, "-")[2]


def test_input_that_does_not_come_is_said(place: Home) -> None:
    process = place.start("exec", "--", "cat", stdin=subprocess.PIPE)
    assert line(process, "stderr").startswith("reading standard input for the task")
    assert process.communicate(b"late\n", timeout=DEADLINE)[0] == b"late\n"


def test_an_engine_that_a_client_started_ends_with_its_drain_and_the_next_one_serves(
    place: Home, tmp_path: Path
) -> None:
    first = place.start("exec", *gated(tmp_path / "gate"))
    assert line(first) == "begun\n"
    engine = place.engine
    stop = place.start("stop", "--drain")
    assert line(stop, "stderr") == "draining: 1 running\n"
    (tmp_path / "gate").touch()
    said = stop.communicate(timeout=DEADLINE)[0].decode()
    assert (stop.returncode, said) == (0, f"the engine (process {engine}) has stopped\n")
    assert first.communicate(timeout=DEADLINE)[0] == b"ended\n"
    later = place.run("exec", "--", "echo", "later")
    assert (later.returncode, later.stdout) == (0, "later\n")
