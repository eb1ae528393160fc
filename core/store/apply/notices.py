"""Draft notices behind a cursor of the history, and carry their deliveries.

Called through the table in `core.store.dispatch`. They are rows apart from tasks: no queue, pool or limit.
"""

from __future__ import annotations

from core.model.commands.notices import BeginDelivery, ConfigureNotices, DraftNotices, EndDelivery
from core.model.notices import KEPT, LISTED, Delivery, NoticeStatus, NoticeView
from core.model.values import JsonObject
from core.store.apply.moves.notices import drop_others, end_delivery
from core.store.batch import Batch
from core.store.rows import Subject
from core.store.sql import pack, raw

NOTICE = "id, sink, topic, event, at, text, job_id, task_id, status, tries, delivery, ended_at, error"
_NEWEST = "SELECT coalesce(max(id), 0) FROM event"
_FOLLOW = "INSERT OR IGNORE INTO notice_cursor (sink, event) VALUES (CAST(? AS TEXT), ?)"
_LISTED = "(SELECT value FROM json_each(?))"
_MOVE = "UPDATE notice_cursor SET event = ? WHERE event < ?"
_DRAFT = (
    "INSERT OR IGNORE INTO notice (sink, topic, event, at, text, job_id, task_id, about, status)"
    " SELECT CAST(?1 AS TEXT), ?2, ?3, ?4, CAST(?5 AS TEXT), ?6, ?7, CAST(?8 AS TEXT), 'waiting'"
    " FROM notice_cursor WHERE sink = CAST(?1 AS TEXT) AND event < ?3"
)
_UNDER_WAY = (
    "SELECT min(delivery) FROM notice INDEXED BY notice_waiting"
    " WHERE sink = CAST(? AS TEXT) AND status = 'waiting' AND delivery IS NOT NULL"
)
_GROUP = (
    "UPDATE notice SET delivery = (SELECT coalesce(max(delivery), 0) + 1 FROM notice)"
    " WHERE sink = CAST(? AS TEXT) AND status = 'waiting' AND delivery IS NULL RETURNING delivery"
)
_TRY = "UPDATE notice SET tries = tries + 1, due_at = NULL WHERE delivery = ? AND status = 'waiting'"
_OF_DELIVERY = (
    f"SELECT {NOTICE} FROM notice WHERE delivery = ? AND status = 'waiting' ORDER BY id LIMIT {LISTED}"
)
_COUNT = "SELECT count(*) FROM notice WHERE delivery = ? AND status = 'waiting'"
_AGAIN = "UPDATE notice SET due_at = ?, error = CAST(? AS TEXT) WHERE delivery = ? AND status = 'waiting'"
_FORGET = f"DELETE FROM notice WHERE status != 'waiting' AND id <= (SELECT max(id) - {KEPT} FROM notice)"


def apply_configure_notices(batch: Batch, command: ConfigureNotices) -> None:
    """Follow these sinks from now on; what waits for others is dropped."""
    listed = pack(list(command.sinks))
    batch.run(f"DELETE FROM notice_cursor WHERE sink NOT IN {_LISTED}", listed)
    drop_others(batch.db, command.sinks, at=batch.wall)
    ((newest,),) = batch.rows(_NEWEST)
    batch.many(_FOLLOW, [(raw(sink), newest) for sink in command.sinks])


def apply_draft_notices(batch: Batch, command: DraftNotices) -> bool:
    """Write notices of events that were not looked at for their sink, and move the cursors behind them."""
    row = batch.one("SELECT min(event) FROM notice_cursor")
    if row is None or row[0] is None or row[0] > command.upto:
        return False
    drafts = [
        (
            raw(one.sink),
            one.topic,
            one.event,
            one.at,
            raw(one.text),
            one.job_id,
            one.task_id,
            raw(one.about),
        )
        for one in command.drafts
    ]
    # A cursor that is further than the event keeps it from being told twice.
    batch.many(_DRAFT, drafts)
    batch.run(_MOVE, command.upto, command.upto)
    return True


def apply_begin_delivery(batch: Batch, command: BeginDelivery) -> Delivery | None:
    """Count a try; what is new is put together first, and keeps its number until it has ended."""
    ((number,),) = batch.rows(_UNDER_WAY, raw(command.sink))
    if number is None:
        grouped = batch.rows(_GROUP, raw(command.sink))
        if not grouped:
            return None
        number = grouped[0][0]
    batch.run(_TRY, number)
    ((count,),) = batch.rows(_COUNT, number)
    notices = tuple(notice_view(row) for row in batch.rows(_OF_DELIVERY, number))
    return Delivery(number=number, sink=command.sink, tries=notices[0].tries, count=count, notices=notices)


def apply_end_delivery(batch: Batch, command: EndDelivery) -> None:
    """Note what became of a try; a delivery that has ended stays so."""
    if command.again_at is not None:
        batch.run(_AGAIN, command.again_at, raw(command.error), command.number)
        return
    status = NoticeStatus.FAILED if command.error else NoticeStatus.SENT
    ended = end_delivery(batch, command.number, status, error=command.error)
    if not ended:
        return
    data: JsonObject = {"sink": command.sink, "delivery": command.number, "notices": ended}
    if command.error:
        data["error"] = command.error
    if command.signals:
        data |= {"subject": command.subject, "signals": [signal.value for signal in command.signals]}
    batch.event(f"notice.{status}", Subject(), actor=command.actor, data=data)
    batch.run(_FORGET)


def notice_view(row: tuple[object, ...]) -> NoticeView:
    """Return a notice of a row of the columns `NOTICE`."""
    names = NOTICE.split(", ")
    return NoticeView(**dict(zip(names, row, strict=True)))  # type: ignore[arg-type] # as the columns are
