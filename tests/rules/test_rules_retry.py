"""What follows an attempt that did not succeed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.outcomes import (
    AskOperator,
    Bounced,
    Failed,
    GiveUp,
    Lost,
    Requeue,
    RetryAt,
    TaskError,
    TimedOut,
)
from core.model.plans import Backoff, Jitter, OnLoss, RetryPolicy
from core.rules.retry import LONGEST_WAIT_MS, Record, decide_retry, delay_ms

NOW = 1_700_000_000_000
PLAIN = RetryPolicy(max_attempts=3, base_ms=1_000, max_ms=60_000, jitter=Jitter.NONE)


def failed(code="http.5xx", **more):
    return Failed(error=TaskError(code=code, message="no"), **more)


def decide(policy=PLAIN, outcome=None, *, draw=0.5, **record):
    record = Record(**{"tries": 1, **record})
    return decide_retry(policy, outcome or failed(), record=record, now=NOW, draw=lambda: draw)


def test_a_failure_with_attempts_left_is_retried_later():
    assert decide() == RetryAt(at=NOW + 1_000)
    assert decide(tries=2) == RetryAt(at=NOW + 2_000)


def test_the_last_attempt_is_the_last():
    assert decide(tries=3) == GiveUp()
    assert decide(RetryPolicy()) == GiveUp()


@pytest.mark.parametrize(
    ("on", "retried"),
    [
        ((), False),
        (("http",), False),
        (("timeout",), False),
        (("http.4xx",), True),
        (("http.404",), True),
        (("http.400-410",), True),
        (("http.405",), False),
        (("http.5xx",), False),
    ],
)
def test_a_permanent_error_is_retried_only_where_its_code_or_number_is_named(on, retried):
    policy = RetryPolicy(max_attempts=9, on=on)
    gone = Failed(error=TaskError(code="http.4xx", message="no", facts={"status": 404}), permanent=True)
    assert isinstance(decide(policy, gone), RetryAt) is retried


@pytest.mark.parametrize(
    ("on", "code", "retried"),
    [
        ((), "anything", True),
        (("http",), "http.5xx", True),
        (("http.5xx",), "http.5xx", True),
        (("http.5",), "http.5xx", False),
        (("htt",), "http.5xx", False),
        (("http.5xx.more",), "http.5xx", False),
        (("timeout", "http.429"), "http.429", True),
        (("timeout",), "http.timeout", False),
    ],
)
def test_on_names_codes_or_dotted_prefixes(on, code, retried):
    decision = decide(RetryPolicy(max_attempts=2, on=on), failed(code))
    assert isinstance(decision, RetryAt if retried else GiveUp)


def test_a_timeout_counts_as_an_attempt_under_its_own_code():
    late = TimedOut(after_ms=10)
    assert isinstance(decide(outcome=late), RetryAt)
    assert decide(outcome=late, tries=3) == GiveUp()
    assert decide(RetryPolicy(max_attempts=2, on=("http",)), late) == GiveUp()
    assert isinstance(decide(RetryPolicy(max_attempts=2, on=("timeout",)), late), RetryAt)


def test_retry_after_is_a_floor():
    assert decide(outcome=failed(retry_after_ms=30_000)) == RetryAt(at=NOW + 30_000)
    assert decide(outcome=failed(retry_after_ms=5)) == RetryAt(at=NOW + 1_000)
    assert decide(outcome=failed(retry_after_ms=-5)) == RetryAt(at=NOW + 1_000)


def test_a_loss_counts_against_its_own_limit_only():
    lost = Lost(reason="engine died")
    assert decide(RetryPolicy(), lost, tries=0, losses=1) == RetryAt(at=NOW)
    assert isinstance(decide(RetryPolicy(), lost, tries=9, losses=2), RetryAt)
    assert decide(RetryPolicy(max_attempts=99), lost, losses=3) == GiveUp()


def test_repeated_losses_back_off():
    assert decide(PLAIN, Lost(reason="again"), losses=2) == RetryAt(at=NOW + 1_000)
    assert decide(PLAIN, Lost(reason="again"), losses=3, max_losses=5) == RetryAt(at=NOW + 2_000)


def test_on_loss_may_fail_or_ask():
    assert decide(outcome=Lost(reason="x"), losses=1, on_loss=OnLoss.FAIL) == GiveUp()
    assert decide(outcome=Lost(reason="x"), losses=99, on_loss=OnLoss.ASK) == AskOperator()


def test_a_bounce_goes_back_at_once_until_its_limit():
    bounced = Bounced(reason="no pid")
    assert decide(RetryPolicy(), bounced, tries=9, bounces=4) == Requeue()
    assert decide(RetryPolicy(max_attempts=99), bounced, bounces=5) == GiveUp()


def test_fixed_backoff_does_not_grow():
    policy = RetryPolicy(max_attempts=9, backoff=Backoff.FIXED, base_ms=700, jitter=Jitter.NONE)
    assert {delay_ms(policy, attempt, draw=float) for attempt in (1, 2, 8)} == {700}


@pytest.mark.parametrize("outcome", [failed(), failed(retry_after_ms=0), TimedOut(after_ms=10)])
def test_without_a_delay_a_retry_is_at_once(outcome):
    policy = RetryPolicy(max_attempts=2, base_ms=0, jitter=Jitter.NONE)
    assert decide(policy, outcome) == RetryAt(at=NOW)


def test_no_policy_and_no_server_makes_a_task_wait_for_more_than_thirty_days():
    patient = RetryPolicy(max_attempts=9, base_ms=10**15, max_ms=10**15, jitter=Jitter.NONE)
    longest = RetryAt(at=NOW + LONGEST_WAIT_MS)
    assert decide(patient) == longest
    assert decide(patient, Lost(reason="again"), losses=2) == longest
    assert decide(outcome=failed(retry_after_ms=10**15)) == longest


@pytest.mark.parametrize(
    ("attempt", "draw", "delay"),
    [
        (1, 0.0, 0),
        (1, 0.5, 500),
        (1, 0.999_999, 999),
        (3, 0.0, 0),
        (3, 0.999_999, 3_999),
        (9, 0.0, 0),
        (9, 0.5, 30_000),
        (9, 0.999_999, 59_999),
    ],
)
def test_full_jitter_reaches_from_nothing_to_just_below_the_bound(attempt, draw, delay):
    policy = RetryPolicy(base_ms=1_000, max_ms=60_000, jitter=Jitter.FULL)
    assert delay_ms(policy, attempt, draw=lambda: draw) == delay


policies = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 10**30),
    backoff=st.sampled_from(Backoff),
    base_ms=st.integers(0, 10**18),
    max_ms=st.integers(0, 10**18),
    jitter=st.sampled_from(Jitter),
)


@given(policies, st.integers(-5, 10**25), st.floats(0, 1, exclude_max=True))
def test_the_delay_stays_within_its_bounds(policy, attempt, draw):
    delay = delay_ms(policy, attempt, draw=lambda: draw)
    assert 0 <= delay <= min(policy.max_ms, LONGEST_WAIT_MS)
    if policy.backoff is Backoff.FIXED or attempt <= 1:
        assert delay <= policy.base_ms


@given(st.integers(1, 60), st.floats(0, 1, exclude_max=True))
def test_full_jitter_is_the_drawn_share_of_the_bound(attempt, draw):
    policy = RetryPolicy(base_ms=1_000, max_ms=300_000)
    bound = min(300_000, 1_000 * 2 ** (attempt - 1))
    assert delay_ms(policy, attempt, draw=lambda: draw) == int(draw * bound)


@given(policies, st.integers(0, 10**30), st.integers(0, 10**25), st.floats(0, 1, exclude_max=True))
def test_a_retry_is_never_in_the_past_nor_beyond_the_longest_wait(policy, retry_after, tries, draw):
    decision = decide(policy, failed(retry_after_ms=retry_after), tries=tries, draw=draw)
    if isinstance(decision, RetryAt):
        assert NOW + min(retry_after, LONGEST_WAIT_MS) <= decision.at <= NOW + LONGEST_WAIT_MS
        assert tries < policy.max_attempts


@given(policies, st.integers(0, 12), st.integers(0, 12))
def test_a_bounce_and_a_loss_never_use_up_attempts(policy, tries, used):
    bounced = decide(policy, Bounced(reason="no pid"), tries=tries, bounces=used, max_bounces=6)
    lost = decide(policy, Lost(reason="engine died"), tries=tries, losses=used, max_losses=6)
    assert bounced == (Requeue() if used < 6 else GiveUp())
    assert isinstance(lost, RetryAt if used < 6 else GiveUp)


def test_a_machine_that_is_short_uses_up_no_bounces() -> None:
    record = Record(tries=0, bounces=5, max_bounces=5)
    short = Bounced(reason="no memory", shortage=True)
    decision = decide_retry(RetryPolicy(), short, record=record, now=0, draw=lambda: 0.5)
    assert decision == Requeue()


def test_a_pattern_of_the_output_names_what_is_retried_unless_it_is_permanent():
    policy = RetryPolicy(max_attempts=9, output=("busy",))
    fits = TaskError(code="shell.exit", message="no", facts={"matched": "busy"})
    assert isinstance(decide(policy, Failed(error=fits)), RetryAt)
    assert decide(policy, Failed(error=fits, permanent=True)) == GiveUp()
    assert decide(policy) == GiveUp()
    assert decide(policy, TimedOut(after_ms=1)) == GiveUp()
