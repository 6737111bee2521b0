"""Running the suite: every rule that an API's document gives occasion for, one after the other, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal, NamedTuple

from oxl.certify.asking import Answer, Client, SilentError
from oxl.certify.bodies import Ground
from oxl.certify.documents import Json
from oxl.certify.listening import Listener
from oxl.certify.rule import Blocked, Rule, Subject
from oxl.certify.rules import ALL
from oxl.certify.standard import Kind, Standard

SUITE = "1.0.0"
MOST = 10  # faults of one rule that a report names
_NOT_SERVED = (405, 501)
_FINDS = {  # the rule that finds an operation absent → the operation
    "create.status": "create", "read.status": "retrieve", "patch.status": "patch", "delete.status": "delete",
    "delete.unknown": "delete",
}  # fmt: skip
Outcome = Literal["passed", "failed", "not tested"]


class Result(NamedTuple):
    """What one rule found of one resource, or of the API."""

    rule: Rule
    resource: str  # empty: the API as a whole
    outcome: Outcome
    faults: tuple[str, ...]  # or the reason why it was not tested
    exchanges: tuple[Answer, ...]
    seconds: float


class Report(NamedTuple):
    """All results of one API."""

    standard: Standard
    target: str
    began: datetime
    seconds: float
    results: tuple[Result, ...]

    def count(self, outcome: Outcome) -> int:
        """How many came out so."""
        return sum(result.outcome == outcome for result in self.results)

    @property
    def passed(self) -> bool:
        """Whether nothing failed, and something was tested."""
        return not self.count("failed") and self.count("passed") > 0


class Run(NamedTuple):
    """What all of a run shares."""

    client: Client
    listener: Listener
    payloads: Mapping[str, Json]
    now: Callable[[], datetime]
    patience: float = 15.0  # seconds that an event or the end of a task may take
    grace: float = 1.0  # seconds in which an event that must not come would have come


async def certify(run: Run, standard: Standard, tell: Callable[[Result], None] | None = None) -> Report:
    """Put every rule to one API of the server; `tell` hears each result as it comes."""
    began, clock = run.now(), time.monotonic()
    ground = Ground(run.client, run.payloads)
    results: list[Result] = []
    for subject, rules in _subjects(run, standard, ground):
        absent: set[str] = set()  # operations of the document that the server does not have
        for rule in rules:
            missing = absent & set(rule.needs)
            result = _absent(subject, rule, missing) if missing else await _put(run.client, subject, rule)
            last = result.exchanges[-1] if result.exchanges else None
            if result.outcome == "failed" and last and last.status in _NOT_SERVED and rule.name in _FINDS:
                absent.add(_FINDS[rule.name])
            results.append(result)
            if tell:
                tell(result)
    return Report(standard, run.client.url, began, time.monotonic() - clock, tuple(results))


def _subjects(run: Run, standard: Standard, ground: Ground) -> list[tuple[Subject, list[Rule]]]:
    found = []
    for kind in standard.kinds:
        subject = Subject(run.client, standard, kind, ground, run.listener, run.patience, run.grace)
        found.append((subject, [rule for rule in ALL if rule.about == "resource" and _concerns(rule, kind)]))
    if "POST" in standard.hub:
        subject = Subject(run.client, standard, None, ground, run.listener, run.patience, run.grace)
        found.append(
            (
                subject,
                [rule for rule in ALL if rule.about == "api" and (rule.name != "hub.read" or "GET" in standard.hub)],
            )
        )
    return found


def _concerns(rule: Rule, kind: Kind) -> bool:
    """Whether the document gives a rule occasion to be put: its operations and what the rule itself looks for."""
    return set(rule.needs) <= set(kind.operations) and rule.when(kind)


def _absent(subject: Subject, rule: Rule, missing: set[str]) -> Result:
    why = f"{' and '.join(sorted(missing))} of {subject.kind.name} is not served"
    return Result(rule, subject.kind.name, "not tested", (why,), (), 0)


async def _put(client: Client, subject: Subject, rule: Rule) -> Result:
    began = time.monotonic()
    client.take()
    resource = subject.kind.name if rule.about == "resource" else ""
    outcome: Outcome = "passed"
    faults: list[str] = []
    try:
        async for fault in rule.ask(subject):
            faults += [fault]
        outcome = "failed" if faults else "passed"
    except Blocked as why:
        if not faults:
            outcome, faults = "not tested", [str(why)]
        else:
            outcome = "failed"
    except SilentError as why:
        outcome, faults = "failed", [*faults, str(why)]
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # an answer that no rule foresaw
        outcome, faults = "failed", [*faults, f"what came cannot be judged: {type(error).__name__}: {error}"]
    told = faults[:MOST] + ([f"and {len(faults) - MOST} more"] if len(faults) > MOST else [])
    return Result(rule, resource, outcome, tuple(told), tuple(client.take()), time.monotonic() - began)
