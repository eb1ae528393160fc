"""Break each guard in a copy and expect red tests.

    python tests/mutants.py [NAME ...]        all mutants, or those whose name contains a word

Reads `mutants.toml`. Exit 1 when a mutant survives, a patch no longer applies, or the tests it names
are red without it; exit 2 when a NAME is in no name of a mutant.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).resolve().parent.parent
LISTED = ROOT / "tests" / "mutants.toml"
COPIED = ("core", "console", "themes", "tests", "pyproject.toml", "_taskdeck.py")
WORKERS = 4
"""More than cores: most mutants are seen by what never comes."""
PATIENCE = 300
"""Seconds for the tests of one mutant; one that hangs is as dead as one that fails."""
DEADLINE = 15
"""Seconds for each wait of such a test."""
PATIENCE_WITHOUT = 1_800
"""Seconds for all tests that the mutants name, without a mutant."""


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One guard, the patch that breaks it, and the tests that must notice."""

    name: str
    file: str
    find: str
    replace: str
    tests: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of a mutant; `word` is killed, SURVIVED or BROKEN."""

    mutant: Mutant
    word: str
    note: str
    seconds: float


def read(path: Path = LISTED) -> list[Mutant]:
    """Return the listed mutants in order."""
    listed = tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
    return [Mutant(**{**entry, "tests": tuple(entry["tests"])}) for entry in listed]


def chosen(mutants: Sequence[Mutant], words: Sequence[str]) -> list[Mutant]:
    """Return the mutants whose names contain one of these words, all without words.

    Raises `LookupError` for a word that no name contains, with the nearest name.
    """
    for word in words:
        if not any(word in mutant.name for mutant in mutants):
            nearest = max((mutant.name for mutant in mutants), key=lambda name: _likeness(word, name))
            raise LookupError(f"no mutant has '{word}' in its name; the nearest is '{nearest}'")
    return [mutant for mutant in mutants if not words or any(word in mutant.name for word in words)]


def _likeness(word: str, name: str) -> int:
    """Return how many characters of a word stand in a name, in order and three or more together."""
    blocks = SequenceMatcher(None, name.lower(), word.lower(), autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks if block.size > 2)


def fault(mutant: Mutant, root: Path = ROOT) -> str | None:
    """Say why a patch does not apply, or None: its text stands exactly once in its file."""
    path = root / mutant.file
    if not path.is_file():
        return f"{mutant.file} does not exist"
    count = path.read_text(encoding="utf-8").count(mutant.find)
    if count != 1:
        return f"its text stands {count} times in {mutant.file}"
    return "it changes nothing" if mutant.find == mutant.replace else None


def copy_tree(target: Path) -> Path:
    """Copy what tests need; return where."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target / name)
    return target


class Copy:
    """A copy of the checkout, and the process that runs tests in it."""

    def __init__(self, target: Path) -> None:
        self.root = copy_tree(target)
        self._runs = subprocess.Popen(
            [sys.executable, "-m", "tests.mutant_runs"],
            cwd=self.root,
            env=surroundings(self.root, DEADLINE),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, tests: Sequence[str]) -> tuple[int, str]:
        """Run a selection; return pytest's exit code and its last line, 1 after `PATIENCE` seconds."""
        assert self._runs.stdin is not None
        assert self._runs.stdout is not None
        self._runs.stdin.write(json.dumps({"tests": tests, "seconds": PATIENCE}) + "\n")
        self._runs.stdin.flush()
        code, note = json.loads(self._runs.stdout.readline())
        return code, note

    def end(self) -> None:
        """End the process; nothing runs in it any more."""
        with self._runs:
            pass


def surroundings(root: Path, deadline: int) -> dict[str, str]:
    """Return the environment of tests of a copy, which wins over an installed package."""
    return {**os.environ, "PYTHONPATH": str(root), "TESTS_DEADLINE": str(deadline)}


def run_all(root: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Run many tests by several workers; return pytest's exit code and its last line, 1 if they hang."""
    spread = ["-n", str(WORKERS), "--dist", "worksteal"]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *spread, *tests]
    env = surroundings(root, 60)
    try:
        done = subprocess.run(
            command, cwd=root, env=env, capture_output=True, text=True, timeout=PATIENCE_WITHOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return 1, "it hangs"
    lines = (done.stdout + done.stderr).strip().splitlines()
    return done.returncode, lines[-1] if lines else ""


@contextmanager
def patched(mutant: Mutant, root: Path) -> Iterator[None]:
    """Break the guard for as long as the block lasts."""
    path = root / mutant.file
    text = path.read_text(encoding="utf-8")
    written = path.stat().st_mtime_ns
    _write_later(path, text.replace(mutant.find, mutant.replace), written)
    try:
        yield
    finally:
        _write_later(path, text, path.stat().st_mtime_ns)


def _write_later(path: Path, text: str, before: int) -> None:
    """Write so that Python, which compares whole seconds and sizes, compiles it again."""
    path.write_text(text, encoding="utf-8")
    moment = before + 1_000_000_000
    os.utime(path, ns=(moment, moment))


def judge(mutant: Mutant, copies: SimpleQueue[Copy]) -> Verdict:
    """Try one mutant in a free copy."""
    copy = copies.get()
    begun = time.monotonic()
    try:
        note = fault(mutant, copy.root)
        word = "BROKEN"
        if note is None:
            with patched(mutant, copy.root):
                code, note = copy.run(mutant.tests)
            word = {0: "SURVIVED", 1: "killed"}.get(code, "BROKEN")
        return Verdict(mutant=mutant, word=word, note=note, seconds=time.monotonic() - begun)
    finally:
        copies.put(copy)


def try_all(mutants: Sequence[Mutant], home: Path) -> Iterator[Verdict]:
    """Yield the verdicts in the order of the list."""
    made = [Copy(home / str(number)) for number in range(min(WORKERS, len(mutants)))]
    copies: SimpleQueue[Copy] = SimpleQueue()
    for copy in made:
        copies.put(copy)
    try:
        with ThreadPoolExecutor(len(made)) as pool:
            yield from pool.map(lambda mutant: judge(mutant, copies), mutants)
    finally:
        for copy in made:
            copy.end()


def healthy(mutants: Sequence[Mutant], home: Path) -> bool:
    """Run all named tests without any mutant; they must be green."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    code, last = run_all(copy_tree(home / "whole"), tests)
    print(f"without a mutant: {last}", flush=True)
    return code == 0


def main() -> int:
    """Try the mutants and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="words that the names contain; none = all")
    try:
        mutants = chosen(read(), parser.parse_args().names)
    except LookupError as error:
        parser.error(str(error))
    with tempfile.TemporaryDirectory(prefix="taskdeck-mutants-") as folder:
        home = Path(folder)
        if not healthy(mutants, home):
            return 1
        failed = 0
        for verdict in try_all(mutants, home):
            failed += verdict.word != "killed"
            name, file = verdict.mutant.name, verdict.mutant.file
            print(f"{verdict.word:9s} {verdict.seconds:5.1f} s  {name:44s} {file}", flush=True)
            if verdict.word != "killed":
                print(f"          {verdict.note}")
    print(f"{len(mutants)} mutants, {len(mutants) - failed} killed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
