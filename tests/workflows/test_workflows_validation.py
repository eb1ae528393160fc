"""Tests of validation: all faults with positions and near misses."""

from __future__ import annotations

import json

import pytest

from core.workflows.loader import load
from core.workflows.positions import NO_POSITIONS
from core.workflows.validation import check
from tests.support.steps import counted_calls
from tests.support.tables import each
from tests.workflows.workflow_cases import CONNECTORS, brief, faults, report

GOOD = """
name: nightly-scores
params: {date: {type: string, default: "2026-01-01"}, limit: {type: integer, default: 100, min: 1}}
defaults: {queue: default, timeout: 10m, on_loss: retry,
           retry: {max_attempts: 3, backoff: exponential, base: 2s, max: 5m, jitter: full,
                   on: [timeout, "http.5xx"]}}
on_task_failure: finish
notify: https://example.org/done
stages:
  - name: fetch
    tasks:
      - {key: list, uses: http, with: {url: "https://example.org/${{ params.date }}.json"}}
      - {key: parse, needs: [list], uses: shell,
         with: {argv: [jq, ".items", "${{ tasks.list.output.path }}"]}}
      - {key: notes, needs: [{task: parse, when: done}], when: "${{ params.limit > 10 }}", uses: delay,
         with: {seconds: 1}}
  - name: later
    tasks:
      - {key: use, uses: http, with: {url: "${{ tasks.list.output.path }}"}}
"""


def one(task: str, *, head: str = "") -> str:
    """Return a document of one task, whose line is the last."""
    return f"name: x\n{head}tasks:\n  - {{key: a, uses: delay, with: {{seconds: 1}}, {task}}}\n"


def test_the_document_of_the_design_has_no_fault_and_no_warning() -> None:
    found = report(GOOD)
    assert (found.faults, found.warnings) == ((), ())
    assert found.document is not None
    assert found.document.defaults.timeout == 600_000


def test_every_error_is_told_at_once_with_its_place() -> None:
    text = """\
name: many
on_task_failur: stop
params:
  limit: {type: integr}
tasks:
  - key: a
    uses: dellay
    neeeds: [b]
    with: {seconds: 1}
  - key: b
    uses: delay
    needs: [cc, b]
    timeout: soon
    with: {seconds: x}
  - key: c
    uses: http
    with: {url: "${{ params.limt }}", other: ["${{ tasks.b.output }}"]}
"""
    assert brief(text) == [
        ("document.unknown_field", 2, 1),
        ("document.value", 4, 17),
        ("document.unknown_connector", 7, 11),
        ("document.unknown_field", 8, 5),
        ("document.unknown_need", 12, 13),
        ("document.self_need", 12, 17),
        ("document.value", 13, 14),
        ("delay.seconds", 14, 21),
        ("expression.unknown_param", 17, 17),
        ("expression.not_needed", 17, 47),
    ]
    words = " ".join(fault.message for fault in faults(text))
    for near in (
        "`neeeds` is not known here; did you mean `needs`?",
        "`delay`?",
        "`c`?",
        "`limit`?",
        "`on_task_failure`?",
    ):
        assert near in words
    assert "`c` needs `b`" not in words
    assert "`b` needs `cc`: dependency `cc` is not found; did you mean `c`?" in words


