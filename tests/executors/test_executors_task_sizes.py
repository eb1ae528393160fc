"""Sizes of the outputs of tasks."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from core.executors.task_sizes import TaskSizes

ROUNDS, BLOCK = 20_000, 512


def test_what_two_threads_add_at_once_is_all_counted() -> None:
    sizes, both, before = TaskSizes(), Barrier(2), sys.getswitchinterval()

    def add(first: int) -> None:
        both.wait()
        for number in range(ROUNDS):
            sizes.add(7, BLOCK)
            sizes.add(first + number, BLOCK)

    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(add, first) for first in (10, 10 + ROUNDS)]:
                done.result()
    finally:
        sys.setswitchinterval(before)
    assert sizes.get(7) == 2 * ROUNDS * BLOCK
    assert sizes.total == 4 * ROUNDS * BLOCK
    assert len(sizes.after(9, 3 * ROUNDS)) == 2 * ROUNDS
