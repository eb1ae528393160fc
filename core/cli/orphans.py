"""orphans: list, keep or kill attempts that have no owner.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from core.app.lock import is_held
from core.cli.access import changing
from core.cli.arguments import Label, Remote, actor_of
from core.cli.commands import Command
from core.cli.output import emit, note, say
from core.cli.parameters import Option
from core.cli.refusals import usage
from core.cli.summary import Outcome, report_changes
from core.control.api import ControlAPI, Target
from core.model.commands.work import Effect, Operated
from core.model.orphans import OrphanKind, OrphanView
from core.model.refusals import Refusal, refuse_task
from core.model.text import safe_line
from core.model.values import JsonObject, to_iso

_SHOWN = 5


class Cure(StrEnum):
    """What can be done about an orphan."""

    KILL = "kill"
    """End the living processes; their attempts close as lost, and go by `on_loss`."""
    REQUEUE = "requeue"
    """Run a task again that is held because the end of its attempt was not observed."""
    FAIL = "fail"
    """Give such a task up."""


CURES = {
    OrphanKind.LIVING: (Cure.KILL,),
    OrphanKind.LEFT: (Cure.KILL,),
    OrphanKind.LOST: (Cure.REQUEUE, Cure.FAIL),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphans(Remote):
    """The arguments of `orphans`."""

    plan: Annotated[bool, Option(help="Show what each --apply would do; change nothing.")] = False
    apply: Annotated[
        Cure | None,
        Option(help="Do this to all orphans of its kind, or to the tasks named."),
    ] = None
    task: Annotated[list[int], Option(metavar="ID", min=1, help="Only this task; may be repeated.")] = field(
        default_factory=list
    )
    reason: Annotated[str, Option(metavar="TEXT", help="Why; required for kill and fail.")] = ""
    as_: Label = None


async def orphans(arguments: Orphans) -> int:
    """List attempts whose engine or wrapper is gone, with the evidence; kill, requeue or fail them."""
    _check(arguments)
    options = arguments.options()
    if options.host is None and not is_held(options.paths.lock):
        note("no engine runs: only a running engine sees living processes (taskdeck serve)")
    effect = Effect.NONE if arguments.apply is None else Effect.CHANGE
    async with changing(arguments, effect=effect) as deck:
        # Read again, whatever an earlier plan showed; the engine checks each once more.
        chosen = _chosen(await deck.orphans.all(), arguments.task)
        if arguments.apply is None:
            _show(chosen, arguments)
            return 0
        return await _apply(deck, chosen, arguments, cure=arguments.apply)


def _check(arguments: Orphans) -> None:
    if arguments.plan and arguments.apply is not None:
        raise usage("--plan changes nothing and --apply does: choose one")
    if arguments.apply in (Cure.KILL, Cure.FAIL) and not arguments.reason.strip():
        raise usage(f"--apply {arguments.apply} needs a --reason")
    if arguments.reason and arguments.apply not in (Cure.KILL, Cure.FAIL):
        raise usage("--reason is only for --apply kill and --apply fail")


def _chosen(orphans: Sequence[OrphanView], wanted: Sequence[int]) -> list[OrphanView]:
    return [orphan for orphan in orphans if not wanted or orphan.task_id in wanted]


def _show(orphans: Sequence[OrphanView], arguments: Orphans) -> None:
    if arguments.json:
        for orphan in orphans:
            emit(_shape(orphan))
        return
    if not orphans:
        note("no orphans")
    for orphan in orphans:
        kept = ", kept" if orphan.kept else ""
        head = f"{orphan.kind}{kept}  task {orphan.task_id}  {orphan.job_id}/{safe_line(orphan.key)}"
        say(f"{head}  attempt {orphan.epoch}: {safe_line(orphan.reason)}")
        for pid, command in list(zip(orphan.pids, orphan.commands, strict=False))[:_SHOWN]:
            say(f"    {pid}  {safe_line(command)}")
        if len(orphan.pids) > _SHOWN:
            say(f"    and {len(orphan.pids) - _SHOWN} processes more")
    if arguments.plan:
        _show_plan(orphans, arguments)


def _show_plan(orphans: Sequence[OrphanView], arguments: Orphans) -> None:
    for cure in Cure:
        ids = [orphan.task_id for orphan in orphans if cure in CURES[orphan.kind]]
        if ids:
            named = [flag for number in arguments.task for flag in ("--task", str(number))]
            why = [] if cure is Cure.REQUEUE else ["--reason", "..."]
            command = arguments.command("orphans", "--apply", cure, *why, *named)
            say(f"{cure} would act on {len(ids)}: {command}")


async def _apply(deck: ControlAPI, orphans: Sequence[OrphanView], arguments: Orphans, *, cure: Cure) -> int:
    fitting = [orphan.task_id for orphan in orphans if cure in CURES[orphan.kind]]
    unfit = [_misfit(orphans, ref, cure) for ref in arguments.task if ref not in fitting]
    done = await _cure(deck, fitting, arguments, cure=cure) if fitting else Operated(changed=0)
    result = Operated(changed=done.changed, refused=(*unfit, *done.refused))
    return report_changes(result, Outcome(done=f"{cure}: changed"), arguments=arguments)


async def _cure(deck: ControlAPI, ids: Sequence[int], arguments: Orphans, *, cure: Cure) -> Operated:
    target = Target(task_ids=tuple(ids))
    reason, actor = arguments.reason, actor_of(arguments.as_)
    match cure:
        case Cure.KILL:
            return await deck.orphans.kill(target, reason=reason, actor=actor)
        case Cure.REQUEUE:
            return await deck.unhold(target, reason=reason, actor=actor)
        case Cure.FAIL:
            return await deck.fail(target, reason=reason, actor=actor)


def _misfit(orphans: Sequence[OrphanView], task_id: int, cure: Cure) -> Refusal:
    kinds = [orphan.kind for orphan in orphans if orphan.task_id == task_id]
    if not kinds:
        hint = "'taskdeck orphans' lists them"
        return refuse_task(task_id, "orphan.unknown", "not an orphan, or no longer", hint=hint)
    hint = f"it takes: {', '.join(CURES[kinds[0]])}"
    reason = f"{cure} does not fit a {kinds[0]} orphan"
    return refuse_task(task_id, "orphan.unfit", reason, hint=hint, kind=kinds[0].value)


def _shape(orphan: OrphanView) -> JsonObject:
    return {
        "kind": orphan.kind.value,
        "task": orphan.task_id,
        "job": orphan.job_id,
        "key": orphan.key,
        "attempt": orphan.epoch,
        "since": None if orphan.since is None else to_iso(orphan.since),
        "reason": orphan.reason,
        "pids": list(orphan.pids),
        "commands": list(orphan.commands),
        "kept": orphan.kept,
        "cures": [cure.value for cure in CURES[orphan.kind]],
    }


COMMANDS = (
    Command(
        name="orphans",
        arguments=Orphans,
        run=orphans,
        examples=(
            "taskdeck orphans",
            "taskdeck orphans --plan",
            "taskdeck orphans --apply kill --task 4711 --reason 'its wrapper was killed'",
            "taskdeck orphans --apply requeue",
        ),
    ),
)
