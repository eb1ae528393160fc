"""Reference: what becomes of a document, by the words of its page.

No store, no rules, no loop of events: a job is a few mappings, and one thing ends at a time.
"""

from __future__ import annotations

import math
from typing import Any

from tests.reference.document_words import is_retried, items_of, value_of, whole

FINAL = ("succeeded", "failed", "skipped", "cancelled")
EITHER = "skipped or cancelled"
"""A need that failed skips a task, a verdict cancels it: the page does not say which comes first."""
WAITS = ("signal", "human", "wait", "file", "job")
AGAIN = 9
"""The answer of a poll that is asked again."""
ON_DUE = {"approve": "succeeded", "fail": "failed"}


class Task:
    """A task of a job, or an instance of one."""

    def __init__(
        self, job: Job, spec: dict[str, Any], stage: int, index: int | None = None, item: Any = None
    ) -> None:
        self.job, self.spec, self.stage, self.index, self.item = job, spec, stage, index, item
        self.uses, self.with_ = spec["uses"], spec["with"]
        self.key: str = spec["key"] if index is None else f"{spec['key']}[{index}]"
        self.name = f"{job.name}/{self.key}"
        self.status, self.attempts, self.output = "blocked", 0, None
        self.calls, self.is_parked, self.is_stopped = 0, False, False
        self.ended_at, self.acted_at = -1, -1
        self.instances: list[Task] | None = None
        self.children: list[Job] = []

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
    def is_group(self) -> bool:
        return "for_each" in self.spec or "matrix" in self.spec

    @property
    def child(self) -> Job | None:
        """The job that it waits for."""
        return self.children[-1] if self.status == "waiting" and self.children else None

    @property
    def each(self) -> list[Task]:
        """The groups whose instances its own need one by one."""
        return [self.job.tasks[need["each"]] for need in self.spec["needs"] if "each" in need]

    @property
    def item_name(self) -> str:
        return "matrix" if "matrix" in self.spec else self.spec.get("as", "item")

    @property
    def is_judged(self) -> bool:
        """Its condition is for it: one that asks for an item, or for what `each` names, is for instances."""
        words = ["index", f"{self.item_name}.", f"{self.item_name} ", *(f"tasks.{g.key}." for g in self.each)]
        is_for_each = self.is_group and any(word in self.spec["when"] for word in words)
        return is_for_each == (self.index is not None)

    def scope(self) -> dict[str, Any]:
        if self.index is None:
            return self.job.scope({})
        own = {one.key: (one.instances or [])[self.index] for one in self.each}
        return self.job.scope(own) | {"index": self.index, self.item_name: self.item}

    def end(self, status: str, output: Any = None) -> None:
        self.status, self.output, self.ended_at = status, output, self.job.acts.number
        if self.index is None and self.is_lost and self.stage >= 0 and self.job.on_failure == "stop":
            self.job.give_verdict("failed")

    def act(self) -> None:
        """Let the attempt end as its script says, or the answer come."""
        self.calls += 1
        self.acted_at = self.job.acts.number = self.job.acts.number + 1
        if self.uses in WAITS:
            self._answer()
            return
        script = self.with_["ends"] if self.index is None else self.with_["ends"][self.index]
        code, is_poll = script[min(self.calls, len(script)) - 1], "poll" in self.with_
        retry = self.spec.get("retry", {"max_attempts": 1})
        if is_poll and code == AGAIN:
            self.is_parked = True
        elif code in ([0] if is_poll else self.spec.get("success_exit_codes", [0])):
            for name, text in self.spec.get("set", {}).items():
                self.job.vars[name] = value_of(text, self.scope() | {"output": {"exit": code}})
            self.end("succeeded", {"exit": code})
        elif code in self.spec.get("skip_exit_codes", []) and not is_poll:
            self.end("skipped", {"exit": code})
        elif self.attempts < retry["max_attempts"] and not self.is_parked and is_retried(code, retry):
            self.attempts += 1
        else:
            self._fail(code)

    def _answer(self) -> None:
        denied = "skipped" if self.with_.get("on_deny") == "skip" else "failed"
        if "timeout" in self.with_:
            self.end("failed")
        elif "due" in self.with_ and self.with_["on_due"] != "reject":
            self.end(ON_DUE[self.with_["on_due"]], self._form())
        elif "due" in self.with_ or self.with_.get("text") == "no":
            self.end(denied)
        elif self.uses == "job" and self.with_["status"] not in ("succeeded", "ended"):
            self.end("failed")
        elif self.uses == "signal":
            self.end("succeeded", {"data": self.data})
        elif self.calls >= self.with_.get("quorum", 1):
            self.end("succeeded", self._form())

    def _form(self) -> dict[str, Any]:
        return {name: field["default"] for name, field in self.with_.get("form", {}).items()}

    @property
    def data(self) -> dict[str, Any]:
        """What its signal brings."""
        return {"n": len(self.name) % 3}

    def _fail(self, code: int) -> None:
        """Begin the worklet, or fail."""
        error = {"code": "scripted.exit", "exit": code, "task": self.key}
        scope = self.scope() | {"error": error, "attempt": self.attempts}
        said = self.spec.get("on_failure")
        if (
            not said
            or len(self.children) >= said.get("max", 3)
            or not value_of(said.get("when", "${{ True }}"), scope)
        ):
            self.end("failed")
            return
        params = value_of(said["params"], scope)
        self.status = "waiting"
        self._begin(said["file"], params, name=f"{self.name}!{self.attempts}")

    def start(self) -> None:
        """Begin: its needs are met."""
        if "when" in self.spec and self.is_judged and not value_of(self.spec["when"], self.scope()):
            self.end("skipped")
            return
        self.status, self.job.started = "waiting", True
        if self.is_group and self.index is None:
            items = enumerate(items_of(self.spec, self.scope()))
            self.instances = [Task(self.job, self.spec, self.stage, at, item) for at, item in items]
        elif self.uses == "workflow":
            params = value_of(self.with_.get("params", {}), self.scope())
            self._begin(self.with_["file"], params, name=self.name)
        elif self.uses not in WAITS:
            self.try_again()

    def _begin(self, file: str, params: dict[str, Any], *, name: str) -> None:
        job = self.job
        self.children.append(Job(job.documents, file, name=name, params=params, acts=job.acts))

    def try_again(self) -> None:
        self.status, self.attempts, self.is_parked = "running", self.attempts + 1, False

    def cancel(self) -> None:
        """End it, and what it began; a child ends by itself."""
        cancel_all(self.instances or [])
        if self.child is not None:
            self.is_stopped = True
            self.child.give_verdict("cancelled")
        elif not self.is_done:
            is_cut = self.job.verdict is not None and self.index is None and self.status == "blocked"
            self.status = EITHER if is_cut and self.job.is_unmet(self) else "cancelled"

    def settle_group(self) -> None:
        """Decide on the group, else let instances begin."""
        items = self.instances or []
        read = [[(group.instances or [])[at] for group in self.each] for at in range(len(items))]
        for one, before in zip(items, read, strict=True):
            if one.status == "blocked" and any(other.is_done and not other.is_good for other in before):
                one.end("skipped")
        if self.status not in FINAL:
            self._decide(items)
        if self.status in FINAL and not (self.status == "succeeded" and self.spec.get("after") == "run_all"):
            cancel_all(items)
        for one, before in zip(items, read, strict=True):
            begun = sum(other.status in ("running", "waiting") for other in items)
            may_begin = one.status == "blocked" and begun < self.spec.get("max_parallel", len(items))
            if may_begin and all(other.is_good for other in before):
                one.start()
        # Those that were skipped instead may have been the last.
        if self.status not in FINAL:
            self._decide(items)

    def _decide(self, items: list[Task]) -> None:
        count = {status: sum(one.status == status for one in items) for status in FINAL}
        left, bad = len(items) - sum(count.values()), count["failed"] + count["cancelled"]
        needed, said = self.spec.get("threshold"), self.spec.get("on_instance_failure", "stop")
        if isinstance(needed, str):
            needed = math.ceil(len(items) * int(needed[:-1]) / 100)
        if needed is not None and (count["succeeded"] >= needed or not items):
            self.end("succeeded", count)
        elif (needed is not None and count["succeeded"] + left < needed) or (
            needed is None and count["failed"] and said == "stop"
        ):
            self.end("failed", count)
        elif needed is None and not left:
            self.end("failed" if bad and said != "continue" else "succeeded", count)


