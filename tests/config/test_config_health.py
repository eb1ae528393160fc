"""Lines of health in config.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.config import load, load_lines
from core.model.errors import Invalid, InvalidDocument
from core.model.health import DEFAULT_LINES, MIB, Lines, Measure


def lines(home: Path, text: str) -> dict[Measure, Lines]:
    (home / "config.toml").write_text(f"[health]\n{text}\n")
    return dict(load_lines(home))


def test_what_is_left_out_keeps_its_lines_and_an_empty_table_has_none(tmp_path: Path) -> None:
    text = 'memory = {soft = "20%", hard = 0.05}\ndisk = {soft = "64MiB"}\nload = {}\nloop = {hard = "3s"}'
    found = lines(tmp_path, text)
    assert found[Measure.MEMORY] == Lines(soft=0.2, hard=0.05)
    assert found[Measure.DISK] == found[Measure.OUTPUTS] == Lines(soft=64 * MIB)
    assert (found[Measure.LOAD], found[Measure.LOOP]) == (Lines(), Lines(hard=3_000))
    assert found[Measure.WAL] == DEFAULT_LINES[Measure.WAL]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('memory = {soft = "5%", hard = "10%"}', "`memory`: `soft` must come before `hard`"),
        ('wal = {soft = "2GiB", hard = "1GiB"}', "`wal`: `soft` must come before `hard`"),
        ('memory = {soft = "500%"}', "must be a share, such as"),
        ("disk = {soft = -1}", "must be a size, such as"),
        ("loda = {soft = 1}", "unknown key; did you mean `load`?"),
        ("load = {sfot = 1}", "unknown key; did you mean `soft`?"),
    ],
)
def test_a_fault_is_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        lines(tmp_path, text)
    assert said in str(caught.value.facts["faults"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('metrics = "9464"', "must be HOST:PORT, such as 127.0.0.1:9464"),
        (
            'metrics = "0.0.0.0:9464"',
            "must be an address of this machine alone, or set metrics_public",
        ),
    ],
)
def test_metrics_are_for_this_machine_unless_it_is_said(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(Invalid) as caught:
        load(tmp_path)
    assert said in str(caught.value.facts)
    (tmp_path / "config.toml").write_text('metrics_public = true\nmetrics = "0.0.0.0:9464"')
    assert load(tmp_path).metrics == "0.0.0.0:9464"
    (tmp_path / "config.toml").write_text('metrics = "localhost:9464"')
    assert load(tmp_path).metrics == "localhost:9464"
