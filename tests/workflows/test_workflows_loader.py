"""Tests of the loader: values with positions; hostile documents refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.model.errors import Invalid, InvalidDocument, NotFound
from core.workflows.limits import LIMITS, Limits, survey
from core.workflows.loader import load, read
from core.workflows.writer import dump
from tests.support.steps import counted_calls, counted_memory
from tests.support.tables import each

ALIAS_BOMB = "b: &b0 [x, x]\n" + "".join(
    f"b{i}: &b{i} [{', '.join([f'*b{i - 1}'] * 9)}]\n" for i in range(1, 30)
)


HOSTILE = {
    "alias bomb": (ALIAS_BOMB, "document.nodes"),
    "aliases of a long text": (
        f"a: &a {'x' * 200_000}\nb: [{', '.join(['*a'] * 1_000)}]\n",
        "document.size",
    ),
    "an alias within its anchor": ("a: &x [*x]", "document.alias"),
    "an alias before its anchor": ("a: *x\nb: &x 1", "document.alias"),
    "aliases within each other": (
        "a: &a0 [x]\n" + "".join(f"b{i}: &a{i + 1} [*a{i}]\n" for i in range(70)),
        "document.depth",
    ),
    "a scalar that is merged": ("a: &x 1\nb: {<<: *x}", "document.merge"),
    "tag": ("a: !!python/object/apply:os.system [id]", "document.tag"),
    "tag on a mapping": ("a: !thing {b: 1}", "document.tag"),
    "deep flow list": ("[" * 100_000, "document.depth"),
    "deep flow mapping": ("{a: " * 5_000, "document.depth"),
    "deep block list": ("- " * 5_000 + "x", "document.depth"),
    "5,000 indented levels": (
        "\n".join(" " * level + "a:" for level in range(5_000)).encode(),
        "document.depth",
    ),
    "deep JSON": ('{"a": ' + "[" * 5_000 + "]" * 5_000 + "}", "document.depth"),
    "deep JSON objects": ('{"a":' * 5_000 + "1" + "}" * 5_000, "document.depth"),
    "duplicate key": ("a: 1\nb: 2\na: 3", "document.duplicate_key"),
    "duplicate JSON key": ('{"a": 1, "b": {"c": 1, "c": 2}}', "document.duplicate_key"),
    "nan": ("a: .nan", "document.number"),
    "infinity": ("a: -.inf", "document.number"),
    "overflowing float": ("a: 1e999", "document.number"),
    "JSON NaN": ('{"a": NaN}', "document.number"),
    "JSON infinity": ('{"a": -Infinity}', "document.number"),
    "JSON overflow": ('{"a": 1e999}', "document.number"),
    "5,000 digits": ("a: " + "9" * 5_000, "document.number"),
    "5,000 JSON digits": ('{"a": ' + "9" * 5_000 + "}", "document.number"),
    "5,000 JSON digits and a point": ('{"a": ' + "9" * 5_000 + ".5}", "document.number"),
    "65 bits": (f"a: {2**64}", "document.number"),
    "65 JSON bits": (f'{{"a": {-(2**63) - 1}}}', "document.number"),
    "not UTF-8": (b"a: b\nc: \xff\xfe", "document.encoding"),
    "UTF-16": ("a: b".encode("utf-16"), "document.encoding"),
    "NUL": ("a: b\nc: \x00", "document.control"),
    "escape": ("a: \x1b[31m", "document.control"),
    "C1": ("a: \x9b31m", "document.control"),
    "bytes of ESC": (b"a: \x1b[31m", "document.control"),
    "bytes of DEL": (b"a: \x7f", "document.control"),
    "bytes of C1": (b"a: \xc2\x9b31m", "document.control"),
    "bytes of no character": (b"a: \xef\xbf\xbf", "document.control"),
    "second document": ("a: 1\n---\nb: 2", "document.second"),
    "number as key": ("1: a", "document.key"),
    "list as key": ("? [a]\n: b", "document.key"),
    "tab": ("a:\n\t- b", "document.syntax"),
    "open bracket": ("a: [1, 2", "document.syntax"),
    "broken JSON": ('{"a": 1 "b": 2}', "document.syntax"),
    "JSON cut off": ('{"a": "x', "document.syntax"),
    "JSON with a word": ('{"a": nope}', "document.syntax"),
    "text behind JSON": ('{"a": 1} x', "document.syntax"),
    "lone surrogate in YAML": ('a: "\\ud800"', "document.syntax"),
}
STEPS = {"alias bomb": 2_000_000, "aliases within each other": 30_000}
"""Of those that are like any document up to its limits; one of 250,000 values takes a million."""


@each("name", HOSTILE)
def test_a_hostile_document_is_refused_with_a_code_in_few_steps(name: str) -> None:
    text, code = HOSTILE[name]
    with counted_calls() as calls, pytest.raises(InvalidDocument) as caught:
        load(text)
    assert calls.number < STEPS.get(name, 10_000)
    assert code in {fault.code for fault in caught.value.faults}


def test_a_file_of_100_megabytes_is_refused_by_its_size_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    with counted_memory() as held, pytest.raises(InvalidDocument) as caught:
        read(path)
    assert caught.value.code == "document.size"
    assert held.number < 1024 * 1024


def test_too_many_values_are_refused_in_yaml_and_json() -> None:
    few = Limits(nodes=10)
    for text in ("[1,2,3,4,5,6,7,8,9,10,11]", '{"a": [1,2,3,4,5,6,7,8,9,10,11]}'):
        with pytest.raises(InvalidDocument) as caught:
            load(text, limits=few)
        assert caught.value.code == "document.nodes"


def test_what_is_no_file_has_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read(tmp_path / "absent.yaml")
    with pytest.raises(Invalid) as caught:
        read(tmp_path)
    assert caught.value.code == "document.unreadable"


def test_every_fault_of_a_document_is_told_at_once_in_order() -> None:
    with pytest.raises(InvalidDocument) as caught:
        load("a: .nan\nb: *x\nc: !t 1\nb: 2\n")
    found = [(fault.code, fault.line, fault.column) for fault in caught.value.faults]
    assert found == [
        ("document.number", 1, 4),
        ("document.alias", 2, 4),
        ("document.tag", 3, 4),
        ("document.duplicate_key", 4, 1),
    ]


def test_faults_of_bytes_and_characters_have_a_place_too() -> None:
    for text, place in (("ok: é\nb: \x00", (2, 4)), (b"ok: \xc3\xa9\nb: \xff", (2, 4))):
        with pytest.raises(InvalidDocument) as caught:
            load(text)
        fault = caught.value.faults[0]
        assert (fault.line, fault.column) == place


def test_aliases_stand_for_what_their_anchors_name() -> None:
    loaded = load(
        "base: &base {image: x, size: 3.10, env: {A: '1'}}\n"
        "more: &more {size: 2, tags: [a]}\n"
        "one: {<<: *base, size: 4}\n"
        "two: {<<: [*base, *more], '<<': kept}\n"
        "list: [&n 010, *n, *base]\n"
        "*key : v\n".replace("*key", "key")
    )
    value = loaded.value
    assert isinstance(value, dict)
    assert value["one"] == {"size": 4, "image": "x", "env": {"A": "1"}}
    assert value["two"] == {"<<": "kept", "image": "x", "size": 3.1, "env": {"A": "1"}, "tags": ["a"]}
    assert value["list"] == [10, 10, value["base"]]
    # Their numbers keep how they were written, and each copy is its own.
    assert loaded.texts[id(value["two"])] == {"size": "3.10"}
    assert loaded.texts[id(value["list"])] == {0: "010", 1: "010"}
    value["one"]["env"]["A"] = "2"  # type: ignore[index, call-overload]
    assert value["two"]["env"] == value["base"]["env"] == {"A": "1"}  # type: ignore[index, call-overload]
    place = loaded.positions.of_value(("two", "env", "A"))
    assert place is not None
    assert (place.line, place.column) == (1, 45)


def test_aliases_are_counted_before_they_are_made() -> None:
    text = f"a: &a [{'x, ' * 9}x]\nb: [*a, *a, *a]\n"
    assert len(load(text, limits=Limits(nodes=48)).value["b"]) == 3  # type: ignore[index, arg-type, call-overload]
    with pytest.raises(InvalidDocument) as caught:
        load(text, limits=Limits(nodes=47))
    assert [fault.code for fault in caught.value.faults] == ["document.nodes"]


def test_characters_of_aliases_are_counted_before_they_are_made() -> None:
    for named in (f"&a {'x' * 10}", f"&a [{'x' * 10}]", f"&a {{{'k' * 4}: {'x' * 6}}}"):
        text = f"a: {named}\nb: [*a, *a, *a, *a]\n"
        assert len(load(text, limits=Limits(size=52)).value["b"]) == 4  # type: ignore[index, arg-type, call-overload]
        with pytest.raises(InvalidDocument) as caught:
            load(text, limits=Limits(size=51))
        (fault,) = caught.value.faults
        assert (fault.code, fault.line) == ("document.size", 2)
        assert "once what aliases stand for is written out" in fault.message


def test_an_alias_within_its_own_anchor_says_so() -> None:
    with pytest.raises(InvalidDocument) as caught:
        load("a: &x 1\nb: &x [*x]")
    assert caught.value.faults[0].message == "*x stands within &x"


def test_a_later_anchor_of_a_name_takes_its_place_and_a_near_one_is_named() -> None:
    assert load("a: &x 1\nb: *x\nc: &x 2\nd: *x").value == {"a": 1, "b": 1, "c": 2, "d": 2}
    with pytest.raises(InvalidDocument) as caught:
        load("a: &shared 1\nb: *sharde")
    assert "did you mean" in caught.value.faults[0].message


def test_scalars_are_those_of_yaml_1_2() -> None:
    text = "on: no\nt: 12:30\no: 0o17\nx: 0xff\nf: 1e3\nn: ~\ne:\nd: 2026-01-01\nq: '1'\nu: 1_000\nz: 007"
    text += "\nb: True"
    assert load(text).value == {
        "on": "no",
        "t": "12:30",
        "o": 15,
        "x": 255,
        "f": 1000.0,
        "n": None,
        "e": None,
        "d": "2026-01-01",
        "q": "1",
        "u": "1_000",
        "z": 7,
        "b": True,
    }


def test_64_bits_signed_or_not_are_kept_to_the_digit() -> None:
    text = json.dumps({"a": 2**63, "b": -(2**63), "c": 2**64 - 1})
    assert load(text).value == load(text.replace('"', "")[1:-1].replace(", ", "\n")).value == json.loads(text)


def test_escaped_nul_and_lone_surrogates_of_json_stay_as_they_are() -> None:
    assert load('{"a": "\\u0000\\ud800"}').value == {"a": "\x00\ud800"}


@pytest.mark.parametrize("text", ["a:\n  - b: 1\n    c: é x\n", '{"a":\n  [{"b": 1,\n    "c": "é x"}]}'])
def test_places_of_keys_and_values_are_found_by_path(text: str) -> None:
    positions = load(text).positions
    lines = text.split("\n")
    line, column = positions.of_value(("a", 0, "c")) or (0, 0)
    assert lines[line - 1][column - 1 :].lstrip('"').startswith("é")
    line, column = positions.of_key(("a", 0, "c")) or (0, 0)
    assert lines[line - 1][column - 1 :].lstrip('"').startswith("c")


def test_a_path_that_leads_nowhere_gives_the_last_place_that_exists() -> None:
    positions = load("a:\n  b: 1\n").positions
    assert positions.of_value(("a", "x", 3)) == positions.of_value(("a",)) == (2, 3)


def test_a_mapping_that_contains_itself_is_too_deep_and_not_endless() -> None:
    knot: dict[str, object] = {}
    knot["self"] = knot
    fault = survey(knot)
    assert fault is not None
    assert fault.code == "document.depth"


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["no", "on", "~", "1e3", "0o7", "0x1f", ".5", "+1", "-", "a: b", "# x", "12:30", " a", "\x85"]
    )
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.text(max_size=8), _VALUES, max_size=4))
def test_what_is_written_as_yaml_is_read_back_identical(value: dict[str, object]) -> None:
    back = load(dump(value)).value  # type: ignore[arg-type]
    assert back == value
    assert repr(back) == repr(value)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(max_size=8), _VALUES, min_size=1, max_size=4))
def test_json_is_read_as_json_and_its_places_lead_to_the_values(value: dict[str, object]) -> None:
    loaded = load(json.dumps(value, indent=1).encode())
    assert loaded.value == value
    for key in value:
        assert loaded.positions.of_value((key,)) is not None


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="{}[]:,-?&*!|>'\"%@ \n\tab1.\\#~", max_size=40) | st.binary(max_size=40))
def test_no_text_brings_anything_but_a_value_or_a_refusal(text: str | bytes) -> None:
    try:
        loaded = load(text)
    except InvalidDocument as error:
        loaded = load(str(len(error.faults)))
    assert survey(loaded.value, LIMITS) is None
