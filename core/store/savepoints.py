"""Savepoints: a part of a transaction that can fail alone.

Used by the transaction and by the containment of faults.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from core.store.batch import Batch

R = TypeVar("R")


def under_savepoint(batch: Batch, work: Callable[[Batch], R]) -> R:
    """Do a part of a transaction on a batch of its own; an error undoes this part alone and travels on.

    Where an error has ended the whole transaction (a full disk), nothing is left to be undone.
    """
    trial = batch.trial()
    capacity = batch.capacity.number
    batch.db.execute("SAVEPOINT part")
    try:
        result = work(trial)
        trial.finish()
    except Exception:
        if batch.db.in_transaction:
            batch.db.execute("ROLLBACK TO part")
            batch.db.execute("RELEASE part")
            batch.capacity.undo(batch.db, since=capacity)
        raise
    batch.db.execute("RELEASE part")
    batch.absorb(trial)
    return result
