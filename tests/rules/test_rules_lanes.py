"""Order, aging and fairness of what is claimed."""

from __future__ import annotations

from collections import Counter
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from core.model.bounds import PRIORITY_MAX
from core.model.lanes import Head, Room
from core.rules.lanes import LEVEL_MAX, WINDOW, choose, effective_level, sort_key

STEP = 60_000
NOW = 1_700_000_000_000


def head(task_id, job_id=1, *, priority=0, age=0, vtime=0, lane_id=None):
    key = sort_key(NOW - age, priority, aging_step=STEP)
    return Head(
        lane_id=job_id if lane_id is None else lane_id,
        task_id=task_id,
        job_id=job_id,
        queue="default",
        sort_key=key,
        vtime=vtime,
    )


def pick(heads, slots, **more):
    return choose(heads, slots, now=NOW, aging_step=STEP, **more)


def level(item):
    return effective_level(item.sort_key, now=NOW, aging_step=STEP)


def test_a_level_is_the_priority_plus_whole_steps_of_age():
    assert level(head(1, priority=7)) == 7
    assert level(head(1, priority=7, age=STEP - 1)) == 7
    assert level(head(1, priority=7, age=STEP)) == 8


def test_levels_are_capped_on_both_sides():
    assert level(head(1, priority=PRIORITY_MAX, age=10**15)) == LEVEL_MAX
    assert level(head(1, age=-5 * STEP)) == 0


def test_nothing_is_chosen_from_nothing_or_for_nothing():
    assert pick([], 5).task_ids == ()
    assert pick([head(1)], 0).task_ids == ()
    assert pick([head(1)], 0).vtimes == {}


def test_one_job_runs_in_order_of_key_then_id():
    heads = [head(3), head(1), head(2, priority=5), head(4, age=10)]
    picks = pick(heads, 3)
    assert picks.task_ids == (2, 4, 1)
    assert picks.vtimes == {1: 3}


def test_the_highest_level_goes_first_whatever_the_shares():
    heads = [head(1, 1, priority=2, vtime=WINDOW), head(2, 2, priority=1)]
    assert pick(heads, 2).task_ids == (1, 2)


def test_within_a_level_the_job_with_the_lowest_virtual_time_goes_first():
    heads = [head(1, 1, vtime=5, age=100), head(2, 2, vtime=4)]
    picks = pick(heads, 1)
    assert picks.task_ids == (2,)
    assert picks.vtimes == {2: 5}


def test_jobs_of_one_level_take_turns():
    heads = [head(n, 1, age=50) for n in range(1, 11)] + [head(n, 2) for n in range(11, 14)]
    assert pick(heads, 7).task_ids == (1, 11, 2, 12, 3, 13, 4)


def test_turns_are_remembered_from_level_to_level():
    heads = [head(1, 1, priority=1), head(2, 1), head(3, 2)]
    assert pick(heads, 3).task_ids == (1, 3, 2)


def test_a_job_that_was_idle_is_ahead_by_the_window_only():
    busy = [head(n, 1, vtime=100_000) for n in range(100)]
    idle = [head(n, 2) for n in range(100, 200)]
    picks = pick(busy + idle, 20 + WINDOW)
    assert sum(task < 100 for task in picks.task_ids) == 10
    assert picks.vtimes == {1: 100_010, 2: 100_010}


def test_an_aged_task_overtakes_a_younger_one_of_higher_priority():
    heads = [head(1, 1, priority=10), head(2, 2, priority=0, age=11 * STEP)]
    assert pick(heads, 1).task_ids == (2,)


@st.composite
def scenes(draw):
    ids = count(1)
    vtimes = draw(st.lists(st.integers(0, 40), min_size=1, max_size=6))
    heads = []
    lanes = draw(st.lists(st.integers(0, len(vtimes) - 1), max_size=256 if draw(st.booleans()) else 8))
    for lane_id, job in enumerate(lanes):
        for priority, age in draw(
            st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5 * STEP)), max_size=5)
        ):
            heads.append(head(next(ids), job, priority=priority, age=age, vtime=vtimes[job], lane_id=lane_id))
    return draw(st.permutations(heads)) if len(heads) < 40 else heads


def straightforward(heads, slots):
    """The rule, word by word and slowly."""
    left, chosen = list(heads), []
    front = max((item.vtime for item in heads), default=0)
    vtimes = {item.job_id: max(item.vtime, front - WINDOW) for item in heads}
    while left and len(chosen) < slots:
        best = min(left, key=lambda h: (-level(h), vtimes[h.job_id], h.sort_key, h.task_id))
        left.remove(best)
        chosen.append(best.task_id)
        vtimes[best.job_id] += 1
    return tuple(chosen), {item.job_id: vtimes[item.job_id] for item in heads if item.task_id in chosen}


