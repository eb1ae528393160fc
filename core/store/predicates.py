"""Filters on jobs, tasks or events as bound SQL.

Used by the reports. The SQL selects the rows that `core.filters.matching.matches` accepts.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import TypeAlias, assert_never

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Table,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
)

from core.filters.fields import FIELDS, TOOK, Kind, Noun
from core.filters.patterns import PatternRefused, compile_pattern
from core.filters.terms import (
    Ago,
    At,
    Compare,
    Contains,
    Filter,
    Glob,
    In,
    Length,
    Matches,
    Op,
    Term,
    field_of,
)
from core.model.errors import Invalid
from core.model.status import JOB_FINAL, TASK_IDLE, JobStatus, TaskStatus
from core.model.values import INBOX
from core.store.noise_code import NOISE_CODE
from core.store.sql import among, member, raw
from core.store.tables.schema import attempt, counter, engine, event, job, task
from core.store.wait_codes import STATUSES, WAIT_CODE

Expression: TypeAlias = "ColumnElement[object]"
Condition: TypeAlias = "ColumnElement[bool]"
_TABLES: dict[Noun, Table] = {Noun.JOBS: job, Noun.TASKS: task, Noun.EVENTS: event}
_ELSEWHERE: dict[tuple[Noun, str], Expression] = {
    (Noun.TASKS, "wait_reason"): literal_column(WAIT_CODE),
    (Noun.TASKS, "group"): task.c.grp,
    (Noun.TASKS, "attempts"): task.c.epoch,
    # Attempts of this generation that failed or timed out, and the one that did not.
    (Noun.TASKS, "tries"): literal_column(
        "max(task.tries + (task.status IN ('running', 'succeeded')), task.started_at IS NOT NULL)"
    ),
    # Kept in engine time, shown by the wall clock.
    (Noun.TASKS, "retry_at"): task.c.retry_at - select(engine.c.time_offset).scalar_subquery(),
    (Noun.TASKS, "error.message"): literal_column(member("task.error", "$.message")),
    (Noun.TASKS, "error.code"): literal_column(member("task.error", "$.code")),
    (Noun.JOBS, "tolerated"): func.coalesce(
        select(counter.c.n)
        .where(counter.c.scope == "job_tolerated", counter.c.ref == cast(job.c.id, Text))
        .scalar_subquery(),
        0,
    ),
    (Noun.JOBS, "pinned.by"): job.c.pinned_by,
    (Noun.TASKS, "pinned.by"): task.c.pinned_by,
    (Noun.EVENTS, "noise"): literal_column(NOISE_CODE),
    (Noun.EVENTS, "key"): select(task.c.key).where(task.c.id == event.c.task_id).scalar_subquery(),
}
_COMPARISONS: dict[Op, Callable[[Expression, int], Condition]] = {
    Op.LESS: operator.lt,
    Op.AT_MOST: operator.le,
    Op.MORE: operator.gt,
    Op.AT_LEAST: operator.ge,
}
_REVERSED = {Op.LESS: Op.MORE, Op.AT_MOST: Op.AT_LEAST, Op.MORE: Op.LESS, Op.AT_LEAST: Op.AT_MOST}
_TROUBLE = frozenset({TaskStatus.FAILED, TaskStatus.HELD, TaskStatus.RETRYING, TaskStatus.WAITING})
_LIVE = frozenset(set(JobStatus) - JOB_FINAL)
_NUMBERED = {
    Noun.JOBS: {"id"},
    Noun.TASKS: {"id", "group", "family"},
    Noun.EVENTS: {"id", "task"},
}
"""Fields whose values an index finds."""
PINNED = "pinned"
_GLOB_SIGNS = re.compile(r"[*?\[]")


def column_of(noun: Noun, name: str, *, now: int = 0) -> Expression:
    """Return what SQL reads for a column of the noun's view; raises KeyError for an unknown one.

    A span that is under way ends at `now` (ms UTC).
    """
    if name == TOOK:
        return _took(noun, now)
    column = _ELSEWHERE.get((noun, name))
    return _TABLES[noun].c[name] if column is None else column


def _took(noun: Noun, now: int) -> Expression:
    table = _TABLES[noun]
    end: Expression = literal(now)
    if noun is Noun.TASKS:
        # One that waits for its next attempt takes no time.
        end = case((table.c.status.not_in([literal_column(f"'{one}'") for one in sorted(TASK_IDLE)]), now))
    return func.coalesce(table.c.finished_at, end) - table.c.started_at


def where(filter_: Filter, *, now: int) -> list[Condition]:
    """Return one condition for each term, all to hold; ages are judged at `now` (ms UTC).

    `regexp` must be a function of the connection (`readers` registers it). A glob sees a text only
    up to a NUL. Raises `Invalid` `filter.regex` for a pattern that cannot be compiled.
    """
    return [_condition(term, filter_.noun, now) for term in filter_.terms]


def has_index(noun: Noun, term: Term) -> bool:
    """Tell whether an index finds the rows of a term."""
    if not isinstance(term, In) or term.negated:
        return False
    name = field_of(noun, term.field).name
    if name == PINNED:
        return True
    if any(isinstance(value, Glob) for value in term.values):
        return False
    match noun, name:
        case Noun.TASKS, "status":
            return set(term.values) == {TaskStatus.RUNNING} or _TROUBLE.issuperset(term.values)
        case Noun.JOBS, "status":
            return _LIVE.issuperset(term.values)
        case ((Noun.EVENTS | Noun.TASKS), "job"):
            return _of_jobs(term)
        case _:
            return name in _NUMBERED[noun]


def bound(value: str) -> Expression:
    """Return a text as a bound value that keeps lone surrogates."""
    data = raw(value)
    return literal(data, Text) if isinstance(data, str) else cast(literal(data, LargeBinary), Text)


def _condition(term: Term, noun: Noun, now: int) -> Condition:
    match term:
        case In():
            return _negate_if(_is_in(term, noun), negated=term.negated)
        case Compare():
            return _compares(term, noun, now)
        case Contains():
            return _negate_if(_contains(term.text, noun), negated=term.negated)
        case Matches():
            return _negate_if(_is_match(term, noun), negated=term.negated)
        case _:
            assert_never(term)


def _negate_if(condition: Condition, *, negated: bool) -> Condition:
    # Nothing (NULL) is none of the values, so a negated term holds for it.
    return not_(func.coalesce(condition, literal_column("0"))) if negated else condition


def _is_in(term: In, noun: Noun) -> Condition:
    field = field_of(noun, term.field)
    column = column_of(noun, field.column)
    if column is task.c.job_id and not _of_jobs(term):
        # Most tasks are the inbox's: its index would give them all before they are in order. `+` forbids it.
        column = literal_column("+task.job_id")
    if field.kind is Kind.CHOICE:
        return _is_choice(column, field.choices, term)
    globs = [_glob(column, value) for value in term.values if isinstance(value, Glob)]
    plain: list[int | Expression] = [
        bound(value) if isinstance(value, str) else value
        for value in term.values
        if not isinstance(value, Glob)
    ]
    condition = or_(false(), *([column.in_(plain)] if plain else []), *globs)
    if field.name == PINNED and not term.negated:
        # The index on what is pinned is partial; it is used only where the query says the same.
        return and_(condition, (job if noun is Noun.JOBS else task).c.pinned_at.is_not(None))
    if column is event.c.job_id and _of_jobs(term):
        # The index on events of jobs is partial; it is used only where the query says the same.
        return and_(condition, literal_column("event.job_id > 1"))
    return condition


def _of_jobs(term: In) -> bool:
    return all(isinstance(value, int) and value > INBOX for value in term.values)


def _is_choice(column: Expression, choices: tuple[str, ...], term: In) -> Condition:
    """Compare with literal text, which partial indexes need; only known words get there."""
    chosen = [choice for choice in choices if choice in term.values]
    condition = column.in_([literal_column(f"'{choice}'") for choice in chosen]) if chosen else false()
    if column is _ELSEWHERE[Noun.TASKS, "wait_reason"] and chosen and not term.negated:
        # What has another status needs no second look, which is dear under limits.
        statuses = {STATUSES.get(choice, "queued") for choice in chosen}
        narrow = task.c.status.in_([literal_column(f"'{status}'") for status in sorted(statuses)])
        return and_(narrow, condition)
    if column is task.c.status and chosen == [TaskStatus.RUNNING] and not term.negated:
        # No index holds running tasks; each has one open attempt, and those are few.
        running = select(attempt.c.task_id).where(attempt.c.status == literal_column("'running'"))
        return and_(condition, task.c.id.in_(running))
    if column is task.c.status and chosen and _TROUBLE.issuperset(chosen) and not term.negated:
        # The index on tasks in trouble is partial; it is used only where the query says the same.
        return and_(condition, literal_column(among(_TROUBLE, "task.status")))
    if column is job.c.status and chosen and _LIVE.issuperset(chosen) and not term.negated:
        return and_(condition, literal_column(among(_LIVE, "job.status")))
    return condition


def _glob(column: Expression, glob: Glob) -> Condition:
    parts = [_GLOB_SIGNS.sub(lambda sign: f"[{sign.group()}]", part) for part in glob.parts]
    return column.op("GLOB", is_comparison=True)(bound("*".join(parts)))


def _compares(term: Compare, noun: Noun, now: int) -> Condition:
    column = column_of(noun, field_of(noun, term.field).column, now=now)
    match term.value:
        case Ago(ms=length):
            return _COMPARISONS[_REVERSED[term.op]](column, now - length)
        case At(ms=moment):
            return _COMPARISONS[term.op](column, moment)
        case Length(ms=length):
            return _COMPARISONS[term.op](column, length)
        case int(number):
            return _COMPARISONS[term.op](column, number)
        case _:
            assert_never(term.value)


def _contains(text: str, noun: Noun) -> Condition:
    wanted = func.lower(bound(text))
    columns = [column_of(noun, name) for name in FIELDS[noun].searched]
    return or_(*(func.coalesce(func.instr(func.lower(cast(c, Text)), wanted), 0) > 0 for c in columns))


def _is_match(term: Matches, noun: Noun) -> Condition:
    try:
        compile_pattern(term.pattern)
    except PatternRefused as error:
        raise Invalid(
            "filter.regex", error.reason, hint=error.hint, facts={"pattern": term.pattern}
        ) from error
    column = column_of(noun, field_of(noun, term.field).column)
    # As bytes: arguments of a function are decoded strictly, and a lone surrogate would fail the query.
    pattern = literal(term.pattern.encode("utf-8", "surrogatepass"), LargeBinary)
    return func.regexp(pattern, cast(column, LargeBinary))