@pytest.mark.parametrize(
    ("field", "here"),
    [
        ("run", "`uses: shell` with `argv` or `script` in `with`"),
        ("depends_on", "`needs`"),
        ("if", "`when`"),
        ("timeout-minutes", "`timeout`, such as 30m"),
        ("withItems", "`for_each`"),
        ("cwd", "`cwd` in `with`"),
        ("argv", "`argv` in `with`"),
        ("retryStrategy", "`retry`"),
    ],
)
def test_a_field_of_another_tool_is_refused_with_what_is_written_here(field: str, here: str) -> None:
    (fault,) = faults(f"name: a\ntasks:\n  - {{key: a, uses: delay, with: {{seconds: 1}}, {field}: x}}\n")
    assert (fault.code, fault.message) == (
        "document.unknown_field",
        f"`{field}` is not known here; here it is {here}",
    )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (
            "name: a\ntasks: [{key: a, uses: delay, with: {seconds: 1}, finally: []}]\n",
            "at the top of a document",
        ),
        ("name: a\nmax_parallel: 2\ntasks: [{key: a, uses: delay, with: {seconds: 1}}]\n", "in a task"),
        (
            "name: a\nqueue: q\ntasks: [{key: a, uses: delay, with: {seconds: 1}}]\n",
            "in a task or in `defaults`",
        ),
    ],
)
def test_a_field_in_a_wrong_place_is_refused_with_the_right_one(text: str, place: str) -> None:
    (fault,) = faults(text)
    assert (fault.code, fault.message.partition("; ")[2]) == ("document.unknown_field", f"it stands {place}")


def test_a_field_of_another_tool_is_not_looked_for_where_no_tool_has_it() -> None:
    (fault,) = faults("name: a\nparams: {p: {type: string, if: x}}\ntasks: [{key: a, uses: delay}]\n")[:1]
    assert "here it is" not in fault.message


def chained(count: int) -> str:
    """Return a document of tasks each of which needs the one before; the first needs `x`."""
    tasks = "".join(
        f"  - {{key: k{number}, uses: delay, needs: [{f'k{number - 1}' if number else 'x'}],"
        " with: {seconds: 1}}\n"
        for number in range(count)
    )
    return f"name: chain\ntasks:\n{tasks}"


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "`k0` needs `x`: dependency `x` is not found"),
        (3, "`k2` needs `k1`, which needs `k0`, which needs `x`: dependency `x` is not found"),
    ],
)
def test_a_missing_need_is_named_with_the_chain_that_leads_to_it(count: int, words: str) -> None:
    (fault,) = faults(chained(count))
    assert (fault.code, fault.line, fault.message) == ("document.unknown_need", 3, words)


def test_the_chain_to_a_missing_need_is_short_also_where_thousands_or_a_circle_lead_to_it() -> None:
    (fault,) = faults(chained(2_000))
    assert fault.message.startswith("`k9` needs `k8`, which needs ")
    circle = chained(2).replace("needs: [x]", "needs: [k1, x]")
    assert "`k1` needs `k0`, which needs `x`: dependency `x` is not found" in [
        one.message for one in faults(circle)
    ]


def test_json_faults_have_the_same_places_rules() -> None:
    text = json.dumps(
        {"name": "x", "tasks": [{"key": "a", "uses": "delay", "with": {"seconds": None}}]}, indent=1
    )
    assert brief(text) == [("delay.seconds", 8, 16)]


