"""The program of an engine that submits a workload itself.

`python -m tests.support.hosted_workload HOME SLOTS WORKLOAD.json [hold]`: prints `ready`, submits each
document of the workload under a client key, prints `ack KEY JOB` after each answer, waits for all jobs,
prints `end KEY STATUS`. With `hold` it stays until SIGTERM. `refused CODE` and exit 4 where the home is
taken.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import core
from core.control.api import SubmitOptions
from core.model.errors import Unavailable


async def submit_all(deck: Any, documents: list[dict[str, Any]]) -> dict[str, int]:
    """Submit each document under its number as key; what was admitted before is found again."""
    jobs = {}
    for number, document in enumerate(documents):
        options = SubmitOptions(client_key=f"w{number}")
        jobs[f"w{number}"] = (await deck.submit(document, options=options)).id
        print("ack", f"w{number}", jobs[f"w{number}"], flush=True)
    return jobs


async def host(home: str, slots: int, workload: str, *, hold: bool) -> int:
    """Return the status of exit."""
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


def main() -> int:
    home, slots, workload, *hold = sys.argv[1:]
    return asyncio.run(host(home, int(slots), workload, hold="hold" in hold))


if __name__ == "__main__":
    sys.exit(main())
