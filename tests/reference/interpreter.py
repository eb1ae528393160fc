"""Reference: what becomes of a document, by the words of its page.

No store, no rules, no loop of events: a job is a few mappings, and one thing ends at a time.
"""

from __future__ import annotations

import math
from typing import Any

FINAL = ("succeeded", "failed", "skipped", "cancelled")
EITHER = "skipped or cancelled"
"""A need that failed skips a task, a verdict cancels it: the page does not say which comes first."""
WAITS = ("signal", "human")


class Box(dict[str, Any]):
    """A mapping whose items are attributes, as expressions read them; the names of one as well."""

    def __getattr__(self, name: str) -> Any:
        value = self.get(name)
        return Box(value) if isinstance(value, dict) else value

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


def value_of(text: Any, scope: dict[str, Any]) -> Any:
    """Work out what stands in `${{ }}`; everything else is itself."""
    if isinstance(text, dict):
        return {key: value_of(item, scope) for key, item in text.items()}
    if not (isinstance(text, str) and text.startswith("${{") and text.endswith("}}")):
        return text
    python = text[3:-2].replace("&&", " and ").replace("||", " or ").strip()
    return eval(python, {"__builtins__": {}}, Box(scope))


class Task:
    """A task of a job, or an instance of one."""

    def __init__(self, job: Job, spec: dict[str, Any], stage: int, index: int | None = None) -> None:
        self.job, self.spec, self.stage, self.index = job, spec, stage, index
        self.key: str = spec["key"] if index is None else f"{spec['key']}[{index}]"
        self.name = f"{job.name}/{self.key}"
        self.status, self.attempts, self.output = "blocked", 0, None
        self.instances: list[Task] | None = None
        self.child: Job | None = None

    @property
    def is_done(self) -> bool:
        return self.status in FINAL or self.status == EITHER

    @property
    def is_lost(self) -> bool:
        """It failed, and nothing tolerates that."""
        return self.status == "failed" and not self.spec.get("continue_on_error")

    @property
    def is_good(self) -> bool:
        """It meets needs on its success."""
        tolerated = self.index is None and self.status == "failed" and not self.is_lost
        return self.status == "succeeded" or tolerated

    @property
    def each(self) -> list[Task]:
        """The groups whose instances its own need one by one."""
        return [self.job.tasks[need["each"]] for need in self.spec["needs"] if "each" in need]

    @property
    def is_judged(self) -> bool:
        """Its condition is for it: one that asks for `index`, or for what `each` names, is for instances."""
        words = ["index", *(f"tasks.{group.key}." for group in self.each)]
        is_for_each = "for_each" in self.spec and any(word in self.spec["when"] for word in words)
        return is_for_each == (self.index is not None)

    def scope(self) -> dict[str, Any]:
        own = {} if self.index is None else {one.key: (one.instances or [])[self.index] for one in self.each}
        return self.job.scope(own) | {"index": self.index}

    def end(self, status: str, output: Any = None) -> None:
        self.status, self.output = status, output
        if self.index is None and self.is_lost and self.stage >= 0 and self.job.on_failure == "stop":
            self.job.give_verdict("failed")

    def act(self) -> None:
        """Let the attempt end as its script says, or the answer come."""
        if self.spec["uses"] in WAITS:
            denied = {"fail": "failed", "skip": "skipped"}[self.spec["with"].get("on_deny", "fail")]
            self.end(denied if self.spec["with"].get("text") == "no" else "succeeded")
            return
        ends = self.spec["with"]["ends"]
        script = ends if self.index is None else ends[self.index]
        code = script[min(self.attempts, len(script)) - 1]
        if code in self.spec.get("success_exit_codes", [0]):
            for name, text in self.spec.get("set", {}).items():
                self.job.vars[name] = value_of(text, self.scope() | {"output": {"exit": code}})
            self.end("succeeded", {"exit": code})
        elif code in self.spec.get("skip_exit_codes", []):
            self.end("skipped", {"exit": code})
        elif self.attempts < self.spec.get("retry", {}).get("max_attempts", 1):
            self.attempts += 1
        else:
            self.end("failed")

    def start(self) -> None:
        """Begin: its needs are met."""
        if "when" in self.spec and self.is_judged and not value_of(self.spec["when"], self.scope()):
            self.end("skipped")
            return
        self.status, self.job.started = "waiting", True
        if "for_each" in self.spec and self.index is None:
            items = range(self.spec["for_each"])
            self.instances = [Task(self.job, self.spec, self.stage, at) for at in items]
        elif self.spec["uses"] == "workflow":
            with_ = self.spec["with"]
            params = value_of(with_.get("params", {}), self.scope())
            self.child = Job(self.job.documents, with_["file"], name=self.name, params=params)
        elif self.spec["uses"] not in WAITS:
            self.status, self.attempts = "running", 1

    def cancel(self) -> None:
        """End it, and what it began; a child ends by itself."""
        cancel_all(self.instances or [])
        if self.child is not None and not self.is_done:
            self.child.give_verdict("cancelled")
        elif not self.is_done:
            is_cut = self.index is None and self.status == "blocked" and self.job.is_unmet(self)
            self.status = EITHER if is_cut else "cancelled"

    def settle_group(self) -> None:
        """Decide on the group, else let instances begin."""
        items = self.instances or []
        if self.status not in FINAL:
            self._decide(items)
        if self.status in FINAL and not (self.status == "succeeded" and self.spec.get("after") == "run_all"):
            cancel_all(items)
        for at, one in enumerate(items):
            begun = sum(other.status in ("running", "waiting") for other in items)
            before = [(group.instances or [])[at] for group in self.each]
            if one.status == "blocked" and any(other.is_done and not other.is_good for other in before):
                one.end("skipped")
            may_begin = one.status == "blocked" and begun < self.spec.get("max_parallel", len(items))
            if may_begin and all(other.is_good for other in before):
                one.start()

    def _decide(self, items: list[Task]) -> None:
        count = {status: sum(one.status == status for one in items) for status in FINAL}
        left, bad = len(items) - sum(count.values()), count["failed"] + count["cancelled"]
        needed, said = self.spec.get("threshold"), self.spec.get("on_instance_failure", "stop")
        if isinstance(needed, str):
            needed = math.ceil(len(items) * int(needed[:-1]) / 100)
        if needed is not None and count["succeeded"] >= needed:
            self.end("succeeded")
        elif (needed is not None and count["succeeded"] + left < needed) or (
            needed is None and bad and said == "stop"
        ):
            self.end("failed")
        elif needed is None and not left:
            self.end("failed" if bad and said != "continue" else "succeeded")