CASES = {
    "neeeds: []": "document.unknown_field",
    "budget: 1": "document.planned",
    "on_failure: b": "document.value",
    "on_failure: {}": "document.value",
    "on_failure: {workflow: b, file: b.yaml}": "document.value",
    "on_failure: {workflow: b, max: 0}": "document.value",
    "on_failure: {workflow: b, wen: true}": "document.unknown_field",
    'on_failure: {workflow: "${{ params.x }}"}': "expression.misplaced",
    'on_failure: {workflow: b, when: "${{ error.code }}"}': "expression.not_boolean",
    'on_failure: {workflow: b, when: "${{ error.exits == 1 }}"}': "expression.unknown",
    "on_failure: {workflow: b, when: \"${{ attempt > 'x' }}\"}": "expression.type",
    'on_failure: {workflow: b, when: "${{ item == 1 }}"}': "expression.unknown_root",
    'on_failure: {workflow: b, params: {x: "${{ tasks.a.status }}"}}': "expression.not_needed",
    'on_failure: {workflow: b, params: {x: "${{ params.x }}"}}': "expression.unknown_param",
    'on_failure: {workflow: b, params: {x: "${{ secrets.x }}"}}': "secret.exposed",
    "on_failure: {workflow: b, when: secrets.x == error.code}": "secret.exposed",
    'when: "${{ error.code == job.name }}"': "expression.unknown_root",
    "priority: 101": "document.value",
    "priority: -1": "document.value",
    'priority: "5"': "document.value",
    "priority: true": "document.value",
    "priority: 1.5": "document.value",
    "timeout: -1s": "document.value",
    "timeout: 1y": "document.value",
    "timeout: true": "document.value",
    "timeout: 99999d": "document.value",
    "on_loss: maybe": "document.value",
    "retry: {max_attempts: 0}": "document.value",
    "retry: {backof: fixed}": "document.unknown_field",
    "retry: {jitter: some}": "document.value",
    "retry: {on: [Bad]}": "document.value",
    "needs: x": "document.value",
    "needs: [1]": "document.value",
    "needs: [{when: done}]": "document.missing",
    "needs: [a]": "document.self_need",
    "needs: [b]": "document.unknown_need",
    "queue: a b": "document.value",
    "limits: db": "document.value",
    "limits: [a b]": "document.value",
    "limits: [{limit: db, kee: x}]": "document.unknown_field",
    "limits: [{key: x}]": "document.missing",
    "limits: [{limit: db, key: [x]}]": "document.value",
    f"limits: [{{limit: db, key: {'k' * 201}}}]": "document.value",
    f"limits: [{', '.join(['db'] * 21)}]": "document.value",
    'limits: ["${{ params.x }}"]': "document.value",
    'limits: [{limit: db, key: "${{ params.x }}"}]': "expression.unknown_param",
    'limits: [{limit: db, key: "${{ tasks.b.output }}"}]': "expression.unknown_task",
    'limits: [{limit: db, key: "${{ 1 == 1 }}"}]': "expression.not_text",
    'limits: [{limit: db, key: "${{ 1 ="}]': "expression.no_end",
    "cost: 0.02": "document.value",
    "cost: Auto": "document.value",
    "cost: {usd: -1}": "document.value",
    "cost: {usd: 0.0000001}": "document.value",
    "cost: {usd: 1e10}": "document.value",
    "cost: {usd: lots}": "document.value",
    "cost: {usd: true}": "document.value",
    "cost: {usd: null}": "document.value",
    "cost: {auto: auto}": "document.value",
    "cost: {USD: 1}": "document.value",
    'cost: {usd: "${{ params.x }}"}': "expression.unknown_param",
    'cost: {usd: "${{ 1 == 1 }}"}': "expression.not_number",
    f"cost: {{{', '.join(f'u{n}: 1' for n in range(11))}}}": "document.value",
    "prefer: deep": "document.value",
    "prefer: [a b]": "document.value",
    "on_exhausted: wat": "document.value",
    'tags: [""]': "document.value",
    "tags: [1]": "document.value",
    'tags: ["${{ params.x }}"]': "expression.misplaced",
    "project: x": "document.unknown_field",
    'name: "${{ job.id }}"': "expression.misplaced",
    'name: ""': "document.value",
    "metadata: []": "document.value",
    "env: []": "document.value",
    "env: {A: 3}": "document.value",
    "env: {A: null}": "document.value",
    "env: {1A: x}": "document.name",
    'env: {A: "x\\0"}': "document.value",
    'env: {A: "${{ params.x }}"}': "expression.misplaced",
    'when: "${{ params.x > }}"': "expression.syntax",
    'when: "${{ params.x }} and"': "expression.not_whole",
    "when: 3": "document.value",
    'when: "${{ secrets.A == job.name }}"': "secret.exposed",
    "when: secrets.A == job.name": "secret.exposed",
    'when: "${{ nope.A }}"': "expression.unknown_root",
    'when: "${{ tasks.b.status == 1 }}"': "expression.unknown_task",
    'when: "${{ tasks.a.status == 1 }}"': "expression.not_needed",
    'when: "${{ job.nam == 1 }}"': "expression.unknown",
}


