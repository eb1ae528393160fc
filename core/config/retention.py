"""The section `[retention]` as a policy, and back.

Used by the capacity and by the commands that show it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.model.retention import DAY_MS, NEVER, Keep, KeepBoth, RetentionPolicy
from core.model.timing.durations import write_duration

if TYPE_CHECKING:
    from core.config.tables import KeepBothTable, KeepTable, RetentionTable
    from core.model.values import JsonObject


def retention_of(table: RetentionTable) -> RetentionPolicy:
    """Return what a table says; of a workflow what it does not say is as for all others."""
    usual = _both(table, KeepBoth())
    return RetentionPolicy(
        usual=usual,
        workflows={name: _both(own, usual) for name, own in table.workflows.items()},
        archive=table.archive or "",
        history_ms=RetentionPolicy().history_ms if table.history is None else table.history,
        ledger_ms=NEVER if table.ledger is None else table.ledger,
    )


def describe_retention(policy: RetentionPolicy) -> JsonObject:
    """Return a policy as config.toml has it, everything said."""
    usual = _described(policy.usual)
    workflows: JsonObject = {f"workflows.{name}": _described(own) for name, own in policy.workflows.items()}
    rest: JsonObject = {"history": _lasting(policy.history_ms), "ledger": _lasting(policy.ledger_ms)}
    return {**usual, "rest": rest, "archive": {"folder": policy.archive or "none"}, **workflows}


def _both(table: KeepBothTable, usual: KeepBoth) -> KeepBoth:
    return KeepBoth(
        succeeded=_keep(table.succeeded, usual.succeeded), failed=_keep(table.failed, usual.failed)
    )


def _keep(table: KeepTable, usual: Keep) -> Keep:
    return Keep(
        outputs_ms=usual.outputs_ms if table.outputs is None else table.outputs,
        rows_ms=usual.rows_ms if table.rows is None else table.rows,
        jobs=usual.jobs if table.jobs is None else table.jobs,
    )


def _described(both: KeepBoth) -> JsonObject:
    return {"succeeded": _shown(both.succeeded), "failed": _shown(both.failed)}


def _shown(keep: Keep) -> JsonObject:
    jobs: JsonObject = {} if keep.jobs == NEVER else {"jobs": keep.jobs}
    return {"outputs": _lasting(keep.outputs_ms), "rows": _lasting(keep.rows_ms), **jobs}


def _lasting(ms: int) -> str:
    if ms == NEVER:
        return "never"
    return write_duration(ms) if ms % DAY_MS else f"{ms // DAY_MS}d"
