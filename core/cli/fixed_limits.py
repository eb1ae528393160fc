"""Limits that no setting changes, with what happens there.

Shown by `config show` and on the page of configuration.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.connectors.http_answer import RETRY_AFTER_MAX_MS
from core.connectors.http_answer import TEXT_BYTES as ANSWER_BYTES
from core.connectors.http_body import HEAD_BYTES
from core.connectors.http_input import REDIRECTS_MAX
from core.connectors.process import JSON_BYTES, STRING_BYTES, TEXT_BYTES
from core.control.wire import BODY_BYTES
from core.engine.housekeeping.janitor import LEAST
from core.files.reading import DOCUMENT_BYTES
from core.model import bounds
from core.model.timing.durations import LONGEST_MS, write_duration
from core.rules.retry import LONGEST_WAIT_MS
from core.store.readers import SEARCH_LIMIT
from core.store.tables.schema import KEPT
from core.workflows.expressions.embedded import SOURCE_MAX
from core.workflows.expressions.equality import STEPS_MAX
from core.workflows.expressions.kinds import ITEMS_MAX, TEXT_MAX
from core.workflows.limits import LIMITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """One limit: its name, its value as written for people, and what happens there."""

    name: str
    value: str
    meaning: str


def size(count: int) -> str:
    """Write a number of bytes: `64 MiB`, `127 KiB`, `500 bytes`."""
    for unit, name in ((2**20, "MiB"), (2**10, "KiB")):
        if count >= unit and count % unit == 0:
            return f"{count // unit} {name}"
    return f"{count} bytes"


def _fixed(name: str, value: object, meaning: str) -> Fixed:
    return Fixed(name=name, value=str(value), meaning=meaning)


FIXED = (
    _fixed(
        "disk_floor",
        size(LEAST.free_bytes),
        "free on the disk of the data directory; with less nothing is claimed",
    ),
    _fixed(
        "files_floor",
        f"{LEAST.free_files} files",
        "that can still be created on that disk; with fewer nothing is claimed",
    ),
    _fixed(
        "output_text",
        size(TEXT_BYTES),
        "end of an output that `output.text` of shell holds; the file has all",
    ),
    _fixed(
        "output_json",
        size(JSON_BYTES),
        "output that `parse: json` reads, result of python; more fails the attempt",
    ),
    _fixed(
        "argument",
        size(STRING_BYTES),
        "one argument or variable of a process; a longer one fails the attempt",
    ),
    _fixed(
        "http_text",
        size(ANSWER_BYTES),
        "start of a response that `output.text` of http holds; the file has all",
    ),
    _fixed(
        "http_json", size(HEAD_BYTES), "response that becomes `output.json` of http; a larger one is text"
    ),
    _fixed("http_redirects", REDIRECTS_MAX, "redirects that are followed; more fail the call"),
    _fixed(
        "retry_after",
        write_duration(RETRY_AFTER_MAX_MS),
        "longest wait that `Retry-After` of a server can ask for",
    ),
    _fixed("retry_wait", write_duration(LONGEST_WAIT_MS), "longest wait before a retry"),
    _fixed(
        "attempts",
        f"1 to {bounds.ATTEMPTS_MAX}",
        "attempts of a task, the first included; others are refused",
    ),
    _fixed("priority", f"0 to {bounds.PRIORITY_MAX}", "priority of a task; others are refused"),
    _fixed("timeout", write_duration(LONGEST_MS), "longest time limit; a longer one is refused"),
    _fixed(
        "name",
        f"{bounds.NAME_MAX} characters",
        "name, key, group, actor, client key; longer ones are refused",
    ),
    _fixed("queue", f"{bounds.QUEUE_MAX} characters", "name of a queue; a longer one is refused"),
    _fixed("reason", f"{bounds.REASON_MAX} characters", "reason or description; a longer one is refused"),
    _fixed("input", size(bounds.INPUT_BYTES), "`with` of a loose task as JSON; a larger one is refused"),
    _fixed("params", size(bounds.PARAMS_BYTES), "parameters of a job as JSON; larger ones are refused"),
    _fixed(
        "document",
        f"{size(DOCUMENT_BYTES)}, {LIMITS.depth} levels, {LIMITS.nodes} values",
        "a workflow file; a larger one is refused",
    ),
    _fixed("expression", f"{SOURCE_MAX} characters", "source of an expression; a longer one is refused"),
    _fixed("expression_steps", STEPS_MAX, "steps of an expression over its values; more fail the attempt"),
    _fixed(
        "expression_text", size(TEXT_MAX), "a text that an expression makes; a longer one fails the attempt"
    ),
    _fixed("expression_list", ITEMS_MAX, "items of a list that an expression makes; more fail the attempt"),
    _fixed(
        "filter_time",
        f"{SEARCH_LIMIT:g} s",
        "processor time for the patterns of one question; then it is refused",
    ),
    _fixed("tasks", bounds.TASKS_MAX, "loose tasks of one request; more are refused"),
    _fixed("request", size(BODY_BYTES), "a request to the engine; a larger one is refused"),
    _fixed(
        "ends_kept",
        write_duration(KEPT),
        "counts of ends for rates; older ones are deleted, jobs and outputs are not",
    ),
)
"""All of them, those that end or cut work first."""
