"""charge: book what a task spends while it runs.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from core.app.attach import attach
from core.app.reading.lasting_control import GONE, UNHEARD
from core.cli.arguments import Common
from core.cli.commands import Command
from core.cli.output import emit, note, say
from core.cli.parameters import Option
from core.cli.refusals import usage
from core.control.api import Charge as ChargeRequest
from core.model.commands.limits import BudgetLeft, Charged
from core.model.errors import Conflict, Unavailable
from core.model.limits.amounts import write_amount
from core.model.limits.usage import read_reported
from core.model.text import safe_line
from core.model.values import JsonValue
from core.render.json_shapes import charged_shape

SPENT = 6
"""Exit status: a budget of the task is spent."""
PATIENCE = 10.0
"""Seconds for an engine to answer; a task should not stop for it."""


def _amount(text: str) -> tuple[str, str]:
    unit, is_given, amount = text.partition("=")
    if not is_given:
        raise usage("--unit is NAME=AMOUNT", hint="taskdeck charge --unit pages=3")
    return unit, amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge(Common):
    """The arguments of `charge`."""

    usd: Annotated[str | None, Option(metavar="AMOUNT", help="Dollars.")] = None
    model: Annotated[str | None, Option(metavar="MODEL", help="The model that was used.")] = None
    input_tokens: Annotated[
        int | None, Option(metavar="N", min=0, help="Tokens that it read; priced unless --usd is given.")
    ] = None
    output_tokens: Annotated[int | None, Option(metavar="N", min=0, help="Tokens that it wrote.")] = None
    calls: Annotated[str | None, Option(metavar="N", help="Calls.")] = None
    unit: Annotated[
        list[tuple[str, str]],
        Option(read=_amount, metavar="NAME=AMOUNT", help="Another unit; may be repeated."),
    ] = field(default_factory=list)
    id: Annotated[
        str | None,
        Option(metavar="ID", help="Booked once for each task, however often it is asked. [default: random]"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """The attempt that this command runs in, as its environment says it."""

    task_id: int
    epoch: int
    file: str


async def charge(arguments: Charge) -> int:
    """Book what this task spent, while it runs, and say what is left of its budgets. Run it inside a task.

    Exits 6 when a budget of the task is spent, so that a loop can end in time. Without an engine it is
    noted in $TASKDECK_USAGE, and booked by the next.
    """
    attempt, said = _own_attempt(), _said(arguments)
    charge_id = secrets.token_hex(8) if arguments.id is None else arguments.id
    # What no engine would book must not wait in a file for one.
    read_reported({**said, "id": charge_id})
    request = ChargeRequest(task_id=attempt.task_id, epoch=attempt.epoch, id=charge_id, said=said)
    try:
        async with attach(arguments.options(), patience=PATIENCE) as deck:
            charged = await deck.ledger.charge(request)
    except (Unavailable, Conflict) as error:
        if error.code not in (*GONE, *UNHEARD):
            raise
        return _note_for_later(arguments, attempt.file, request, error.message)
    return _tell(arguments, charged)


def _own_attempt() -> _Attempt:
    names = ("TASKDECK_TASK", "TASKDECK_EPOCH", "TASKDECK_USAGE")
    task_id, epoch, file = (os.environ.get(name, "") for name in names)
    if not (task_id.isascii() and task_id.isdecimal() and epoch.isascii() and epoch.isdecimal() and file):
        raise usage(
            "'taskdeck charge' runs inside a task",
            hint="call it from a command of a task, which has $TASKDECK_TASK, _EPOCH and _USAGE",
        )
    return _Attempt(task_id=int(task_id[:20]), epoch=int(epoch[:20]), file=file)


def _said(arguments: Charge) -> Mapping[str, JsonValue]:
    """Return the charge in the form of a line of a usage file."""
    said: dict[str, JsonValue] = dict(arguments.unit)
    if len(said) != len(arguments.unit):
        raise usage("--unit names a unit twice", hint="add the amounts up")
    given: dict[str, JsonValue] = {
        "usd": arguments.usd,
        "model": arguments.model,
        "input": arguments.input_tokens,
        "output": arguments.output_tokens,
        "calls": arguments.calls,
    }
    given = {name: value for name, value in given.items() if value is not None}
    reserved = (*given, "model", "input", "output", "id", "at")
    taken = next((name for name in said if name in reserved), None)
    if taken is not None:
        raise usage(f"--unit cannot be {safe_line(taken[:40])}", hint="use the option of that name")
    return {**said, **given}


def _note_for_later(arguments: Charge, file: str, request: ChargeRequest, reason: str) -> int:
    line = json.dumps({**request.said, "id": request.id, "at": time.time_ns() // 1_000_000})
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(file, flags, 0o600)
        try:
            # Others append as well: one write, and a line of its own whatever stood there.
            text = f"\n{line}\n".encode()
            if os.write(descriptor, text) < len(text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Unavailable(
            "usage.unwritable",
            f"no engine takes the charge, and {safe_line(file)} cannot be written: {error.strerror}",
            hint="check free room and permissions of the data directory",
            facts={"file": file},
        ) from error
    if arguments.json:
        emit({"id": request.id, "booked": False, "budgets": []})
    note(f"{reason}: the charge is noted, and booked by the next engine")
    return 0


def _tell(arguments: Charge, charged: Charged) -> int:
    if arguments.json:
        emit(charged_shape(charged))
    else:
        for budget in charged.budgets:
            say(_line(budget))
        if not charged.landed:
            note("it was booked already, under this id")
        if charged.late:
            note("its attempt has ended, or another one runs: it is booked as late")
    return SPENT if any(budget.is_spent for budget in charged.budgets) else 0


def _line(budget: BudgetLeft) -> str:
    name = f"{budget.name}={budget.key}" if budget.key else budget.name
    left, most = write_amount(max(0, budget.left)), write_amount(budget.max)
    over = f", over by {write_amount(-budget.left)}" if budget.left < 0 else ""
    return f"{safe_line(name)}: {left} of {most} {safe_line(budget.unit)} left{over}"


COMMANDS = (
    Command(
        name="charge",
        arguments=Charge,
        run=charge,
        examples=(
            "taskdeck charge --usd 0.003",
            "taskdeck charge --model gpt-x --input-tokens 1000 --output-tokens 200",
            "taskdeck charge --calls 1 --unit pages=3",
        ),
    ),
)
