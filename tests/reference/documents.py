"""Random documents: small ones, full of patterns that meet.

Made from a seed alone. Each says with which exit codes its attempts end, and what people answer.
"""

from __future__ import annotations

import random
from typing import Any

from tests.reference.worklets import add_worklets, repair_outputs, repair_params

FAILS = [[1], [1], [1, 0], [1, 1, 0], [7], [7, 0], [3], [1, 7]]
"""Exit codes of the attempts of a task, the last one again and again."""
POLLS = [[9, 0], [9, 9, 0], [9, 1], [9, 1, 0], [0], [1, 9, 0]]
"""The same of a poll, whose answer is 9 as long as it is not the one."""
LEVELS = (9, 4, 3)
"""Tasks of a document, of a child and of a child of that, at most, those of `finally` apart."""
KINDS = {"scripted": 10.0, "workflow": 1.3, "signal": 0.6, "human": 0.7, "wait": 0.3, "file": 0.3, "job": 0.3}
"""What tasks use, and how often."""
GROUPS = {"scripted": 0.28, "workflow": 0.3}
"""How often such tasks have instances; others: one in ten."""
RETRY = {"base": 0, "jitter": "none"}


def make(seed: int) -> dict[str, Any]:
    """Return the documents of a seed by file; the first one is the job's, the others are what it names."""
    draw = random.Random(seed)
    files = [f"{level}.yaml" for level in range(len(LEVELS))]
    documents = {}
    for level, file in enumerate(files):
        documents |= Maker(draw, files, level).files_of(file, f"s{seed}")
    documents |= {"repair.yaml": Maker(draw, files, len(LEVELS) - 1).repair(f"s{seed}")}
    return without_unused(documents)


def without_unused(documents: dict[str, Any]) -> dict[str, Any]:
    """Leave out the files that none of those before names."""
    first = next(iter(documents))
    while (
        kept := {
            file: one
            for file, one in documents.items()
            if file == first or any(file in str(other) for name, other in documents.items() if name != file)
        }
    ) != documents:
        documents = kept
    return documents


