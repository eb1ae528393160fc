"""What a schedule submits, of the texts of its form.

Used by the dialog that adds and edits schedules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from console.newjob.schedule_fields import EACH_FIRE, FOLLOWS, NAME, WORK, command_words
from core.control import api
from core.model.command_document import document_of_command
from core.model.errors import Invalid
from core.model.paths import absolute
from core.model.records import replace
from core.model.timing.schedules import Work
from core.model.values import JsonObject

_ENDINGS = frozenset({".yaml", ".yml", ".json"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the form is typed: the folder of relative paths, and the machine of the engine ('' = this)."""

    folder: Path
    host: str = ""


def work_of(texts: Mapping[str, str], before: Work, params: JsonObject, *, place: Place) -> Work:
    """Return what is submitted at each fire; a file is read now, with what it includes.

    Raises `Invalid` whose facts name the field, and what `read_document` raises.
    """
    words = command_words(texts[WORK])
    if not words:
        return replace(before, params=params)
    follows = texts[FOLLOWS] == EACH_FIRE
    source = _file(words[0], follows=follows, place=place) if _is_file(words) else None
    if source is None and follows:
        raise Invalid(
            "schedule.follow",
            "only a workflow file can be read again: this is a command",
            facts={"field": FOLLOWS},
        )
    if source is None:
        name = texts.get(NAME) or before.source
        text = document_of_command(words, name=name)
        source = Work(text=text, source=name, cwd=None if place.host else str(place.folder))
    return replace(source, params=params, env=before.env, project=before.project, retry=before.retry)


def _is_file(words: list[str]) -> bool:
    return len(words) == 1 and Path(words[0]).suffix.lower() in _ENDINGS


def _file(word: str, *, follows: bool, place: Place) -> Work:
    if follows and place.host:
        # It is read by the engine there; nothing of it is known here.
        if not word.startswith("/"):
            message = f"write the whole path of the file on {place.host}"
            raise Invalid("schedule.follow", message, facts={"field": WORK})
        return Work(path=word, source=word, cwd=str(Path(word).parent))
    try:
        path = absolute(place.folder / Path(word).expanduser())
    except RuntimeError as error:
        raise Invalid("schedule.follow", f"{word}: no such user", facts={"field": WORK}) from error
    cwd = None if place.host else str(path.parent)
    if follows:
        return Work(path=str(path), source=str(path), cwd=cwd)
    return Work(text=api.read_document(path).text, source=str(path), cwd=cwd)
