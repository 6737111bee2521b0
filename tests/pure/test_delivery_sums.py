"""The sums of delivery: nothing lost, nothing twice, in order per resource, whatever the calls come to."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oxl.outbox.batch import Batch, Call, Pace, meaning
from oxl.outbox.outbox import Event, Lease, Waiting

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
PACE = Pace(batch=6, window=8, circuit=3, give_up=timedelta(hours=2))


def event(n: int, resource: str = "a") -> Event:
    return Event(str(10 + n // 2), f"{n:04d}", "NoteCreateEvent", "note", resource, NOON, "{}")


def lease(failures: int = 0, since: datetime | None = None) -> Lease:
    return Lease("s", "toy", "", "", "", "9", "", 1, failures, since, False, "1:1:")


@pytest.mark.parametrize(
    ("status", "means"),
    [(200, "delivered"), (201, "delivered"), (204, "delivered"), (299, "delivered"), (410, "gone"), (400, "dead"),
     (401, "dead"), (404, "dead"), (422, "dead"), (408, "failed"), (425, "failed"), (429, "failed"), (500, "failed"),
     (503, "failed"), (301, "failed"), (302, "failed"), (307, "failed"), (100, "failed"), (0, "failed")],
)  # fmt: skip
def test_what_a_status_means(status: int, means: str) -> None:
    assert meaning(status) == means


def test_delays_double_up_to_an_hour_give_or_take_a_fifth() -> None:
    pace = Pace()
    for attempt, plain in ((1, 1), (2, 2), (5, 16), (12, 2048), (13, 3600), (40, 3600), (10_000, 3600)):
        found = {pace.delay(attempt).total_seconds() for _ in range(50)}
        assert all(0.8 * plain <= each <= 1.2 * plain for each in found)
        assert len(found) > 5


def test_the_first_opening_of_a_circuit_is_short_however_many_calls_failed_at_once() -> None:
    batch = Batch(lease(), [event(n, str(n)) for n in range(6)], [], lambda _: True)
    for chain in batch.due(NOON):
        batch.count(chain.jobs[0], Call(500, "", 1), PACE, NOON)
    assert batch.stopped
    assert batch.open_until
    assert batch.open_until - NOON <= timedelta(seconds=1.2)
    settled = batch.settlement(PACE, NOON)
    assert (settled.failures, settled.failing_since) == (3, NOON)
    assert [row["attempts"] for row in settled.kept] == [1] * 6


def test_one_who_answers_again_is_served_again() -> None:
    batch = Batch(lease(7, NOON - timedelta(hours=1)), [event(0)], [], lambda _: True)
    batch.count(batch.due(NOON)[0].jobs[0], Call(200, "", 1), PACE, NOON)
    settled = batch.settlement(PACE, NOON)
    assert (settled.failures, settled.failing_since, settled.open_until) == (0, None, None)


def test_followers_wait_behind_the_first_that_failed_and_only_that_one_is_due() -> None:
    batch = Batch(lease(), [event(0), event(1, "b"), event(2), event(3)], [], lambda _: True)
    chains = batch.due(NOON)
    batch.count(chains[0].jobs[0], Call(503, "HTTP 503", 1), PACE, NOON)
    batch.count(chains[1].jobs[0], Call(204, "", 1), PACE, NOON)
    settled = batch.settlement(PACE, NOON)
    assert [(row["event_id"], row["due_at"] is not None) for row in settled.kept] == [
        ("0000", True), ("0002", False), ("0003", False)]  # fmt: skip
    assert settled.position == ("11", "0003")


def test_what_is_not_wanted_is_passed_over() -> None:
    batch = Batch(lease(), [event(n) for n in range(5)], [], lambda each: each.id == "0002")
    (chain,) = batch.due(NOON)
    assert [job.event.id for job in chain.jobs] == ["0002"]
    batch.count(chain.jobs[0], Call(204, "", 1), PACE, NOON)
    assert batch.settlement(PACE, NOON).position == ("12", "0004")


class World:
    """A subscription's rows in memory, settled as the statement does."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self.lease = lease()
        self.open_until: datetime | None = None
        self.rows: dict[str, dict] = {}
        self.by_id = {each.id: each for each in events}
        self.attempts: list[tuple[str, str]] = []
        self.now = NOON

    def waiting(self) -> list[Waiting]:
        rows = sorted((row for row in self.rows.values() if not row["dead_at"]), key=lambda row: row["event_id"])
        due: dict[str, datetime] = {}
        for row in rows:
            if row["due_at"]:
                due[row["resource_id"]] = min(row["due_at"], due.get(row["resource_id"], row["due_at"]))
        assert {row["resource_id"] for row in rows} == set(due), "a resource waits that is never due"
        return [Waiting(self.by_id[r["event_id"]], r["attempts"], r["since"], due[r["resource_id"]]) for r in rows]

    def round(self, outcomes: list[int], stop_after: int) -> None:
        """One lease: each call ends as the next of the outcomes; after some of them the batch is stopped."""
        waiting = self.waiting()
        full = len(waiting) >= PACE.window
        ahead = (
            [] if full else [e for e in self.events if (int(e.xid), e.id) > (int(self.lease.xid), self.lease.event_id)]
        )
        fresh = ahead[: PACE.batch]
        batch = Batch(self.lease, fresh, waiting, lambda each: each.resource_id != "unwanted")
        probing = self.lease.failures >= PACE.circuit
        calls = 0
        for chain in batch.due(self.now):
            for job in chain.jobs:
                if batch.stopped or calls == stop_after:
                    batch.stopped = True
                    break
                status = outcomes[calls % len(outcomes)]
                calls += 1
                batch.count(job, Call(status, "", 1), PACE, self.now)
                self.attempts.append((job.event.id, job.outcome))
                batch.stopped = batch.stopped or probing
                if job.outcome == "failed":
                    break
        if batch.open_until and batch.give_up(PACE, self.now, self.now):
            batch.open_until = None
        settled = batch.settlement(PACE, self.now)
        for event_id in settled.delivered:
            del self.rows[event_id]
        for row in settled.kept:
            self.rows[row["event_id"]] = row
        assert (int(settled.position.xid), settled.position.event_id) >= (int(self.lease.xid), self.lease.event_id)
        self.lease = Lease("s", "toy", "", "", "", *settled.position, 1, settled.failures, settled.failing_since,
                           False, "1:1:")  # fmt: skip
        self.open_until = settled.open_until
        self.logged = [row["event_id"] for row in settled.log]
        self.now = max(self.open_until or self.now, self.now + timedelta(minutes=20))


