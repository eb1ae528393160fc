"""What a running interpreter loads: core without textual, the launcher alone."""

from __future__ import annotations

import ast
import gc
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from core.control.all_verbs import ROUTES
from core.model.lazy import lazy_names
from tests.architecture.trees import is_foreign, run_python, write_tree

# Alembic's scripts run when imported and pychild belongs to users' interpreters: neither is imported.
_IMPORT_ALL = """
import importlib, pkgutil
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "textual":
            raise ModuleNotFoundError("textual is absent", name="textual")
sys.meta_path.insert(0, Absent())
import core
for module in pkgutil.walk_packages(core.__path__, "core."):
    if not {"migrations", "pychild", "__main__"} & set(module.name.split(".")):
        importlib.import_module(module.name)
"""
_REPORT = "\nprint('LOADED', *sorted(set(sys.modules) - before))"


def modules_loaded_by(code: str, cwd: Path) -> set[str]:
    result = run_python(f"before = set(sys.modules)\n{code}{_REPORT}", cwd=cwd)
    assert result.returncode == 0, result.stderr
    return set(result.stdout.rpartition("LOADED")[2].split())


def foreign_modules_loaded_by(code: str, cwd: Path) -> set[str]:
    return {name.partition(".")[0] for name in modules_loaded_by(code, cwd) if is_foreign(name)}


def test_core_imports_where_textual_is_absent(checkout: Path) -> None:
    result = run_python(_IMPORT_ALL, cwd=checkout)
    assert result.returncode == 0, result.stderr


def test_the_launcher_loads_the_standard_library_only(checkout: Path) -> None:
    assert foreign_modules_loaded_by("import console.launch", checkout) == set()


def test_version_loads_no_third_party_and_no_room_but_the_one_that_knows_it(checkout: Path) -> None:
    code = "from console.launch import main\nmain(['version'])"
    loaded = modules_loaded_by(code, checkout)
    assert {name for name in loaded if is_foreign(name)} == set()
    assert {name for name in loaded if name.startswith(("core", "console"))} == {
        "core",
        "core.model",
        "core.model.lazy",
        "core.model.version",
        "console",
        "console.launch",
    }


def test_the_nouns_load_the_standard_library_only(checkout: Path) -> None:
    assert foreign_modules_loaded_by("import core, core.model", checkout) == set()


def test_the_console_attaches_without_sql_settings_or_commands(checkout: Path) -> None:
    console = "import console.sessions.choice, console.sessions.attached"
    heavy = {"sqlalchemy", "aiosqlite", "pydantic", "pydantic_settings", "click", "uvicorn"}
    assert foreign_modules_loaded_by(console, checkout) & heavy == set()


def test_commands_that_find_an_engine_load_no_sql_and_no_server(checkout: Path) -> None:
    code = "import core.cli.exec_map, core.cli.orphans, core.cli.run, core.cli.stop, core.cli.verbs"
    heavy = {"sqlalchemy", "aiosqlite", "pydantic", "apscheduler", "uvicorn"}
    assert foreign_modules_loaded_by(code, checkout) & heavy == set()


@pytest.mark.parametrize(
    ("room", "most"), [("core.cli.lists", 113), ("core.cli.show", 112), ("core.cli.exec_map", 116)]
)
def test_commands_that_ask_an_engine_load_few_modules_of_ours(room: str, most: int, checkout: Path) -> None:
    loaded = modules_loaded_by(f"import console.launch, core.cli.main, {room}", checkout)
    own = {name for name in loaded if name.startswith(("core", "console")) and not is_room(name, checkout)}
    # A start of such a command is little else than these: whoever adds one looks for what can go instead.
    assert len(own) <= most
    assert {name for name in own if name.startswith("core.control.nouns.")} == set()
    assert own & {"core.logs.handlers", "core.render.json_shapes", "core.control.all_verbs"} == set()
    assert {name.partition(".")[0] for name in loaded if is_foreign(name)} == {
        "click",
        "msgspec",
        "typing_extensions",
    }
    assert loaded & {"difflib", "hashlib", "logging.handlers", "zoneinfo"} == set()


