"""Exit codes, patterns of the last output, and inputs that `defaults` have."""

from __future__ import annotations

import pytest

from core.workflows.expansion import expand, parse
from tests.workflows.workflow_cases import CONNECTORS, brief, faults

HEAD = "name: x\ndefaults: {uses: shell, success_exit_codes: [0, 3], skip_exit_codes: [99]}\ntasks:\n"


def test_the_word_of_a_task_stands_in_the_place_of_that_of_the_defaults() -> None:
    text = HEAD + (
        "  - {key: a, with: {script: x}}\n"
        "  - {key: b, with: {script: x}, success_exit_codes: [5], skip_exit_codes: []}\n"
    )
    a, b = expand(parse(text, CONNECTORS)).stages[0].tasks
    assert (a.success_exit_codes, a.skip_exit_codes) == ((0, 3), (99,))
    assert (b.success_exit_codes, b.skip_exit_codes) == ((5,), ())


@pytest.mark.parametrize(
    ("field", "code", "at"),
    [
        ("skip_exit_codes: [256]", "document.value", "256"),
        ("skip_exit_codes: [true]", "document.value", "true"),
        ("success_exit_codes: []", "document.value", "[]"),
        ("skip_exit_codes: [0]", "document.exit_twice", "[0]"),
        ("success_exit_codes: [99]", "document.exit_twice", "[99]"),
        ("skip_exit_code: [9]", "document.unknown_field", "skip_exit_code:"),
        ("retry: {on: [{output: '(?=a)'}]}", "document.value", "'(?=a)'"),
        ("retry: {on: [{outpt: a}]}", "document.missing", "{outpt"),
        ("retry: {on: ['Shell.exit']}", "document.value", "'Shell"),
    ],
)
def test_faults_of_exit_codes_and_outputs_have_their_places(field: str, code: str, at: str) -> None:
    line = f"  - {{key: a, uses: shell, with: {{script: x}}, {field}}}\n"
    assert brief(HEAD + line)[0] == (code, 4, line.index(at) + 1)


def test_a_field_of_the_end_of_a_process_is_refused_where_there_is_none_and_passed_over_in_defaults() -> None:
    text = HEAD + "  - {key: a, uses: delay, with: {seconds: 1}, skip_exit_codes: [1]}\n"
    text += "  - {key: b, uses: delay, with: {seconds: 1}, retry: {on: [timeout, {output: busy}]}}\n"
    assert [(one.code, one.line, one.message) for one in faults(text)] == [
        ("document.no_process", 4, "`skip_exit_codes`: a task that uses `delay` has no exit code"),
        ("document.no_process", 5, "`output`: a task that uses `delay` has no output of a process"),
    ]
    assert faults(HEAD + "  - {key: a, uses: delay, with: {seconds: 1}}\n") == []
    near = faults(HEAD + "  - {key: a, with: {script: x}, skip_exit_code: [9]}\n")[0].message
    assert "did you mean `skip_exit_codes`" in near


def test_patterns_of_outputs_stand_beside_codes() -> None:
    text = HEAD + "  - {key: a, with: {script: x}, retry: {on: [timeout, {output: '^busy$'}]}}"
    policy = expand(parse(text, CONNECTORS)).stages[0].tasks[0].retry
    assert (policy.on, policy.output) == (("timeout",), ("^busy$",))


INPUTS = """\
name: x
params: {dir: {default: /srv}}
defaults: {uses: shell, cwd: "${{ params.dir }}/in", shell: bash}
tasks:
  - {key: a, with: {script: "echo a"}}
  - {key: b, with: {script: "#!/bin/cat", cwd: 3.10}}
  - {key: c, with: {argv: [ls]}}
  - {key: d, with: {script: "echo a", shell: sh}}
  - {key: e, uses: http, with: {url: "http://x"}}
"""


def test_defaults_of_inputs_go_where_an_input_may_have_them_and_has_not() -> None:
    tasks = expand(parse(INPUTS, CONNECTORS)).stages[0].tasks
    assert {task.key: (task.with_.get("cwd"), task.with_.get("shell")) for task in tasks} == {
        "a": ("${{ params.dir }}/in", "bash"),
        "b": ("3.10", None),
        "c": ("${{ params.dir }}/in", None),
        "d": ("${{ params.dir }}/in", "sh"),
        "e": (None, None),
    }


def test_faults_of_inputs_in_defaults_have_their_places() -> None:
    def told(defaults: str) -> list[tuple[str, str]]:
        text = INPUTS.replace('cwd: "${{ params.dir }}/in", shell: bash', defaults)
        return [(one.code, one.path or "") for one in faults(text)]

    assert told('cwd: "${{ params.dri }}"') == [("expression.unknown_param", "defaults.cwd")]
    assert told('cwd: "${{ tasks.a.output.path }}"') == [("expression.not_needed", "defaults.cwd")]
    assert told('cwd: "${{ job.name }}"') == [("expression.not_shared", "defaults.cwd")]
    assert told('shell: "${{ params.dir }}"') == [("expression.misplaced", "defaults.shell")]
    assert told("cwd: [a]") == [("document.value", "defaults.cwd")]
    kept = parse(INPUTS.replace('"${{ params.dir }}/in"', "010"), CONNECTORS)
    assert expand(kept).stages[0].tasks[0].with_["cwd"] == "010"
