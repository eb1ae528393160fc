"""The layers, the one door of each third party, and their contracts."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from tests.architecture.trees import is_foreign, sources, write_tree

# Door -> the third parties that come in by it. Dropping a contract, or a name from one, is red here.
DOORS = {
    "textual": {"textual"},
    "sql": {"sqlalchemy", "aiosqlite", "alembic", "sqlite3"},
    "httpx": {"httpx", "httpcore"},
    "apscheduler": {"apscheduler"},
    "cronsim": {"cronsim"},
    "tzlocal": {"tzlocal"},
    "served": {"uvicorn", "httptools"},
    "uvloop": {"uvloop"},
    "click": {"click"},
    "re2": {"re2"},
    "msgspec": {"msgspec"},
    "dotenv": {"dotenv"},
    "yaml": {"yaml"},
    "pydantic": {"pydantic", "pydantic_core", "pydantic_settings"},
    "structlog": {"structlog"},
    "prometheus": {"prometheus_client"},
    "host": {"psutil", "platformdirs"},
    "rich": {"rich"},
}
FLOORS = [
    {"console"},
    {"core.cli"},
    {"core.app"},
    {"core.control"},
    {"core.engine"},
    {
        "core.rules",
        "core.workflows",
        "core.store",
        "core.connectors",
        "core.probes",
        "core.senders",
        "core.secret_sources",
        "core.executors",
    },
    {"core.timetables"},
    {"core.config", "core.logs", "core.host"},
    {"core.files"},
    {"core.render"},
    {"core.filters"},
    {"core.model"},
]
# These load nothing but the standard library and the nouns, so that anything may load them.
PLAIN_ROOMS = (
    "core/model/*",
    "core/files/*",
    "core/filters/*",
    "core/render/*",
    "core/control/api.py",
    "core/rules/*",
    "core/executors/pychild/*",
)
# What the nouns are made of.
RECORDS = ("msgspec", "msgspec.structs")
# Loaded inside a function, by those who search: the room stays plain for all others.
LAZY_DOORS = {("core/filters/patterns.py", "re2")}

Contract = dict[str, Any]


def contracts(root: Path) -> dict[str, Contract]:
    table = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return {contract["id"]: contract for contract in table}


def floors(root: Path) -> list[set[str]]:
    layers = contracts(root)["floors"]["layers"]
    return [{name.strip(" ()") for name in layer.split("|")} for layer in layers]


def missing_doors(root: Path) -> list[str]:
    found = contracts(root)
    whole = {"core", "console", "themes"}
    return [
        door
        for door, parties in DOORS.items()
        if door not in found
        or not parties <= set(found[door]["forbidden_modules"])
        or set(found[door]["source_modules"]) != whole
    ]


def unlisted_rooms(root: Path) -> list[str]:
    listed = set().union(*floors(root))
    rooms = [path for path in (root / "core").glob("*") if path.is_dir() or path.suffix == ".py"]
    names = {f"core.{path.stem}" for path in rooms if not path.name.startswith("__")}
    return sorted(names - listed)


def invisible_rooms(root: Path) -> list[str]:
    # The linter sees packages only: a listed room without __init__ would be checked by nobody.
    rooms = [root / name.replace(".", "/") for floor in floors(root) for name in floor]
    return sorted(room.name for room in rooms if room.is_dir() and not (room / "__init__.py").exists())


def parties_without_door(root: Path) -> list[str]:
    known = set().union(*DOORS.values())
    return [
        f"{source.path}:{line} {module}"
        for source in sources(root, "core", "console", "themes")
        for line, module in source.imports()
        if is_foreign(module) and module.partition(".")[0] not in known
    ]


def furnished_rooms(root: Path) -> list[str]:
    return [
        f"{source.path}:{line} {module}"
        for source in sources(root, "core")
        if any(fnmatch(source.path, pattern) for pattern in PLAIN_ROOMS)
        for line, module in source.imports()
        if (source.path, module) not in LAZY_DOORS
        and (
            (is_foreign(module) and module not in RECORDS)
            or (module.startswith("core") and not _may_import(source.path, module))
        )
    ]


def _may_import(path: str, module: str) -> bool:
    if path.startswith("core/executors/pychild/"):
        return False
    room = ".".join(path.split("/")[:2])
    below = ("core.model.", "core.filters.", "core.render.") if room != "core.model" else ()
    return f"{module}.".startswith(("core.model.", *below, f"{room}."))


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    script = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([script, "--no-cache"], cwd=root, capture_output=True, text=True, check=False)


def test_the_contracts_are_kept(checkout: Path) -> None:
    result = lint(checkout)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_contracts_are_all_there(checkout: Path) -> None:
    assert floors(checkout) == FLOORS
    assert missing_doors(checkout) == []
    assert contracts(checkout)["hatch"]["forbidden_modules"] == ["core"]


def test_every_room_stands_on_a_floor(checkout: Path) -> None:
    assert unlisted_rooms(checkout) == []
    assert invisible_rooms(checkout) == []


def test_every_third_party_has_a_door(checkout: Path) -> None:
    assert parties_without_door(checkout) == []


def test_plain_rooms_load_the_standard_library_and_the_nouns_only(checkout: Path) -> None:
    assert furnished_rooms(checkout) == []


FORBIDDEN = {
    "core/model/status.py": ("core.engine.attempts.runner",),
    "core/rules/retry.py": ("core.store.journal",),
    "core/engine/loop.py": ("textual", "sqlalchemy", "apscheduler", "pydantic", "structlog", "psutil"),
    "core/connectors/shell.py": ("httpx",),
    "core/control/local.py": ("uvicorn",),
    "core/app/attach.py": ("click", "rich", "core.app.doctor"),
    "core/workflows/graph.py": ("yaml", "re2"),
    "console/feed.py": ("core.engine.attempts.runner", "core.cli.main"),
    "console/widgets/table.py": ("console.screens.base",),
}
"""Imports that each break a contract."""


def test_forbidden_imports_break_the_contracts(checkout: Path, tmp_path: Path) -> None:
    rooms = [
        "core/engine/attempts/runner.py",
        "core/store/journal.py",
        "core/cli/main.py",
        "core/model/status.py",
    ]
    rooms += ["console/feed.py", "console/screens/base.py", "themes/__init__.py"]
    rooms += ["core/app/attach.py", "core/app/doctor.py"]
    write_tree(tmp_path, dict.fromkeys(rooms, '"""Room."""\n'))
    # The small tree has few of the imports that the contracts permit.
    text = (checkout / "pyproject.toml").read_text()
    for kind in ('type = "forbidden"', 'type = "layers"'):
        text = text.replace(kind, f'{kind}\nunmatched_ignore_imports_alerting = "none"')
    (tmp_path / "pyproject.toml").write_text(text)
    assert lint(tmp_path).returncode == 0
    write_tree(
        tmp_path, {path: "".join(f"import {name}\n" for name in names) for path, names in FORBIDDEN.items()}
    )
    broken = lint(tmp_path).stdout.partition("Broken contracts")[2]
    unseen = [
        arrow
        for path, names in FORBIDDEN.items()
        for name in names
        if (arrow := f"{path.removesuffix('.py').replace('/', '.')} -> {name} (l.") not in broken
    ]
    assert unseen == [], broken


def test_the_checks_see_a_dropped_contract_and_a_stray_room(checkout: Path, tmp_path: Path) -> None:
    text = (checkout / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(
        text.replace('id = "re2"', 'id = "other"').replace('"httpcore", ', "")
    )
    write_tree(
        tmp_path,
        {
            "core/model/status.py": "import attrs\nimport core.model.values\nimport core.engine\n",
            "core/executors/pychild/main.py": "import json\nimport core.model\n",
            "core/utils/misc.py": "import sqlalchemy\n",
        },
    )
    (tmp_path / "core/engine").mkdir()
    assert missing_doors(tmp_path) == ["httpx", "re2"]
    assert unlisted_rooms(tmp_path) == ["core.utils"]
    assert invisible_rooms(tmp_path) == ["engine"]
    assert parties_without_door(tmp_path) == ["core/model/status.py:1 attrs"]
    assert furnished_rooms(tmp_path) == [
        "core/executors/pychild/main.py:2 core.model",
        "core/model/status.py:1 attrs",
        "core/model/status.py:3 core.engine",
    ]
