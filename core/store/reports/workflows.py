"""Registered workflows: the list, their versions and texts.

Read by the control for `workflows`, and by the admission.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from sqlalchemy import text

from core.model.errors import NotFound, Unavailable
from core.model.near_misses import one_of
from core.model.patterns.children import PinnedDocument
from core.model.patterns.workflow_views import RegisteredText, RegisteredView, VersionView
from core.model.text import safe_line
from core.store.reports.paging.keyset import bounded_limit
from core.store.reports.source import Source

_LIST = text(
    "SELECT w.name, w.number, w.hash, w.source, w.added_at, w.added_by,"
    " (SELECT count(*) FROM workflow v WHERE v.name = w.name) AS versions"
    " FROM workflow w WHERE w.is_current = 1 AND instr(lower(w.name), lower(:part))"
    " ORDER BY w.name LIMIT :limit"
)
_VERSIONS = text(
    "SELECT number, hash, source, folder, is_current, added_at, added_by FROM workflow"
    " WHERE name = :name ORDER BY number DESC"
)
_NAMES = text("SELECT name FROM workflow WHERE is_current = 1 ORDER BY name LIMIT 400")
_BODY = text("SELECT body FROM workflow_text WHERE hash = :hash")
_CURRENT = text(
    "SELECT w.name, w.hash, w.folder, t.body FROM json_each(:names) n"
    " JOIN workflow w ON w.name = n.value AND w.is_current = 1 JOIN workflow_text t ON t.hash = w.hash"
)


class WorkflowReports:
    """Reads the registry of workflows."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def list(self, *, limit: int, part: str | None = None) -> tuple[RegisteredView, ...]:
        """Return the current version of each name that has the `part`, by name; letters in any case."""
        only = {"limit": bounded_limit(limit), "part": part or ""}
        async with self._source.snapshot() as db:
            rows = (await db.execute(_LIST, only)).mappings().all()
        return tuple(RegisteredView(**row) for row in rows)

    async def one(self, name: str, version: str | None) -> RegisteredText:
        """Return a version by number or the beginning of its hash; None = the current one."""
        async with self._source.snapshot() as db:
            rows = (await db.execute(_VERSIONS, {"name": name})).mappings().all()
            known = [] if rows else [str(row.name) for row in await db.execute(_NAMES)]
            versions = tuple(VersionView(**{**row, "is_current": bool(row["is_current"])}) for row in rows)
            if not versions:
                raise _unknown(name, known)
            chosen = _chosen(name, version, versions)
            body = (await db.execute(_BODY, {"hash": chosen.hash})).scalar_one_or_none()
        if body is None:
            raise _without_text(name, chosen)
        return RegisteredText(name=name, version=chosen, text=str(body), versions=versions)

    async def current(self, names: Iterable[str]) -> dict[str, PinnedDocument]:
        """Return the current versions of those of the names that are registered."""
        async with self._source.snapshot() as db:
            rows = (await db.execute(_CURRENT, {"names": json.dumps(sorted(names))})).all()
        return {
            row.name: PinnedDocument(
                reference=f"name:{row.name}",
                hash=row.hash,
                source=row.name,
                text=row.body,
                folder=row.folder,
            )
            for row in rows
        }


def _chosen(name: str, version: str | None, versions: tuple[VersionView, ...]) -> VersionView:
    if version is None:
        return next(one for one in versions if one.is_current)
    found = [one for one in versions if str(one.number) == version]
    found = found or [one for one in versions if version and one.hash.startswith(version.lower())]
    if len(found) == 1:
        return found[0]
    shown = safe_line(version[:80])
    what = f"{len(found)} versions begin with" if found else "no version is"
    raise NotFound(
        "workflow.version",
        f"of `{safe_line(name)}` {what} `{shown}`",
        hint="give the number of a version, or more of its hash: 'taskdeck workflows show' lists them",
        facts={"workflow": safe_line(name), "version": shown},
    )


def _without_text(name: str, version: VersionView) -> Unavailable:
    row = f"{safe_line(name)} {version.number}"
    return Unavailable(
        "store.row",
        f"row {row} of workflow breaks a rule of its table: `hash` names a text; restore a backup",
        hint="or add the document again: 'taskdeck workflows add FILE'",
        facts={"table": "workflow", "row": row, "column": "hash"},
    )


def _unknown(name: str, known: list[str]) -> NotFound:
    shown = safe_line(name[:200])
    return NotFound(
        "workflow.unknown",
        f"no workflow is registered as `{shown}`{one_of(name, known)}",
        hint="see them with 'taskdeck workflows', or add a file with 'taskdeck workflows add'",
        facts={"workflow": shown},
    )
