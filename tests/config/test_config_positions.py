"""Lines of tables and keys in a TOML text."""

from __future__ import annotations

import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import positions
from core.config.positions import Positions, _keys

TEXT = '''# one
a = 1
text = """
b = 2
""" # five
list = [ # six
  1, 2, # ]
]
[pools.gpu] # nine
"odd key" = 1
'lit.eral' . x = 2
in_line = { a = 1, b = { c = 2 } }
hash = "# [no.table]"

[[prices."gpt-x"]]
input = 1
[[prices."gpt-x"]]
input = 2
[prices."gpt-x".more]
deep = 1
'''


def test_each_key_has_its_line():
    found = Positions(TEXT)
    expected = {
        ("a",): 2,
        ("text",): 3,
        ("list",): 6,
        ("pools", "gpu"): 9,
        ("pools", "gpu", "odd key"): 10,
        ("pools", "gpu", "lit.eral", "x"): 11,
        ("pools", "gpu", "in_line", "b", "c"): 12,
        ("pools", "gpu", "hash"): 13,
        ("prices", "gpt-x"): 15,
        ("prices", "gpt-x", 0, "input"): 16,
        ("prices", "gpt-x", 1): 17,
        ("prices", "gpt-x", 1, "input"): 18,
        ("prices", "gpt-x", 1, "more", "deep"): 20,
        ("pools", "gpu", "absent"): 9,
        ("absent",): None,
    }
    assert {path: found.line(path) for path in expected} == expected
    assert tomllib.loads(TEXT)


@given(st.text(alphabet="ab.=[]{}\"'#\n\\ 1,\t\r\x1b\u00e9", max_size=60))
def test_any_text_has_positions(text):
    assert Positions(text).line(("a", "b")) is None or "a" in text


def test_a_long_text_is_read_in_no_time():
    text = "a = [" + "[" * 20_000 + "'" * 20_001 + '"' * 20_001
    assert Positions(text * 10).line(("b",)) is None


@pytest.mark.parametrize("statement", ["{}=0", "[{}]", "[[{}]]"])
@given(text=st.text(alphabet="aB-_1. ='", max_size=8))
def test_keys_are_those_that_tomllib_reads(statement, text):
    asked = statement.format(text)
    keys = _keys(asked)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(positions, "_PLAIN", re.compile("(?!)"))
        assert _keys(asked) == keys