RESOURCES = st.lists(st.sampled_from(["a", "b", "c", "unwanted"]), min_size=1, max_size=25)
OUTCOMES = st.lists(
    st.tuples(st.lists(st.sampled_from([204, 204, 500, 0, 404]), min_size=1, max_size=6), st.integers(0, 7)),
    max_size=20,
)


@given(RESOURCES, OUTCOMES)
@settings(max_examples=400)
def test_every_event_ends_once_delivered_or_dead_and_in_order(resources: list[str], rounds: list) -> None:
    world = World([event(n, resource) for n, resource in enumerate(resources)])
    for outcomes, stop_after in rounds:
        world.round(outcomes, stop_after)
    for _ in range(200):  # then all goes well
        world.round([204], 100)
    wanted = [each for each in world.events if each.resource_id != "unwanted"]
    delivered = [event_id for event_id, outcome in world.attempts if outcome == "delivered"]
    dead = {row["event_id"] for row in world.rows.values() if row["dead_at"]}
    assert Counter([*delivered, *dead]) == Counter(each.id for each in wanted)
    assert not [row for row in world.rows.values() if not row["dead_at"]]
    for resource in "abc":
        ids = [event_id for event_id in delivered if world.by_id[event_id].resource_id == resource]
        assert ids == sorted(ids)


@given(RESOURCES)
def test_one_who_never_answers_ends_in_dead_letters_alone(resources: list[str]) -> None:
    world = World([event(n, resource) for n, resource in enumerate(resources)])
    for _ in range(400):
        world.round([0], 100)
    wanted = {each.id for each in world.events if each.resource_id != "unwanted"}
    assert {row["event_id"] for row in world.rows.values() if row["dead_at"]} == wanted
    assert world.lease.failures >= PACE.circuit or len(wanted) < PACE.circuit
