"""What expressions compute: kinds, exact numbers, texts, times, and their limits."""

from __future__ import annotations

import pytest

from core.model.errors import Invalid
from core.workflows.expressions.equality import STEPS_MAX
from core.workflows.expressions.kinds import ITEMS_MAX, TEXT_MAX
from core.workflows.expressions.resolving import evaluate, resolve
from core.workflows.expressions.texts import SUBJECT_MAX
from tests.support.tables import each

BIG = 2**53 + 1
SCOPE = {
    "params": {
        "i": 3,
        "f": 1.5,
        "s": "abc",
        "n": None,
        "yes": True,
        "l": [1, 2, 3],
        "m": {"a": 1, "in": 2},
        "big": BIG,
        "huge": 2**70,
        "text": "one\r\ntwo\n\nfour\n",
        "words": ["a", "b"],
        "numbers": [1, True, 1.0],
        "half": "\ud800",
    }
}
VALUES = {
    # Whole numbers are exact, and stay whole numbers.
    "1 + 1": 2,
    "params.big + 1": BIG + 1,
    "params.big * params.big": BIG * BIG,
    "9223372036854775807 + 1": 2**63,
    "params.huge - 1": 2**70 - 1,
    "7 / 2": 3,
    "-7 / 2": -3,
    "7 % 3": 1,
    "-7 % 3": -1,
    "7 % -3": 1,
    "2 - 1 - 1": 0,
    "2 * 3 + 4 * 5": 26,
    "-(3)": -3,
    "--3": 3,
    "0x1F": 31,
    "1u + 1": 2,
    # A whole number beside a double becomes a double.
    "5 + 1.5": 6.5,
    "1.5 + 5": 6.5,
    "100 * 1.0": 100.0,
    "7 / 2.0": 3.5,
    "1 - 0.5": 0.5,
    "1e3": 1000.0,
    ".5": 0.5,
    # Numbers are compared by value, across kinds and exactly.
    "1 == 1.0": True,
    "1 < 1.5": True,
    "params.big == 9007199254740992.0": False,
    "params.big > 9007199254740992.0": True,
    "[1] == [1.0]": True,
    "{'a': 1} == {'a': 1.0}": True,
    "1 in [1.0]": True,
    "true == 1": False,
    "[true] == [1]": False,
    "true in [1]": False,
    "true in params.numbers": True,
    "1 == 'a'": False,
    "1 != 'a'": True,
    "null == params.n": True,
    "params.l == [1, 2, 3]": True,
    "params.l != [1, 2]": True,
    "params.m == {'a': 1, 'b': 2}": False,
    "'a' < 'b'": True,
    "false < true": True,
    # Words, lists, maps.
    "'a' + \"b\"": "ab",
    "[1] + ['x'] + []": [1, "x"],
    "params.l[1]": 2,
    "params.l[1.0]": 2,
    "params.m['a'] + params.m.in": 3,
    "{'a': {'b': [1]}}.a.b[0]": 1,
    "[1, 2,][0]": 1,
    "'a' in params.m": True,
    "'z' in params.m": False,
    "has(params.m.a)": True,
    "has(params.m.z)": False,
    "params.yes ? 'y' : 'n'": "y",
    "true ? 1 : true ? 2 : 3": 1,
    "!true || !!true": True,
    "1 == 1 == true": True,
    # One side may decide alone, whatever the other is.
    "false && 1 / 0 > 0": False,
    "1 / 0 > 0 && false": False,
    "1 / 0 > 0 || true": True,
    "params.missing == 1 || params.yes": True,
    # Functions.
    "size('äb')": 2,
    "size(params.l) + params.l.size() + size(params.m)": 8,
    "type(1) + type(1.0) + type('') + type(null) + type([]) + type({}) + type(true)": (
        "intdoublestringnulllistmapbool"
    ),
    "string(1) + string(1.0) + string(1.5) + string(true)": "111.5true",
    "string(1e20)": "100000000000000000000",
    "string(1e300)": "1e+300",
    "int('-12') + int(1.9) + int(-1.9)": -12,
    "int('36893488147419103232') + 1": 2**65 + 1,
    "double('1.5') + double(1)": 2.5,
    "uint(7)": 7,
    "size(bytes('ä'))": 2,
    # Texts.
    "params.text.lines()": ["one", "two", "", "four"],
    "params.text.lines()[1]": "two",
    "size(''.lines())": 0,
    "'  x \\n'.trim()": "x",
    "'a,b,c'.split(',')": ["a", "b", "c"],
    "'a,b,c'.split(',', 2)": ["a", "b,c"],
    "'abc'.split('')": ["a", "b", "c"],
    "params.words.join() + params.words.join('-')": "aba-b",
    "'aXbX'.replace('X', '--')": "a--b--",
    "'Äb'.upperAscii() + 'ÄB'.lowerAscii()": "ÄBÄb",
    "'abc'.contains('b') && 'abc'.startsWith('a') && 'abc'.endsWith('c')": True,
    "'abc'.matches('^a.c$') && matches('abc', 'b')": True,
    "r'a\\n'": "a\\n",
    "'\\n\\x41\\u00e9\\U0001F600\\101'": "\nAé😀A",
    "'''a'b'''": "a'b",
    # Times.
    "duration('1h') + duration('1m') == duration('61m')": True,
    "duration('1.5s') < duration('1501ms')": True,
    "string(duration('90m')) + string(-duration('1.5s'))": "1h30m0s-1.5s",
    "timestamp('2026-01-02T00:00:00Z') - timestamp('2026-01-01T00:00:00Z') == duration('24h')": True,
    "string(timestamp('2026-01-02T03:04:05+01:00') + duration('1h'))": "2026-01-02T03:04:05+00:00",
    "timestamp('2026-01-02T03:04:05.678Z').getFullYear()": 2026,
    "timestamp('2026-01-02T03:04:05.678Z').getMonth()": 0,
    "timestamp('2026-01-02T03:04:05.678Z').getDate()": 2,
    "timestamp('2026-01-02T03:04:05.678Z').getDayOfWeek()": 5,
    "timestamp('2026-01-02T03:04:05.678Z').getDayOfYear()": 1,
    "timestamp('2026-01-02T03:04:05.678Z').getMilliseconds()": 678,
    "duration('90m').getHours() + duration('90m').getMinutes()": 91,
    "int(timestamp('1970-01-01T00:01:00Z')) == int(timestamp(60))": True,
}


