"""Carry out what operators change of pools, limits and the ledger.

Called through the table in `core.store.dispatch`.
"""

from __future__ import annotations

from typing import assert_never

from core.model.commands.capacity import (
    ChangeCapacity,
    CloseBackend,
    CorrectGauge,
    Freeze,
    OpenBackend,
    PausePool,
    Reconcile,
    ResetBackend,
    ResetLimit,
    ResetPool,
    ResizePool,
    ResumePool,
    SetLimit,
    Unfreeze,
)
from core.model.commands.work import Operated
from core.model.errors import TaskdeckError
from core.store.apply.limits.operated_backends import change_backend
from core.store.apply.limits.pools import pause_pool, reset_pool, resize_pool, resume_pool
from core.store.apply.limits.reconcile import correct_gauge, reconcile
from core.store.apply.limits.set_limits import freeze, reset_limit, set_limit, unfreeze
from core.store.batch import Batch
from core.store.rows import Cause


def apply_change_capacity(batch: Batch, command: ChangeCapacity) -> Operated | TaskdeckError:
    """Carry out one change; what is so already changes nothing."""
    change, cause = command.change, Cause(reason=command.reason, actor=command.actor)
    match change:
        case ResizePool():
            return resize_pool(batch, change, cause)
        case PausePool():
            return pause_pool(batch, change, cause)
        case ResumePool():
            return resume_pool(batch, change, cause)
        case ResetPool():
            return reset_pool(batch, change, cause)
        case SetLimit():
            return set_limit(batch, change, cause)
        case ResetLimit():
            return reset_limit(batch, change, cause)
        case CorrectGauge():
            return correct_gauge(batch, change, cause)
        case OpenBackend() | CloseBackend() | ResetBackend():
            return change_backend(batch, change, cause)
        case Freeze():
            return freeze(batch, cause)
        case Unfreeze():
            return unfreeze(batch, cause)
        case Reconcile():
            return reconcile(batch, change, cause)
        case _:
            assert_never(change)
