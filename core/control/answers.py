"""What the engine answers: results and views, to JSON and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from core.control.requests import flag, integer, integers, list_of, object_of, optional_text, text
from core.model.commands import Operated, Submitted
from core.model.views import EngineInfo, JobResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.model.values import JsonObject, JsonValue


def submitted_to_json(result: Submitted) -> JsonObject:
    """Return an admission as JSON."""
    return {"job_id": result.job_id, "duplicate": result.duplicate}


def submitted_from_json(sent: JsonObject) -> Submitted:
    """Return the admission that was answered."""
    return Submitted(job_id=integer(sent, "job_id"), duplicate=flag(sent, "duplicate"))


def ids_to_json(task_ids: tuple[int, ...]) -> JsonObject:
    """Return ids as JSON, in order."""
    return {"task_ids": list(task_ids)}


def ids_from_json(sent: JsonObject) -> tuple[int, ...]:
    """Return the ids that were answered."""
    return integers(sent, "task_ids")


def operated_to_json(result: Operated) -> JsonObject:
    """Return what a verb changed as JSON."""
    refused: list[JsonValue] = [[task_id, reason] for task_id, reason in result.refused]
    return {"changed": result.changed, "refused": refused}


def operated_from_json(sent: JsonObject) -> Operated:
    """Return what a verb changed, as answered."""
    pairs = [_refusal(pair) for pair in list_of(sent.get("refused"), "refused")]
    return Operated(changed=integer(sent, "changed"), refused=tuple(pairs))


def _refusal(value: JsonValue) -> tuple[int, str]:
    """Return one refusal: an id and its reason."""
    pair = list_of(value, "refused")
    fields: JsonObject = dict(zip(("id", "reason"), pair, strict=False))
    return integer(fields, "id"), text(fields, "reason")


def counts_to_json(counts: Mapping[str, int]) -> JsonObject:
    """Return counts by status as JSON."""
    return {"counts": dict(counts)}


def counts_from_json(sent: JsonObject) -> dict[str, int]:
    """Return the counts by status that were answered."""
    counts = object_of(sent.get("counts"), "counts")
    return {status: integer(counts, status) for status in counts}


def result_to_json(result: JobResult) -> JsonObject:
    """Return the end of a job as JSON."""
    tasks = cast("JsonObject", dict(result.tasks))
    return {"id": result.id, "status": result.status, "counts": tasks, "reason": result.reason}


def result_from_json(sent: JsonObject) -> JobResult:
    """Return the end of a job as answered."""
    return JobResult(
        id=integer(sent, "id"),
        status=text(sent, "status"),
        tasks=counts_from_json(sent),
        reason=optional_text(sent, "reason"),
    )


def info_to_json(info: EngineInfo) -> JsonObject:
    """Return who answers as JSON."""
    return {
        "version": info.version,
        "pid": info.pid,
        "epoch": info.epoch,
        "slots": info.slots,
        "running": info.running,
        "home": info.home,
    }


def info_from_json(sent: JsonObject) -> EngineInfo:
    """Return who answered."""
    return EngineInfo(
        version=text(sent, "version"),
        pid=integer(sent, "pid"),
        epoch=integer(sent, "epoch"),
        slots=integer(sent, "slots"),
        running=integer(sent, "running"),
        home=text(sent, "home"),
    )
