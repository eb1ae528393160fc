"""Benchmark of the output of attempts with secrets, beside the same without.

`python tests/bench/masking.py [ROUNDS [MEBIBYTES]]`. A command writes so much, as lines of a program in
Python and as fast as pipes can, with no secret, with one of 40 characters, and with three; by turns. Medians
in MiB/s, and of the throughput in parts of that without secrets in the same round; the CPU time of the
collector for each MiB, and by how much the CPU time of the command and of the collector together is more than
without secrets, which other processes move little. What is written has no secret in it: that is what nearly
all output has. Random base64 has every letter of every form: there each form is searched for.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.executors.child import ChildExecutor
from core.executors.output_cap import OutputCap
from core.executors.outputs import Outputs
from core.model.masking import forms
from core.model.ports import AttemptRef, ProcessCall

MIB = 2**20
LINE = "2026-11-29 19:15:00 INFO worker-7 handled request 48151623 in 42 ms, 1 of 3 tries, status=200"
TICKS = os.sysconf("SC_CLK_TCK")
SECRETS = {
    "none": (),
    "one": ("ghp_0123456789abcdefghijklmnopqrstuvwxyzAB",),
    "three": ("ghp_0123456789abcdefghijklmnopqrstuvwxyzAB", "correct horse battery", 'p+a/s=s"wörd'),
}
PROGRAMS = {
    "python lines": "import sys\nfor number in range({lines}): sys.stdout.write('{line} %d\\n' % number)",
    "yes": "yes '{line}' | head -c {size}",
    "base64": "head -c $(({size} / 4 * 3)) /dev/zero"
    " | openssl enc -aes-128-ctr -nosalt -pass pass:x | base64",
}


def argv_of(program: str, size: int) -> tuple[str, ...]:
    """Return the command that writes so many bytes."""
    text = PROGRAMS[program].format(line=LINE, size=size, lines=size // (len(LINE) + 8))
    return (sys.executable, "-c", text) if program.startswith("python") else ("/bin/sh", "-c", text)


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def cpu_of_children() -> float:
    """Return the seconds of CPU that commands which have ended used."""
    times = os.times()
    return times.children_user + times.children_system


async def measure(executor: ChildExecutor, number: int, argv: tuple[str, ...], masks: tuple[bytes, ...]):
    """Return the seconds until all is in the file, those of the collector's CPU, and of the command's."""
    ref = AttemptRef(task_id=number, epoch=1)
    before, began = cpu_of(executor.collector.pid) if executor.collector.pid else 0.0, time.perf_counter()
    children = cpu_of_children()
    executor.start(ref, ProcessCall(argv=argv, cwd="/", env={"PATH": os.environ["PATH"]}, masks=masks))
    await executor.wait(ref)
    seconds = time.perf_counter() - began
    used = cpu_of(executor.collector.pid) - before
    (executor.outputs.directory(ref) / "out").unlink()
    return seconds, used, cpu_of_children() - children


async def main(rounds: int, size: int) -> None:
    """Measure each program with each set of secrets, by turns."""
    with tempfile.TemporaryDirectory() as folder:
        executor = ChildExecutor(Outputs(Path(folder) / "output"), store="bench", cap=OutputCap(size=2**40))
        number = 1
        await measure(executor, number, ("/bin/true",), ())
        for program in PROGRAMS:
            found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in SECRETS}
            for _ in range(rounds):
                for name, secrets in SECRETS.items():
                    number += 1
                    masks = forms(secrets)
                    found[name].append(await measure(executor, number, argv_of(program, size), masks))
            medians = {
                name: [statistics.median(column) for column in zip(*results, strict=True)]
                for name, results in found.items()
            }
            mib = size / MIB
            alone = medians["none"][1]
            # What the command takes has nothing to do with secrets: it is the same in all.
            whole = alone + statistics.median(used for results in found.values() for _, _, used in results)
            for name, (seconds, used, _) in medians.items():
                rounds_of = zip(found["none"], found[name], strict=True)
                part = statistics.median(without[0] / some[0] for without, some in rounds_of)
                print(
                    f"{program:13} {name:6} {mib / seconds:6.0f} MiB/s, {part:.3f} of none; collector"
                    f" {1e3 * used / mib:5.2f} ms a MiB, {100 * (used - alone) / whole:+6.1f} % of all CPU"
                )
        executor.close()


if __name__ == "__main__":
    asyncio.run(
        main(int(sys.argv[1]) if sys.argv[1:] else 5, MIB * int(sys.argv[2] if sys.argv[2:] else 128))
    )
