"""The table of commands: the phase and function that apply each.

Used by `transaction`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from operator import attrgetter
from typing import TypeAlias, TypeVar

from core.model.commands.answers import Answer, NoteLook, PassRates
from core.model.commands.capacity import ChangeCapacity
from core.model.commands.engine_notes import NoteEngine
from core.model.commands.forgetting import BeginForgetting, Forget
from core.model.commands.limits import Charge, Configure, NoteCheck
from core.model.commands.notices import BeginDelivery, ConfigureNotices, DraftNotices, EndDelivery
from core.model.commands.purges import (
    FilesRemoved,
    NoteRetention,
    Pin,
    Purge,
    RemoveOutputs,
    Shrink,
    SweepPayloads,
    SweepPurged,
    Unpin,
)
from core.model.commands.schedules import ChangeSchedule, Fire, MissExpectations, MissFires, StartFire
from core.model.commands.signals import Signal
from core.model.commands.work import (
    Acknowledge,
    Cancel,
    ComeDue,
    Command,
    Complete,
    Enqueue,
    Fail,
    FailJob,
    FollowUp,
    Hold,
    Kill,
    NoteAttempt,
    NoteFault,
    Operated,
    Pause,
    Prioritise,
    Recount,
    Rehearse,
    Repair,
    Rerun,
    Resume,
    Submit,
    Unacknowledge,
    Unhold,
)
from core.model.commands.work_items import (
    ApproveItem,
    ClaimItem,
    CommentItem,
    DelegateItem,
    DenyItem,
    ReleaseItem,
)
from core.model.commands.workflows import AddWorkflow, RemoveWorkflow
from core.model.patterns.judgements import Decide
from core.model.records import replace
from core.model.status import TASK
from core.store.apply.complete import apply_completes
from core.store.apply.consequences import apply_consequences, apply_follow_ups
from core.store.apply.containment import (
    apply_come_due_apart,
    apply_consequences_apart,
    apply_follow_ups_apart,
    apply_note_fault,
)
from core.store.apply.decide import apply_come_due, apply_decides
from core.store.apply.families import apply_acknowledge, apply_unacknowledge
from core.store.apply.limits.backend_checks import apply_note_check
from core.store.apply.limits.change_capacity import apply_change_capacity
from core.store.apply.limits.charges import apply_charge
from core.store.apply.limits.configure import apply_configure
from core.store.apply.notes import apply_note_attempt, apply_note_engine
from core.store.apply.notices import (
    apply_begin_delivery,
    apply_configure_notices,
    apply_draft_notices,
    apply_end_delivery,
)
from core.store.apply.operate import (
    apply_cancel,
    apply_fail,
    apply_hold,
    apply_kill,
    apply_pause,
    apply_prioritise,
    apply_resume,
    apply_unhold,
)
from core.store.apply.rerun import apply_rerun
from core.store.apply.schedules.expectations import apply_miss_expectations
from core.store.apply.schedules.fires import apply_fire
from core.store.apply.schedules.schedules import apply_change_schedule
from core.store.apply.submit import apply_enqueues, apply_submits
from core.store.apply.upkeep.derived import apply_recount
from core.store.apply.upkeep.forgetting import apply_begin_forgetting, apply_forget
from core.store.apply.upkeep.pins import apply_pin, apply_unpin
from core.store.apply.upkeep.purge import (
    apply_files_removed,
    apply_purge,
    apply_remove_outputs,
    apply_sweep_payloads,
    apply_sweep_purged,
)
from core.store.apply.upkeep.repair import apply_fail_job, apply_repair
from core.store.apply.upkeep.retention import apply_note_retention
from core.store.apply.upkeep.room import apply_shrink
from core.store.apply.waits.answers import apply_signal
from core.store.apply.waits.looks import apply_answer, apply_note_look, apply_pass_rates
from core.store.apply.waits.work_items import (
    apply_approve_item,
    apply_claim_item,
    apply_comment_item,
    apply_delegate_item,
    apply_deny_item,
    apply_release_item,
)
from core.store.apply.workflows import apply_add_workflow, apply_remove_workflow
from core.store.batch import Batch

Apply: TypeAlias = Callable[[Batch, Sequence[Command[object]]], Sequence[object]]
"""Carry out commands of one kind; return their answers in order, refusals among them."""
C = TypeVar("C", bound=Command[object])


class Phase(IntEnum):
    """The phases of a batch, in order; claims come last, without a command."""

    OPERATE = 1
    """What operators ask, one command after another as they came."""
    COMPLETE = 2
    DECIDE = 3
    FOLLOW_UP = 4
    CONSEQUENCES = 5
    """What follows from the phases before; it has no command of its own."""
    SUBMIT = 6
    ENQUEUE = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How one kind of command is carried out."""

    command: type[Command[object]]
    phase: Phase
    apply: Apply
    apart: Apply
    """How it is carried out in a replay: row by row, where one at fault would keep the others back."""


