"""Schedules of the configuration, with their next times.

Used by the engine when it reads its configuration, and by `config check`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from core.config.differences import plain
from core.config.faults import Faults, refusal
from core.config.schedules_section import SCHEDULES, TIMES
from core.host import own_surroundings
from core.model.command_document import document_of_command
from core.model.commands.schedules import DeclaredSchedule
from core.model.errors import Invalid
from core.model.timing.schedules import FirePolicy, Schedule, Timing, Work
from core.rules.fires import next_fire
from core.timetables.timetable import timetable_of

if TYPE_CHECKING:
    from pathlib import Path

    from core.config.checks import Configuration
    from core.config.schedules_section import ScheduleTable
    from core.engine.admissions.admission import Admission
    from core.model.ports import Clock
    from core.model.values import JsonObject


def declared_now(
    admission: Admission, clock: Clock, configuration: Configuration
) -> tuple[DeclaredSchedule, ...]:
    """Return the schedules of a configuration as an engine keeps them at this moment."""
    kept = admission.kept_surroundings(own_surroundings())
    return declared_schedules(configuration, surroundings=kept, now=clock.now() - clock.offset)


def declared_schedules(
    configuration: Configuration, *, surroundings: JsonObject, now: int
) -> tuple[DeclaredSchedule, ...]:
    """Return the schedules of a configuration as of `now` (ms UTC).

    Raises `InvalidDocument` with each time that cannot be read. Workflow files are read when they fire.
    """
    file = configuration.file
    faults, found = Faults(file), list[DeclaredSchedule]()
    written = file.values.get(SCHEDULES.name, {})
    assert isinstance(written, dict)
    for name, table in configuration.tables.named(SCHEDULES).items():
        try:
            schedule = _schedule(name, table, home=file.path.parent, surroundings=surroundings)
            following = next_fire(schedule, timetable_of(schedule.timing), now)
        except Invalid as error:
            field = error.facts.get("field")
            kind = next(kind for kind in TIMES if getattr(table, kind) is not None)
            key = field if isinstance(field, str) and field in type(table).model_fields else kind
            faults.add((SCHEDULES.name, name, key), f"{error.message}; {error.hint}".rstrip("; "))
            continue
        text = json.dumps(plain(written[name]), sort_keys=True)
        found.append(DeclaredSchedule(schedule=schedule, next=following, from_=now, text=text))
    if faults.found:
        raise refusal(file, faults.found)
    return tuple(found)


def _schedule(name: str, table: ScheduleTable, *, home: Path, surroundings: JsonObject) -> Schedule:
    return Schedule(
        name=name,
        timing=Timing(
            cron=table.cron,
            every_ms=table.every,
            calendar=table.calendar,
            at=table.at,
            zone=table.zone,
            anchor=(table.starts or 0) if table.every is not None else 0,
            starts=table.starts,
            ends=table.ends,
            exclude=tuple(table.exclude),
        ),
        policy=FirePolicy(
            jitter_ms=table.jitter,
            catch_up=table.catch_up,
            window_ms=table.window,
            most=table.max,
            overlap=table.overlap,
            expect_ms=table.expect,
        ),
        work=_work(name, table, home=home, surroundings=surroundings),
    )


def _work(name: str, table: ScheduleTable, *, home: Path, surroundings: JsonObject) -> Work:
    if table.file is not None:
        file = table.file.replace("~", str(home.home()), 1) if table.file.startswith("~/") else table.file
        path, text, source = str(home / file), None, str(home / file)
    else:
        path, text, source = None, document_of_command(table.command or (), name=name), name
    return Work(
        path=path,
        text=text,
        source=source,
        params=table.params,
        cwd=table.cwd or (str(home) if path is None else None),
        env={**table.env},
        project=table.project,
        retry=table.retry,
        surroundings=surroundings,
    )
