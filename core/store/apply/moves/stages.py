"""Moves of stages: open, close, reopen.

Called by the stages, the ends of jobs and reruns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from core.model.errors import Bug
from core.model.status import STAGE, Move, StageStatus
from core.model.values import JsonObject
from core.store.batch import Batch
from core.store.sql import guard, ids

_MOVE = {
    move.name: f"UPDATE stage SET status = '{move.target}' WHERE id = ? AND {guard(move)}"
    for move in STAGE.values()
}
_CLOSE = {move.target: move for move in STAGE.values() if move.name.startswith("close_")}
_CLOSE_ENDED = {
    target: f"UPDATE stage SET status = '{target}', open_tasks = 0 FROM json_each(?) AS j"
    f" WHERE stage.id = j.value AND {guard(move, 'stage.status', sources={StageStatus.OPEN})}"
    for target, move in _CLOSE.items()
}


class OpenStage(NamedTuple):
    """An open stage of a job."""

    job_id: int
    id: int
    name: str


def open_stage(batch: Batch, job_id: int, stage_id: int, *, name: str) -> None:
    """Open a pending stage, which must be one."""
    _must(batch, job_id, STAGE["open"], {"stage": stage_id, "name": name})


def close_stage(batch: Batch, job_id: int, stage_id: int, *, name: str, status: StageStatus) -> None:
    """Close a stage that is pending or open, which it must be."""
    _must(batch, job_id, _CLOSE[status], {"stage": stage_id, "name": name})


def close_ended(batch: Batch, ended: Sequence[OpenStage], *, status: StageStatus) -> None:
    """Close open stages all whose tasks have ended, and count these off; all must be there."""
    if batch.run(_CLOSE_ENDED[status], ids(stage.id for stage in ended)) != len(ended):
        note: JsonObject = {"stages": [stage.id for stage in ended]}
        raise Bug("stage.refused", f"a stage could not {_CLOSE[status].name}", facts=note)
    move = _CLOSE[status].leaving(StageStatus.OPEN)
    for stage in ended:
        batch.stage_moved(stage.job_id, move, {"stage": stage.id, "name": stage.name})


def reopen_stage(batch: Batch, job_id: int, stage_id: int) -> None:
    """Open a closed stage again; one that is open stays as it is."""
    _may(batch, job_id, STAGE["reopen"], {"stage": stage_id})


def reset_stage(batch: Batch, job_id: int, stage_id: int) -> None:
    """Make a closed stage pending again; one that is pending stays as it is."""
    _may(batch, job_id, STAGE["reopen_pending"], {"stage": stage_id})


def _must(batch: Batch, job_id: int, move: Move[StageStatus], note: JsonObject) -> None:
    if not _may(batch, job_id, move, note):
        raise Bug("stage.refused", f"a stage could not {move.name}", facts=note)


def _may(batch: Batch, job_id: int, move: Move[StageStatus], note: JsonObject) -> bool:
    before = batch.one("SELECT status FROM stage WHERE id = ?", note["stage"])
    if before is None or batch.run(_MOVE[move.name], note["stage"]) != 1:
        return False
    batch.stage_moved(job_id, move.leaving(StageStatus(before[0])), note)
    return True