@each("source", VALUES)
def test_an_expression_gives_its_value_with_its_kind(source: str) -> None:
    value = evaluate(source, SCOPE)
    assert value == VALUES[source]
    assert type(value) is type(VALUES[source])


REFUSED = {
    # source: code, character from 1, kinds that were met
    "params.s + 1": ("expression.type", 10, ["string", "int"]),
    "1 + params.n": ("expression.type", 3, ["int", "null"]),
    "params.l < params.l": ("expression.type", 10, ["list", "list"]),
    "params.s * 3": ("expression.type", 10, ["string", "int"]),
    "params.f % params.f": ("expression.type", 10, ["double", "double"]),
    "-params.s": ("expression.type", 1, ["string"]),
    "!params.i": ("expression.type", 1, ["int"]),
    "params.i && true": ("expression.type", 1, ["int"]),
    "true && params.s": ("expression.type", 9, ["string"]),
    "params.s ? 1 : 2": ("expression.type", 1, ["string"]),
    "'a' in params.s": ("expression.type", 5, ["string", "string"]),
    "params.s.size.x": ("expression.type", 10, ["string"]),
    "params.n.x": ("expression.type", 10, ["null"]),
    "params.i[0]": ("expression.type", 9, ["int"]),
    "params.m[1]": ("expression.type", 9, ["map"]),
    "params.l['a']": ("expression.type", 9, ["list"]),
    "params.l[params.yes]": ("expression.type", 9, ["list", "bool"]),
    "{params.i: 1}": ("expression.type", 2, ["int"]),
    "int(params.l)": ("expression.type", 1, ["list"]),
    "params.i.trim()": ("expression.type", 10, ["int"]),
    "params.l.join()": ("expression.type", 10, ["list", "int"]),
    "has(params.s.x)": ("expression.type", 14, ["string"]),
    "timestamp('2026-01-01T00:00:00Z') + params.i": ("expression.type", 35, ["timestamp", "int"]),
    "duration('1s')": ("expression.type", 1, ["duration"]),
    "[bytes(params.s)]": ("expression.type", 1, ["bytes"]),
    "params.l[3]": ("expression.unknown", 9, None),
    "params.l[-1]": ("expression.unknown", 9, None),
    "params.i / 0": ("expression.failed", 10, None),
    "params.i % 0": ("expression.failed", 10, None),
    "params.f / 0": ("expression.type", 1, None),
    "int(params.s)": ("expression.failed", 1, None),
    "double(params.s)": ("expression.failed", 1, None),
    "uint(-params.i)": ("expression.failed", 1, None),
    "duration(params.s)": ("expression.failed", 1, None),
    "timestamp(params.s)": ("expression.failed", 1, None),
    "string(bytes(params.half))": ("expression.failed", 1, None),
    "1e308 * 10 * params.i": ("expression.type", 1, None),
    "int(1e308 * 10 * params.i)": ("expression.failed", 1, None),
    "params.s.matches(params.s + '(?=x)')": ("expression.pattern", 10, None),
}


