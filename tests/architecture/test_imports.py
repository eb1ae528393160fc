"""What a running interpreter loads: core without textual, the launcher alone."""

from __future__ import annotations

from pathlib import Path

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
