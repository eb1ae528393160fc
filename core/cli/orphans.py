"""orphans: what lost its owner, what could be done about it, and doing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

import typer

from core.app.lock import is_held
from core.cli.access import changing
from core.cli.arguments import Command, Reaching
from core.cli.output import emit, note, say
from core.cli.refusals import usage
from core.control.api import OPERATOR, ControlAPI, Target
from core.model.commands import Operated
from core.model.errors import Conflict
from core.model.orphans import OrphanKind, OrphanView
from core.model.text import safe_line
from core.model.values import JsonObject, to_iso

_SHOWN = 5


class Cure(StrEnum):
    """What can be done about an orphan."""

    KILL = "kill"
    """End the living processes; their attempts close as lost, and go by `on_loss`."""
    REQUEUE = "requeue"
    """Run a task again that is held because nobody saw its attempt end."""
    FAIL = "fail"
    """Give such a task up."""


CURES = {OrphanKind.LIVING: (Cure.KILL,), OrphanKind.LOST: (Cure.REQUEUE, Cure.FAIL)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphans(Reaching):
    """The arguments of `orphans`."""

    plan: Annotated[bool, typer.Option("--plan", help="Say what each --apply would do; change nothing.")] = (
        False
    )
    apply: Annotated[
        Cure | None, typer.Option(help="Do it, to all that fit or to the tasks named.", show_default=False)
    ] = None
    task: Annotated[list[int], typer.Option(metavar="ID", min=1, help="Only this task; may be repeated.")] = (
        field(default_factory=list)
    )
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; needed to kill and to fail.")] = ""


async def orphans(arguments: Orphans) -> int:
    """List attempts whose engine or wrapper is gone, with the evidence; kill, requeue or fail them."""
    _check(arguments)
    chosen = arguments.options()
    if chosen.host is None and not is_held(chosen.paths.lock):
        note("no engine runs: only one that does sees what still lives (taskdeck serve)")
    async with changing(arguments) as deck:
        # Read now, whatever an earlier plan said; the engine looks at each once more.
        found = _chosen(await deck.orphans(), arguments.task)
        if arguments.apply is None:
            _show(found, arguments)
            return 0
        return await _apply(deck, found, arguments, cure=arguments.apply)


def _check(arguments: Orphans) -> None:
    if arguments.plan and arguments.apply is not None:
        raise usage("--plan changes nothing and --apply does: say one of them")
    if arguments.apply in (Cure.KILL, Cure.FAIL) and not arguments.reason.strip():
        raise usage(f"--apply {arguments.apply} needs a --reason: others will read it")
    if arguments.reason and arguments.apply not in (Cure.KILL, Cure.FAIL):
        raise usage("--reason goes with --apply kill and --apply fail: nothing else keeps it")


def _chosen(found: Sequence[OrphanView], wanted: Sequence[int]) -> list[OrphanView]:
    return [orphan for orphan in found if not wanted or orphan.task_id in wanted]


def _show(found: Sequence[OrphanView], arguments: Orphans) -> None:
    if arguments.json:
        for orphan in found:
            emit(_shape(orphan))
        return
    if not found:
        note("no orphans")
    for orphan in found:
        kept = ", kept" if orphan.kept else ""
        head = f"{orphan.kind}{kept}  task {orphan.task_id}  {orphan.job_id}/{safe_line(orphan.key)}"
        say(f"{head}  attempt {orphan.epoch}: {safe_line(orphan.reason)}")
        for pid, command in list(zip(orphan.pids, orphan.commands, strict=False))[:_SHOWN]:
            say(f"    {pid}  {safe_line(command)}")
        if len(orphan.pids) > _SHOWN:
            say(f"    and {len(orphan.pids) - _SHOWN} processes more")
    if arguments.plan:
        _show_plan(found, arguments)


def _show_plan(found: Sequence[OrphanView], arguments: Orphans) -> None:
    for cure in Cure:
        ids = [orphan.task_id for orphan in found if cure in CURES[orphan.kind]]
        if ids:
            named = [word for number in arguments.task for word in ("--task", str(number))]
            why = [] if cure is Cure.REQUEUE else ["--reason", "..."]
            words = arguments.command("orphans", "--apply", cure, *why, *named)
            say(f"{cure} would act on {len(ids)}: {words}")


async def _apply(deck: ControlAPI, found: Sequence[OrphanView], arguments: Orphans, *, cure: Cure) -> int:
    fitting = [orphan.task_id for orphan in found if cure in CURES[orphan.kind]]
    unfit = [(ref, _misfit(found, ref, cure)) for ref in arguments.task if ref not in fitting]
    done = await _cure(deck, fitting, cure=cure, reason=arguments.reason) if fitting else Operated(changed=0)
    refused = [*unfit, *done.refused]
    if arguments.json:
        emit({"changed": done.changed, "refused": [{"id": ref, "reason": why} for ref, why in refused]})
    else:
        say(f"{cure}: changed {done.changed}" + (f", refused {len(refused)}" if refused else ""))
        for ref, why in refused:
            note(f"  {ref}: {safe_line(why)}")
    # Nothing was done of what was asked for: a script must notice.
    return Conflict.exit_code if refused and not done.changed else 0


async def _cure(deck: ControlAPI, ids: Sequence[int], *, cure: Cure, reason: str) -> Operated:
    target = Target(task_ids=tuple(ids))
    match cure:
        case Cure.KILL:
            return await deck.kill_orphans(target, reason=reason, actor=OPERATOR)
        case Cure.REQUEUE:
            return await deck.unhold(target, actor=OPERATOR)
        case Cure.FAIL:
            return await deck.fail(target, reason=reason, actor=OPERATOR)


def _misfit(found: Sequence[OrphanView], task_id: int, cure: Cure) -> str:
    kinds = [orphan.kind for orphan in found if orphan.task_id == task_id]
    return f"{cure} does not fit a {kinds[0]} orphan" if kinds else "no orphan, or no longer"


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
