"""Pools, limits and budgets of tests, and a control that obeys verbs."""

from __future__ import annotations

from core.control.api import ChangeCapacity, Changes
from core.model.commands.capacity import (
    CloseBackend,
    Freeze,
    OpenBackend,
    PausePool,
    Reconcile,
    ResetBackend,
    ResizePool,
    ResumePool,
    SetLimit,
    Unfreeze,
)
from core.model.commands.work import Operated
from core.model.limits.backends import HOSTS, NO_CAP, PREFIX
from core.model.limits.limit_views import (
    BreakerState,
    CapacityView,
    Cause,
    GaugeView,
    Holder,
    LimitView,
    PoolView,
)
from core.model.limits.limits import MICRO, Backend, Dimension, LimitKind, Per, PoolOrder, Window
from core.model.records import replace
from core.model.views import Changes as ChangesView
from tests.console.support_fake_control import NOW, FakeControl

MINUTE, HOUR = 60_000, 3_600_000


def usd(amount: float) -> int:
    return round(amount * MICRO)


def gauge(limit: str, *, max: int, key: str = "", **more) -> GaugeView:  # noqa: A002 - as in the view
    """Return a gauge whose `left` follows from the rest, in a window that began 6 hours ago."""
    held = {name: more.pop(name, 0) for name in ("used", "reserved", "unknown")}
    facts = {
        "began": NOW - 6 * HOUR,
        "turns_at": NOW + 18 * HOUR,
        "left": max - sum(held.values()),
        **held,
        **more,
    }
    return GaugeView(limit=limit, key=key, max=max, **facts)


def budget(name: str, *gauges: GaugeView, **more) -> LimitView:
    """Return a budget in dollars per day."""
    top = gauges[0].max if gauges else usd(20)
    facts = {"keys": len(gauges), "window": Window(per=Per.DAY), "on": {}, **more}
    return LimitView(
        name=name, kind=LimitKind.BUDGET, unit="usd", max=top, configured_max=top, gauges=gauges, **facts
    )


def pool(name: str, *, slots: int, held: tuple[str, ...] = (), **more) -> PoolView:
    """Return a pool whose slots are held by tasks of these keys, the first since 3 minutes."""
    holders = tuple(
        Holder(task_id=number, job_id=2, key=key, since=NOW - (4 - number) * MINUTE)
        for number, key in enumerate(held, 1)
    )
    facts = {
        "configured_slots": slots,
        "queues": (),
        "order": PoolOrder.PRIORITY,
        "taken": len(held),
        "waiting": 0,
        "holders": holders,
        **more,
    }
    return PoolView(name=name, slots=slots, **facts)


def backend(name: str, by: Dimension, value: str, **more) -> LimitView:
    """Return a configured backend with one gauge of these facts."""
    named = f"{PREFIX}{name}"
    return LimitView(
        name=named,
        kind=LimitKind.CONCURRENCY,
        unit="",
        max=NO_CAP,
        configured_max=NO_CAP,
        on={by: value},
        backend=Backend(name=name, match={by: value}),
        keys=1,
        gauges=(gauge(named, max=NO_CAP, turns_at=None, **more),),
    )


def stock_limits(control: FakeControl) -> None:
    """Give a control pools, limits and budgets in every state."""
    cause = Cause(at=NOW - 3 * MINUTE, by="ana (api)", reason="vendor invoice")
    pools = (
        pool("default", slots=4, held=("clean", "load"), waiting=3),
        pool("gpu", slots=2, queues=("gpu", "default"), waiting=7, paused=cause),
    )
    team = gauge("team", max=usd(20), used=usd(12.5), reserved=usd(2), unknown=usd(0.5), tasks=3, lanes=2)
    control.capacity_view = CapacityView(
        pools=pools,
        limits=(
            budget("research", gauge("research", max=usd(5), used=usd(5.25), tasks=7, lanes=1), soft=0.8),
            budget(
                "team",
                team,
                gauge("team", key="acme", max=usd(20), used=usd(17), soft_at=NOW - HOUR),
                keys=12,
            ),
            LimitView(
                name="db",
                kind=LimitKind.CONCURRENCY,
                unit="",
                max=3,
                configured_max=3,
                on={Dimension.QUEUE: "db"},
                keys=1,
                gauges=(gauge("db", max=3, key="db1", reserved=3, turns_at=None, tasks=2, lanes=1),),
            ),
            LimitView(
                name="vendor",
                kind=LimitKind.RATE,
                unit="",
                max=10,
                configured_max=10,
                step_us=1_000_000,
                rate="60/min",
                configured_rate="60/min",
                keys=1,
                gauges=(gauge("vendor", max=10, left=0, turns_at=None, next_at=NOW + 5 * MINUTE),),
            ),
            backend(
                "model-api",
                Dimension.MODEL,
                "gpt-x",
                breaker=BreakerState.OPEN,
                shut=cause,
                tasks=12,
            ),
            backend("smtp", Dimension.HOST, "smtp.example.org", failing={"http.5xx": 3, "timeout": 1}),
            LimitView(
                name=HOSTS.name,
                kind=LimitKind.CONCURRENCY,
                unit="",
                max=NO_CAP,
                configured_max=NO_CAP,
                keys=1,
                gauges=(
                    gauge(
                        HOSTS.name,
                        max=NO_CAP,
                        key="files.example.org",
                        left=0,
                        turns_at=None,
                        breaker=BreakerState.SHUT,
                        shut_until=NOW + 5 * MINUTE,
                        shut=Cause(at=NOW, by="engine", reason="the server answered 429"),
                    ),
                ),
            ),
        ),
    )