@each("task", CASES)
def test_a_faulty_field_of_a_task_is_refused_with_its_code(task: str) -> None:
    found = faults(one(task))
    assert {fault.code for fault in found} == {CASES[task]}
    assert all(fault.line == 3 for fault in found)


def test_what_may_have_been_meant_with_limits_and_costs_is_told() -> None:
    text = one("limits: [{limit: db, kye: x}], cost: {USD: 1}, on_exhausted: finsh, prefr: [deep]")
    words = " ".join(fault.message for fault in faults(text))
    for near in ("did you mean `key`?", "did you mean `usd`?", "'finish'", "did you mean `prefer`?"):
        assert near in words
    assert brief(one("cost: {usd: 1, pages: x}")) == [("document.value", 3, 69)]
    (fault,) = faults(one("cost: 3"))
    assert fault.message == "`cost` must be amounts by unit, like {usd: 0.02}, or auto"


def test_expressions_of_defaults_are_checked_for_each_task_that_has_them() -> None:
    head = (
        'defaults: {limits: [{limit: db, key: "${{ tasks.b.output.x }}"}], cost: {usd: "${{ params.u }}"}}\n'
    )
    assert brief(one("priority: 1", head=head)) == [
        ("expression.unknown_task", 2, 38),
        ("expression.unknown_param", 2, 79),
    ]
    assert brief(one("limits: [], cost: {usd: 1}", head=head)) == []
    assert brief(one("limits: [], cost: auto", head=head)) == []
    head = 'defaults: {tags: ["${{ params.u }}"]}\n'
    assert brief(one("priority: 1", head=head)) == [("expression.misplaced", 2, 19)]


TOPS = {
    "[]": "document.shape",
    "": "document.shape",
    "name: x": "document.value",
    "name: x\ntasks: []": "document.value",
    one("x: 1", head="stages: [{name: s, tasks: []}]\n").replace(", x: 1", ""): "document.value",
    "tasks: [{key: a, uses: delay, with: {seconds: 1}}]": "document.missing",
    "name: x\ntasks: [{key: A, uses: delay, with: {seconds: 1}}]": "document.value",
    "name: x\ntasks: [{key: 1a, uses: delay, with: {seconds: 1}}]": "document.value",
    'name: x\ntasks: [{key: "a\\n", uses: delay, with: {seconds: 1}}]': "document.value",
    "name: x\ntasks: [{uses: delay, with: {seconds: 1}}]": "document.missing",
    "name: x\ntasks: [{key: a}]": "document.missing",
    "name: x\ntasks: [{key: a, uses: llm}]": "document.planned",
    "name: x\ntasks: [{key: a, uses: shell}]": "shell.input",
    'name: x\ntasks: [{key: a, uses: shell, with: {script: "${{ job.id }}"}}]': "shell.script",
    f"name: {'x' * 201}\ntasks: [{{key: a, uses: delay, with: {{seconds: 1}}}}]": "document.value",
    one("x: 1", head="project: ''\n").replace(", x: 1", ""): "document.value",
    one("x: 1", head="project: 3\n").replace(", x: 1", ""): "document.value",
    one("x: 1", head="schedule: {cron: 0 3 * * 8}\n").replace(", x: 1", ""): "schedule.cron",
    one("x: 1", head="schedule: {crno: '@daily'}\n").replace(", x: 1", ""): "document.unknown_field",
    one("x: 1", head="schedule: {cron: '@daily', every: 1h}\n").replace(", x: 1", ""): "document.value",
    one("x: 1", head="schedule: {calendar: last workday}\n").replace(", x: 1", ""): "schedule.calendar",
    one("x: 1", head="schedule: {every: 1h, zone: Europe/Berln}\n").replace(", x: 1", ""): "zone.unknown",
    one("x: 1", head="schedule: {every: 1h, overlap: twice}\n").replace(", x: 1", ""): "document.value",
    one("x: 1", head="schedule: {at: tomorrow}\n").replace(", x: 1", ""): "document.value",
    one("x: 1", head="schedule: {every: 1h, exclude: [24.12.2030]}\n").replace(
        ", x: 1", ""
    ): "schedule.exclude",
    one("x: 1", head="expect: {every: 0}\n").replace(", x: 1", ""): "document.value",
    one("x: 1", head="expect: {evry: 25h, every: 25h}\n").replace(", x: 1", ""): "document.unknown_field",
    one("x: 1", head="notify: ftp://x\n").replace(", x: 1", ""): "document.notify",
    one("x: 1", head="notify: http://\n").replace(", x: 1", ""): "document.notify",
    one("x: 1", head="notify: 'http://[x'\n").replace(", x: 1", ""): "document.notify",
    one("x: 1", head="notify: http://h:99999/\n").replace(", x: 1", ""): "document.notify",
    one("x: 1", head="params: {a b: {}}\n").replace(", x: 1", ""): "document.name",
    one("x: 1", head="params: {a: {type: integer, default: x}}\n").replace(", x: 1", ""): "document.param",
    one("x: 1", head="params: {a: {type: integer, default: true}}\n").replace(", x: 1", ""): "document.param",
    one("x: 1", head="params: {a: {type: integer, default: 5, max: 4}}\n").replace(
        ", x: 1", ""
    ): "document.param",
    one("x: 1", head="params: {a: {type: integer, min: 5, max: 4}}\n").replace(
        ", x: 1", ""
    ): "document.param",
    one("x: 1", head="params: {a: {enum: [b, 1]}}\n").replace(", x: 1", ""): "document.param",
    one("x: 1", head="params: {a: {defualt: b}}\n").replace(", x: 1", ""): "document.unknown_field",
    "name: x\nstages: [{name: s, tasks: []}, {name: s, tasks: []}]": "document.duplicate_stage",
}


