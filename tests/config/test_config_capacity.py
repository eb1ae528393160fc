"""Pools, limits, budgets, prices and backends of config.toml."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import load, load_capacity
from core.config.checks import check
from core.config.descriptions import describe_capacity, lines_of
from core.model.backend_checks import Check, CommandTarget, HttpTarget, TcpTarget
from core.model.errors import Invalid, InvalidDocument
from core.model.limits.limits import (
    Backend,
    Capacity,
    Dimension,
    Limit,
    LimitKind,
    OnExhausted,
    Per,
    Pool,
    Price,
    Window,
)
from tests.config.config_cases import WHOLE
from tests.support.tables import each


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in list(os.environ):
        if name.upper().startswith("TASKDECK_"):
            monkeypatch.delenv(name)


def write(home: Path, text: str) -> Path:
    (home / "config.toml").write_text(text)
    return home


def capacity(home: Path, text: str, **overrides) -> Capacity:
    return load_capacity(write(home, text), **overrides)


def faults(home: Path, text: str) -> list[str]:
    """Return every fault of a file as `LINE [CODE] MESSAGE`."""
    with pytest.raises(InvalidDocument) as caught:
        capacity(home, text)
    return [f"{fault.line} [{fault.code}] {fault.message}" for fault in caught.value.faults]


def warnings(home: Path, text: str) -> list[str]:
    return [f"{fault.line} {fault.message}" for fault in check(write(home, text)).warnings]


def test_nothing_is_configured_without_a_file(tmp_path):
    assert load_capacity(tmp_path) == Capacity()


def test_every_table_becomes_its_noun(tmp_path):
    found = capacity(tmp_path, f"slots = 5\n{WHOLE}")
    assert found.pools == (
        Pool(name="gpu", slots=2, queues=("gpu", "default")),
        Pool(name="default", slots=5),
    )
    assert found.limits == (
        Limit(
            name="db",
            kind=LimitKind.CONCURRENCY,
            max=3,
            on={Dimension.HOST: "db1", Dimension.TAG: "nightly"},
        ),
        Limit(name="api", kind=LimitKind.RATE, max=10, step_us=1_020_000, rate="60/min"),
        Limit(
            name="daily",
            kind=LimitKind.QUOTA,
            max=100,
            window=Window(per=Per.DAY, zone="Europe/Berlin", starts_ms=21_600_000),
            on={},
        ),
        Limit(
            name="tokens", kind=LimitKind.QUOTA, max=1_000_500_000, unit="tokens", window=Window(per=Per.WEEK)
        ),
        Limit(
            name="team",
            kind=LimitKind.BUDGET,
            max=20_000_000,
            unit="usd",
            window=Window(per=Per.MONTH),
            on={Dimension.PROJECT: "red"},
            soft=0.8,
            default_cost=20_000,
            estimate_after_ms=86_400_000,
            on_exhausted=OnExhausted.FINISH,
        ),
        Limit(name="all", kind=LimitKind.BUDGET, max=1, unit="usd", on={}),
    )
    since = round(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1_000)
    assert found.prices == (
        Price(model="gpt-x", input=2_500_000, output=10_000_000),
        Price(model="gpt-x", input=15, output=100, per=10, since=since),
    )
    assert found.backends == (
        Backend(
            name="api",
            match={Dimension.HOST: "api.example.com"},
            failures=3,
            period_ms=90_000,
            rest_ms=20_000,
            retry_share=0.1,
            check=Check(
                target=TcpTarget(host="::1", port=5432),
                every_ms=60_000,
                timeout_ms=2_000,
                slow_ms=500,
                rise=3,
                fall=1,
            ),
        ),
        Backend(
            name="web",
            match={Dimension.CONNECTOR: "http"},
            check=Check(target=HttpTarget(url="https://api.example.com/health?deep=1")),
        ),
        Backend(
            name="db",
            match={Dimension.POOL: "gpu"},
            check=Check(target=CommandTarget(argv=("pg_isready", "-q"))),
        ),
    )
    assert load(tmp_path).slots == 5


def test_a_limit_without_on_is_for_those_that_name_it_and_a_budget_for_all(tmp_path):
    text = '[limits.a]\nkind = "concurrency"\nmax = 1\n[budgets.b]\nunit = "usd"\nmax = 1\n'
    assert [limit.on for limit in capacity(tmp_path, text).limits] == [None, {}]


@given(digits=st.integers(0, 10**15), decimals=st.integers(0, 6))
def test_amounts_are_exactly_what_is_written(tmp_path_factory, digits, decimals):
    text = f"{digits / 10**decimals:.{decimals}f}" if not decimals else _shifted(digits, decimals)
    if Decimal(text) > 10**9:
        return
    home = tmp_path_factory.mktemp("deck")
    (limit,) = capacity(home, f'[budgets.b]\nunit = "usd"\nmax = {text}\n').limits
    assert limit.max == Decimal(text) * 1_000_000


def _shifted(digits: int, decimals: int) -> str:
    text = str(digits).rjust(decimals + 1, "0")
    return f"{text[:-decimals]}.{text[-decimals:]}"


@pytest.mark.parametrize(
    ("rate", "step"),
    [
        ("5/s", 204_000),
        ("60/min", 1_020_000),
        ("7/min", 8_596_429),
        ("100 / hour", 36_025_000),
        ("1000/s", 1_020),
        ("1000000/sec", 1),
        ("1/day", 86_400_025_000),
    ],
)
def test_a_rate_is_the_time_from_one_start_to_the_next_and_two_percent_in_reserve(tmp_path, rate, step):
    (limit,) = capacity(tmp_path, f'[limits.a]\nkind = "rate"\nrate = "{rate}"\n').limits
    assert (limit.step_us, limit.max) == (step, 1)


@each(
    ("text", "said"),
    [
        (
            "[pools.a]\nslots = 1\nslotz = 2",
            "3 [config.unknown] `pools.a.slotz`: unknown key; did you mean `slots`?",
        ),
        ("[pools.a]", "1 [config.value] `pools.a.slots`: is missing"),
        (
            "[pools.a]\nslots = 1\norder = 'listed'",
            "1 [config.value] `pools.a`: order = listed needs `queues`",
        ),
        ("[pools.a]\nslots = true", "2 [config.value] `pools.a.slots`: input should be a valid integer"),
        (
            "[pools.a]\nslots = 0",
            "2 [config.value] `pools.a.slots`: input should be greater than or equal to 1",
        ),
        ("[pools.a]\nslots = '1'", "2 [config.value] `pools.a.slots`: input should be a valid integer"),
        (
            "[pools.a]\nslots = 1\nqueues = ['x', 'y z']",
            "3 [config.value] `pools.a.queues[2]`: must be a name of at most 100 letters",
        ),
        (
            "[pools.a]\nslots = 1\nqueues = []",
            "3 [config.value] `pools.a.queues`: list should have at least 1",
        ),
        (
            "[pools.a]\nslots = 1\nqueues = ['x', 'x']",
            "3 [config.value] `pools.a.queues`: must name each queue once",
        ),
        ("[pools.'a b']\nslots = 1", '1 [config.value] `pools."a b"`: must have a name of'),
        ("pools = 3", "1 [config.value] `pools`: must hold tables, [pools.NAME]"),
        ("[pools]\na = 3", "2 [config.value] `pools.a`: must be a table, [pools.NAME]"),
        (
            "[limits.a]\nmax = 1",
            "1 [config.value] `limits.a.kind`: is missing: one of concurrency, rate, quota",
        ),
        (
            "[limits.a]\nkind = 'concurency'",
            "2 [config.value] `limits.a.kind`: must be one of concurrency, rate, quota; did you mean `conc",
        ),
        (
            "[limits.a]\nkind = 'concurrency'\nmax = 1\nburst = 2",
            "4 [config.value] `limits.a.burst`: is for limits of kind rate",
        ),
        (
            "[limits.a]\nkind = 'rate'\nrate = '1/s'\non = {hots = 'x'}",
            "4 [config.unknown] `limits.a.on.hots`: unknown key; did you mean `host`?",
        ),
        (
            "[limits.a]\nkind = 'rate'\nrate = '0/s'",
            "3 [config.value] `limits.a.rate`: must be a number of starts",
        ),
        ("[limits.a]\nkind = 'quota'\nmax = 1", "1 [config.value] `limits.a.per`: is missing"),
        (
            "[limits.a]\nkind = 'quota'\nmax = 1.5\nper = 'day'",
            "1 [config.value] `limits.a`: `max` must be a whole number of starts",
        ),
        (
            "[limits.a]\nkind = 'quota'\nmax = 1\nper = 'day'\nzone = 'Europe/Berlim'",
            "5 [config.value] `limits.a.zone`: `Europe/Berlim` is not a time zone; did you mean `Eur",
        ),
        (
            "[budgets.a]\nunit = 'usd'\nmax = 1\nstarts = '06:00'",
            "1 [config.value] `budgets.a`: `zone` and `starts` are of windows that begin again, not of per",
        ),
        (
            "[budgets.a]\nunit = 'USD'\nmax = 1",
            "2 [config.value] `budgets.a.unit`: must be a name of a-z, 0-9 and _, a letter first, such",
        ),
        (
            "[budgets.a]\nunit = 'usd'\nmax = 0.0000001",
            "3 [config.value] `budgets.a.max`: must be a number from 0 to 1,000,000,000 with",
        ),
        (
            "[budgets.a]\nunit = 'usd'\nmax = 1\nsoft = 80",
            "4 [config.value] `budgets.a.soft`: input should be less",
        ),
        (
            "[budgets.a]\nunit = 'usd'\nmax = 1\nsoft = nan",
            "4 [config.value] `budgets.a.soft`: input should be a fin",
        ),
        (
            "[budgets.a]\nunit = 'usd'\nmax = 1\nunknown = 'guess'",
            '4 [config.value] `budgets.a.unknown`: must be "estimate after" and a length of time',
        ),
        (
            "[limits.a]\nkind = 'concurrency'\nmax = 1\n[budgets.a]\nunit = 'usd'\nmax = 1",
            "4 [config.value] `budgets.a`: a limit has this name, and no two limits or budgets share one",
        ),
        (
            "[prices.x]\ninput = 2.5\noutput = 10\nper = 1",
            "2 [config.value] `prices.x.input`: is 2,500,000 dollars for a million tokens, and must",
        ),
        (
            "[prices.x]\ninput = 1\noutput = -1",
            "3 [config.value] `prices.x.output`: must be a number of dollars",
        ),
        (
            "[prices.x]\ninput = 1\noutput = 1\nfrom = '2026-01-01'",
            "4 [config.value] `prices.x.from`: must be a date from 1970 to 2199, such as 2026-01-01",
        ),
        (
            "[[prices.x]]\ninput = 1\noutput = 1\n[[prices.x]]\ninput = 2\noutput = 1",
            "4 [config.value] `prices.x[2]`: there is another price from the same day on",
        ),
        (
            "[prices.x]\ninput = 1\noutput = 1e-20",
            "1 [config.value] `prices.x`: has more decimals than can be counted",
        ),
        (
            "[backends.a]\nmatch = {}",
            "2 [config.value] `backends.a.match`: must have one of host, connector, pool",
        ),
        ("[backends.a]\nmatch = 3", "2 [config.value] `backends.a.match`: must be a table"),
        (
            "[backends.a]\nmatch = {host = 'x'}\ncheck = {tcp = 'x'}",
            "3 [config.value] `backends.a.check.tcp`: must be HOST:PORT, such as db1:5432",
        ),
        (
            "[backends.a]\nmatch = {host = 'x'}\ncheck = {http = 'ftp://x'}",
            "3 [config.value] `backends.a.check.http`: must be an http or https address without a password",
        ),
        (
            "[backends.a]\nmatch = {host = 'x'}\ncheck = {http = 'http://me:pw@x'}",
            "3 [config.value] `backends.a.check.http`: must be an http or https address without a password",
        ),
        (
            "[backends.a]\nmatch = {host = 'x'}\ncheck = {tcp = 'x:1', command = ['true']}",
            "3 [config.value] `backends.a.check`: must have one of http, tcp, command",
        ),
        (
            "[backends.a]\nmatch = {host = 'x'}\ncheck = {tcp = 'x:1', every = '10ms'}",
            "3 [config.value] `backends.a.check.every`: input should be greater than or equal to 1000",
        ),
        (
            "[backends.a]\nmatch = {host = 'x'}\ncheck = {tcp = 'x:1', every = '2s'}",
            (
                "3 [config.value] `backends.a.check`: `timeout`, 5s unless it is named, must not be longer"
                " than `every`"
            ),
        ),
        (
            "[backends.a]\nmatch = {host = 'x'}\ncheck = {tcp = 'x:1', slow = '5s'}",
            "3 [config.value] `backends.a.check`: `slow` must be shorter than `timeout`",
        ),
        (
            "[backends.a]\nmatch = {host = 'x'}\ncheck = {tcp = 'x:1', evry = '2s'}",
            "3 [config.unknown] `backends.a.check.evry`: unknown key; did you mean `every`?",
        ),
        (
            "[backends.a]\nmatch = {host = 'x'}\nbreaker = {period = '2d'}",
            "3 [config.value] `backends.a.breaker.period`: input should be less than or equal to 86400000",
        ),
    ],
)
def test_a_fault_is_told_with_line_key_and_near_miss(tmp_path, text, said):
    (fault,) = faults(tmp_path, text)
    assert fault.startswith(said)


def test_every_fault_is_told_in_the_order_of_the_lines(tmp_path):
    text = "[budgets.b]\nmax = 'x'\n[pools.a]\nslotz = 0\norder = 3\n[limits.c]\nkind = 'rate'\n"
    assert [fault.split("`")[1] for fault in faults(tmp_path, text)] == [
        "budgets.b.unit",
        "budgets.b.max",
        "pools.a.slots",
        "pools.a.slotz",
        "pools.a.order",
        "limits.c.rate",
    ]


def test_settings_and_tables_are_told_together(tmp_path, monkeypatch):
    monkeypatch.setenv("TASKDECK_LOCK_WAIT", "soon")
    with pytest.raises(InvalidDocument) as caught:
        check(write(tmp_path, "slotz = 1\n[pools.a]\nslots = 0\n"))
    told = [(fault.line, fault.path) for fault in caught.value.faults]
    assert told == [(None, "lock_wait"), (1, "slotz"), (4 - 1, "pools.a.slots")]
    assert caught.value.code == "config.invalid"


def test_one_faulty_setting_is_told_with_its_line_and_a_variable_by_its_name(tmp_path, monkeypatch):
    with pytest.raises(InvalidDocument) as caught:
        check(write(tmp_path, "\nslotz = 1\n"))
    assert (caught.value.code, caught.value.faults[0].line) == ("config.unknown", 2)
    monkeypatch.setenv("TASKDECK_LOCK_WAIT", "soon")
    with pytest.raises(Invalid, match="TASKDECK_LOCK_WAIT") as told:
        check(write(tmp_path, "slots = 1\n"))
    assert type(told.value) is Invalid


def test_a_misspelt_section_is_told_with_the_right_one(tmp_path):
    with pytest.raises(Invalid, match="did you mean `pools`"):
        load(write(tmp_path, "[pool.a]\nslots = 1\n"))


def test_control_characters_of_names_do_not_reach_the_terminal(tmp_path):
    said = " ".join(faults(tmp_path, '[pools."\\u001b[31m"]\n"\\u001b" = 1\n[prices."\\u001b"]\n'))
    assert "\x1b" not in said


@pytest.mark.parametrize(
    ("text", "slots", "variable", "expected"),
    [
        ("slots = 3", None, None, ()),
        ("[pools.default]\nslots = 4", None, None, (4,)),
        ("slots = 3\n[pools.default]\nslots = 4", None, None, (4,)),
        ("slots = 3\n[pools.default]", None, None, (3,)),
        ("[pools.default]\nslots = 4", 7, None, (7,)),
        ("[pools.default]\nslots = 4", None, "6", (6,)),
        ("[pools.default]\nslots = 4", 7, "6", (7,)),
        ("[pools.default]\nslots = 4\n[pools.gpu]\nslots = 2", 7, None, (7, 2)),
        ("[pools.gpu]\nslots = 2", None, "6", (2,)),
    ],
)
def test_the_strongest_source_sets_the_slots_of_the_default_pool(
    tmp_path, monkeypatch, text, slots, variable, expected
):
    if variable is not None:
        monkeypatch.setenv("TASKDECK_SLOTS", variable)
    assert tuple(pool.slots for pool in capacity(tmp_path, text, slots=slots).pools) == expected


def test_slots_of_a_command_line_are_refused_where_only_other_pools_are(tmp_path):
    with pytest.raises(Invalid, match=r"--slots 7 is for the pool `default`.*gpu") as caught:
        capacity(tmp_path, "[pools.gpu]\nslots = 2", slots=7)
    assert "[pools.default]" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[pools.a]\nslots = 1\nqueues = ['x']", "1 `pools`: no pool drains the queue `default`"),
        (
            (
                "pools = {a = {slots = 1, queues = ['default', 'gpu']}}\n"
                "[limits.l]\nkind = 'rate'\nrate = '1/s'\non = {queue = 'gpuu'}"
            ),
            "5 `limits.l.on.queue`: no pool drains the queue `gpuu`; did you mean `gpu`?",
        ),
        (
            "[budgets.b]\nunit = 'usd'\nmax = 1\non = {pool = 'gpu'}",
            "4 `budgets.b.on.pool`: `gpu` is not a pool; known: default",
        ),
        (
            "[backends.b]\nmatch = {pool = 'defualt'}",
            "2 `backends.b.match.pool`: `defualt` is not a pool; did you mean",
        ),
        ("slots = 3\n[pools.a]\nslots = 1", "1 `slots`: changes nothing: no pool is named `default`"),
        ("slots = 3\n[pools.default]\nslots = 1", "1 `slots`: changes nothing: [pools.default] has `slots`"),
        (
            "[budgets.b]\nunit = 'usd'\nmax = 1\ndefault_cost = 2",
            "4 `budgets.b.default_cost`: is more than `max`",
        ),
    ],
)
def test_what_may_not_be_meant_is_a_warning(tmp_path, text, said):
    (warning,) = warnings(tmp_path, text)
    assert warning.startswith(said)


def test_a_whole_file_has_no_warnings(tmp_path):
    assert warnings(tmp_path, WHOLE) == []


def test_what_is_shown_is_what_is_written(tmp_path):
    shown = describe_capacity(capacity(tmp_path, f"slots = 5\n{WHOLE}"), slots=5)
    assert shown["pools"]["gpu"] == {"slots": 2, "queues": ["gpu", "default"], "order": "priority"}
    assert shown["limits"]["daily"] == {
        "kind": "quota",
        "max": 100,
        "per": "day",
        "zone": "Europe/Berlin",
        "starts": "06:00",
        "on": {},
    }
    assert shown["budgets"]["all"]["max"] == 0.000001
    assert shown["budgets"]["team"]["unknown"] == "estimate after 1d"
    assert [price["per"] for price in shown["prices"]["gpt-x"]] == [1_000_000, 10]
    assert shown["backends"]["api"]["breaker"]["failures"]
    assert ("limits.api", "kind = rate, rate = 60/min, burst = 10") in lines_of(shown)
    assert ("pools.default", "slots = 5, queues = all, order = priority") in lines_of(shown)


def test_the_pool_of_the_setting_is_shown_where_none_is_configured(tmp_path):
    shown = describe_capacity(load_capacity(tmp_path), slots=5)
    assert shown["pools"] == {"default": {"slots": 5, "queues": [], "order": "priority"}}


@pytest.mark.parametrize("rate", ["1/s", "7/min", "7/hour", "100/day", "999999/s", "86401/day"])
def test_a_rate_that_is_shown_is_read_as_the_same(tmp_path, rate):
    found = capacity(tmp_path, f'[limits.a]\nkind = "rate"\nrate = "{rate}"\n')
    again = describe_capacity(found, slots=1)["limits"]["a"]["rate"]
    assert capacity(tmp_path, f'[limits.a]\nkind = "rate"\nrate = "{again}"\n') == found