@given(scenes(), st.integers(0, 60))
def test_the_choice_is_the_rule_taken_word_by_word(heads, slots):
    picks = pick(heads, slots)
    assert (picks.task_ids, dict(picks.vtimes)) == straightforward(heads, slots)


@given(scenes(), st.integers(0, 60))
def test_picks_are_heads_without_repetition_and_fill_the_slots(heads, slots):
    picks = pick(heads, slots).task_ids
    assert set(picks) <= {item.task_id for item in heads}
    assert len(set(picks)) == len(picks) == min(slots, len(heads))


@given(scenes(), st.integers(0, 60), st.randoms(use_true_random=False))
def test_the_order_in_which_heads_come_plays_no_part(heads, slots, random):
    shuffled = random.sample(heads, len(heads))
    assert pick(shuffled, slots) == pick(heads, slots)


@given(scenes(), st.integers(0, 60))
def test_only_the_jobs_that_were_chosen_move_and_never_back(heads, slots):
    picks = pick(heads, slots)
    jobs = {item.task_id: item for item in heads}
    assert set(picks.vtimes) == {jobs[task].job_id for task in picks.task_ids}
    before = {item.job_id: item.vtime for item in heads}
    shares = Counter(jobs[task].job_id for task in picks.task_ids)
    assert all(picks.vtimes[job] >= before[job] + share for job, share in shares.items())


@given(scenes(), st.integers(0, 60))
def test_levels_never_rise_along_the_picks_and_no_higher_one_is_left(heads, slots):
    by_id = {item.task_id: item for item in heads}
    picks = pick(heads, slots).task_ids
    levels = [level(by_id[task]) for task in picks]
    assert levels == sorted(levels, reverse=True)
    left = [level(item) for item in heads if item.task_id not in picks]
    assert not (levels and left) or max(left) <= levels[-1]


@given(scenes(), st.integers(0, 60))
def test_of_every_lane_a_prefix_is_taken_in_order(heads, slots):
    by_id = {item.task_id: item for item in heads}
    picks = pick(heads, slots).task_ids
    for lane in {item.lane_id for item in heads}:
        ordered = sorted((h for h in heads if h.lane_id == lane), key=lambda h: (h.sort_key, h.task_id))
        taken = [task for task in picks if by_id[task].lane_id == lane]
        assert taken == [item.task_id for item in ordered[: len(taken)]]


@given(st.integers(2, 8), st.integers(1, 200))
def test_shares_within_a_level_differ_by_one_at_most(jobs, slots):
    heads = [head(job * 1000 + n, job) for job in range(jobs) for n in range(slots)]
    taken = Counter(task // 1000 for task in pick(heads, slots).task_ids)
    shares = [taken[job] for job in range(jobs)]
    assert max(shares) - min(shares) <= 1


def test_nobody_starves_under_a_steady_stream_of_higher_priority():
    waiting = head(0, 1, priority=0)
    for minute in range(PRIORITY_MAX + 2):
        now = NOW + minute * STEP
        rival = Head(
            lane_id=2,
            task_id=minute + 1,
            job_id=2,
            queue="default",
            sort_key=sort_key(now, PRIORITY_MAX, aging_step=STEP),
            vtime=minute,
        )
        if choose([waiting, rival], 1, now=now, aging_step=STEP).task_ids == (0,):
            return
    raise AssertionError("the task of priority 0 was never chosen")


def test_five_hundred_heads_of_one_lane_keep_their_order():
    heads = [head(n, age=1000 - n) for n in range(500)]
    assert pick(heads, 500).task_ids == tuple(range(500))


@given(st.data())
def test_asked_for_one_by_one_or_given_whole_the_same_is_chosen(data):
    ids, lanes = count(1), []
    for lane_id in range(data.draw(st.integers(1, 6))):
        job_id = data.draw(st.integers(1, 3))
        ages = data.draw(st.lists(st.integers(0, 4 * STEP), min_size=1, max_size=6))
        items = [head(next(ids), job_id, age=age, vtime=job_id * 3, lane_id=lane_id) for age in ages]
        lanes.append(sorted(items, key=lambda item: (item.sort_key, item.task_id)))
    behind = {
        one.task_id: following
        for lane in lanes
        for one, following in zip(lane, [*lane[1:], None], strict=True)
    }
    slots = data.draw(st.integers(1, 12))
    whole = pick([item for lane in lanes for item in lane], slots)
    lazily = pick([lane[0] for lane in lanes], slots, room=Room(further=lambda one: behind[one.task_id]))
    assert lazily == whole