@each("text", TOPS)
def test_a_faulty_document_is_refused_with_its_code(text: str) -> None:
    assert {fault.code for fault in faults(text)} == {TOPS[text]}


def tasks(*lines: str, head: str = "") -> str:
    return f"name: x\n{head}tasks:\n" + "".join(
        f"  - {{uses: delay, with: {{seconds: 0}}, {line}}}\n" for line in lines
    )


def test_an_edge_waits_for_success_or_for_any_end() -> None:
    assert brief(tasks("key: a", "key: b, needs: [{task: a, when: started}]")) == [("document.value", 4, 71)]


def test_a_cycle_is_named_with_its_tasks_once() -> None:
    text = tasks("key: a, needs: [c]", "key: b, needs: [a]", "key: c, needs: [b]", "key: d, needs: [c]")
    (fault,) = faults(text)
    assert fault.code == "document.cycle"
    assert "a -> c -> b -> a" in fault.message
    assert fault.line == 3


def test_two_cycles_are_told_both_and_beside_other_faults() -> None:
    text = tasks("key: a, needs: [b]", "key: b, needs: [a]", "key: c, needs: [d]", "key: d, needs: [c], x: 1")
    codes = [fault.code for fault in faults(text)]
    assert sorted(codes) == ["document.cycle", "document.cycle", "document.unknown_field"]


def test_keys_and_edges_stand_once() -> None:
    text = tasks("key: a", "key: a", "key: b, needs: [a, a, a]")
    found = faults(text)
    assert [fault.code for fault in found] == ["document.duplicate_task", "document.duplicate_need"]
    assert "line 3" in found[0].message


def test_a_need_points_to_the_same_or_an_earlier_stage() -> None:
    text = """\
name: x
defaults: {uses: delay}
stages:
  - name: one
    tasks: [{key: a, needs: [b], with: {seconds: 0}}]
  - name: two
    tasks: [{key: b, with: {seconds: 0}}]
"""
    assert brief(text) == [("document.later_need", 5, 30)]