class MoneyControl(FakeControl):
    """Obeys the verbs on pools, limits and spending; `booked` = how often unknown amounts were."""

    def __init__(self) -> None:
        super().__init__()
        self.booked = 0
        stock_limits(self)

    async def answer_change_capacity(self, r: ChangeCapacity) -> Operated:
        self.capacity_changes.append(r)
        cause = Cause(at=NOW, by=r.actor, reason=r.reason)
        match r.change:
            case ResizePool(name=name, slots=slots):
                self._pool(name, slots=slots, changed=cause)
            case PausePool(name=name):
                self._pool(name, paused=cause)
            case ResumePool(name=name):
                self._pool(name, paused=None)
            case OpenBackend(name=name):
                self._breaker(name, BreakerState.OPEN, cause)
            case CloseBackend(name=name):
                self._breaker(name, BreakerState.CLOSED, None)
            case ResetBackend(name=name):
                self._breaker(name, BreakerState.TRIED_OUT, cause)
            case SetLimit(name=name, to=to):
                self._raise(name, usd(float(to)), cause)
            case Freeze():
                self.capacity_view = replace(self.capacity_view, frozen=cause)
                self.note("spending.frozen")
            case Unfreeze():
                self.capacity_view = replace(self.capacity_view, frozen=None)
                self.note("spending.unfrozen")
            case Reconcile():
                self.booked += 1
        return Operated(changed=1)

    async def answer_changes(self, r: Changes) -> ChangesView:
        return replace(
            await super().answer_changes(r),
            paused_pools=sum(one.paused is not None for one in self.capacity_view.pools),
            spent_budgets=sum(any(one.left <= 0 for one in limit.gauges) for limit in self.budgets),
            is_frozen=self.capacity_view.frozen is not None,
        )

    @property
    def budgets(self) -> list[LimitView]:
        return [limit for limit in self.capacity_view.limits if limit.kind is LimitKind.BUDGET]

    def limit(self, name: str) -> LimitView:
        return next(limit for limit in self.capacity_view.limits if limit.name == name)

    def put(self, *limits: LimitView) -> None:
        """Replace limits by their names."""
        new = {limit.name: limit for limit in limits}
        self.capacity_view = replace(
            self.capacity_view,
            limits=tuple(new.get(limit.name, limit) for limit in self.capacity_view.limits),
        )
        self.note("limit.set")

    def _breaker(self, name: str, state: BreakerState, shut: Cause | None) -> None:
        limit = self.limit(f"{PREFIX}{name}")
        gauges = (replace(limit.gauges[0], breaker=state, shut=shut, shut_until=None),)
        self.put(replace(limit, gauges=gauges))
        self.note("backend.opened")

    def _pool(self, name: str, **changes) -> None:
        pools = (replace(one, **changes) if one.name == name else one for one in self.capacity_view.pools)
        self.capacity_view = replace(self.capacity_view, pools=tuple(pools))
        self.note("pool.resized")

    def _raise(self, name: str, top: int, cause: Cause) -> None:
        limit = self.limit(name)
        gauges = tuple(
            replace(one, max=top, left=top - one.used - one.reserved - one.unknown) for one in limit.gauges
        )
        self.put(replace(limit, max=top, gauges=gauges, changed=cause))
