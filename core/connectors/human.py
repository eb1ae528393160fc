"""The connector `human`: tasks that wait for people.

Built by the registry; the engine's conditions ask it what people are asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from core.connectors.base import Input, WrittenText, parse_input
from core.connectors.waiting import Length, NoCall, unread
from core.model.actors import LABEL_MAX
from core.model.codes import ErrorCodes
from core.model.errors import Invalid
from core.model.expressions import has_expression
from core.model.patterns.form_values import form_faults, lacking_defaults, read_form
from core.model.patterns.judgements import Await
from core.model.patterns.work_items import QUORUM_MAX, TEXT_MAX, TITLE_MAX, NewItem, OnDeny, OnDue
from core.model.ports import InputFault
from core.model.timing.durations import parse_document_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.model.values import JsonObject, JsonValue

REMIND_MIN_MS = 60_000
_Person = Annotated[WrittenText, Field(min_length=1, max_length=LABEL_MAX)]


class HumanInput(Input):
    """The `with:` of a task for people."""

    title: Annotated[WrittenText, Field(min_length=1, max_length=TITLE_MAX)]
    text: Annotated[WrittenText, Field(max_length=TEXT_MAX)] = ""
    form: Annotated[dict[str, object], Field(default_factory=dict)]
    assignee: _Person | None = None
    group: _Person | None = None
    due: Length | None = None
    on_due: Literal["approve", "reject", "fail", "escalate"] = "escalate"
    escalate_to: _Person | None = None
    remind: Length | None = None
    quorum: Annotated[int, Field(ge=1, le=QUORUM_MAX)] = 1
    four_eyes: bool = False
    on_deny: Literal["fail", "skip"] = "fail"

    @classmethod
    def rules(cls, with_: JsonObject) -> Iterator[InputFault]:
        """Ask for a form that can be read, lengths of time, and keys that go together."""
        yield from unread("due", with_, parse_document_duration)
        yield from unread("remind", with_, _pause)
        form = with_.get("form")
        if isinstance(form, dict):
            faults = list(form_faults(form))
            for path, message in faults:
                yield InputFault(code="human.form", message=message, path=("form", *path))
            if not faults and with_.get("on_due") == OnDue.APPROVE and not has_expression(form):
                yield from _without_defaults(form)
        yield from _together(with_)


class Human(NoCall):
    """Ask people."""

    name = "human"
    schema = HumanInput
    codes = ErrorCodes(codes=frozenset({"human.denied", "human.overdue", "human.timeout"}))
    texts = (("title",), ("text",), ("assignee",), ("group",), ("escalate_to",))

    def await_answer(self, with_: JsonObject) -> Await:
        """Return what people are asked; raise `Invalid` for a faulty input."""
        parsed = parse_input(HumanInput, with_)
        form = with_.get("form")
        item = NewItem(
            title=parsed.title,
            text=parsed.text,
            form=read_form(form if isinstance(form, dict) else {}),
            assignee=_name(parsed.assignee),
            group=_name(parsed.group),
            due_ms=None if parsed.due is None else parse_document_duration(parsed.due),
            on_due=OnDue(parsed.on_due),
            escalate_to=_name(parsed.escalate_to),
            remind_ms=None if parsed.remind is None else _pause(parsed.remind),
            quorum=parsed.quorum,
            four_eyes=parsed.four_eyes,
            on_deny=OnDeny(parsed.on_deny),
        )
        return Await(item=item)


def _pause(value: object) -> int:
    """Return how long it is from one reminder to the next; raise `Invalid`."""
    found = parse_document_duration(value)
    if found < REMIND_MIN_MS:
        hint = "write a longer time, such as 1d"
        raise Invalid("human.remind", "reminders are at least a minute apart", hint=hint)
    return found


def _name(text: str | None) -> str | None:
    return None if text is None else text.strip() or None


def _without_defaults(form: dict[str, JsonValue]) -> Iterator[InputFault]:
    if lacking := lacking_defaults(read_form(form)):
        message = f"`on_due: approve` takes the defaults of the form, and `{lacking[0]}` has none"
        yield InputFault(code="human.default", message=message, path=("form", lacking[0]))


def _together(with_: JsonObject) -> Iterator[InputFault]:
    """Return the faults of keys that mean nothing without another, or contradict it."""
    due, assignee, quorum = (with_.get(key) for key in ("due", "assignee", "quorum"))
    if due is None and with_.get("on_due") is not None:
        yield InputFault(code="human.due", message="`on_due` needs a `due`", path=("on_due",))
    if with_.get("escalate_to") is not None and with_.get("on_due", "escalate") != OnDue.ESCALATE:
        message = "`escalate_to` needs `on_due: escalate`"
        yield InputFault(code="human.due", message=message, path=("escalate_to",))
    elif with_.get("escalate_to") is not None and due is None:
        yield InputFault(code="human.due", message="`escalate_to` needs a `due`", path=("escalate_to",))
    if assignee is not None and with_.get("group") is not None:
        message = "give either `assignee` or `group`"
        yield InputFault(code="human.assignee", message=message, path=("group",))
    if assignee is not None and isinstance(quorum, int) and quorum > 1:
        message = "an `assignee` answers alone: a `quorum` needs a `group`, or neither"
        yield InputFault(code="human.assignee", message=message, path=("quorum",))
