"""Random documents: small ones, full of patterns that meet.

Made from a seed alone. Each says with which exit codes its attempts end, and what people answer.
"""

from __future__ import annotations

import random
from typing import Any

FAILS = [[1], [1], [1, 0], [1, 1, 0], [7], [7, 0], [3], [1, 7]]
"""Exit codes of the attempts of a task, the last one again and again."""
LEVELS = (9, 4, 3)
"""Tasks of a document, of a child and of a child of that, at most, those of `finally` apart."""


def make(seed: int) -> dict[str, Any]:
    """Return the documents of a seed by file; the first one is the job's, the others are its children."""
    draw = random.Random(seed)
    files = [f"{seed}-{level}.yaml" for level in range(len(LEVELS))]
    made = {file: Maker(draw, files, level).document(f"s{seed}") for level, file in enumerate(files)}
    return {file: document for file, document in made.items() if file == files[0] or _is_used(file, made)}


def _is_used(file: str, made: dict[str, Any]) -> bool:
    return any(file in str(document) for document in made.values())


class Maker:
    """The tasks of one document, as they are made."""

    def __init__(self, draw: random.Random, files: list[str], level: int) -> None:
        self.draw, self.files, self.level = draw, files, level
        self.made: list[dict[str, Any]] = []
        self.earlier: list[str] = []
        self.variables: dict[str, Any] = {}

    def is_drawn(self, share: float) -> bool:
        return self.draw.random() < share

    def document(self, at: str) -> dict[str, Any]:
        document: dict[str, Any] = {"name": at, "params": {"at": {"default": at}}}
        document["params"]["n"] = {"type": "integer", "default": self.draw.randint(0, 3)}
        if self.is_drawn(0.7):
            document["on_task_failure"] = self.draw.choice(
                ["stop", "finish", "finish", "continue", "continue"]
            )
        left, stages = self.draw.randint(1, LEVELS[self.level]), list[dict[str, Any]]()
        while left > 0:
            number = self.draw.randint(1, left) if self.is_drawn(0.5) else left
            stages.append({"name": f"stage{len(stages)}", "tasks": [self.task() for _ in range(number)]})
            self.earlier, left = [task["key"] for task in self.made], left - number
        is_staged = len(stages) > 1 or self.is_drawn(0.3)
        document |= {"stages": stages} if is_staged else {"tasks": stages[0]["tasks"]}
        if self.is_drawn(0.35):
            tasks = [self.task(["job.verdict == 'failed'"]) for _ in range(self.draw.randint(1, 2))]
            document["finally"] = tasks
        if self.variables:
            document["variables"] = self.variables
        if self.level and self.is_drawn(0.8):
            first = f"${{{{ tasks.{self.made[0]['key']}.status }}}}"
            document["outputs"] = {"first": first, "n": "${{ params.n }}"}
        return document

    def task(self, atoms: list[str] | None = None) -> dict[str, Any]:
        """Return one more task; `atoms` are conditions that it may have, too."""
        task: dict[str, Any] = {"key": f"t{len(self.made)}", "needs": self._needs(), "uses": "scripted"}
        weights = [10, 3.5, 0.7, 0.8, 1.2 if self.level + 1 < len(LEVELS) else 0]
        kinds = [self._scripted, self._group, self._signal, self._human, self._workflow]
        self.draw.choices(kinds, weights)[0](task)
        if self.is_drawn(0.2):
            task["when"] = self._condition(task, atoms or [])
        if self.is_drawn(0.18):
            task["continue_on_error"] = True
        self.made.append(task)
        return task

    def _needs(self) -> list[dict[str, Any]]:
        known = [task["key"] for task in self.made]
        some = self.draw.sample(known, min(len(known), self.draw.choice([0, 0, 1, 1, 2, 3])))
        return [{"task": key, **({"when": "done"} if self.is_drawn(0.35) else {})} for key in sorted(some)]

    def _ends(self) -> list[int]:
        return self.draw.choice(FAILS) if self.is_drawn(0.38) else [0]

    def _scripted(self, task: dict[str, Any]) -> None:
        task["with"] = {"at": f"${{{{ params.at }}}}/{task['key']}", "ends": self._ends()}
        self._policies(task)
        if self.is_drawn(0.25):
            name = f"v{len(self.variables)}"
            self.variables[name] = self.draw.randint(0, 2)
            values = [f"${{{{ vars.{name} + 1 }}}}", "${{ output.exit + 5 }}", 9]
            task["set"] = {name: self.draw.choice(values)}

    def _policies(self, task: dict[str, Any]) -> None:
        if self.is_drawn(0.3):
            task["retry"] = {"max_attempts": self.draw.randint(1, 3), "base": 0, "jitter": "none"}
        if self.is_drawn(0.2):
            task["skip_exit_codes"] = [7]
        if self.is_drawn(0.15):
            task["success_exit_codes"] = [0, 3]

    def _group(self, task: dict[str, Any]) -> None:
        number = self.draw.choice([0, 1, 2, 2, 3, 3, 4])
        at = f"${{{{ params.at }}}}/{task['key']}[${{{{ index }}}}]"
        task |= {"for_each": number, "with": {"at": at, "i": "${{ index }}"}}
        task["with"]["ends"] = [self._ends() for _ in range(number)]
        self._policies(task)
        if self.is_drawn(0.3):
            task["max_parallel"] = self.draw.randint(1, 3)
        if number and self.is_drawn(0.35):
            task["threshold"] = self.draw.choice([self.draw.randint(1, number), "50%", "100%", "34%"])
            task["after"] = self.draw.choice(["cancel_rest", "run_all"])
        elif self.is_drawn(0.7):
            task["on_instance_failure"] = self.draw.choice(["stop", "finish", "continue"])
        groups = [one["key"] for one in self.made if number and one.get("for_each") == number]
        if groups and self.is_drawn(0.5):
            key = self.draw.choice(groups)
            task["needs"] = [need for need in task["needs"] if need["task"] != key] + [{"each": key}]

    def _signal(self, task: dict[str, Any]) -> None:
        task |= {"uses": "signal", "with": {"name": "go", "key": f"${{{{ params.at }}}}/{task['key']}"}}

    def _human(self, task: dict[str, Any]) -> None:
        with_ = {
            "title": f"${{{{ params.at }}}}/{task['key']}",
            "text": self.draw.choice(["yes", "yes", "no"]),
        }
        task |= {"uses": "human", "with": with_ | ({"on_deny": "skip"} if self.is_drawn(0.4) else {})}

    def _workflow(self, task: dict[str, Any]) -> None:
        file = self.draw.choice(self.files[self.level + 1 :])
        params = {"at": f"${{{{ params.at }}}}/{task['key']}", "n": self.draw.choice([1, "${{ params.n }}"])}
        said = (
            {"on_child_failure": self.draw.choice(["fail", "skip", "succeed"])} if self.is_drawn(0.4) else {}
        )
        task |= {"uses": "workflow", "with": {"file": file, "params": params, **said}}

    def _condition(self, task: dict[str, Any], atoms: list[str]) -> str:
        # Instances are judged at once: a threshold that this puts out of reach would race with the others.
        if "for_each" in task and "threshold" not in task and self.is_drawn(0.6):
            return self.draw.choice(["${{ index != 1 }}", "${{ index == 0 }}", "${{ index < params.n }}"])
        atoms = [*atoms, f"params.n {self.draw.choice('<>')} {self.draw.randint(0, 3)}"]
        needed = [*self.earlier, *(need.get("task") for need in task["needs"])]
        for one in self.made:
            status = f"tasks.{one['key']}.status"
            if one["key"] in needed:
                atoms.append(
                    f"{status} {self.draw.choice(['==', '!='])} '{self.draw.choice(['succeeded', 'failed'])}'"
                )
                if one["uses"] == "scripted" and "for_each" not in one:
                    atoms.append(f"{status} == 'succeeded' && tasks.{one['key']}.output.exit == 0")
        if self.variables:
            atoms.append(f"vars.{self.draw.choice(sorted(self.variables))} > {self.draw.randint(0, 2)}")
        picked = self.draw.sample(atoms, min(len(atoms), self.draw.randint(1, 2)))
        return "${{ " + f" {self.draw.choice(['&&', '||'])} ".join(f"({one})" for one in picked) + " }}"
