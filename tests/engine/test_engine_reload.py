"""A running engine reads its configuration again: all or nothing."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from core.config import Read, Settings, load, read_at
from core.connectors.http import Http
from core.connectors.registry import Registry
from core.model.commands.work import Effect
from core.model.errors import Conflict, Invalid, Unavailable
from core.model.plans import OnOverflow
from tests.support.actors import by
from tests.support.house import House, script, task
from tests.support.waiting import within

BASE = 'slots = 4\nsynchronous = "NORMAL"\n'
CHANGED = (
    "SELECT data->>'key', data->'old', data->'new', actor FROM event"
    " WHERE kind = 'config.changed' ORDER BY id"
)


def write(house: House, text: str) -> None:
    house.paths.config.write_text(BASE + text)


async def reload(house: House, effect: Effect = Effect.CHANGE):
    return await within(house.control.configuration.reload(effect=effect, actor="ana"), "it is read again")


def standing(house: House) -> tuple[object, ...]:
    """Return all that a reload may change."""
    rows = house.rows("SELECT name, body, removed_at FROM limit_rule")
    pools = house.rows("SELECT name, body, removed_at FROM pool")
    events = house.rows("SELECT count(*) FROM event")
    return (
        rows,
        pools,
        events,
        house.engine.settings,
        house.engine.configuration.now.capacity.prices,
        house.engine.info().slots,
    )


LIVE = {
    "default_timeout": ("90.5", lambda engine: engine.runner._timeouts.default, 90.5),
    "stop_grace": ("3", lambda engine: engine._shutdown.grace, 3),
    "cancel_grace": ("2", lambda engine: engine.runner._termination.grace, 2),
    "max_losses": ("7", lambda engine: engine._completion.limits.max_losses, 7),
    "max_bounces": ("8", lambda engine: engine._completion.limits.max_bounces, 8),
    "manual_retries": ("9", lambda engine: engine.journal._writer.manual_retries, 9),
    "output_cap": ("8192", lambda engine: engine.children._exits.default.size, 8192),
    "output_policy": ('"fail"', lambda engine: engine.children._exits.default.policy, OnOverflow.FAIL),
    "output_quota": ("2097152", lambda engine: engine.upkeep.janitor.quota, 2097152),
    "artifact_cap": ("4096", lambda engine: engine.runner._tools.results.artifacts.most, 4096),
    "env_allow": ('["X_Y"]', lambda engine: engine.admission._surroundings._allowed, frozenset({"X_Y"})),
    "http_timeout": ("20", lambda engine: engine._ports.registry.get("http").settings.http_timeout, 20),
    "http_body_cap": ("2048", lambda engine: engine._ports.registry.get("http").settings.http_body_cap, 2048),
    "protected": ("true", lambda engine: engine.info().protected, True),
    "linger": ("17", lambda engine: engine.settings.linger, 17),
    "log_level": ('"error"', lambda engine: logging.getLogger("taskdeck").level, logging.ERROR),
    "slots": ("6", lambda engine: engine.info().slots, 6),
}


async def test_every_setting_that_is_read_at_a_reload_reaches_its_part(house: House) -> None:
    assert set(LIVE) == {name for name in Settings.model_fields if read_at(name) is Read.RELOAD}
    level = logging.getLogger("taskdeck").level
    await house.stop()
    house.registry = lambda: Registry([Http(load(house.paths.home))])
    engine = await house.open()
    lines = (f"{name} = {text}" for name, (text, *_) in LIVE.items())
    house.paths.config.write_text('synchronous = "NORMAL"\n' + "\n".join(lines))
    try:
        done = await reload(house)
        assert {name: probe(engine) for name, (_, probe, _) in LIVE.items()} == {
            name: value for name, (*_, value) in LIVE.items()
        }
    finally:
        logging.getLogger("taskdeck").setLevel(level)
    assert {change.key for change in done.changes} == set(LIVE)


async def test_fifty_changes_under_load_are_all_taken_and_all_told(house: House) -> None:
    write(house, "")
    await house.submit(*[script(f"t{number}", "true") for number in range(12)], task("call", "block"))
    limits = "".join(f'[limits.l{number}]\nkind = "concurrency"\nmax = {number}\n' for number in range(46))
    write(house, f"max_losses = 9\n{limits}[pools.default]\nslots = 2\n[pools.gpu]\nslots = 1\n")
    before = standing(house)
    rehearsed = await reload(house, Effect.NONE)
    assert standing(house)[3:] == before[3:]
    done, same = await asyncio.gather(reload(house), reload(house))
    # One of both finds nothing to do.
    changes = done.changes or same.changes
    assert (rehearsed.changes, len(changes), (done.changes and same.changes)) == (changes, 49, ())
    told = [(key, json.loads(old), json.loads(new), actor) for key, old, new, actor in house.rows(CHANGED)]
    assert told == [(one.key, one.old, one.new, by("ana")) for one in changes]
    assert house.rows("SELECT count(*) FROM limit_rule WHERE removed_at IS NULL") == [(46,)]
    assert (house.engine.settings.max_losses, house.engine.info().slots) == (9, 3)
    write(house, "[pools.default]\nslots = 3\n")
    changes = (await reload(house)).changes
    assert ("pools.default.slots", 2, 3) in [(one.key, one.old, one.new) for one in changes]
    assert len(changes) == 46 + 3
    house.steer.release("call")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("max_losses = 9\n[pools.a]\nslots = 2\nslotz = 3\n", "config.unknown"),
        ("max_losses = 9\n[pools.a\n", "config.syntax"),
        ("max_losses = 9\nbatch_cap = 7\n[pools.a]\nslots = 2\n", "config.restart"),
        (None, "config.unreadable"),
    ],
)
async def test_a_file_that_cannot_be_taken_whole_changes_nothing(
    house: House, text: str | None, code: str
) -> None:
    write(house, "")
    await reload(house)
    before = standing(house)
    if text is None:
        house.paths.config.unlink()
        house.paths.config.mkdir()
    else:
        write(house, text)
    with pytest.raises((Invalid, Conflict)) as caught:
        await reload(house)
    assert caught.value.code == code
    assert "batch_cap" in caught.value.message or code != "config.restart"
    assert standing(house) == before
    await house.engine.configuration.reload_or_note(actor="signal 1 (SIGHUP)")
    told = "SELECT actor, data->>'code' FROM event WHERE kind = 'config.refused'"
    assert house.rows(told) == [("signal 1 (SIGHUP)", code)]


async def test_what_the_store_does_not_take_is_not_taken_at_all(house: House, monkeypatch) -> None:
    write(house, "max_losses = 9\n")

    class Full:
        async def submit(self, command):
            raise Unavailable("store.full", "injected")

    monkeypatch.setattr(house.engine.configuration, "_journal", Full())
    with pytest.raises(Unavailable):
        await reload(house)
    assert house.engine.settings.max_losses != 9
    assert house.engine._completion.limits.max_losses != 9


async def test_values_with_the_name_of_a_secret_are_not_told(house: House) -> None:
    write(house, '[prices."token"]\ninput = 1\noutput = 2\n')
    (change,) = (await reload(house)).changes
    assert (change.key, change.new) == ("prices.token", "[redacted]")
