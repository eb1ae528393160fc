"""Attempts that a server of a few calls a second costs.

    python tests/bench/refusals.py [--calls 60]

A real server answers with 429 and Retry-After above its rate, counted over any second; the calls come from
16 slots: with the rate that the server allows, and without a limit.

The figures are in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.config.settings import load
from core.connectors.http import Http
from core.connectors.registry import Registry
from core.control.local import LocalControl
from core.engine.clock import SystemClock
from core.engine.engine_ports import Ports
from core.engine.scheduling.alarms import SchedulerAlarms
from core.engine.service import Engine
from core.model.limits.limits import Capacity, Dimension, Limit, LimitKind
from core.model.limits.rates import parse_rate
from core.model.paths import ensure_home

PER_SECOND, SLOTS = 5, 16
REFUSED = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
DONE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
RATE = "5/s"


class Server:
    """Answers so many calls within any second, and refuses the others."""

    def __init__(self) -> None:
        self.asked = 0
        self._answered: deque[float] = deque()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(self._answer())
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self) -> bytes:
        self.asked += 1
        now = time.monotonic()
        while self._answered and self._answered[0] <= now - 1:
            self._answered.popleft()
        if len(self._answered) >= PER_SECOND:
            return REFUSED
        self._answered.append(now)
        return DONE


def limit() -> Limit:
    """Return the rate of all calls."""
    return Limit(
        name="api",
        kind=LimitKind.RATE,
        max=1,
        step_us=parse_rate(RATE).step_us,
        on={Dimension.HOST: "127.0.0.1"},
    )


async def measure(limits: tuple[Limit, ...], calls: int) -> tuple[int, float]:
    """Return how often the server was asked until all calls were answered, and how long that took."""
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    with tempfile.TemporaryDirectory() as folder:
        settings, clock = load(Path(folder), slots=SLOTS), SystemClock()
        ports = Ports(
            clock=clock,
            alarms=SchedulerAlarms(clock),
            draw=random.Random(7).random,
            registry=Registry([Http(settings)]),
            capacity=Capacity(limits=limits),
        )
        engine = Engine(ensure_home(Path(folder) / "home"), settings, ports)
        await engine.start()
        began = time.monotonic()
        tasks = [{"key": f"c{number}", "uses": "http", "with": {"url": url}} for number in range(calls)]
        retry = {"max_attempts": 1_000, "base": "200ms", "max": "1s"}
        job = await LocalControl(engine).submit(
            {"name": "calls", "defaults": {"retry": retry}, "tasks": tasks}
        )
        result = await engine.wait_job(job.job_id)
        took = time.monotonic() - began
        engine.stop()
        await engine.stopped()
    listening.close()
    assert result.status == "succeeded", result
    return server.asked, took


def main() -> None:
    """Measure all and print the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=60)
    calls = options.parse_args().calls
    for name, limits in ((f"rate {RATE}", (limit(),)), ("no limit", ())):
        asked, took = asyncio.run(measure(limits, calls))
        print(f"{name}: {asked} attempts for {calls} calls ({asked / calls:.2f}), {took:.1f} s")


if __name__ == "__main__":
    main()
