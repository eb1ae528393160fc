"""An engine in a process of its own that may be killed.

`python engine_process.py HOME SLOTS WORKLOAD.json [hold]`: prints `ready`, submits each document of the
workload under a client key, prints `ack KEY JOB` after each answer, waits for all jobs, prints
`end KEY STATUS`. With `hold` it stays until SIGTERM. `refused CODE` and exit 4 where the home is taken.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import core
from core.control.api import SubmitOptions
from core.model.errors import Unavailable

ROOT = Path(__file__).resolve().parents[2]


@dataclass(kw_only=True)
class EngineProcess:
    """One such process, seen from the test."""

    process: subprocess.Popen[bytes]
    log: Path

    def lines(self, word: str) -> list[list[str]]:
        """Return what it has said so far after this word."""
        said = [line.split() for line in self.log.read_text().splitlines() if line]
        return [words[1:] for words in said if words[0] == word]

    @property
    def ready(self) -> bool:
        return bool(self.lines("ready"))

    def acknowledged(self) -> dict[str, int]:
        return {key: int(job) for key, job in self.lines("ack")}

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def wait(self, seconds: float = 40.0) -> int:
        return self.process.wait(seconds)


def start_engine(
    home: Path, documents: list[dict[str, Any]], *, slots: int = 4, crash: str = "", hold: bool = False
) -> EngineProcess:
    """Start a host; `crash` is `POINT[:N]`."""
    home.parent.mkdir(parents=True, exist_ok=True)
    workload = home.parent / f"{home.name}.workload.json"
    workload.write_text(json.dumps(documents))
    number = len(list(home.parent.glob(f"{home.name}.*.log")))
    log = home.parent / f"{home.name}.{number}.log"
    argv = [sys.executable, str(Path(__file__)), str(home), str(slots), str(workload)]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            argv + (["hold"] if hold else []),
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": str(ROOT),
                "TASKDECK_CRASH": crash,
                "TASKDECK_STOP_GRACE": "2",
            },
        )
    return EngineProcess(process=process, log=log)


async def submit_all(deck: Any, documents: list[dict[str, Any]]) -> dict[str, int]:
    """Submit each document under its number as key; what was admitted before is found again."""
    jobs = {}
    for number, document in enumerate(documents):
        options = SubmitOptions(client_key=f"w{number}")
        jobs[f"w{number}"] = (await deck.submit(document, options=options)).id
        print("ack", f"w{number}", jobs[f"w{number}"], flush=True)
    return jobs


async def main(home: str, slots: int, workload: str, *, hold: bool) -> int:
    this = asyncio.current_task()
    assert this is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    documents = json.loads(Path(workload).read_text())
    try:
        async with core.open_engine(home=home, slots=slots) as deck:
            print("ready", flush=True)
            jobs = await submit_all(deck, documents)
            for key, job in jobs.items():
                print("end", key, (await deck.wait_job(job)).status, flush=True)
            if hold:
                await asyncio.Event().wait()
    except Unavailable as error:
        print("refused", error.code, flush=True)
        return 4
    except asyncio.CancelledError:
        print("stopped", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], hold="hold" in sys.argv)))
