"""Commands that remove or replace the files of their attempts."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import host
from core.executors import spawning
from core.executors.child import ChildExecutor
from core.executors.family import MARK
from core.executors.observations import Finished, Gone, Living, NotStarted, Orphaned, Vanished
from core.executors.outputs import Outputs
from core.model.ports import AttemptRef, ProcessCall, ProcessExit
from tests.support import waiting

SABOTAGE = {
    "nothing": ":",
    "directory": 'rm -rf "$D"',
    "directory and a new one": 'rm -rf "$D"; mkdir -p "$D"',
    "whole tree": 'rm -rf "$D/../.."',
    "a file for the directory": 'rm -rf "$D"; : >"$D"',
    "all files": 'rm "$D"/*',
    "pid": 'rm "$D/pid"',
    "pid and ready": 'rm "$D/pid" "$D/ready"',
    "pid is a directory": 'rm "$D/pid"; mkdir "$D/pid"',
    "pid is garbage": 'echo 1 1 1 >"$D/pid"',
    "pid says revoked": 'echo revoked >"$D/pid"',
    "pid names another": 'echo "1 1 $(cat /proc/sys/kernel/random/boot_id)" >"$D/pid"',
    "status is a directory": 'mkdir "$D/status"',
    "status is a lie": 'echo "exit 0" >"$D/status"',
    "status is a lie that stays": 'rm "$D/pid"; mkdir "$D/status"',
    "out": 'rm "$D/out"',
    "out is a directory": 'rm "$D/out"; mkdir "$D/out"',
    "out is a pipe": 'rm "$D/out"; mkfifo "$D/out"',
    "modes": 'chmod 000 "$D"/*; chmod 000 "$D"',
    "read-only": 'chmod 500 "$D"; chmod 400 "$D"/*',
}
ENGINE = """
import asyncio, json, sys
from pathlib import Path
from core.executors.child import ChildExecutor
from core.executors.outputs import Outputs
from core.model.ports import AttemptRef, ProcessCall

async def main(cases):
    ref, waits = AttemptRef(task_id=1, epoch=1), []
    for root, store, script, env in json.loads(cases):
        executor = ChildExecutor(Outputs(Path(root)), store=store)
        executor.start(ref, ProcessCall(argv=("/bin/sh", "-c", script), env=env))
        waits.append(executor.wait(ref))
    await asyncio.gather(*waits)