class Maker:
    """The tasks of one document, as they are made."""

    def __init__(self, draw: random.Random, files: list[str], level: int) -> None:
        self.draw, self.files, self.level = draw, files, level
        self.made: list[dict[str, Any]] = []
        self.earlier: list[str] = []
        self.variables: dict[str, Any] = {}

    def is_drawn(self, share: float) -> bool:
        return self.draw.random() < share

    def files_of(self, file: str, at: str) -> dict[str, Any]:
        """Return a document by its file, in two of them where one includes the other."""
        document = self._document(at, LEVELS[self.level])
        add_worklets(self.draw, document, self.variables)
        if self.is_drawn(0.25):
            self._share(document)
        if self.is_drawn(0.15):
            return {file: document, f"part-{file}": self._split(document, f"part-{file}")}
        return {file: document}

    def repair(self, at: str) -> dict[str, Any]:
        """Return a document whose jobs are worklets."""
        document = self._document(at, 2)
        return document | {
            "params": document["params"] | repair_params(),
            "outputs": repair_outputs(self.draw, document),
        }

    def _document(self, at: str, most: int) -> dict[str, Any]:
        document: dict[str, Any] = {"name": at, "params": {"at": {"default": at}}}
        document["params"]["n"] = {"type": "integer", "default": self.draw.randint(0, 3)}
        if self.is_drawn(0.7):
            document["on_task_failure"] = self.draw.choice(
                ["stop", "finish", "finish", "continue", "continue"]
            )
        left, stages = self.draw.randint(1, most), list[dict[str, Any]]()
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

    def _share(self, document: dict[str, Any]) -> None:
        """Say in `defaults` what tasks have in common."""
        document["defaults"] = defaults = {}
        if self.is_drawn(0.5):
            defaults["uses"] = "scripted"
            for task in self.made:
                if task["uses"] == "scripted":
                    del task["uses"]
        if self.is_drawn(0.5):
            defaults["retry"] = RETRY | ({"max_attempts": 2} if self.is_drawn(0.5) else {})
            for task in self.made:
                if "retry" in task and self.is_drawn(0.7):
                    task["retry"] = {
                        name: value for name, value in task["retry"].items() if name not in RETRY
                    }
        if self.is_drawn(0.2):
            defaults["continue_on_error"] = True
            if self.is_drawn(0.5):
                self.draw.choice(self.made)["continue_on_error"] = False
        if self.is_drawn(0.3):
            defaults["skip_exit_codes"] = [7]

    def _split(self, document: dict[str, Any], file: str) -> dict[str, Any]:
        """Move a part of a document into a file that it includes; return that."""
        document["include"] = [file]
        part: dict[str, Any] = {"description": "shared"}
        for name in ("stages", "tasks", "finally"):
            if name in document and len(document[name]) > 1:
                at = self.draw.randint(1, len(document[name]) - 1)
                part[name], document[name] = document[name][:at], document[name][at:]
        for name in ("variables", "params", "defaults", "outputs"):
            for key, value in list(document.get(name, {}).items()):
                if self.is_drawn(0.4):
                    part.setdefault(name, {})[key] = value
                    if self.is_drawn(0.7) and key != "at":
                        del document[name][key]
                    elif name == "variables":
                        document[name][key] = 2
        return part

    def task(self, atoms: list[str] | None = None) -> dict[str, Any]:
        """Return one more task; `atoms` are conditions that it may have, too."""
        task: dict[str, Any] = {"key": f"t{len(self.made)}", "needs": self._needs()}
        weights = [0 if uses == "workflow" and not self._below else often for uses, often in KINDS.items()]
        (task["uses"],) = self.draw.choices([*KINDS], weights)
        at = f"${{{{ params.at }}}}/{task['key']}"
        number = None
        if self.is_drawn(GROUPS.get(task["uses"], 0.1)):
            number, at = self._instances(task), f"{at}[${{{{ index }}}}]"
        task["with"] = getattr(self, f"_{task['uses']}")(task, at, number)
        if self.is_drawn(0.2):
            task["when"] = self._condition(task, atoms or [])
        if self.is_drawn(0.18):
            task["continue_on_error"] = True
        self.made.append(task)
        return task

    @property
    def _below(self) -> list[str]:
        return self.files[self.level + 1 :]

    def _needs(self) -> list[dict[str, Any]]:
        known = [task["key"] for task in self.made]
        some = self.draw.sample(known, min(len(known), self.draw.choice([0, 0, 1, 1, 2, 3])))
        return [{"task": key, **({"when": "done"} if self.is_drawn(0.35) else {})} for key in sorted(some)]

    def _ends(self) -> list[int]:
        return self.draw.choice(FAILS) if self.is_drawn(0.38) else [0]

    def _scripted(self, task: dict[str, Any], at: str, number: int | None) -> dict[str, Any]:
        with_: dict[str, Any] = {"at": at}
        ends = self._ends
        if self.is_drawn(0.06):
            with_["poll"] = {"until": "${{ json.done }}", "every": "1s", "tolerate": 0}
            ends = self._poll_ends
        self._policies(task)
        if number is not None:
            return with_ | {"i": "${{ index }}", "ends": [ends() for _ in range(number)]}
        if self.is_drawn(0.25):
            name = f"v{len(self.variables)}"
            self.variables[name] = self.draw.randint(0, 2)
            values = [f"${{{{ vars.{name} + 1 }}}}", "${{ output.exit + 5 }}", 9]
            task["set"] = {name: self.draw.choice(values)}
        return with_ | {"ends": ends()}

    def _poll_ends(self) -> list[int]:
        return self.draw.choice(POLLS)

    def _policies(self, task: dict[str, Any]) -> None:
        if self.is_drawn(0.3):
            task["retry"] = {"max_attempts": self.draw.randint(1, 3), **RETRY}
            if self.is_drawn(0.2):
                task["retry"]["on"] = [self.draw.choice(["scripted.exit.7", "scripted.exit.1-3"])]
        if self.is_drawn(0.2):
            task["skip_exit_codes"] = [7]
        if self.is_drawn(0.15):
            task["success_exit_codes"] = [0, 3]

    def _instances(self, task: dict[str, Any]) -> int:
        """Give a task instances; return how many, or the most."""
        alike = [one for one in self.made if is_group(one)]
        if alike and self.is_drawn(0.45):
            group = self.draw.choice(alike)
            task |= {name: group[name] for name in ("for_each", "matrix", "as") if name in group}
            if "scripted" in (group["uses"], task["uses"]) or self.is_drawn(0.5):
                key = group["key"]
                task["needs"] = [need for need in task["needs"] if need["task"] != key] + [{"each": key}]
        else:
            task |= self._items(self.draw.choice([0, 1, 2, 2, 3, 3, 4]))
            if "for_each" in task and self.is_drawn(0.2):
                task["as"] = "one"
        number = most_of(task)
        if self.is_drawn(0.3):
            task["max_parallel"] = self.draw.randint(1, 3)
        if number and self.is_drawn(0.35):
            some = self.draw.randint(1, number) if task.get("for_each") != DRAWN else "67%"
            task["threshold"] = self.draw.choice([some, "50%", "100%", "34%"])
            task["after"] = self.draw.choice(["cancel_rest", "run_all"])
        elif self.is_drawn(0.7):
            task["on_instance_failure"] = self.draw.choice(["stop", "finish", "continue"])
        return number

    def _items(self, number: int) -> dict[str, Any]:
        """Return one of the ways to say of what there are so many."""
        letters = list("abcd"[:number])
        forms: list[dict[str, Any]] = [
            {"for_each": number},
            {"for_each": str(number)},
            {"for_each": letters},
            {"for_each": {letter: at for at, letter in enumerate(letters)}},
            {"for_each": DRAWN},
        ]
        if number:
            forms += [{"for_each": f"1..{number}"}, {"matrix": {"a": letters}}]
        if number >= 3:
            square = {"a": ["a", "b"], "b": [0, 1]}
            rule = {"exclude": [{"a": "a", "b": self.draw.randint(0, 1)}]} if number == 3 else {}
            forms += [{"matrix": square | rule}] * 2
        return self.draw.choice(forms)

    def _workflow(self, task: dict[str, Any], at: str, _: int | None) -> dict[str, Any]:
        said = {"on_child_failure": self.draw.choice(["fail", "skip", "succeed"])}
        params = {"at": at, "n": self.draw.choice([1, "${{ params.n }}"])}
        if is_group(task) and self.is_drawn(0.5):
            params["n"] = "${{ index }}"
        return {
            "file": self.draw.choice(self._below),
            "params": params,
            **(said if self.is_drawn(0.4) else {}),
        }

    def _signal(self, _: dict[str, Any], at: str, __: int | None) -> dict[str, Any]:
        return {"name": "go", "key": at, **({"timeout": "3s"} if self.is_drawn(0.25) else {})}

    def _human(self, _: dict[str, Any], at: str, __: int | None) -> dict[str, Any]:
        with_ = {"title": at, "text": self.draw.choice(["yes", "yes", "no"])}
        if self.is_drawn(0.4):
            with_["form"] = {"limit": {"type": "integer", "default": self.draw.randint(0, 2)}}
        if self.is_drawn(0.4):
            with_["on_deny"] = "skip"
        if self.is_drawn(0.2):
            with_ |= {"due": "3s", "on_due": self.draw.choice(["approve", "reject", "fail"])}
        elif self.is_drawn(0.2):
            with_["quorum"] = 2
        return with_

    def _wait(self, _: dict[str, Any], __: str, ___: int | None) -> dict[str, Any]:
        return {"for": self.draw.choice(["2s", "4s"])}

    def _file(self, _: dict[str, Any], at: str, __: int | None) -> dict[str, Any]:
        return {"path": f"files/{at}"}

    def _job(self, _: dict[str, Any], at: str, __: int | None) -> dict[str, Any]:
        return {"key": at, "status": self.draw.choice(["succeeded", "ended", "failed", "cancelled"])}

    def _condition(self, task: dict[str, Any], atoms: list[str]) -> str:
        # Instances are judged at once: a threshold that this puts out of reach would race with the others.
        if is_group(task) and "threshold" not in task and self.is_drawn(0.6):
            return self.draw.choice(self._of_items(task))
        atoms = [*atoms, f"params.n {self.draw.choice('<>')} {self.draw.randint(0, 3)}"]
        needed = [*self.earlier, *(need.get("task") for need in task["needs"])]
        for one in self.made:
            if one["key"] in needed and {"each": one["key"]} not in task["needs"]:
                atoms += self._of_need(one)
        if self.variables:
            atoms.append(f"vars.{self.draw.choice(sorted(self.variables))} > {self.draw.randint(0, 2)}")
        picked = self.draw.sample(atoms, min(len(atoms), self.draw.randint(1, 2)))
        return "${{ " + f" {self.draw.choice(['&&', '||'])} ".join(f"({one})" for one in picked) + " }}"

    def _of_items(self, task: dict[str, Any]) -> list[str]:
        """Return conditions that are judged for each instance."""
        asked = ["index != 1", "index == 0", "index < params.n"]
        if "matrix" in task:
            asked += ["matrix.a == 'a'", "matrix.a != 'b'"]
        elif isinstance(task["for_each"], list):
            asked += [f"{task.get('as', 'item')} != 'b'"] * 2
        elif isinstance(task["for_each"], dict):
            asked += [f"{task.get('as', 'item')}.value < 2"] * 2
        for one in self.made:
            if {"each": one["key"]} in task["needs"] and one["uses"] == "scripted":
                asked += [f"tasks.{one['key']}.output.exit == 0"] * 3
        return [f"${{{{ {one} }}}}" for one in asked]

    def _of_need(self, one: dict[str, Any]) -> list[str]:
        """Return conditions on a task that has ended."""
        task, is_good = f"tasks.{one['key']}", f"tasks.{one['key']}.status == 'succeeded'"
        compared, end = self.draw.choice(["==", "!="]), self.draw.choice(["succeeded", "failed"])
        asked = [f"{task}.status {compared} '{end}'"]
        if is_group(one):
            asked.append(f"{is_good} && {task}.output.{self.draw.choice(['succeeded', 'failed'])} > 1")
        elif one["uses"] == "scripted":
            asked.append(f"{is_good} && {task}.output.exit == 0")
        elif one["uses"] == "signal":
            asked.append(f"{is_good} && {task}.output.data.n > 0")
        elif one["uses"] == "human" and "form" in one["with"]:
            asked.append(f"{is_good} && {task}.output.limit > 0")
        return asked


DRAWN = "${{ params.n }}"
"""So many instances as a parameter says, three at the most."""


def is_group(task: dict[str, Any]) -> bool:
    return "for_each" in task or "matrix" in task


def most_of(task: dict[str, Any]) -> int:
    """Return how many instances a task has, or could have."""
    if "matrix" in task:
        axes = task["matrix"]
        return len(axes["a"]) * len(axes.get("b", [0])) - len(axes.get("exclude", []))
    over = task["for_each"]
    if over == DRAWN:
        return 3
    return len(over) if isinstance(over, list | dict) else int(str(over).rpartition("..")[2])
