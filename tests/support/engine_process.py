"""Engines with a workload of their own, started and killed by tests."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.model.crash_points import VARIABLE as CRASH
from tests.support.commands import ROOT, start_program


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
    number = len(list(home.parent.glob(f"{home.name}.*.log")))
    workload = home.parent / f"{home.name}.{number}.workload.json"
    workload.write_text(json.dumps(documents))
    log = home.parent / f"{home.name}.{number}.log"
    words = [str(home), str(slots), str(workload), *(["hold"] if hold else [])]
    with log.open("wb") as stream:
        process = start_program(
            "tests.support.hosted_workload",
            *words,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": str(ROOT),
                CRASH: crash,
                "TASKDECK_STOP_GRACE": "2",
            },
        )
    return EngineProcess(process=process, log=log)
