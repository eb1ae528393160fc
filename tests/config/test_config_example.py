"""The example file and the schema: complete, correct, and taken apart again."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from core.config.checks import check
from core.config.example import example
from core.config.json_schema import json_schema
from core.config.meanings import meanings
from core.config.sections import NAMES, SECTIONS
from core.config.settings import Settings
from core.model.errors import Invalid, InvalidDocument
from tests.config.config_cases import WHOLE

LINES = [line[2:] for line in example().splitlines() if re.match(r"#( |$)", line)]
BARE = "\n".join(LINES) + "\n"
KEYS = [number for number, line in enumerate(LINES) if re.match(r"[a-z_]+ = ", line)]


def refusal(home: Path, text: str) -> InvalidDocument:
    (home / "config.toml").write_text(text)
    with pytest.raises(InvalidDocument) as caught:
        check(home)
    return caught.value


def key_of(number: int) -> str:
    return LINES[number].partition(" = ")[0]


def test_nothing_of_the_example_holds_and_without_its_hashes_all_is_correct(tmp_path):
    assert tomllib.loads(example()) == {}
    (tmp_path / "config.toml").write_text(BARE)
    assert check(tmp_path).warnings == ()
    values = tomllib.loads(BARE)
    assert set(values) == set(NAMES)
    assert set(values["engine"]) == set(Settings.model_fields)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_every_key_says_what_it_means(section):
    for table in section.kinds.values() or [section.table]:
        assert meanings(table).keys() == {field.alias or name for name, field in table.model_fields.items()}


# Each key in turn: misspelt, of another type, twice, without its value.
BREAKS = {
    "misspelt": lambda line: line.replace(" = ", "x = ", 1),
    "a table": lambda line: line.partition(" = ")[0] + " = { x = 1 }",
    "true": lambda line: line.partition(" = ")[0] + " = true",
    "out of bounds": lambda line: line.partition(" = ")[0] + ' = "\\u0000"',
}


def broken_files():
    for number in KEYS:
        for name, break_ in BREAKS.items():
            if name == "true" and LINES[number].endswith(" = false"):
                continue
            yield number, "\n".join([*LINES[:number], break_(LINES[number]), *LINES[number + 1 :]])


def test_what_is_broken_is_named_by_its_line_and_key(tmp_path):
    seen = 0
    for number, text in broken_files():
        try:
            error = refusal(tmp_path, text)
        except pytest.fail.Exception:
            # A text that is as free as a command.
            assert key_of(number) in (
                "ssh",
                "remote_command",
                "http_proxy",
                "metrics",
                "params",
                "archive",
            ), text
            continue
        key = key_of(number)
        told = {
            part for fault in error.faults if fault.line == number + 1 for part in str(fault.path).split(".")
        }
        # Without its kind a limit is called to account at its head.
        assert {key, f"{key}x"} & told or key == "kind", error.faults
        seen += 1
    assert seen > 200


@pytest.mark.parametrize(
    "text", ["slots = ", "slots 3", "[pools", "[pools.a]\n[pools.a]\n", 'ssh = "x', "a = 1\na = 2"]
)
def test_what_is_not_toml_is_named_by_its_line(tmp_path, text):
    (tmp_path / "config.toml").write_text(f"# first\n{text}\n")
    with pytest.raises(Invalid, match=r"line [23]") as caught:
        check(tmp_path)
    assert caught.value.code == "config.syntax"


def test_settings_may_stand_in_a_section_or_at_the_top_but_not_in_both(tmp_path):
    (tmp_path / "config.toml").write_text("lock_wait = 2\n[engine]\nslots = 3\n")
    settings = check(tmp_path).settings
    assert (settings.slots, settings.lock_wait) == (3, 2)
    twice = refusal(tmp_path, "slots = 2\n[engine]\nslots = 3\n").faults[0]
    assert (twice.line, twice.path, "[engine]" in twice.message) == (1, "slots", True)
    unknown = refusal(tmp_path, "[engine]\n\nslotz = 3\n").faults[0]
    assert (unknown.line, unknown.message.endswith("did you mean `slots`?")) == (3, True)
    assert "must be a table" in refusal(tmp_path, "engine = 1\n").message


def test_the_schema_is_one_and_takes_what_the_check_takes():
    schemas = pytest.importorskip("jsonschema")
    schema = json.loads(json.dumps(json_schema()))
    schemas.Draft202012Validator.check_schema(schema)
    validator = schemas.Draft202012Validator(schema)
    for text in (BARE, WHOLE):
        values = json.loads(json.dumps(tomllib.loads(text), default=str))
        assert [error.message for error in validator.iter_errors(values)] == []
    for text in (
        "slotz = 1",
        "[engine]\nslots = 0",
        "[pools.a]\nslotz = 1",
        "[pools.'a b']",
        "http_timeout = 'x'",
    ):
        assert not validator.is_valid(tomllib.loads(text)), text
