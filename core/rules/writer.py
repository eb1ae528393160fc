"""The set of decisions that the store's writer is given.

Passed by the engine to the store, which must not import the rules.
"""

from __future__ import annotations

from core.model.decisions import WriterRules
from core.rules import gauges, work_items
from core.rules.families import family_of
from core.rules.instances import decide_group
from core.rules.lanes import choose, sort_key
from core.rules.limit_scopes import broad_keys, gauge_keys, place_keys
from core.rules.overlaps import decide_fire
from core.rules.refusals import fault_of, refused_for
from core.rules.room import admit
from core.rules.verdicts import (
    forecast,
    needs_verdict,
    status_of_stage,
    verdict_of_finally,
    verdict_of_stages,
    verdict_of_task,
    verdict_of_tasks,
)

WRITER_RULES = WriterRules(
    choose=choose,
    sort_key=sort_key,
    status_of_stage=status_of_stage,
    verdict_of_task=verdict_of_task,
    needs_verdict=needs_verdict,
    verdict_of_stages=verdict_of_stages,
    verdict_of_finally=verdict_of_finally,
    verdict_of_tasks=verdict_of_tasks,
    forecast=forecast,
    decide_group=decide_group,
    family_of=family_of,
    gauges=gauges,
    admit=admit,
    gauge_keys=gauge_keys,
    broad_keys=broad_keys,
    place_keys=place_keys,
    refused_for=refused_for,
    fault_of=fault_of,
    decide_fire=decide_fire,
    items=work_items,
)