def test_an_output_is_used_after_a_need_direct_or_not_or_of_an_earlier_stage_only() -> None:
    use = 'metadata: {n: "${{ kept }}"}, when: "${{ tasks.a.status == \'succeeded\' }}"'
    assert not faults(tasks("key: a", "key: b, needs: [a]", f"key: c, needs: [b], {use}"))
    assert [fault.code for fault in faults(tasks("key: a", f"key: b, {use}"))] == ["expression.not_needed"]


def test_an_unknown_field_of_a_task_output_is_a_near_miss() -> None:
    text = tasks("key: a", 'key: b, needs: [a], when: "${{ tasks.a.statu == 1 }}"')
    (fault,) = faults(text)
    assert "did you mean `status`?" in fault.message


@pytest.mark.parametrize(("verdict", "warned"), [("stop", True), ("finish", False), ("continue", False)])
def test_a_done_that_can_only_follow_success_is_warned_of(verdict: str, warned: bool) -> None:
    text = tasks("key: a", "key: b, needs: [{task: a, when: done}]", head=f"on_task_failure: {verdict}\n")
    found = report(text)
    assert not found.faults
    assert [(w.code, w.line) for w in found.warnings] == ([("warning.never_done", 5)] if warned else [])


def test_no_warning_where_the_need_may_be_skipped() -> None:
    text = tasks("key: a, when: false", "key: b, needs: [a]", "key: c, needs: [{task: b, when: done}]")
    found = report(text)
    assert (found.faults, found.warnings) == ((), ())


@pytest.mark.parametrize("field", ["continue_on_error: true", "skip_exit_codes: [9]"])
def test_no_warning_where_the_failure_of_the_need_is_tolerated_or_its_exit_code_may_skip_it(
    field: str,
) -> None:
    text = "name: x\ntasks:\n  - {key: a, uses: shell, with: {argv: [x]}%s}\n  - {key: b, uses: delay,"
    text += " needs: [{task: a, when: done}], with: {seconds: 1}}\n"
    assert len(report(text % "").warnings) == 1
    assert report(text % f", {field}").warnings == ()


def test_finish_keeps_later_stages_closed_so_done_across_them_is_warned_of() -> None:
    text = """\
name: x
on_task_failure: finish
defaults: {uses: delay}
stages:
  - {name: one, tasks: [{key: a, with: {seconds: 0}}]}
  - {name: two, tasks: [{key: b, needs: [{task: a, when: done}], with: {seconds: 0}}]}
"""
    assert [warning.code for warning in report(text).warnings] == ["warning.never_done"]


def test_a_mapping_that_was_never_text_is_checked_too() -> None:
    good = load(GOOD).value
    assert not check(good, NO_POSITIONS, CONNECTORS).faults
    for bad, code in (({"name": {1: 2}}, "document.key"), ({"name": object()}, "document.type")):
        assert check(bad, NO_POSITIONS, CONNECTORS).faults[0].code == code  # type: ignore[arg-type]


def faulty_tasks(number: int) -> str:
    return tasks(*(f"key: k{i:04}, needs: [kk{i:04}], bad: 1" for i in range(number)))


def test_a_thousand_faults_are_told_up_to_200() -> None:
    found = faults(faulty_tasks(1000))
    assert len(found) == 201
    assert "more faults" in found[-1].message


def test_each_fault_costs_a_bounded_number_of_steps() -> None:
    text = faulty_tasks(250)
    with counted_calls() as calls:
        faults(text)
    assert calls.number < 250 * 12_000


def test_half_a_character_in_a_name_is_a_fault_and_no_crash() -> None:
    text = '{"name": "\\ud800", "tasks": [{"key": "a", "uses": "delay", "with": {"seconds": 0}}]}'
    assert brief(text) == [("document.value", 1, 10)]