asyncio.run(main(*sys.argv[1:]))
"""


class Stage:
    """One output tree for each case, since some remove it whole."""

    def __init__(self, folder: Path, store: str) -> None:
        self.folder, self.store = folder, store
        self.cases = {name: Outputs(folder / str(n) / "output") for n, name in enumerate(SABOTAGE)}
        self.ref = AttemptRef(task_id=1, epoch=1)

    def call(self, name: str, script: str) -> ProcessCall:
        directory = self.cases[name].directory(self.ref)
        folder = self.cases[name].root.parent
        env = {"PATH": os.environ["PATH"], "D": str(directory), "F": str(folder)}
        return ProcessCall(argv=("/bin/sh", "-c", f"echo x >>$F/ran; {script}"), env=env)

    def runs(self, name: str) -> str:
        return (self.cases[name].root.parent / "ran").read_text()

    def executor(self, name: str) -> ChildExecutor:
        return ChildExecutor(self.cases[name], store=f"{self.store}-{list(SABOTAGE).index(name)}")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path, f"sabotage-{os.getpid()}-{tmp_path.name}")
    yield stage
    for number in range(len(SABOTAGE)):
        host.kill_family(None, f"{MARK}={stage.store}-{number}:1:1")
    subprocess.run(["chmod", "-R", "u+rwX", str(tmp_path)], check=True)


async def test_the_exit_status_of_a_reaped_wrapper_counts_with_or_without_files(stage: Stage) -> None:
    ends = {}
    for name, deed in SABOTAGE.items():
        executor = stage.executor(name)
        executor.start(stage.ref, stage.call(name, f"{deed}; exit 3"))
        end = await executor.wait(stage.ref)
        ends[name] = end.code if isinstance(end, ProcessExit) else end
        assert stage.runs(name) == "x\n"
    assert ends == dict.fromkeys(SABOTAGE, 3)


async def test_a_wrapper_that_its_command_kills_has_begun(stage: Stage) -> None:
    ends = {}
    for name, deed in SABOTAGE.items():
        executor = stage.executor(name)
        executor.start(stage.ref, stage.call(name, f"{deed}; kill -9 $PPID; exit 3"))
        end = await executor.wait(stage.ref)
        if isinstance(end, Vanished) and end.pids:
            end = await executor.wait(stage.ref)
        assert isinstance(end, Vanished), name
        ends[name] = end.exit.code if isinstance(end.exit, ProcessExit) else end.exit
    assert ends == dict.fromkeys(SABOTAGE, 137)


@pytest.mark.parametrize("end", ["exit 126", "exit 2", "kill -9 $PPID"])
@pytest.mark.parametrize("pid", ["", 'echo revoked >"$D/pid"', 'rm "$D/pid"'])
async def test_a_command_cannot_say_that_it_has_not_begun(stage: Stage, pid: str, end: str) -> None:
    executor = stage.executor("nothing")
    boot = "$(cat /proc/sys/kernel/random/boot_id)"
    forged = f'echo "ready {boot} 0123456789abcdef" >"$D/ready"; {pid or ":"}; {end}'
    executor.start(stage.ref, stage.call("nothing", forged))
    found = await executor.wait(stage.ref)
    assert isinstance(found, ProcessExit | Vanished)


SIGNALS = ["HUP", "INT", "QUIT", "PIPE", "ALRM", "TERM", "USR1", "USR2", "VTALRM", "PROF", "XCPU", "XFSZ"]


async def test_a_wrapper_outlives_the_signals_that_its_command_sends_to_all(stage: Stage) -> None:
    executor = stage.executor("nothing")
    sent = "; ".join(f"kill -{name} 0" for name in SIGNALS)
    executor.start(stage.ref, stage.call("nothing", f"trap : {' '.join(SIGNALS)}; {sent}; exit 3"))
    end = await executor.wait(stage.ref)
    assert isinstance(end, ProcessExit)
    assert end.code == 3


async def test_a_wrapper_that_could_not_start_its_command_is_a_shortage(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As dash ends that cannot fork, and bash.
    for name, code in (("nothing", 2), ("pid", 254)):
        monkeypatch.setattr(spawning, "WRAPPER", spawning.WRAPPER.replace("(true", f"exit {code}; (true"))
        executor = stage.executor(name)
        executor.start(stage.ref, stage.call(name, ":"))
        end = await executor.wait(stage.ref)
        assert isinstance(end, NotStarted)
        assert end.short
        monkeypatch.undo()


async def test_a_wrapper_that_is_killed_between_its_fork_and_the_command_has_not_ended(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = stage.folder / "gate"
    os.mkfifo(gate)
    later = spawning.WRAPPER.replace("(true", f"(read -r _ <{gate}; true")
    monkeypatch.setattr(spawning, "WRAPPER", later)
    executor = stage.executor("nothing")
    executor.start(stage.ref, stage.call("nothing", ":"))
    pid = executor._children[stage.ref].unreaped
    assert pid
    mark = f"{MARK}={stage.store}-0:1:1"
    await waiting.until(lambda: len(host.family(None, mark)) == 2, "it has forked")
    os.kill(pid, 9)
    # What will become the command lives: to run it again now would be to run it twice.
    found = await executor.wait(stage.ref)
    assert isinstance(found, Vanished)
    assert len(found.pids) == 1
    await asyncio.to_thread(gate.write_text, "x\n")
    assert isinstance(await executor.wait(stage.ref), Vanished)
    assert stage.runs("nothing") == "x\n"


async def test_after_a_crash_what_began_is_never_taken_for_not_started(stage: Stage) -> None:
    for outputs in stage.cases.values():
        outputs.root.parent.mkdir(parents=True)
        os.mkfifo(outputs.root.parent / "go")
    await _crash(stage, "{deed}; : >$F/done; read line <$F/go; exit 3")
    found, ends = {}, {}
    for name in SABOTAGE:
        executor = stage.executor(name)
        found[name] = type(await executor.probe(stage.ref))
        await asyncio.to_thread((stage.cases[name].root.parent / "go").write_text, "x\n")
        end = await executor.wait(stage.ref)
        ends[name] = end.code if isinstance(end, ProcessExit) else "lost"
    assert found == dict.fromkeys(SABOTAGE, Living), "what lives is adopted, whatever it wrote"
    assert set(ends.values()) <= {3, "lost"}, ends
    assert ends["nothing"] == ends["pid"] == ends["status is a lie"] == ends["all files"] == 3
    assert {stage.runs(name) for name in SABOTAGE} == {"x\n"}


async def test_after_a_crash_what_has_ended_is_its_status_or_gone(stage: Stage) -> None:
    for outputs in stage.cases.values():
        outputs.root.parent.mkdir(parents=True)
    # Killed with its wrapper: nothing could record an end.
    await _crash(stage, "{deed}; : >$F/done; kill -9 $PPID; exec sleep 90")
    for number, name in enumerate(SABOTAGE):
        host.kill_family(None, f"{MARK}={stage.store}-{number}:1:1")
        found = await stage.executor(name).probe(stage.ref)
        if name == "status is a lie":
            assert isinstance(found, Finished)
            continue
        assert isinstance(found, Gone | Orphaned), name


async def _crash(stage: Stage, script: str) -> None:
    """Let an engine start all cases, and kill it when all commands have done their deed."""
    cases = []
    for number, (name, deed) in enumerate(SABOTAGE.items()):
        call = stage.call(name, script.replace("{deed}", deed))
        cases.append([str(stage.cases[name].root), f"{stage.store}-{number}", call.argv[-1], dict(call.env)])
    checkout = Path(__file__).resolve().parents[2]
    engine = await asyncio.to_thread(
        subprocess.Popen, [sys.executable, "-c", ENGINE, json.dumps(cases)], cwd=checkout
    )
    for name, outputs in stage.cases.items():
        done = outputs.root.parent / "done"
        await waiting.until(done.exists, f"{name} has done its deed")
    engine.kill()
    engine.wait()
