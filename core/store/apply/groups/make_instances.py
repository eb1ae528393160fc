"""Make the instances of groups, some in each batch.

Called by the judgements and by what brings instances in line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from core.model.commands.work import ENGINE
from core.model.outcomes import TaskError
from core.model.patterns.instances import Item, instance_key, needed_of
from core.model.patterns.judgements import Expand
from core.model.plans import NeedWhen
from core.model.status import TASK_FINAL, TaskStatus
from core.model.stored_spec import StoredSpec
from core.model.values import JsonObject, JsonValue
from core.store.apply.groups.groups import GroupSet, begun, summary
from core.store.apply.limits.lane_sets import lane_of
from core.store.apply.moves import idle, queueing
from core.store.apply.moves.groups import begin_group, succeed_empty
from core.store.apply.submit import next_id
from core.store.batch import Batch
from core.store.rows import PLACE, LeftOver, TaskPlace
from core.store.sql import digest, pack, raw, unpack

PAGE = 250
"""Items of a row of those that have no instance yet."""
_HASHED = 4
"""Pages of each list by which the items are hashed; sets of earlier stores have the same hash."""
_GROUP = (
    "SELECT job_id, key, spec FROM task WHERE id = ? AND wait_reason = 'condition' AND status = 'blocked'"
)
_LAST = "SELECT id, number, digest, total FROM instance_set WHERE task_id = ? ORDER BY number DESC LIMIT 1"
_ADD = (
    "INSERT INTO instance_set (id, job_id, task_id, number, total, needed, parallel, digest)"
    # Instances whose set was deleted by hand are not of a new one.
    " VALUES (1 + max(coalesce((SELECT max(id) FROM instance_set), 0), coalesce((SELECT max(set_id) FROM task"
    " INDEXED BY task_item WHERE set_id IS NOT NULL), 0)), ?, ?, ?, ?, ?, ?, ?) RETURNING id"
)
_KEEP = "INSERT OR IGNORE INTO instance_page (set_id, first, body) VALUES (?, ?, ?)"
_KNOWN = "SELECT i.total FROM task t JOIN instance_set i ON i.task_id = t.id WHERE t.job_id = ? AND t.key = ?"
_BLOCKED_BY = (
    "SELECT e.task_id FROM edge e JOIN task t ON t.id = e.task_id AND t.status = 'blocked'"
    " WHERE e.need_id = ? AND e.met = 0 AND EXISTS (SELECT 1 FROM json_each(t.spec, '$.for_each.each')"
    " WHERE value = ?)"
)
_TASK = (
    f"INSERT INTO task ({PLACE}, key, name, grp, uses, priority, status, sort_key, needs_left, conditional,"
    " wait_reason, max_attempts, created_at, queued_at, cost, spec, group_task, item)"
    " SELECT ?, job_id, stage_id, queue, ?, ?, CAST(? AS TEXT), name, key, uses, priority, ?, ?, ?, ?, ?,"
    " max_attempts, ?, ?, cost, CAST(? AS TEXT), id, ? FROM task WHERE id = ?"
)
_ROW = "SELECT key, uses, priority, max_attempts FROM task WHERE id = ?"
_NEEDED = (
    "SELECT e.kind, (SELECT max(id) FROM instance_set WHERE task_id = e.need_id) FROM edge e"
    " JOIN task n ON n.id = e.need_id WHERE e.task_id = ? AND n.key IN (SELECT value FROM json_each(?))"
)
_PARTNERS = (
    "SELECT item, id, status, tolerated FROM task INDEXED BY task_item"
    " WHERE set_id = ? AND item >= ? AND item < ?"
)


def expand(batch: Batch, task_id: int, command: Expand) -> bool:
    """Let a group wait for its instances, or end it without any; False = it does not wait for that."""
    row = batch.one(_GROUP, task_id)
    if row is None:
        return False
    job_id, key, spec = row
    said = StoredSpec.from_json(_object(unpack(spec))).for_each
    if said is None:
        return False
    items = list(command.items)
    fault = _unlike_needs(batch, job_id, said.each, key=key, total=len(items))
    if fault is not None:
        return idle.fail_by_judgement(batch, task_id, fault.to_json())
    pages = [pack(items[first : first + PAGE]) for first in range(0, len(items), PAGE)]
    known = _digest_of(pages)
    last = batch.one(_LAST, task_id)
    if not items:
        number = 1 if last is None else last[1]
        return succeed_empty(batch, task_id, summary(0, {}, number=number))
    if last is not None and last[2] == known:
        set_id, number = last[:2]
    else:
        number = 1 if last is None else last[1] + 1
        batch.run("UPDATE instance_set SET again = NULL, only_failed = 0 WHERE task_id = ?", task_id)
        needed = (
            None if said.threshold is None else min(needed_of(said.threshold, len(items)), len(items) + 1)
        )
        row = (job_id, task_id, number, len(items), needed, said.max_parallel, known)
        ((set_id,),) = batch.rows(_ADD, *row)
    _keep_pages(batch, set_id, pages)
    begin_group(batch, task_id, {"instances": len(items), "set": number})
    batch.sets.add(set_id)
    _meet_each(batch, task_id, key)
    return True


def _digest_of(pages: Sequence[str]) -> str:
    """Return what tells whether other items are the same."""
    lists = (pages[first : first + _HASHED] for first in range(0, len(pages), _HASHED))
    return digest("\n".join("[" + ",".join(page[1:-1] for page in some) + "]" for some in lists))


def _keep_pages(batch: Batch, set_id: int, pages: Sequence[str]) -> None:
    ((made,),) = batch.rows("SELECT made FROM instance_set WHERE id = ?", set_id)
    batch.many(
        _KEEP,
        [(set_id, place * PAGE, page) for place, page in enumerate(pages) if place * PAGE >= made],
    )


def _unlike_needs(
    batch: Batch, job_id: int, each: Sequence[str], *, key: str, total: int
) -> TaskError | None:
    """Return why the instances of a group do not belong one to one to those that they need."""
    for need in each:
        rows = batch.rows(f"{_KNOWN} ORDER BY i.number DESC LIMIT 1", job_id, raw(need))
        theirs = rows[0][0] if rows else 0
        if theirs != total:
            message = (
                f"{key} has {total:,} instances and {need} has {theirs:,}, so that they do not fit one to one"
            )
            return TaskError(code="for_each.each", message=message)
    return None


def _meet_each(batch: Batch, task_id: int, key: str) -> None:
    """Let groups go on whose instances need those of this one, one to one."""
    waiting_ = [one for (one,) in batch.rows(_BLOCKED_BY, task_id, raw(key))]
    batch.many(
        "UPDATE edge SET met = 1 WHERE need_id = ? AND task_id = ?", [(task_id, one) for one in waiting_]
    )
    queueing.unblock_by_needs(batch, dict.fromkeys(waiting_, 1))


class _Partners:
    """The instances that those of a page need, one to one."""

    def __init__(self, batch: Batch, group: GroupSet, each: Sequence[str], *, end: int) -> None:
        self._kinds: list[str] = []
        self._rows: list[dict[int, tuple[int, str, int]]] = []
        self.are_there = True
        for kind, set_id in batch.rows(_NEEDED, group.place.task_id, pack(list(each))) if each else ():
            rows = batch.rows(_PARTNERS, set_id, group.made, end)
            self.are_there &= len(rows) == end - group.made
            self._kinds.append(kind)
            self._rows.append(
                {item: (task_id, status, tolerated) for item, task_id, status, tolerated in rows}
            )

    def edges(self, item: int) -> list[tuple[int, str, bool, bool]]:
        """Return for each need its task, its kind, whether it is met, and whether it has ended."""
        found = []
        for kind, rows in zip(self._kinds, self._rows, strict=True):
            need_id, status, tolerated = rows[item]
            ended = status in TASK_FINAL
            met = status == TaskStatus.SUCCEEDED or bool(tolerated) or (ended and kind == NeedWhen.DONE)
            found.append((need_id, kind, met, ended))
        return found


class _Template(NamedTuple):
    """What all instances of a group have alike."""

    spec: str
    """The beginning of its JSON."""
    name: str
    each: tuple[str, ...]
    is_conditional: bool


def make_some(batch: Batch, group: GroupSet, *, limit: int) -> int:
    """Make the next instances of a group; return how many, 0 = those that they need are not there yet."""
    row = batch.one("SELECT body FROM instance_page WHERE set_id = ? AND first = ?", group.id, group.made)
    if row is None:
        return 0
    page = unpack(row[0])
    assert isinstance(page, list)
    items, rest = page[:limit], page[limit:]
    said = group.for_each
    partners = _Partners(batch, group, said.each, end=group.made + len(items))
    if not partners.are_there:
        return 0
    _insert(batch, group, items, partners)
    number = len(items)
    batch.run("DELETE FROM instance_page WHERE set_id = ? AND first = ?", group.id, group.made)
    if rest:
        batch.run(_KEEP, group.id, group.made + number, pack(rest))
    batch.run("UPDATE instance_set SET made = made + ? WHERE id = ?", number, group.id)
    batch.run("UPDATE stage SET open_tasks = open_tasks + ? WHERE id = ?", number, group.place.stage_id)
    return number


def _insert(batch: Batch, group: GroupSet, items: Sequence[JsonValue], partners: _Partners) -> None:
    template = _template(group)
    free = len(items) if group.parallel is None else group.parallel - begun(batch, group.id)
    first = next_id(batch, "task")
    ((key, uses, priority, attempts),) = batch.rows(_ROW, group.place.task_id)
    place_of = group.place
    lane_id = lane_of(batch, place_of.task_id)
    sort_key = batch.rules.sort_key(batch.now, priority, aging_step=batch.aging_step)
    facts: JsonObject = {
        "stage": place_of.stage_id,
        "uses": uses,
        "queue": place_of.queue,
        "priority": priority,
        "max_attempts": attempts,
        "group": key,
        "group_task": place_of.task_id,
        "set": group.id,
    }
    rows, edges, met_later = [], [], set[int]()
    for offset, value in enumerate(items):
        index = group.made + offset
        place = TaskPlace(
            first + offset, place_of.job_id, place_of.stage_id, place_of.queue, lane_id, group.id
        )
        needs = partners.edges(index)
        left = sum(not met for _, _, met, _ in needs)
        edges += [(need_id, place.task_id, kind, int(met)) for need_id, kind, met, _ in needs]
        met_later |= {need_id for need_id, _, met, ended in needs if ended and not met}
        may_begin = free > 0 and not left
        free -= may_begin
        judged = may_begin and template.is_conditional
        status = TaskStatus.QUEUED if may_begin and not judged else TaskStatus.BLOCKED
        item = pack(Item(index=index, value=value, name=template.name, each=template.each).to_json())
        rows.append(
            (
                place.task_id,
                lane_id,
                group.id,
                raw(instance_key(key, index)),
                status,
                sort_key if status is TaskStatus.QUEUED else None,
                left,
                int(template.is_conditional),
                "condition" if judged else None,
                batch.wall,
                batch.wall if status is TaskStatus.QUEUED else None,
                f'{template.spec},"item":{item}}}',
                index,
                place_of.task_id,
            )
        )
        if judged:
            batch.report.conditions.append(place.task_id)
        batch.count_created(place, status)
        told = {"status": status, "key": instance_key(key, index), "item": index, **facts}
        batch.created(place, actor=ENGINE, facts=pack(told))
    batch.many(_TASK, rows)
    batch.many("INSERT INTO edge (need_id, task_id, kind, met) VALUES (?, ?, ?, ?)", edges)
    batch.followups += [LeftOver("task", need_id) for need_id in sorted(met_later)]


def _template(group: GroupSet) -> _Template:
    stored = group.stored
    said = group.for_each
    mine = {name: value for name, value in stored.items() if name not in ("for_each", "continue_on_error")}
    if not said.judges_each:
        mine.pop("when", None)
    spec = StoredSpec.from_json(mine)
    is_conditional = spec.when is not None or spec.open_terms or spec.waits
    return _Template(spec=pack(mine)[:-1], name=said.name, each=said.each, is_conditional=is_conditional)


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}