One: TypeAlias = Callable[[Batch, C], object]
Many: TypeAlias = Callable[[Batch, Sequence[C]], Sequence[object]]


def _each(command: type[C], apply: One[C], *, apart: One[C] | None = None) -> Step:
    """Return the step of a command that is carried out by itself."""

    def all_of(one: One[C]) -> Apply:
        def carry_out(batch: Batch, commands: Sequence[Command[object]]) -> Sequence[object]:
            return [one(batch, each) for each in commands if isinstance(each, command)]

        return carry_out

    return Step(command=command, phase=Phase.OPERATE, apply=all_of(apply), apart=all_of(apart or apply))


def _all(command: type[C], phase: Phase, apply: Many[C], *, apart: Many[C] | None = None) -> Step:
    """Return the step of a command all of which in a batch are carried out at once."""

    def typed(many: Many[C]) -> Apply:
        def carry_out(batch: Batch, commands: Sequence[Command[object]]) -> Sequence[object]:
            return many(batch, [one for one in commands if isinstance(one, command)])

        return carry_out

    return Step(command=command, phase=phase, apply=typed(apply), apart=typed(apart or apply))


_STARTING = frozenset(TASK[move].event for move in ("come_due", "rerun", "unhold", "unhold_later"))
"""Kinds of events after which a task will be started."""


def _rehearse(batch: Batch, command: Rehearse) -> object:
    """Carry an operation out under a savepoint, and undo it."""
    trial = batch.trial()
    capacity = batch.capacity.number
    batch.flush_counts()
    batch.db.execute("SAVEPOINT rehearsal")
    try:
        (answer,) = _STEPS[type(command.operation)].apply(trial, [command.operation])
        if isinstance(answer, Operated):
            answer = replace(answer, starts=trial.tasks_told(_STARTING))
    finally:
        if batch.db.in_transaction:
            batch.db.execute("ROLLBACK TO rehearsal")
            batch.db.execute("RELEASE rehearsal")
            batch.capacity.undo(batch.db, since=capacity)
    return answer


def _submit(batch: Batch, commands: Sequence[Submit]) -> Sequence[object]:
    """Admit jobs; what was skipped for another task with its key has consequences at once."""
    answers = apply_submits(batch, commands)
    if batch.finals:
        apply_consequences(batch)
    return answers


def _submit_apart(batch: Batch, commands: Sequence[Submit]) -> Sequence[object]:
    answers = apply_submits(batch, commands)
    if batch.finals:
        apply_consequences_apart(batch)
    return answers


