"""The shell connector: what it refuses, what it runs, how it judges."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from core.connectors.python import Python
from core.connectors.shell import Shell
from core.engine.attempts.connector_results import checked_outcome
from core.executors.child import ChildExecutor
from core.executors.outputs import Outputs
from core.model.errors import Invalid
from core.model.outcomes import Failed, Succeeded
from core.model.ports import AttemptRef, CallContext
from core.model.records import replace
from tests.support.waiting import DEADLINE


@pytest.fixture
def context(tmp_path: Path) -> CallContext:
    outputs = Outputs(tmp_path / "output")
    ref = AttemptRef(task_id=4, epoch=2)
    return CallContext(
        ref=ref,
        job_id=3,
        key="build",
        clock=None,
        path=outputs.path(ref),
        idempotency_key="once",
        cwd=str(tmp_path),
        env={"CAPTURED": "yes", "BOTH": "captured"},
    )


@pytest.fixture
def run(context, tmp_path):
    """Return a runner of a `with:` block to its outcome, in a real process."""

    async def run(with_):
        shell = Shell()
        executor = ChildExecutor(Outputs(tmp_path / "output"), store=f"shell-{time.time_ns()}")
        executor.start(context.ref, shell.call(with_, context))
        async with asyncio.timeout(DEADLINE):
            end = await executor.wait(context.ref)
        return shell.conclude(with_, context, end)

    return run


@pytest.mark.parametrize(
    ("with_", "code", "path"),
    [
        ({}, "shell.choice", ()),
        ({"argv": ["true"], "script": "true"}, "shell.choice", ()),
        ({"script": "echo ${{ params.x }}"}, "shell.fence", ("script",)),
        ({"argv": []}, "with.value", ("argv",)),
        ({"argv": "ls -l"}, "with.value", ("argv",)),
        ({"argv": ["x", None]}, "with.value", ("argv", 1)),
        ({"argv": ["x"], "parse": "yaml"}, "with.value", ("parse",)),
        ({"argv": ["x"], "ok": [256]}, "with.value", ("ok", 0)),
        ({"argv": ["x"], "env": {"A": ["b"]}}, "with.value", ("env", "A")),
        ({"argv": ["x"], "shell": "zsh"}, "shell.choice", ("shell",)),
        ({"argv": ["x"], "shel": "zsh"}, "with.unknown", ("shel",)),
        ({"script": "true", "shell": "sh '"}, "shell.choice", ("shell",)),
        ({"script": "true", "shell": " "}, "shell.choice", ("shell",)),
        ({"script": "true", "shell": "${{ params.x }}"}, "shell.fence", ("shell",)),
        ({"script": "#!\ntrue"}, "shell.choice", ("script",)),
    ],
)
def test_faults_are_named_with_their_place(with_, code, path):
    assert [(fault.code, fault.path) for fault in Shell().check(with_)] == [(code, path)]


@pytest.mark.parametrize(
    "with_",
    [
        {"argv": ["sleep", 1]},
        {"argv": "${{ params.argv }}"},
        {"argv": ["echo", "${{ params.x }}"], "ok": "${{ params.ok }}"},
        {"script": 'echo "$X"', "env": {"X": "${{ params.x }}"}},
        {"argv": ["x"], "env": {"A": 1, "B": 1.5, "C": True}, "cwd": "/", "parse": "json", "ok": [0, 3]},
    ],
)
def test_good_inputs_have_no_fault(with_):
    assert list(Shell().check(with_)) == []


async def test_a_success_says_exit_path_and_text(run, context):
    assert await run({"argv": ["echo", "a b", 7, True]}) == Succeeded(
        output={
            "exit": 0,
            "path": str(context.directory / "out"),
            "size": 11,
            "dropped": 0,
            "text": "a b 7 true\n",
            "omitted": 0,
        }
    )


async def test_json_output_becomes_a_value(run):
    outcome = await run({"argv": ["printf", "%s", '{"a": [1, "é"]}'], "parse": "json"})
    assert outcome.output["json"] == {"a": [1, "é"]}
    assert "text" not in outcome.output


@pytest.mark.parametrize(
    "text",
    ["{", "", "NaN", "\\377", "[" * 60_000, "1" * 5000, '{"n": 1e999}', "[-1e999]", "[" * 201 + "]" * 201],
)
async def test_json_that_does_not_parse_or_cannot_be_kept_may_be_retried(run, text):
    outcome = await run({"script": 'printf "$T"', "env": {"T": text}, "parse": "json"})
    assert isinstance(outcome, Failed)
    assert (outcome.error.code, outcome.permanent) == ("shell.output", False)
    assert outcome.error.facts["exit"] == 0
    assert "set_int_max_str_digits" not in outcome.error.message


async def test_deep_json_is_kept_as_deep_as_the_store_takes_it(run):
    outcome = await run({"script": 'printf "$T"', "env": {"T": "[" * 200 + "]" * 200}, "parse": "json"})
    assert checked_outcome(outcome) is outcome
    assert isinstance(outcome, Succeeded)


async def test_json_above_the_limit_may_be_retried(run):
    outcome = await run({"script": "echo '['; head -c 9000000 /dev/zero | tr '\\0' 1", "parse": "json"})
    assert (outcome.error.code, outcome.permanent) == ("shell.output", False)


async def test_another_exit_fails_with_the_last_line(run):
    outcome = await run({"script": "echo first; echo 'it broke' >&2; echo; exit 7"})
    assert isinstance(outcome, Failed)
    assert not outcome.permanent
    assert (outcome.error.code, outcome.error.facts) == ("shell.exit", {"exit": 7})
    assert outcome.error.message == "exit 7: it broke"


async def test_standard_error_tells_why_although_the_output_ends_with_an_error_too(run):
    script = "echo 'error: of the output'; echo 'no rows for today' >&2; exit 65"
    outcome = await run({"script": script, "stderr": "separate"})
    assert outcome.error.message == "exit 65: no rows for today"


async def test_the_file_of_a_script_is_not_named_where_its_line_is(run):
    outcome = await run({"script": "true\nnosuchcommand --now", "shell": "bash"})
    assert outcome.error.message == "exit 127: line 2: nosuchcommand: command not found"


async def test_a_long_last_line_is_made_short(run):
    outcome = await run({"script": "head -c 5000 /dev/zero | tr '\\0' x; exit 1"})
    assert len(outcome.error.message) < 230
    assert outcome.error.message.endswith("…")


async def test_an_accepted_exit_succeeds(run):
    assert (await run({"script": "exit 3", "ok": [0, 3]})).output["exit"] == 3


async def test_a_signal_is_named(run):
    outcome = await run({"script": "kill -SEGV $$"})
    assert outcome.error.facts == {"exit": 139, "signal": "SIGSEGV"}
    assert outcome.error.message == "SIGSEGV"


async def test_text_is_the_last_64_kilobytes_and_never_fails_to_decode(run):
    outcome = await run({"script": "yes é | head -c 100001; printf '\\377end'"})
    text = outcome.output["text"]
    assert 65_000 < len(text.encode("utf-8", "surrogatepass")) <= 65_540
    assert text.endswith("\ufffdend")
    assert not text.startswith("\ufffd")


async def test_a_script_of_200_kilobytes_runs(run):
    script = "x=1\n" * 50_000 + "echo done"
    assert (await run({"script": script})).output["text"] == "done\n"


async def test_values_of_a_script_are_data(run, tmp_path):
    value = f"$(touch {tmp_path}/pwned); `touch {tmp_path}/pwned` \" ' \n -n"
    outcome = await run({"script": 'printf %s "$X"', "env": {"X": value}})
    assert outcome.output["text"] == value
    assert not (tmp_path / "pwned").exists()


async def test_the_environment_is_what_was_captured_and_asked_and_nothing_of_the_engine(
    run, context, monkeypatch
):
    monkeypatch.setenv("CANARY", "of the engine")
    monkeypatch.setenv("LC_TIME", "C")
    outcome = await run({"argv": ["/usr/bin/env"], "env": {"BOTH": "asked", "N": 1, "TASKDECK_TASK": "no"}})
    seen = dict(line.split("=", 1) for line in outcome.output["text"].splitlines())
    assert {"CANARY", "PATH", "LC_TIME"} & set(seen) == set()
    assert (seen["CAPTURED"], seen["BOTH"], seen["N"]) == ("yes", "asked", "1")
    assert seen["TASKDECK_TASK"] == "4"
    assert seen["TASKDECK_EPOCH"] == "2"
    assert seen["TASKDECK_JOB"] == "3"
    assert seen["TASKDECK_KEY"] == "build"
    assert seen["TASKDECK_IDEMPOTENCY_KEY"] == "once"
    assert seen["TASKDECK_DIR"] == str(context.directory)


def test_where_nothing_was_captured_it_has_the_harmless_part_of_the_engines(context, monkeypatch):
    monkeypatch.setenv("CANARY", "of the engine")
    monkeypatch.setenv("LC_TIME", "C")
    env = Shell().call({"argv": ["true"]}, replace(context, env=None)).env
    assert (env["PATH"], env["LC_TIME"], "CANARY" in env) == (os.environ["PATH"], "C", False)


async def test_it_runs_where_it_is_asked_to_else_where_the_caller_was(run, context, tmp_path):
    (tmp_path / "inner").mkdir()
    shell = Shell()
    assert shell.call({"argv": ["true"]}, context).cwd == str(tmp_path)
    assert shell.call({"argv": ["true"], "cwd": "inner"}, context).cwd == str(tmp_path / "inner")
    assert shell.call({"argv": ["true"], "cwd": "/"}, context).cwd == "/"
    assert (await run({"argv": ["pwd"], "cwd": "inner"})).output["text"] == f"{tmp_path}/inner\n"


def test_without_a_caller_it_runs_at_home(context, monkeypatch, tmp_path):
    from dataclasses import replace

    monkeypatch.setenv("HOME", str(tmp_path))
    assert Shell().call({"argv": ["true"]}, replace(context, cwd=None)).cwd == str(tmp_path)


def test_what_cannot_run_is_refused_by_name_before_the_start(context, tmp_path):
    (tmp_path / "notes.txt").write_text("no program")
    assert _refusal({"argv": ["no-such-program-here"]}, context) == "shell.not_found"
    assert _refusal({"argv": ["./notes.txt"]}, context) == "shell.not_found"
    assert _refusal({"argv": ["/bin"]}, context) == "shell.not_found"
    assert _refusal({"argv": ["true"], "cwd": "missing"}, context) == "process.cwd"
    assert _refusal({"argv": ["true", "a\0b"]}, context) == "shell.text"
    assert _refusal({"argv": ["true"], "env": {"BIG": "x" * 131_072}}, context) == "shell.text"
    assert _refusal({"argv": ["true"], "env": {"A-B": "x"}}, context) == "shell.text"
    assert _refusal({"argv": "true"}, context) == "with.invalid"


UNFIT = {
    "a NUL in an argument": {"argv": ["true", "a\0b"]},
    "half a character in an argument": {"argv": ["true", "\ud800"]},
    "a NUL in a variable": {"argv": ["true"], "env": {"A": "\0"}},
    "the name of a variable": {"argv": ["true"], "env": {"A=B": "x"}},
    "a NUL in the directory": {"argv": ["true"], "cwd": "/\0"},
    "half a character on standard input": {"argv": ["true"], "stdin": "\ud800"},
    "an argument too long": {"argv": ["true", "x" * 131_072]},
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_no_process_can_be_given_is_refused_where_it_can_be_seen(name, context):
    faults = Shell().check(UNFIT[name])
    assert [fault.code for fault in faults] == ["shell.text"]
    if name != "a NUL in the directory":
        assert _refusal(UNFIT[name], context) == "shell.text"


def test_what_is_only_unusual_is_not_refused():
    assert not Shell().check(
        {
            "argv": ["true", "${{ 'a\0b'.replace('\0', '') }}", "\udcff", 7],
            "env": {"A": None, "_B": True},
            "stdin": "\0\udcff",
        }
    )
    assert [fault.code for fault in Shell().check({"script": "echo \ud800"})] == ["with.value"]
    assert "half a character" in Shell().check({"script": "echo \ud800"})[0].message
    unfit = Python().check({"call": "a:b", "python": "/bin/\0", "args": {"x": "\0"}})
    assert [(fault.code, fault.path) for fault in unfit] == [("python.text", ("python",))]


def test_a_program_is_looked_up_by_the_path_of_the_task(context, tmp_path):
    tool = tmp_path / "bin" / "tool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o700)
    call = Shell().call({"argv": ["tool"], "env": {"PATH": str(tool.parent)}}, context)
    assert call.argv == (str(tool),)
    assert Shell().call({"argv": ["bin/tool"]}, context).argv == (str(tool),)


def _refusal(with_, context) -> str:
    with pytest.raises(Invalid) as refusal:
        Shell().call(with_, context)
    return refusal.value.code


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"script": "true"}, "sh"),
        ({"script": "#!/bin/cat"}, "#!"),
        ({"script": "true", "shell": "bash"}, "bash"),
        ({"argv": ["true"]}, None),
    ],
)
def test_an_input_is_stored_with_what_runs_its_script(given, kept):
    assert Shell().keep(given).get("shell") == kept


@pytest.mark.parametrize(
    ("script", "shell", "said"),
    [
        ("false; echo on", "sh", None),
        ("false | cat; echo on", "sh", "on\n"),
        ("false | cat; echo on", "bash", None),
        ("echo ${X:-a}; [[ a == a ]]", "bash", "a\n"),
        ("false; echo on", "sh {0}", "on\n"),
        ("false; echo on", "sh -u", "on\n"),
        ("import sys; print(len(sys.argv))", "python", "1\n"),
        ("#!/bin/cat\nme\n", "#!", "#!/bin/cat\nme\n"),
        ("#! /usr/bin/env -S sh -e\nfalse; echo on", "#!", None),
        ("#!/usr/bin/env sh\r\necho on\n", "#!", "on\n"),
        # As it was stored before scripts ended at the first command that fails.
        ("false; echo on", None, "on\n"),
    ],
)
async def test_a_script_is_run_by_its_shell(run, script, shell, said):
    outcome = await run({"script": script, **({} if shell is None else {"shell": shell})})
    if said is None:
        assert (outcome.error.code, outcome.error.facts) == ("shell.exit", {"exit": 1})
    else:
        assert outcome.output["text"] == said


async def test_null_leaves_a_variable_out(run):
    outcome = await run({"script": 'echo "${A-unset}"', "env": {"A": None}})
    assert outcome.output["text"] == "unset\n"
