"""Benchmark of draining: taskdeck in the shared harness, beside its peers.

    python tests/bench/drain.py HARNESS [--rounds 3] [--peers taskdeck,huey] [--slots 250]

HARNESS is the directory of the harness's `run.py`. It is copied and given taskdeck's adapter, since
it may not be able to look for adapters elsewhere; PEERS (default /tmp/peers) holds the peers' venvs.
Rounds are the outer loop. Ratios are of figures of the same round; medians of rounds are printed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
HANDWRITTEN = HERE / "handwritten.py"
FIGURES = ("enq_one", "enq_bulk", "drain", "e2e", "fan", "rss", "idle_cpu", "spin")


def main() -> None:
    arguments = _arguments()
    found: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="taskdeck-bench-") as folder:
        harness = _overlay(arguments, Path(folder))
        for number in range(arguments.rounds):
            for peer in arguments.peers.split(","):
                figures = _peer(harness, peer, arguments)
                found.setdefault(peer, []).append(figures)
                print(f"round {number + 1} {peer}", _short(figures), flush=True)
            if HANDWRITTEN.exists() and not arguments.no_handwritten:
                figures = _handwritten(arguments.tasks)
                found.setdefault("handwritten", []).append(figures)
                print(f"round {number + 1} handwritten", _short(figures), flush=True)
    _report(found)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("harness")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default="taskdeck,huey")
    parser.add_argument("--slots", type=int, default=250)
    parser.add_argument("--tasks", type=int, default=5_000, help="tasks of a drain, for every peer")
    parser.add_argument("--idle", type=float, default=0, help="seconds for which the idle engine is watched")
    parser.add_argument("--no-handwritten", action="store_true")
    return parser.parse_args()


def _overlay(arguments: argparse.Namespace, folder: Path) -> Path:
    """Copy the harness, add our adapter, and give every peer the same number of tasks."""
    copy = folder / "peers"
    shutil.copytree(arguments.harness, copy)
    shutil.copy(HERE / "peers" / "taskdeck.py", copy / "adapters")
    for adapter in (copy / "adapters").glob("[!_]*.py"):
        text = adapter.read_text()
        adapter.write_text(re.sub(r"^(N, .* = )\d+", rf"\g<1>{arguments.tasks}", text, flags=re.MULTILINE))
    return copy


def _peer(harness: Path, peer: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Run one peer for one round; return its figures, latency as p50 and p99 in ms."""
    out = harness / "out.json"
    environ = {
        **os.environ,
        "PEER_PYTHON_TASKDECK": sys.executable,
        "TASKDECK_SLOTS": str(arguments.slots),
        "TASKDECK_BENCH": str(HERE / "peers"),
    }
    run = [sys.executable, "run.py", "bench", "--rounds", "1", "--idle", str(arguments.idle)]
    done = subprocess.run(
        [*run, "--peers", peer, "--json", str(out)],
        cwd=harness,
        env=environ,
        check=False,
        capture_output=True,
        text=True,
    )
    ((figures,),) = json.loads(out.read_text()).values()
    if "error" in figures:
        print(done.stderr, file=sys.stderr)
    latencies = sorted(figures.get("lat") or [0.0])
    kept = {name: figures[name] for name in FIGURES if figures.get(name) is not None}
    worst = latencies[min(len(latencies) - 1, int(len(latencies) * 0.99))]
    return {**kept, "p50": statistics.median(latencies), "p99": worst, "fan_n": figures.get("fan_n", 0)}


def _handwritten(tasks: int) -> dict[str, float]:
    """Run the loop by hand once; its table has a line `handwritten` with tasks/s in front."""
    command = [sys.executable, str(HANDWRITTEN), "--tasks", str(tasks), "--rounds", "1"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("handwritten"))
    return {"drain": float(line.split()[1])}


def _report(found: dict[str, list[dict[str, float]]]) -> None:
    print("| who | drain /s | e2e /s | enqueue bulk /s | start p50 / p99 ms | fan s |")
    print("|---|---|---|---|---|---|")
    for who, rounds in found.items():
        middle = {name: _median(rounds, name) for name in ("drain", "e2e", "enq_bulk", "p50", "p99", "fan")}
        latency = f"{middle['p50']} / {middle['p99']}"
        fan = f"{middle['fan']} ({rounds[0].get('fan_n', 0):.0f})"
        print(f"| {who} | {middle['drain']} | {middle['e2e']} | {middle['enq_bulk']} | {latency} | {fan} |")
    for who, rounds in found.items():
        ratios = [a["drain"] / b["drain"] for a, b in zip(found.get("taskdeck", []), rounds, strict=False)]
        if who != "taskdeck" and ratios:
            print(f"drain, times {who}: {statistics.median(ratios):.2f} {[round(r, 2) for r in ratios]}")


def _median(rounds: list[dict[str, float]], name: str) -> str:
    values = [figures[name] for figures in rounds if name in figures]
    return f"{statistics.median(values):.4g}" if values else "-"


def _short(figures: dict[str, float]) -> str:
    return " ".join(f"{name}={value:.4g}" for name, value in figures.items())


if __name__ == "__main__":
    main()