_TABLE = (
    _each(Rehearse, _rehearse),
    _each(Cancel, apply_cancel),
    _each(Kill, apply_kill),
    _each(Pause, apply_pause),
    _each(Resume, apply_resume),
    _each(Hold, apply_hold),
    _each(Unhold, apply_unhold),
    _each(Fail, apply_fail),
    _each(Prioritise, apply_prioritise),
    _each(Rerun, apply_rerun),
    _each(Pin, apply_pin),
    _each(Unpin, apply_unpin),
    _each(Purge, apply_purge),
    _each(SweepPurged, apply_sweep_purged),
    _each(SweepPayloads, apply_sweep_payloads),
    _each(RemoveOutputs, apply_remove_outputs),
    _each(FilesRemoved, apply_files_removed),
    _each(NoteRetention, apply_note_retention),
    _each(Shrink, apply_shrink),
    _each(BeginForgetting, apply_begin_forgetting),
    _each(Forget, apply_forget),
    _each(Acknowledge, apply_acknowledge),
    _each(Unacknowledge, apply_unacknowledge),
    _each(NoteAttempt, apply_note_attempt),
    _each(NoteFault, apply_note_fault),
    _each(NoteEngine, apply_note_engine),
    _each(ConfigureNotices, apply_configure_notices),
    _each(DraftNotices, apply_draft_notices),
    _each(BeginDelivery, apply_begin_delivery),
    _each(EndDelivery, apply_end_delivery),
    _each(Configure, apply_configure),
    _each(NoteCheck, apply_note_check),
    _each(Charge, apply_charge),
    _each(ChangeCapacity, apply_change_capacity),
    _each(ChangeSchedule, apply_change_schedule),
    _each(Fire, apply_fire),
    _each(MissFires, apply_fire),
    _each(MissExpectations, apply_miss_expectations),
    _each(StartFire, apply_fire),
    _each(Repair, apply_repair),
    _each(Recount, apply_recount),
    _each(FailJob, apply_fail_job),
    _each(Signal, apply_signal),
    _each(ClaimItem, apply_claim_item),
    _each(ReleaseItem, apply_release_item),
    _each(DelegateItem, apply_delegate_item),
    _each(CommentItem, apply_comment_item),
    _each(ApproveItem, apply_approve_item),
    _each(DenyItem, apply_deny_item),
    _each(AddWorkflow, apply_add_workflow),
    _each(RemoveWorkflow, apply_remove_workflow),
    _each(Answer, apply_answer),
    _each(NoteLook, apply_note_look),
    _each(PassRates, apply_pass_rates),
    _each(ComeDue, apply_come_due, apart=apply_come_due_apart),
    _all(Complete, Phase.COMPLETE, apply_completes),
    _all(Decide, Phase.DECIDE, apply_decides),
    _all(FollowUp, Phase.FOLLOW_UP, apply_follow_ups, apart=apply_follow_ups_apart),
    _all(Submit, Phase.SUBMIT, _submit, apart=_submit_apart),
    _all(Enqueue, Phase.ENQUEUE, apply_enqueues),
)
_STEPS: dict[type[Command[object]], Step] = {step.command: step for step in _TABLE}


def _without_commands(apply: Callable[[Batch], None]) -> Apply:
    def carry_out(batch: Batch, _: Sequence[Command[object]]) -> Sequence[object]:
        apply(batch)
        return []

    return carry_out


Phases: TypeAlias = list[tuple[Apply, list[int]]]
"""What to call, with which of the commands, by their numbers."""


def phases(commands: Sequence[Command[object]]) -> Phases:
    """Sort commands into the phases of one batch."""
    return _sorted(commands, attrgetter("apply"), _without_commands(apply_consequences))


def phases_apart(commands: Sequence[Command[object]]) -> Phases:
    """Sort commands into the phases of a replay, in which what follows is carried out job by job."""
    return _sorted(commands, attrgetter("apart"), _without_commands(apply_consequences_apart))


def _sorted(commands: Sequence[Command[object]], how: Callable[[Step], Apply], follow: Apply) -> Phases:
    one_by_one: Phases = []
    # A phase without a command is left out: most batches have commands of one phase, or none.
    at_once: dict[Phase, tuple[Apply, list[int]]] = {Phase.CONSEQUENCES: (follow, [])}
    for number, command in enumerate(commands):
        step = _STEPS[type(command)]
        if step.phase is Phase.OPERATE:
            one_by_one.append((how(step), [number]))
        else:
            at_once.setdefault(step.phase, (how(step), []))[1].append(number)
    return [*one_by_one, *(at_once[phase] for phase in sorted(at_once))]