def cancel_all(tasks: list[Task]) -> None:
    for task in tasks:
        task.cancel()


def are_closed(tasks: list[Task]) -> bool:
    """Return whether tasks have ended with all their instances."""
    return all(one.is_done for task in tasks for one in (task, *(task.instances or [])))


class Acts:
    """How many things have ended so far, in a job and all below it."""

    number = 0


class Job:
    """A job: its tasks, what they set, and how it ends; `act` of what is `pending` and `settle` move it."""

    def __init__(
        self,
        documents: dict[str, Any],
        file: str,
        *,
        name: str,
        params: dict[str, Any],
        acts: Acts | None = None,
    ) -> None:
        self.acts, self.verdict_at = acts or Acts(), -1
        self.begun_at = self.acts.number
        self.documents, self.document, self.name = documents, whole(documents, file), name
        self.on_failure = self.document.get("on_task_failure", "stop")
        declared = self.document.get("params", {})
        self.params = {key: one.get("default") for key, one in declared.items()} | params
        self.vars = {**self.document.get("variables", {})}
        self.status, self.started, self.open, self.cut = "running", False, 0, math.inf
        self.verdict: str | None = None
        stages = self.document.get("stages") or [{"tasks": self.document["tasks"]}]
        self.stages = [[self._task(spec, at, one) for spec in one["tasks"]] for at, one in enumerate(stages)]
        self.last = [self._task(spec, -1, {}) for spec in self.document.get("finally", [])]
        self.every = [task for stage in self.stages for task in stage]
        self.tasks = {task.key: task for task in [*self.every, *self.last]}
        self.settle()

    def _task(self, spec: dict[str, Any], at: int, stage: dict[str, Any]) -> Task:
        """Return a task with what its stage and the defaults say for it."""
        defaults = self.document.get("defaults", {})
        shared = {"on_failure": stage["on_failure"]} if "on_failure" in stage else {}
        if "retry" in spec or "retry" in defaults:
            shared["retry"] = {"max_attempts": 3} | defaults.get("retry", {}) | spec.get("retry", {})
            spec = {name: value for name, value in spec.items() if name != "retry"}
        return Task(self, defaults | shared | spec, at)

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
                self.status = self.outlook() if self.outlook() != "succeeded" else end_of(self.last)

    def _state(self) -> list[Any]:
        each = [one for task in self.tasks.values() for one in (task, *(task.instances or []))]
        return [self.open, self.verdict, *(one.status for one in each)]

    def _close(self, stage: list[Task]) -> None:
        end = end_of(stage)
        if end == "cancelled" or (end == "failed" and self.on_failure != "continue"):
            self.give_verdict(end)
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
            self.verdict, self.cut, self.verdict_at = verdict, self.open, self.acts.number
            cancel_all(self.every if self.started else [*self.every, *self.last])

    def is_unmet(self, task: Task) -> bool:
        """Return whether a need of a task ended so that it cannot be met."""
        needs = [(self.tasks[one["task"]], one.get("when")) for one in task.spec["needs"] if "task" in one]
        is_bad = any(need.is_done and not need.is_good for need, when in needs if when != "done")
        return is_bad or any(group.is_done and group.instances is None for group in task.each)

    def _follow(self, task: Task) -> None:
        for one in (task, *(task.instances or [])):
            if one.child is not None:
                one.child.settle()
                if one.child.status != "running":
                    self._answer(one, one.child)
        if task.instances is not None:
            task.settle_group()
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
        """Let a task go on whose child has ended."""
        outputs = child.document.get("outputs", {})
        if task.is_stopped:
            task.end("cancelled")
        elif child.status == "succeeded" and task.uses == "workflow":
            task.end("succeeded", value_of(outputs, child.scope({})))
        elif child.status == "succeeded":
            said = {
                name: value for name, value in value_of(outputs, child.scope({})).items() if value is not None
            }
            self._repair(task, said)
        else:
            said = task.with_.get("on_child_failure", "fail")
            task.end({"fail": "failed", "skip": "skipped", "succeed": "succeeded"}[said])

    def _repair(self, task: Task, said: dict[str, Any]) -> None:
        """Carry out what a worklet decided, as a whole or not at all."""
        result, is_success = said["result"], said["result"] == "succeed"
        dependants = {
            one.key: one
            for one in self.tasks.values()
            for need in one.spec["needs"]
            if need.get("task") == task.key
        }
        is_nonsense = not is_success and ("output" in said or "next" in said)
        is_nonsense |= result == "retry" and "end" in said
        if (
            is_nonsense
            or {*said.get("cancel", [])} - {*self.tasks}
            or {*said.get("next", [])} - {*dependants}
        ):
            task.end("failed")
            return
        self.vars |= said.get("set", {})
        for one in dependants.values() if "next" in said else ():
            if one.status == "blocked" and one.key not in said["next"]:
                one.end("skipped")
        for key in said.get("cancel", []):
            if key != task.key and not self.tasks[key].is_done:
                self.tasks[key].cancel()
        if "end" in said:
            self.give_verdict(said["end"])
        if result == "retry":
            task.try_again()
        else:
            task.end(
                {"skip": "skipped", "succeed": "succeeded", "fail": "failed"}[result], said.get("output", {})
            )

    def pending(self) -> dict[str, Task]:
        """Return what could end now, by name, also in children."""
        found: dict[str, Task] = {}
        for task in self.tasks.values():
            for one in (task, *(task.instances or [])):
                if one.child is not None:
                    found |= one.child.pending()
                elif one.status == "running" or (
                    one.status == "waiting" and one.uses in WAITS and not one.instances
                ):
                    found[one.name] = one
        return found


def end_of(tasks: list[Task]) -> str:
    """Return how tasks end together, those left out that nothing counts."""
    if any(task.is_lost for task in tasks):
        return "failed"
    return "cancelled" if any(task.status == "cancelled" for task in tasks) else "succeeded"
