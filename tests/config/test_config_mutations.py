"""Whatever stands in config.toml, it is read or refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.config.checks import check
from core.config.descriptions import describe_capacity, lines_of
from core.model.errors import Invalid
from tests.config.config_cases import WHOLE
from tests.support.tables import each

HOSTILE = (
    *("true", "nan", "-inf", "1e308", "5e-324", "-1", "0", "9223372036854775808", "1_0.0_1"),
    *("9" * 5_000, "0x" + "f" * 5_000, "0." + "1" * 400, "'1e999999999'", "'1/3'", "'9' ", '"\\u0000"'),
    *("''", "'" + "x" * 50_000 + "'", "[]", "{}", "[[]]", "{a = 1}", "[1, 'a', {}]", "2026-02-30"),
    *("0001-01-01", "9999-12-31T23:59:59.999999-23:59", "0001-01-01T00:00:00+23:59", "1979-05-27T07:32:00"),
    *("07:32:00.5", "23:59:00", "'24:00'", "'../../etc/passwd'", "'Europe'", "'1e400s'", "'100y'"),
    "[" * 400 + "]" * 400,
    "[" * 100_000,
    "{a=" * 300 + "1" + "}" * 300,
)
KEYS = re.findall(r"[A-Za-z_]+(?= =)", WHOLE)
VALUES = [match.span(1) for match in re.finditer(r"= ([^\n,}]+)", WHOLE)]


def is_told(home: Path, data: bytes) -> bool:
    """Return whether a file is refused; every other error is raised."""
    (home / "config.toml").write_bytes(data)
    try:
        found = check(home)
    except Invalid as error:
        refusal = error
    else:
        assert lines_of(describe_capacity(found.capacity, slots=1))
        return False
    assert refusal.code.startswith("config.")
    assert len(refusal.message) < 5_000
    return True


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("deck")


def test_the_file_is_read_without_a_change(home):
    assert not is_told(home, WHOLE.encode())


@settings(max_examples=150)
@given(
    place=st.integers(0, len(WHOLE)),
    cut=st.integers(0, 40),
    put=st.one_of(
        st.binary(max_size=12), st.text(alphabet="[]{}=.\"'#\n,1ae-_ ", max_size=12).map(str.encode)
    ),
)
def test_bytes_that_change_are_read_or_refused(home, place, cut, put):
    data = WHOLE.encode()
    is_told(home, data[:place] + put + data[place + cut :])


@settings(max_examples=150)
@given(
    spans=st.lists(st.sampled_from(VALUES), min_size=1, max_size=4, unique=True),
    value=st.sampled_from(HOSTILE),
)
@example(spans=VALUES[:1], value="0x" + "f" * 5_000)
def test_values_of_another_type_or_size_are_read_or_refused(home, spans, value):
    text = WHOLE
    for begin, end in sorted(spans, reverse=True):
        text = text[:begin] + value + text[end:]
    is_told(home, text.encode())


@pytest.mark.parametrize("value", HOSTILE)
def test_each_key_takes_or_refuses_each_hostile_value(home, value):
    for begin, end in VALUES:
        is_told(home, (WHOLE[:begin] + value + WHOLE[end:]).encode())


@settings(max_examples=100)
@given(key=st.sampled_from(KEYS), name=st.text(min_size=1, max_size=20), section=st.text(max_size=8))
def test_keys_and_names_of_any_text_are_read_or_refused(home, key, name, section):
    quoted = (
        '"' + "".join(f"\\U{ord(letter):08x}" for letter in name if not 0xD800 <= ord(letter) < 0xE000) + '"'
    )
    text = (
        WHOLE.replace(f"{key} =", f"{quoted} =", 1)
        + f"\n[limits.{quoted}]\n[prices.{quoted}]\n{section} = 1\n"
    )
    is_told(home, text.encode(errors="replace"))


@pytest.mark.parametrize(
    "deep", ["a." * 100_000 + "a = 1", f"[{'a.' * 100_000}a]", "x = {" + "'a' . " * 100_000 + "a = 1}"]
)
def test_keys_of_any_depth_are_refused(home, deep):
    assert is_told(home, f"{deep}\n".encode())


def test_a_key_of_too_many_parts_is_refused(home):
    assert is_told(home, ("pools." + "a." * 120 + "a = 1\n").encode())
    with pytest.raises(Invalid, match="more than 100 parts"):
        check(home)


def test_long_words_and_many_quotes_are_read_in_no_time(home):
    assert is_told(home, b"x = '" + b"a" * 900_000 + b"'")
    assert is_told(home, b'x = "' + b"'a' " * 200_000 + b'"')


@pytest.mark.parametrize("section", ["pools", "limits", "budgets", "prices", "backends", "slots"])
@each("value", HOSTILE)
def test_sections_that_are_something_else_are_read_or_refused(home, section, value):
    is_told(home, f"{section} = {value}".encode())
    is_told(home, f"[{section}]\na = {value}".encode())
    is_told(home, f"[[{section}]]\na = {value}".encode())