def cancel_all(tasks: list[Task]) -> None:
    for task in tasks:
        task.cancel()


def are_closed(tasks: list[Task]) -> bool:
    """Return whether tasks have ended with all their instances."""
    return all(one.is_done for task in tasks for one in (task, *(task.instances or [])))


class Job:
    """A job: its tasks, what they set, and how it ends; `act` of what is `pending` and `settle` move it."""

    def __init__(self, documents: dict[str, Any], file: str, *, name: str, params: dict[str, Any]) -> None:
        self.documents, self.document, self.name = documents, documents[file], name
        self.on_failure = self.document.get("on_task_failure", "stop")
        declared = self.document.get("params", {})
        self.params = {key: one.get("default") for key, one in declared.items()} | params
        self.vars = {**self.document.get("variables", {})}
        self.status, self.started, self.open, self.cut = "running", False, 0, math.inf
        self.verdict: str | None = None
        stages = self.document.get("stages") or [{"tasks": self.document["tasks"]}]
        self.stages = [[Task(self, spec, at) for spec in stage["tasks"]] for at, stage in enumerate(stages)]
        self.last = [Task(self, spec, -1) for spec in self.document.get("finally", [])]
        self.every = [task for stage in self.stages for task in stage]
        self.tasks = {task.key: task for task in [*self.every, *self.last]}
        self.settle()

    def scope(self, own: dict[str, Task]) -> dict[str, Any]:
        tasks = {key: {"status": one.status, "output": one.output} for key, one in (self.tasks | own).items()}
        return {"tasks": tasks, "vars": self.vars, "params": self.params, "job": {"verdict": self.outlook()}}

    def settle(self) -> None:
        """Let everything follow that follows by itself."""
        before = None
        while self.status == "running" and before != (before := self._state()):
            for task in self.tasks.values():
                self._follow(task)
            if self.open < len(self.stages) and self.verdict is not None and are_closed(self.every):
                self.open = len(self.stages)
            elif self.open < len(self.stages) and are_closed(self.stages[self.open]):
                self._close(self.stages[self.open])
            elif self.open == len(self.stages) and are_closed(self.last):
                is_bad = any(task.is_lost for task in self.last) and self.outlook() == "succeeded"
                self.status = "failed" if is_bad else self.outlook()

    def _state(self) -> list[Any]:
        each = [one for task in self.tasks.values() for one in (task, *(task.instances or []))]
        return [self.open, self.verdict, *(one.status for one in each)]

    def _close(self, stage: list[Task]) -> None:
        if any(task.is_lost for task in stage) and self.on_failure != "continue":
            self.give_verdict("failed")
            return
        self.open += 1
        if self.open == len(self.stages) and self.outlook() == "failed":
            self.verdict = "failed"

    def outlook(self) -> str:
        """Return how the job ends by its stages, as they stand."""
        is_lost = any(task.is_lost for task in self.every) and not any(task.is_good for task in self.every)
        return self.verdict or ("failed" if is_lost else "succeeded")

    def give_verdict(self, verdict: str) -> None:
        """End the job so: what has not ended is cancelled, but for `finally` of a job that began."""
        if self.verdict is None and self.status == "running":
            self.verdict, self.cut = verdict, self.open
            cancel_all(self.every if self.started else [*self.every, *self.last])

    def is_unmet(self, task: Task) -> bool:
        """Return whether a need of a task ended so that it cannot be met."""
        needs = [(self.tasks[one["task"]], one.get("when")) for one in task.spec["needs"] if "task" in one]
        is_bad = any(need.is_done and not need.is_good for need, when in needs if when != "done")
        return is_bad or any(group.is_done and group.instances is None for group in task.each)

    def _follow(self, task: Task) -> None:
        if task.instances is not None:
            task.settle_group()
        elif task.child is not None and not task.is_done:
            task.child.settle()
            if task.child.status != "running":
                self._answer(task, task.child)
        elif task.status == "blocked":
            is_open = self.open == (task.stage if task.stage >= 0 else len(self.stages))
            needs = [self.tasks[need["task"]] for need in task.spec["needs"] if "task" in need]
            if self.is_unmet(task) or (is_open and task.stage < 0 and not self.started):
                task.end("skipped")
            elif (
                is_open and all(one.is_done for one in needs) and None not in [g.instances for g in task.each]
            ):
                task.start()

    def _answer(self, task: Task, child: Job) -> None:
        if self.verdict is not None and task.stage >= 0:
            task.end("cancelled")
        elif child.status == "succeeded":
            task.end("succeeded", value_of(child.document.get("outputs", {}), child.scope({})))
        else:
            said = task.spec["with"].get("on_child_failure", "fail")
            task.end({"fail": "failed", "skip": "skipped", "succeed": "succeeded"}[said])

    def pending(self) -> dict[str, Task]:
        """Return what could end now, by name, also in children."""
        found: dict[str, Task] = {}
        for task in self.tasks.values():
            for one in (task, *(task.instances or [])):
                if one.child is not None and not one.is_done:
                    found |= one.child.pending()
                elif one.status == "running" or (one.status == "waiting" and one.spec["uses"] in WAITS):
                    found[one.name] = one
        return found
