"""Property test of the store: random commands keep every invariant."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from core.model.commands.answers import Answer, WaitRef
from core.model.commands.forgetting import BeginForgetting, Forget
from core.model.commands.limits import Configure
from core.model.commands.signals import Signal
from core.model.commands.work import (
    Cancel,
    ComeDue,
    Command,
    Complete,
    Hold,
    Rerun,
    Resume,
    Submit,
    Unhold,
)
from core.model.commands.work_items import DelegateItem, DenyItem, ReleaseItem
from core.model.errors import Bug, Unavailable
from core.model.outcomes import Succeeded
from core.model.patterns.judgements import Await, Decide, GiveUp, Proceed, SkipIt, TakeOutputs
from core.model.retention import Forgettable
from core.model.values import INBOX
from core.store import batch as batching
from core.store.apply.upkeep import purge
from core.store.batch_report import Report
from core.store.forgettable import FIND
from core.store.journal import Journal
from core.store.reports.conditions import _TO_JUDGE
from core.store.verify import verify
from tests.support.deck import Deck
from tests.support.legality import illegal_moves
from tests.support.lives import batch, ending, limited, plan, upkeep
from tests.support.manual_time import ManualClock

seeds = st.integers(0, 2**16)
MAX_PER_BATCH, ROWS_PER_PURGE = 4, 12


class Lives(RuleBasedStateMachine):
    """Commands through a real journal; after each step the store verifies."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.clock = ManualClock()
        self.limit, batching.MAX_PER_BATCH = batching.MAX_PER_BATCH, MAX_PER_BATCH
        self.rows, purge.ROWS_PER_BATCH = purge.ROWS_PER_BATCH, ROWS_PER_PURGE
        self.deck = Deck(Path(self.folder.name) / "deck.db", now=self.clock.now())
        self.open_before = 0
        self.start()

    def start(self) -> None:
        self.reports: list[Report] = []

        async def begin() -> Journal:
            return Journal(self.deck.writer, clock=self.clock, listener=self.reports.append)

        self.journal = self.loop.run_until_complete(begin())
        self.journal.slots = 3

    def send(self, *commands: Command) -> list[object]:
        """Submit all in one tick; refusals come back, broken promises do not."""
        self.open_before = self.open_attempts()
        judged, told = self.to_judge(), len(self.reports)
        self.clock.advance(ms=10)
        self.deck.now = self.clock.now()

        async def sent() -> list[object]:
            asked = [self.journal.submit(command) for command in commands]
            self.journal.wake()
            answers = await asyncio.gather(*asked, return_exceptions=True)
            await self.journal.settle()
            return answers

        answers = self.loop.run_until_complete(sent())
        broken = [answer for answer in answers if isinstance(answer, (Bug, Unavailable))]
        assert not broken, broken
        named = {task for report in self.reports[told:] for task in report.conditions}
        assert self.to_judge() - judged <= named, "an engine judges what is named"
        return answers

    def to_judge(self) -> set[int]:
        """Return the tasks that wait for a judgement or ask something."""
        rows = self.deck.db.execute(str(_TO_JUDGE), {"after": 0, "limit": -1}).fetchall()
        return {task_id for (task_id,) in rows}

    def open_attempts(self) -> int:
        return int(str(self.deck.value("SELECT count(*) FROM attempt WHERE status = 'running'")))

    def tasks(self, status: str) -> list[int]:
        return [row[0] for row in self.deck.rows("SELECT id FROM task WHERE status = ? ORDER BY id", status)]

    @rule(seed=seeds)
    def submit_a_job(self, seed: int) -> None:
        self.send(Submit(plan=plan(Random(seed))))

    @rule(seed=seeds, size=st.integers(2, 12))
    def send_a_mixed_batch(self, seed: int, size: int) -> None:
        self.send(*batch(self.deck, Random(seed), size))

    @rule(seed=seeds)
    def end_what_runs(self, seed: int) -> None:
        draw = Random(seed)
        refs = self.deck.rows("SELECT task_id, epoch FROM attempt WHERE status = 'running'")
        self.send(*(ending(draw, ref, self.clock.now()) for ref in refs))

    @rule(seed=seeds)
    def contend_for_one_task(self, seed: int) -> None:
        draw = Random(seed)
        for ref in self.deck.rows("SELECT task_id, epoch FROM attempt WHERE status = 'running' LIMIT 1"):
            one = (ref[0],)
            rivals: list[Command] = [
                ending(draw, ref, self.clock.now()),
                ending(draw, ref, self.clock.now()),
                Cancel(task_ids=one),
                Hold(task_ids=one),
                Rerun(task_ids=one),
            ]
            draw.shuffle(rivals)
            self.send(*rivals)

    @rule(seed=seeds, size=st.integers(0, 3))
    def purge_beside_other_commands(self, seed: int, size: int) -> None:
        draw = Random(seed)
        chosen: list[Command] = []
        for command in (*(upkeep(self.deck, draw) for _ in range(3)), *batch(self.deck, draw, size)):
            if not any(set(command.rows()) & set(other.rows()) for other in chosen):
                chosen.append(command)
        draw.shuffle(chosen)
        self.send(*chosen)

    @rule(seed=seeds, what=st.sampled_from(Forgettable), size=st.integers(0, 3))
    def forget_beside_other_commands(self, seed: int, what: Forgettable, size: int) -> None:
        before = self.clock.now() + 1
        (event,) = self.send(BeginForgetting(before=before))
        rows = self.deck.rows(f"{FIND[what]} LIMIT 5", before, self.clock.now())
        refs = tuple(row[0] for row in rows)
        self.send(
            Forget(what=what, refs=refs, before=before, event=event), *batch(self.deck, Random(seed), size)
        )

    @rule(seed=seeds)
    def limit_the_children(self, seed: int) -> None:
        self.send(limited(Random(seed)))

    @rule(ms=st.integers(1, 500))
    def let_time_pass(self, ms: int) -> None:
        self.clock.advance(ms=ms)
        self.send(ComeDue())

    @rule(slots=st.integers(0, 6))
    def change_the_slots(self, slots: int) -> None:
        self.journal.slots = slots
        self.send()

    @rule()
    def crash(self) -> None:
        self.loop.run_until_complete(self.journal.close())
        slots = self.journal.slots
        self.deck.crash()
        self.start()
        self.journal.slots = slots

    @invariant()
    def the_store_verifies(self) -> None:
        if hasattr(self, "journal"):
            assert verify(self.deck.db) == ()
            assert illegal_moves(self.deck.db) == []
            assert self.open_attempts() <= max(self.journal.slots, self.open_before)

    def teardown(self) -> None:
        if not hasattr(self, "journal"):
            return
        try:
            self.everything_ends()
        finally:
            batching.MAX_PER_BATCH, purge.ROWS_PER_BATCH = self.limit, self.rows
            self.loop.run_until_complete(self.journal.close())
            self.loop.close()
            self.folder.cleanup()

    def denials(self) -> list[Command]:
        """Return a no for each open item, by one who may say it."""
        rows = self.deck.rows("SELECT id, coalesce(claimed_by, assignee, 'zoe') FROM work_item")
        free = [ReleaseItem(item_id=item, actor=f"{who} (cli)") for item, who in rows]
        give = [DelegateItem(item_id=item, actor="zoe (cli)", to="zoe") for item, _ in rows]
        return [*free, *give, *(DenyItem(item_id=item, actor="zoe (cli)", reason="-") for item, _ in rows)]

    def answers(self) -> list[Command]:
        """Return an answer to each task that asks for outputs, or whether its worklet begins."""
        sql = (
            "SELECT w.task_id, j.is_worklet FROM awaited w LEFT JOIN job j ON j.id = w.child_id"
            " WHERE asks IS NOT NULL"
        )
        taken = (TakeOutputs(outputs={}), GiveUp(reason="-"))
        return [Decide(task_id=one, verdict=taken[worklet != 0]) for one, worklet in self.deck.rows(sql)]

    def everything_ends(self) -> None:
        """Open every switch and let all succeed: whatever was done before, no job may be stuck."""
        self.journal.slots = 10
        jobs = [row[0] for row in self.deck.rows("SELECT id FROM job WHERE status = 'paused'")]
        self.send(Resume(queue="default"), Resume(queue="other"), *(Resume(job_id=job) for job in jobs))
        # Children below children that hold the last place would wait for ever.
        self.send(Configure())
        for _ in range(200):
            self.clock.advance(seconds=1)
            refs = self.deck.rows("SELECT task_id, epoch FROM attempt WHERE status = 'running'")
            sql = "SELECT id, spec->>'$.waits' FROM task WHERE wait_reason = 'condition'"
            waiting = self.deck.rows(sql)
            held = self.tasks("held")
            todo: list[Command] = [
                *(Complete(task_id=ref[0], epoch=ref[1], outcome=Succeeded()) for ref in refs),
                *(
                    Decide(
                        task_id=t, verdict=(Await(for_ms=1) if waits else Proceed()) if t % 2 else SkipIt()
                    )
                    for t, waits in waiting
                ),
                *(
                    Answer(wait=WaitRef(task_id=row[0], generation=row[1]), output={})
                    for row in self.deck.rows("SELECT id, generation FROM task WHERE status = 'waiting'")
                ),
                *(Signal(name=name, key=key, keep_ms=1) for name in "xy" for key in "12"),
                *self.denials(),
                *self.answers(),
                *([Unhold(task_ids=tuple(held))] if held else []),
                ComeDue(),
            ]
            self.send(*todo)
            if not self.deck.rows(f"SELECT 1 FROM job WHERE finished_at IS NULL AND id != {INBOX}"):
                break
        stuck = self.deck.rows(f"SELECT id, status FROM job WHERE finished_at IS NULL AND id != {INBOX}")
        assert stuck == []
        assert verify(self.deck.db) == ()


def test_every_life_keeps_the_promises_and_ends() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Lives,
        settings=settings(
            max_examples=15,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            print_blob=False,
        ),
    )
