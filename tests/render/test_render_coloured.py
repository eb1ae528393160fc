"""Tests of coloured lines: colours as styles, everything else as glyphs."""

from __future__ import annotations

import pytest

from core.model.text import safe_line
from core.render.coloured import ColouredLine, Run, Sgr, coloured_line
from tests.support.hostile import hostile


@pytest.mark.parametrize(
    ("written", "text", "runs"),
    [
        (b"plain", "plain", ()),
        (b"\x1b[31mred\x1b[0m and not", "red and not", (Run(0, 3, Sgr(fg=1)),)),
        (b"\x1b[1;38;5;208mb\x1b[22mc\x1b[m", "bc", (Run(0, 1, Sgr(208, bold=True)), Run(1, 2, Sgr(208)))),
        (b"\x1b[48;2;1;2;3;97mx", "x", (Run(0, 1, Sgr(fg=15, bg=(1, 2, 3))),)),
        (b"\x1b[38:5:9mx\x1b[39my", "xy", (Run(0, 1, Sgr(fg=9)),)),
        (b"\x1b[5;8mseen", "seen", ()),
        (b"\x1b[38;5;999mx\x1b[38mx\x1b[99;12345mx", "xxx", ()),
        (b"a\tb\x1b[32m\tc", "a       b       c", (Run(9, 17, Sgr(fg=2)),)),
        (b"10%\r50%\r100%", "100%", ()),
        (b"50%\r", "50%", ()),
        (b"\x1b[33m10%\r\x1b[K\x1b[2K20%\r\r", "20%", (Run(0, 3, Sgr(fg=3)),)),
        (b"long text\rX", "Xong text", ()),
        (b"\x1b[32mok\x1b[0m 7 of 9\r\x1b[1m12", "12 7 of 9", (Run(0, 2, Sgr(bold=True)),)),
        (b"abcdef\rxy\x1b[Kz", "xyz", ()),
        (b"abcdef\rxy\x1b[1K", "  cdef", ()),
        (b"dos line\r", "dos line", ()),
        (b"a\x1b[Kb", "a␛[Kb", ()),
        (b"\x1b[2J\x1b]52;c;x\x07\x9b1m\xe2\x80\xae", "␛[2J␛]52;c;x␇�1m‹U+202E›", ()),
    ],
)  # fmt: skip
def test_a_line_looks_as_its_program_meant_it(written: bytes, text: str, runs: tuple[Run, ...]) -> None:
    assert coloured_line(written) == ColouredLine(text, runs)


def test_no_hostile_text_leaves_a_character_that_a_terminal_obeys() -> None:
    for text in hostile():
        for written in (text, f"\x1b[31m{text}\x1b[0m", f"{text}\r{text}", f"\x1b[{text}m"):
            line = coloured_line(written.encode("utf-8", "surrogatepass"))
            assert safe_line(line.text) == line.text
            assert all(0 <= run.begin < run.end <= len(line.text) for run in line.runs)
