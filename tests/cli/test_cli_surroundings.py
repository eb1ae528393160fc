"""No verb breaks under an odd surrounding: streams, folders, users, variables, ids."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.cli import odd_surroundings
from tests.cli.cli_stage import environment
from tests.support.homes import ROOT, Home

_USUAL = {0, 1, 2, 3, 4, 5, 130}
Ends = dict[str, list[tuple[list[str], int, str]]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Return a data directory with an engine."""
    one = Home(tmp_path_factory.mktemp("odd") / "home")
    one.run("run", "sample")
    one.run("stop")
    one.start("serve", "--slots", "1")
    one.has_engine()
    yield one
    one.end()


@pytest.fixture(scope="module")
def ends(home: Home) -> Ends:
    """Return how every verb ended under each surrounding."""
    result = subprocess.run(
        [sys.executable, "-P", odd_surroundings.__file__, str(home.path)],
        env=environment(home.path),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    found: Ends = defaultdict(list)
    for line in result.stdout.decode().splitlines():
        name, words, status, text = json.loads(line)
        found[name].append((words, status, text))
    return found


@pytest.mark.parametrize("surrounding", [*odd_surroundings.SURROUNDINGS, "numbers"])
def test_no_verb_breaks(ends: Ends, surrounding: str) -> None:
    broken = [
        (words, status, text[-300:])
        for words, status, text in ends[surrounding]
        if status not in _USUAL or "internal:" in text or "Traceback" in text or "Exception ignored" in text
    ]
    assert broken == []


@pytest.mark.parametrize("surrounding", ["no output", "no streams", "no input", "no errors"])
def test_work_is_admitted_and_its_end_is_0_without_streams(ends: Ends, surrounding: str) -> None:
    ended = {tuple(words): status for words, status, _ in ends[surrounding]}
    assert ended["exec", "--detach", "--", "true"] == 0
    assert ended["jobs",] == 0
    assert ended["version",] == 0


def test_an_output_that_takes_no_more_is_said_and_not_a_success(ends: Ends) -> None:
    for words, status, text in ends["full output"]:
        if words in (["jobs"], ["version"], ["doctor"], ["--plain"]):
            assert (status, "error[output.unwritable]" in text) == (4, True), (words, text)


@pytest.mark.parametrize("surrounding", ["full errors", "broken errors"])
def test_remarks_that_nothing_takes_do_not_change_how_a_verb_ends(ends: Ends, surrounding: str) -> None:
    usual = {tuple(words): (status, text) for words, status, text in ends["usual"]}
    ended = {tuple(words): status for words, status, _ in ends[surrounding]}
    assert "no tasks match" in usual[tuple(odd_surroundings.REMARKS)][1]
    for words, (status, _) in usual.items():
        assert (ended[words], status) == (0, 0), words


def test_a_number_larger_than_any_id_is_refused_with_a_code(ends: Ends) -> None:
    for words, status, text in ends["numbers"]:
        told = ".unknown]: " in text or "error[usage]: " in text
        assert (status, told) == (2, True), (words, text)
