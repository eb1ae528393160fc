"""Check a backup: its files against their checksums, its store by itself.

Called by the command `backup --verify`, and before a backup gets its name.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from threading import Event

from core.app.backups.manifest import STORE, Manifest, Member, broken, read_manifest
from core.app.backups.outputs import Work, check_outputs
from core.app.backups.threads import in_thread
from core.files.copying import digest_of
from core.model.errors import Unavailable
from core.store.backups.reading import judge_copy, read_facts


async def verify_backup(folder: Path, work: Work) -> Manifest:
    """Return what a backup is of, if all of it is as it was written and its store is sound.

    Raises `NotFound` (`backup.missing`), `Invalid` (`backup.broken`), `Unavailable` (`backup.newer`,
    `backup.unsound`, `store.newer`).
    """
    return await in_thread(partial(_verify, folder, work))


def _verify(folder: Path, work: Work, stop: Event) -> Manifest:
    manifest, stoppable = read_manifest(folder), Work(tell=work.tell, stop=stop)
    for name, member in {STORE: manifest.store, **manifest.settings}.items():
        work.tell(f"reading {name}")
        check_file(folder, name, member)
    if manifest.outputs is not None:
        check_outputs(folder, manifest.outputs, stoppable)
    facts = read_facts(folder / STORE)
    if (facts.store_id, facts.event) != (manifest.store_id, manifest.event):
        raise broken(folder, "its store is of another moment than its manifest")
    work.tell("checking the store")
    check_store(folder / STORE, stop)
    return manifest


def check_file(folder: Path, name: str, member: Member) -> None:
    """Raise `Invalid` (`backup.broken`) unless a file of a backup is as it was written."""
    try:
        same = (folder / name).stat().st_size == member.size and digest_of(folder / name) == member.sha256
    except OSError as error:
        raise broken(folder, f"{name}: {error.strerror}") from error
    if not same:
        raise broken(folder, f"the checksum of {name} is wrong")


def check_store(file: Path, stop: Event) -> None:
    """Raise `Unavailable` (`backup.unsound`) if a copy of a store has faults: then the store has, too."""
    findings = judge_copy(file, stop)
    if findings:
        more = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
        raise Unavailable(
            "backup.unsound",
            f"the copy of the store has faults: {findings[0].message} [{findings[0].code}]{more}",
            hint="run 'taskdeck doctor' on the store; --no-check keeps what there is",
            facts={"code": findings[0].code, "findings": len(findings)},
        )
