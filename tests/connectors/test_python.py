"""The python connector and its child: calls, results, errors, imports."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

import core
from core.connectors.python import Python
from core.executors.child import ChildExecutor
from core.executors.outputs import Outputs
from core.model.errors import Invalid
from core.model.outcomes import Failed, Succeeded
from core.model.ports import AttemptRef, CallContext
from tests.support.waiting import DEADLINE

TASKS = """
import asyncio, os, sys
LIMIT = 3
def add(a, b=2): return a + b
async def later(x):
    await asyncio.sleep(0)
    return {"x": x}
def talk(): print("said"); print("warned", file=sys.stderr)
def fail(): secret = "hidden local"; raise ValueError("bad thing")
def leave(): sys.exit(3)
def vanish(): os._exit(5)
def crash(): os.kill(os.getpid(), 11)
def thing(): return object()
def nan(): return float("nan")
def loop():
    a = []; a.append(a); return a
def huge(): return "x" * 9_000_000
def paths(): return sys.path
def modules(): return sorted(name for name in sys.modules if name.startswith("core"))
def odd(): return {"nul": "a\\0b", "half": "\\ud800", "big": 2**63, "é": None}
class Box:
    @staticmethod
    def method(): return "in a class"
"""


@pytest.fixture
def context(tmp_path: Path) -> CallContext:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "tasks.py").write_text(TASKS)
    ref = AttemptRef(task_id=5, epoch=1)
    return CallContext(
        ref=ref,
        job_id=1,
        key="score",
        clock=None,
        path=Outputs(tmp_path / "output").path(ref),
        idempotency_key="once",
        cwd=str(tmp_path / "work"),
    )


@pytest.fixture
def run(context, tmp_path):
    """Return a runner of a `with:` block to its outcome, in a real process."""

    async def run(call, **with_):
        python, block = Python(), {"call": call, **with_}
        executor = ChildExecutor(Outputs(tmp_path / "output"), store=f"python-{time.time_ns()}")
        executor.start(context.ref, python.call(block, context))
        async with asyncio.timeout(DEADLINE):
            end = await executor.wait(context.ref)
        return python.conclude(block, context, end)

    return run


async def test_a_function_is_called_with_its_arguments(run):
    assert await run("tasks:add", args={"a": 40}) == Succeeded(output=42)


async def test_an_async_function_is_awaited(run):
    assert await run("tasks:later", args={"x": [1, None]}) == Succeeded(output={"x": [1, None]})


async def test_a_dotted_function_is_found(run):
    assert await run("tasks:Box.method") == Succeeded(output="in a class")


async def test_what_it_prints_goes_to_the_output(run, context):
    assert await run("tasks:talk") == Succeeded(output=None)
    assert (context.directory / "out").read_text() == "said\nwarned\n"


async def test_odd_values_come_back_unharmed(run):
    assert await run("tasks:odd") == Succeeded(
        output={"nul": "a\0b", "half": "\ud800", "big": 2**63, "é": None}
    )


async def test_an_error_has_its_type_and_traceback_and_no_local(run, context):
    outcome = await run("tasks:fail")
    assert isinstance(outcome, Failed)
    assert not outcome.permanent
    assert (outcome.error.code, outcome.error.message) == ("python.error", "ValueError: bad thing")
    assert outcome.error.facts["type"] == "ValueError"
    trace = outcome.error.facts["traceback"]
    assert "tasks.py" in trace
    assert "pychild" not in trace
    assert (context.directory / "out").read_text() == trace


@pytest.mark.parametrize(
    ("raised", "line"),
    [
        ("Odd('no rows')", "told.Odd: no rows"),
        ("KeyboardInterrupt", "KeyboardInterrupt"),
        (
            "ExceptionGroup('two', [ValueError('row 17\\nhas no price'), OSError()])",
            "ExceptionGroup: two (2 sub-exceptions): ValueError: row 17 has no price",
        ),
    ],
)
async def test_an_error_is_one_line_and_a_group_tells_the_first_of_its_errors(run, context, raised, line):
    Path(context.cwd, "told.py").write_text(f"class Odd(Exception): pass\ndef f(): raise {raised}\n")
    assert (await run("told:f")).error.message == line


async def test_a_process_that_leaves_no_result_tells_why_in_its_output(run, context):
    Path(context.cwd, "leaving.py").write_text(
        "import os\ndef now():\n  os.write(2, b'license server: denied\\n'); os._exit(9)\n"
    )
    error = (await run("leaving:now")).error
    assert (error.code, error.message) == ("python.exit", "exit 9: license server: denied")


async def test_wrong_arguments_and_an_exit_are_errors_of_the_function(run):
    outcome = await run("tasks:leave")
    assert (outcome.error.code, outcome.error.facts["type"]) == ("python.error", "SystemExit")


@pytest.mark.parametrize("call", ["missing:f", "tasks.deeper:f", "tasks:missing", "tasks:LIMIT"])
async def test_what_does_not_exist_fails_for_good(run, call):
    outcome = await run(call)
    assert (outcome.error.code, outcome.permanent) == ("python.not_found", True)


async def test_a_module_that_the_module_misses_is_its_error(run, context):
    Path(context.cwd, "broken.py").write_text("import not_installed_here\n")
    outcome = await run("broken:f")
    assert (outcome.error.code, outcome.permanent) == ("python.error", False)


@pytest.mark.parametrize("name", ["thing", "nan", "loop", "huge"])
async def test_a_result_that_cannot_be_kept_fails_for_good(run, name):
    outcome = await run(f"tasks:{name}")
    assert (outcome.error.code, outcome.permanent) == ("python.result", True)


@pytest.mark.parametrize(
    ("name", "facts"), [("vanish", {"exit": 5}), ("crash", {"exit": 139, "signal": "SIGSEGV"})]
)
async def test_an_end_without_a_result_says_how(run, name, facts):
    outcome = await run(f"tasks:{name}")
    assert (outcome.error.code, outcome.error.facts, outcome.permanent) == ("python.exit", facts, False)


async def test_the_users_own_core_is_the_one_imported(run, context):
    package = Path(context.cwd, "core")
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "host.py").write_text("def who(): return __file__\n")
    assert await run("core.host:who") == Succeeded(output=str(package / "host.py"))


async def test_the_child_imports_nothing_of_this_package(run):
    assert await run("tasks:modules") == Succeeded(output=[])


async def test_the_task_comes_first_on_the_path_and_the_childs_folder_is_not_on_it(run, context):
    paths = (await run("tasks:paths")).output
    assert paths[0] == context.cwd
    assert not [path for path in paths if path.endswith("pychild")]


async def test_a_module_of_the_user_named_main_is_the_users(run, context):
    Path(context.cwd, "main.py").write_text("def f(): return 'mine'\n")
    assert await run("main:f") == Succeeded(output="mine")


async def test_another_interpreter_runs_it(run, tmp_path):
    other = tmp_path / "other-python"
    other.write_text(f'#!/bin/sh\necho other >"{tmp_path}/used"\nexec {sys.executable} "$@"\n')
    other.chmod(0o700)
    assert await run("tasks:add", args={"a": 1}, python=str(other)) == Succeeded(output=3)
    assert (tmp_path / "used").read_text() == "other\n"


async def test_large_arguments_pass(run):
    outcome = await run("tasks:add", args={"a": "x" * 300_000, "b": "y"})
    assert len(outcome.output) == 300_001


@pytest.mark.parametrize(
    ("with_", "path"),
    [
        ({"call": "no_function"}, ("call",)),
        ({"call": "a:b; import os"}, ("call",)),
        ({"call": "../a:b"}, ("call",)),
        ({"call": "a:b", "args": [1]}, ("args",)),
        ({}, ()),
    ],
)
def test_faults_are_named_with_their_place(with_, path):
    assert [fault.path for fault in Python().check(with_)] == [path]


def test_values_with_an_expression_are_passed_over():
    assert list(Python().check({"call": "a.b:c", "args": {"n": "${{ params.n }}"}})) == []
    assert list(Python().check({"call": "a.b:c", "args": "${{ params.all }}"})) == []


def test_a_missing_interpreter_or_directory_is_refused_before_the_start(context):
    for block, code in [({"python": "/no/python"}, "python.not_found"), ({"cwd": "no"}, "process.cwd")]:
        with pytest.raises(Invalid) as refusal:
            Python().call({"call": "a:b", **block}, context)
        assert refusal.value.code == code


@pytest.mark.parametrize("text", ["", "[]", '{"error": {"code": 1}}', "{", '{"returned": NaN}', "\udcff"])
def test_a_forged_result_is_refused(context, text):
    from core.model.ports import ProcessExit

    context.directory.mkdir(parents=True)
    (context.directory / "result.json").write_text(text, errors="surrogateescape")
    outcome = Python().conclude({}, context, ProcessExit(code=0, out=context.directory / "out", size=0))
    assert (outcome.error.code, outcome.permanent) == ("python.result", True)


def test_the_child_is_one_file_of_the_standard_library(tmp_path):
    folder = Path(core.__file__).parent / "executors" / "pychild"
    assert [path.name for path in folder.iterdir() if path.name != "__pycache__"] == ["main.py"]
    (tmp_path / "call.json").write_text(json.dumps({"call": "json:dumps", "args": {"obj": [1]}}))
    # -I -S: neither this checkout nor any installed package is there to be imported.
    command = [sys.executable, "-I", "-S", str(folder / "main.py"), str(tmp_path)]
    subprocess.run(command, check=True, cwd=tmp_path)
    assert json.loads((tmp_path / "result.json").read_text()) == {"returned": "[1]"}


def test_a_result_goes_along_with_a_home_that_is_moved_while_it_is_worked_out(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    call = {"call": "os:rename", "args": {"src": str(old), "dst": str(new)}}
    (old / "call.json").write_text(json.dumps(call))
    program = Path(core.__file__).parent / "executors" / "pychild" / "main.py"
    subprocess.run([sys.executable, "-I", "-S", str(program), str(old)], check=True, cwd=tmp_path)
    assert json.loads((new / "result.json").read_text()) == {"returned": None}
    assert not old.exists()
