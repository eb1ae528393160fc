"""The table of commands: the phase and function that apply each.

Used by `transaction`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias, TypeVar

from core.model.commands import (
    Cancel,
    ComeDue,
    Command,
    Complete,
    Decide,
    Enqueue,
    Fail,
    FollowUp,
    Hold,
    Kill,
    NoteOrphan,
    Pause,
    Prioritise,
    Rerun,
    Resume,
    Submit,
    Unhold,
)
from core.store.apply.complete import apply_completes
from core.store.apply.consequences import apply_consequences, apply_follow_ups
from core.store.apply.decide import apply_come_due, apply_decides
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
from core.store.apply.orphans import apply_note_orphan
from core.store.apply.rerun import apply_rerun
from core.store.apply.submit import apply_enqueues, apply_submits
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


def _each(command: type[C], apply: Callable[[Batch, C], object]) -> Step:
    """Return the step of a command that is carried out by itself."""

    def carry_out(batch: Batch, commands: Sequence[Command[object]]) -> Sequence[object]:
        return [apply(batch, one) for one in commands if isinstance(one, command)]

    return Step(command=command, phase=Phase.OPERATE, apply=carry_out)


def _all(command: type[C], phase: Phase, apply: Callable[[Batch, Sequence[C]], Sequence[object]]) -> Step:
    """Return the step of a command all of which in a batch are carried out at once."""

    def carry_out(batch: Batch, commands: Sequence[Command[object]]) -> Sequence[object]:
        return apply(batch, [one for one in commands if isinstance(one, command)])

    return Step(command=command, phase=phase, apply=carry_out)


_TABLE = (
    _each(Cancel, apply_cancel),
    _each(Kill, apply_kill),
    _each(Pause, apply_pause),
    _each(Resume, apply_resume),
    _each(Hold, apply_hold),
    _each(Unhold, apply_unhold),
    _each(Fail, apply_fail),
    _each(Prioritise, apply_prioritise),
    _each(Rerun, apply_rerun),
    _each(NoteOrphan, apply_note_orphan),
    _each(ComeDue, apply_come_due),
    _all(Complete, Phase.COMPLETE, apply_completes),
    _all(Decide, Phase.DECIDE, apply_decides),
    _all(FollowUp, Phase.FOLLOW_UP, apply_follow_ups),
    _all(Submit, Phase.SUBMIT, apply_submits),
    _all(Enqueue, Phase.ENQUEUE, apply_enqueues),
)
_STEPS: dict[type[Command[object]], Step] = {step.command: step for step in _TABLE}


def _consequences(batch: Batch, _: Sequence[Command[object]]) -> Sequence[object]:
    apply_consequences(batch)
    return []


_AT_ONCE: dict[Phase, Apply] = {
    Phase.CONSEQUENCES: _consequences,
    **{step.phase: step.apply for step in _TABLE if step.phase is not Phase.OPERATE},
}


def phases(commands: Sequence[Command[object]]) -> list[tuple[Apply, list[int]]]:
    """Sort commands into the phases of one batch: what to call, with which of them, by their numbers."""
    one_by_one: list[tuple[Apply, list[int]]] = []
    at_once: dict[Phase, list[int]] = {phase: [] for phase in sorted(_AT_ONCE)}
    for number, command in enumerate(commands):
        step = _STEPS[type(command)]
        if step.phase is Phase.OPERATE:
            one_by_one.append((step.apply, [number]))
        else:
            at_once[step.phase].append(number)
    return [*one_by_one, *((_AT_ONCE[phase], numbers) for phase, numbers in at_once.items())]
