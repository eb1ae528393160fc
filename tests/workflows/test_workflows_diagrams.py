"""Drawings of documents: patterns are told apart, as text, Mermaid and DOT."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from core.model.text import safe_line
from core.render.graph.marks import WAITING_KINDS
from core.workflows.definition import Document
from core.workflows.diagrams import dot_lines, mermaid_lines
from core.workflows.drawing import text_dag
from core.workflows.expansion import parse
from core.workflows.task_marks import TaskMark, label_of, marks_of
from tests.support.hostile import hostile
from tests.workflows.workflow_cases import CONNECTORS

PATTERNS = """
name: patterns
stages:
  - name: work
    tasks:
      - {key: soft, uses: http, continue_on_error: true}
      - {key: plain, uses: http}
      - {key: cond, needs: [{task: soft, when: done}], when: true, uses: http}
      - {key: many, for_each: [1, 2], uses: http}
  - {name: load, tasks: [{key: last, needs: [plain], uses: http}]}
finally: [{key: clean, uses: http}]
"""


def patterns(name: str = "patterns", stage: str = "work") -> Document:
    document = parse(PATTERNS, CONNECTORS).document
    first, *rest = document.stages or ()
    first = first.model_copy(update={"name": stage})
    tasks = [
        task.model_copy(update={"uses": "signal"}) if task.key == "plain" else task for task in first.tasks
    ]
    first = first.model_copy(update={"tasks": tasks})
    return document.model_copy(update={"name": name, "stages": [first, *rest]})


def test_each_pattern_has_a_mark_of_its_own_behind_its_key() -> None:
    document = patterns()
    labels = [label_of(task, document) for stage in document.in_stages() for task in stage.tasks]
    assert labels == ["soft~", "plain:signal", "cond?", "many[]", "last", "clean"]
    lines = text_dag(document)
    assert any(line.startswith("soft~") for line in lines)
    assert "3 finally" in lines[1]
    assert lines[-2] == "~ its failure is tolerated  [] one task for each item  :KIND waits outside a slot"


@pytest.mark.parametrize("uses", sorted(WAITING_KINDS))
def test_every_kind_that_waits_is_marked(uses: str) -> None:
    document = patterns()
    task = document.in_stages()[0].tasks[0].model_copy(update={"uses": uses})
    wanted = TaskMark.WORKFLOW if uses == "workflow" else TaskMark.WAITS
    assert wanted in marks_of(task, document)


def test_tolerance_of_the_defaults_counts_unless_a_task_says_otherwise() -> None:
    document = patterns()
    soft, plain = document.in_stages()[0].tasks[:2]
    defaults = document.defaults.model_copy(update={"continue_on_error": True})
    tolerant = document.model_copy(update={"defaults": defaults})
    assert TaskMark.TOLERATED in marks_of(plain, tolerant)
    strict = soft.model_copy(update={"continue_on_error": False})
    assert TaskMark.TOLERATED not in marks_of(strict, tolerant)


def test_mermaid_has_a_shape_for_each_pattern_and_a_subgraph_for_each_stage() -> None:
    lines = [*mermaid_lines(patterns())]
    assert lines[1] == "flowchart LR"
    for line in (
        '  subgraph s1["1 work"]',
        '    t_soft["soft~"]:::tolerated',
        '    t_plain{{"plain:signal"}}',
        '    t_many[/"many#91;#93;"/]',
        "  class s3 finally",
        "  t_soft -.-> t_cond",
        "  t_plain --> t_last",
        "  s2 ==> s3",
    ):
        assert line in lines


def test_dot_has_a_shape_for_each_pattern_and_a_cluster_for_each_stage() -> None:
    lines = [*dot_lines(patterns())]
    for line in (
        '    "soft" [label="soft~", shape=box, style=dashed];',
        '    "plain" [label="plain:signal", shape=hexagon];',
        '    "many" [label="many[]", shape=box3d];',
        '  "soft" -> "cond" [style=dotted];',
        '  "last" -> "clean" [ltail=cluster_2, lhead=cluster_3, style=bold];',
    ):
        assert line in lines
    assert (lines[0], lines[-1]) == ('digraph "patterns" {', "}")


def test_no_name_breaks_out_of_its_place() -> None:
    for text in hostile():
        document = patterns(name=text, stage=f'{text}"]; x')
        for line in mermaid_lines(document):
            assert line == safe_line(line)
            assert line.count('"') in (0, 2)
        for line in dot_lines(document):
            assert line == safe_line(line)
            assert len(re.findall(r'(?<!\\)(?:\\\\)*"', line)) % 2 == 0


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not here")
def test_graphviz_reads_what_is_written() -> None:
    text = "\n".join(dot_lines(patterns(name='a"b\\', stage="\\")))
    assert subprocess.run(["dot", "-Tplain"], input=text.encode(), check=False).returncode == 0