def is_room(name: str, checkout: Path) -> bool:
    """Return whether a module is a package, which holds a sentence and nothing else."""
    return (checkout / name.replace(".", "/")).is_dir()


def names_for_the_type_checker(module: ModuleType) -> dict[str, str]:
    """Return the names that a module imports for the type checker alone, each with the module it is of."""
    text = Path(module.__file__ or "").read_text(encoding="utf-8")
    conditional = [node for node in ast.parse(text).body if isinstance(node, ast.If)]
    return {
        alias.name: node.module or ""
        for branch in conditional
        if ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@pytest.mark.parametrize("offering", ["core", "core.control.api", "core.control.nouns", "core.logs"])
def test_lazy_names_are_those_that_the_type_checker_sees(offering: str) -> None:
    module = import_module(offering)
    seen = names_for_the_type_checker(module)
    offered = {name: place for name, place in seen.items() if name in module.__all__}
    assert offered
    for name, place in offered.items():
        expected = import_module(f"{place}.{name}") if place == offering else vars(import_module(place))[name]
        assert getattr(module, name) is expected
    assert all(hasattr(module, name) for name in module.__all__)
    with pytest.raises(AttributeError, match=f"^module '{offering}' has no attribute 'nothing'$"):
        _ = module.nothing


@pytest.mark.parametrize("collects", [True, False])
def test_no_garbage_is_looked_for_while_a_lazy_name_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, collects: bool
) -> None:
    write_tree(tmp_path, {"slow_to_load.py": "import gc\nSEEN = gc.isenabled()\n"})
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "slow_to_load", raising=False)
    offering = ModuleType("offering")
    monkeypatch.setitem(sys.modules, "offering", offering)
    find = lazy_names("offering", {"SEEN": "slow_to_load"})
    (gc.enable if collects else gc.disable)()
    try:
        assert find("SEEN") is False
        assert gc.isenabled() is collects
        # Nothing is looked for a second time.
        assert vars(offering)["SEEN"] is False
    finally:
        gc.enable()
        del sys.modules["slow_to_load"]


def test_every_noun_of_the_control_is_in_the_table(checkout: Path) -> None:
    nouns = import_module("core.control.nouns")
    files = {path.stem for path in (checkout / "core/control/nouns").glob("*.py")} - {"__init__"}
    assert set(nouns.__all__) == files


def test_the_routes_have_the_verbs_of_nouns_that_nothing_else_loads(checkout: Path) -> None:
    result = run_python("from core.control.all_verbs import ROUTES\nprint(*ROUTES)", cwd=checkout)
    assert set(result.stdout.split()) == set(ROUTES), result.stderr
    assert "log_lines" in ROUTES


def test_filters_load_their_search_engine_only_for_a_pattern(checkout: Path) -> None:
    code = "from core.filters.parser import parse\nfrom core.filters.fields import Noun\n"
    records = {"msgspec", "typing_extensions"}
    assert foreign_modules_loaded_by(f"{code}parse('key:a', Noun.TASKS)", checkout) == records
    assert foreign_modules_loaded_by(f"{code}parse('key~a', Noun.TASKS)", checkout) == {*records, "re2"}


def test_commands_that_read_the_store_load_no_http_client(checkout: Path) -> None:
    code = "import core.app.reading.store, core.cli.events, core.cli.lists, core.cli.logs, core.cli.show"
    assert foreign_modules_loaded_by(code, checkout) & {"httpx", "apscheduler", "uvicorn"} == set()


def test_the_checks_see_unwanted_imports(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "console/launch.py": "import attic\n",
            "core/engine/view.py": "import textual.app\n",
            "attic/__init__.py": '"""Old."""\n',
            "textual/app.py": '"""Fake."""\n',
        },
    )
    assert foreign_modules_loaded_by("import console.launch", tmp_path) == {"attic"}
    assert "textual is absent" in run_python(_IMPORT_ALL, cwd=tmp_path).stderr
