"""Tests of the cause line on a corpus of real outputs.

`error_outputs.txt` holds one entry for each output: `==== NAME`, the line that tells why, `----`, the output
with its control characters and backslashes escaped. Long outputs are shortened in their middle.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.connectors.cause_line import LONGEST, cause_line
from tests.support.tables import each

_CORPUS = Path(__file__).with_name("error_outputs.txt").read_text(encoding="utf-8")
_ENTRY = re.compile(r"==== (\w+)\n(.*)\n----\n((?:(?!==== ).*\n)*)")
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|(\\))")


def unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: match[2] or chr(int(match[1], 16)), text)


OUTPUTS = {name: (unescaped(line), unescaped(output)) for name, line, output in _ENTRY.findall(_CORPUS)}


def test_the_corpus_is_read_whole() -> None:
    assert len(OUTPUTS) == len(re.findall(r"^==== ", _CORPUS, re.MULTILINE)) > 80


@each("name", OUTPUTS)
def test_the_cause_is_told(name: str) -> None:
    line, output = OUTPUTS[name]
    assert cause_line(output) == line


@pytest.mark.parametrize("output", ["", "\n \n\t\n", "-----\n=====\n", "\x1b[31m\x1b[0m\r\n", "\r" * 9])
def test_nothing_is_told_of_nothing(output: str) -> None:
    assert cause_line(output) == ""


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("/o/1/1/script: line 3: foo: command not found\n", "line 3: foo: command not found"),
        ("/o/1/1/script: 3: foo: not found\n", "line 3: foo: not found"),
        ("/o/1/1/other: line 3: foo: not found\n", "/o/1/1/other: line 3: foo: not found"),
    ],
)
def test_the_path_of_the_script_of_the_task_is_left_out(output: str, line: str) -> None:
    assert cause_line(output, script="/o/1/1/script") == line


def test_an_error_long_before_the_end_gives_way_to_what_came_last() -> None:
    assert cause_line("error: retry 1\n" + "row\n" * 80 + "3 rows left\n") == "3 rows left"


def test_a_crash_counts_wherever_it_stands() -> None:
    assert cause_line("ValueError: no rows\n" + "row\n" * 80) == "ValueError: no rows"


def test_a_handled_exception_gives_way_to_the_error_that_ended_the_command() -> None:
    output = 'Traceback (most recent call last):\n  File "x", line 1\nKeyError: 7\nfatal: disk is full\n'
    assert cause_line(output) == "fatal: disk is full"


@pytest.mark.parametrize(
    "text", ["\x1b[2J" * 9_000, "a." * 9_000, "Caused by:\n x\n" * 4_000, '{"' * 9_000, "x" * 9_000]
)
def test_any_output_gives_one_short_printable_line(text: str) -> None:
    line = cause_line(text)
    assert len(line) <= LONGEST
    assert line.isprintable()
