"""Commands that change pools and limits.

Sent by the engine and by operators' verbs; applied by the store.
"""

from __future__ import annotations

from core.model.commands import Command
from core.model.limits import Limit, Pool


class Configure(Command[int], frozen=True, kw_only=True):
    """Bring pools and limits to what is configured; answered with how many of them changed.

    What was changed at run time stays, until it is reset.
    """

    pools: tuple[Pool, ...] = ()
    limits: tuple[Limit, ...] = ()
