"""notices and notify: what operators were told; a try of it.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from core.cli.arguments import Common, Remote
from core.cli.commands import Command
from core.cli.output import emit, note, say
from core.cli.parameters import Argument, Option
from core.cli.reading import reading
from core.cli.refusals import usage
from core.config.checks import Configuration, check
from core.config.secrets_section import SECRETS
from core.model.errors import NotFound, Unavailable
from core.model.near_misses import one_of
from core.model.notices import Delivery, NoticeStatus, NoticeView, Sink
from core.model.present import present_ms
from core.model.text import safe_line
from core.model.values import JsonObject, to_iso
from core.rules.notice_texts import body_of, lines_of, subject_of
from core.rules.sink_secrets import secret_names, with_secrets
from core.secret_sources.reader import SecretReader
from core.senders import DeliveryFailed, Message, send

_PAGE = 100


class _Only(StrEnum):
    """Which notices are listed."""

    ALL = "all"
    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices(Remote):
    """The arguments of `notices`."""

    status: Annotated[_Only, Option(help="Only those of this status.")] = _Only.ALL
    limit: Annotated[int, Option(metavar="N", min=1, max=1_000, help="At most N notices.")] = _PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyTest(Common):
    """The arguments of `notify test`."""

    name: Annotated[str, Argument(metavar="NAME", help="The NAME of [notify.NAME] in config.toml.")] = ""


async def notices(arguments: Notices) -> int:
    """List what operators were told by [notify.NAME] of config.toml, and what waits, the newest first."""
    status = "" if arguments.status is _Only.ALL else arguments.status.value
    async with reading(arguments) as deck:
        page = await deck.notices.page(status=status, limit=arguments.limit)
    for one in page.rows:
        if arguments.json:
            emit(_shape(one))
        else:
            say(_line(one))
    if not page.rows and not arguments.json:
        note("no notices yet; [notify.NAME] of config.toml makes them")
    if page.next is not None:
        note(f"there are more: --limit {arguments.limit * 2}")
    return 0


async def notify_test(arguments: NotifyTest) -> int:
    """Send one test notice to [notify.NAME] of config.toml from this machine, now, and say how that went."""
    if not arguments.name:
        raise usage("name where to send: taskdeck notify test NAME")
    home = arguments.options().paths.home
    configuration = check(home)
    sink = _sink(arguments.name, configuration)
    if sink.console:
        raise usage(
            f"{sink.name} is shown by the consoles that are open: there is nothing to send",
            hint="taskdeck notices lists what they showed",
        )
    reader = SecretReader(home, lambda: configuration.tables.named(SECRETS))
    sink = with_secrets(sink, await reader.read(secret_names(sink)))
    reason = await asyncio.to_thread(_tried, sink, str(home))
    if reason:
        raise Unavailable(
            "notify.failed",
            f"{sink.name}: {safe_line(reason)}",
            hint=f"fix [notify.{sink.name}] in config.toml, or what it names, then try again",
            facts={"sink": sink.name, "reason": reason},
        )
    if arguments.json:
        emit({"sink": sink.name, "sent": True})
    else:
        say(f"{sink.name}: sent")
    return 0


def _sink(name: str, configuration: Configuration) -> Sink:
    sinks = {sink.name: sink for sink in configuration.capacity.sinks}
    found = sinks.get(name)
    if found is None:
        shown = safe_line(name)
        raise NotFound(
            "notify.unknown",
            f"`{shown}` is not in [notify]{one_of(name, sinks)}",
            hint="[notify.NAME] of config.toml makes one",
            facts={"sink": shown},
        )
    return found


def _tried(sink: Sink, home: str) -> str:
    """Send a test; return why it failed, empty if it did not."""
    at = present_ms()
    told = NoticeView(
        id=0,
        sink=sink.name,
        topic="test",
        event=0,
        at=at,
        text="a test of taskdeck notify test",
        job_id=None,
        task_id=None,
        status=NoticeStatus.WAITING,
        tries=1,
        delivery=0,
        ended_at=None,
        error=None,
    )
    delivery = Delivery(number=0, sink=sink.name, tries=1, count=1, notices=(told,))
    message = Message(
        subject=subject_of(delivery),
        lines=lines_of(delivery),
        key=f"taskdeck-test-{at}",
        body=body_of(delivery, home=home, store_id="test"),
    )
    try:
        send(sink, message)
    except DeliveryFailed as failed:
        return str(failed)
    return ""


def _line(one: NoticeView) -> str:
    told = f"{one.id}  {to_iso(one.at)}  {one.sink}  {one.status}"
    if one.tries > 1:
        told += f" ({one.tries} tries)"
    error = f"  [{safe_line(one.error)}]" if one.error else ""
    return f"{told}  {safe_line(one.text)}{error}"


def _shape(one: NoticeView) -> JsonObject:
    return {
        "id": one.id,
        "sink": one.sink,
        "topic": one.topic,
        "event": one.event,
        "at": to_iso(one.at),
        "text": one.text,
        "job": one.job_id,
        "task": one.task_id,
        "status": one.status,
        "tries": one.tries,
        "delivery": one.delivery,
        "ended_at": None if one.ended_at is None else to_iso(one.ended_at),
        "error": one.error,
    }


COMMANDS = (
    Command(
        name="notices",
        arguments=Notices,
        run=notices,
        examples=(
            "taskdeck notices",
            "taskdeck notices --status failed --json",
            "taskdeck notices --host ana@build.example.org",
        ),
    ),
    Command(
        name="notify test",
        arguments=NotifyTest,
        run=notify_test,
        examples=("taskdeck notify test team",),
    ),
)