@each("source", REFUSED)
def test_a_refusal_names_the_expression_the_character_and_the_kinds(source: str) -> None:
    code, character, kinds = REFUSED[source]
    with pytest.raises(Invalid) as caught:
        resolve({"argv": ["${{ " + source + " }}"]}, SCOPE, ("b", "with"))
    fault = caught.value
    assert (fault.code, fault.facts["character"], fault.facts.get("types")) == (code, character, kinds)
    assert fault.facts["expression"] == source
    assert fault.facts["field"] == "b.with.argv[0]"
    assert fault.message.startswith(f"`b.with.argv[0]`: in `{source}` at character {character}: ")
    assert all(kind in fault.message for kind in kinds or ())


def test_values_that_are_only_passed_on_are_neither_copied_nor_looked_at() -> None:
    whole: object = 1
    for _ in range(5_000):
        whole = [whole]
    numbers = list(range(300_000))
    scope = {"params": {"deep": whole, "numbers": numbers, "yes": True}}
    assert evaluate("params.yes ? params.deep : 1", scope) is whole
    assert evaluate("params.numbers", scope) is numbers
    assert evaluate("size(params.numbers) == 300000 && params.numbers[299999] == 299999", scope) is True
    assert evaluate("299999 in params.numbers", scope) is True


def repeated(term: str, times: int = 12) -> str:
    return " + ".join([term] * times)


TOO_MUCH = {
    repeated("params.list"): "expression.size",
    repeated("params.text"): "expression.size",
    "params.text.replace('a', params.text)": "expression.size",
    "params.text.split('')": "expression.size",
    "params.text.split('a')": "expression.size",
    "params.lines.lines()": "expression.size",
    "params.words.join(params.text)": "expression.size",
    "params.text.matches('b')": "expression.size",
    " * ".join(["params.wide"] * 20): "expression.size",
    " || ".join(["-1 in params.list"] * 20): "expression.cost",
    " || ".join(["params.list == params.other"] * 8): "expression.cost",
}


@pytest.mark.parametrize("source", TOO_MUCH)
def test_what_would_take_too_long_or_too_much_room_is_refused(source: str) -> None:
    scope = {
        "params": {
            "list": list(range(ITEMS_MAX // 8)),
            "other": [-1, *range(1, ITEMS_MAX // 8)],
            "text": "a" * (TEXT_MAX // 8),
            "lines": "\n" * (ITEMS_MAX + 1),
            "words": ["a"] * 100,
            "wide": 2**60,
        }
    }
    assert len("a" * (TEXT_MAX // 8)) > SUBJECT_MAX
    assert STEPS_MAX < 20 * ITEMS_MAX
    with pytest.raises(Invalid) as caught:
        evaluate(source, scope)
    assert caught.value.code == TOO_MUCH[source]
