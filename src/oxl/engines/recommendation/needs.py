"""What a line's balances ask for: the signals of the policy's rules, each giving needs that offerings may mend.

Pure sums over the facts of one line at one instant; `rank` matches needs with candidates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from oxl.engines.catalog.offering import WHOLE
from oxl.engines.recommendation.facts import Bucket, Candidate, Grant, Line
from oxl.engines.recommendation.policy import Policy, Rule
from oxl.values import from_atoms, usage_type

_ROAMING = "roaming"  # how the zones abroad are called: roaming-eu, roaming-world
# How much each of the last seven days counts for the present pace, today first: seven tenths of the day after it.
_PACE = (1000, 700, 490, 343, 240, 168, 118)
_DAY = timedelta(days=1)


class Need(msgspec.Struct, frozen=True):
    """Something that an offering could mend, with the words that its reason and sentence may use."""

    rule: Rule
    words: dict[str, str]
    unit: str = ""  # of what is wanted; "" where an offering is wanted by its category or by name
    services: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()
    offerings: frozenset[str] = frozenset()
    upgrade_of: str = ""
    spent: int | None = None  # an offering should cost less than that
    until: datetime | None = None

    def met_by(self, candidate: Candidate) -> Grant | bool | None:
        """What of the candidate would mend it, whatever it costs: a grant, True where it is the offering itself."""
        if self.rule.category:
            return True if self.rule.category in candidate.category else None
        if self.offerings or self.upgrade_of:
            named = candidate.id in self.offerings or self.upgrade_of in candidate.upgrade_of
            return True if named else None
        if candidate.kind != "addon":
            return None
        return next((grant for grant in candidate.grants if self._fits(grant)), None)

    def _fits(self, grant: Grant) -> bool:
        return grant.unit == self.unit and _meet(grant.services, self.services) and _meet(grant.zones, self.zones)


def _meet(some: frozenset[str], others: frozenset[str]) -> bool:
    """Whether two sets have something in common, an empty one standing for anything."""
    return not some or not others or bool(some & others)


def needs_of(policy: Policy, line: Line, smaller: frozenset[str], now: datetime) -> list[Need]:
    """Everything that the policy's rules see in a line; `smaller`: the offerings that its own is the bigger one of."""
    return [need for rule in policy.rules for need in _SIGNALS[rule.signal](rule, line, smaller, now)]


def shown(atoms: int, unit: str) -> str:
    """A quantity as people read it, to two decimals."""
    amount = Decimal(from_atoms(atoms, unit)).quantize(Decimal("0.01"))
    whole = amount == amount.to_integral_value()
    return f"{amount.to_integral_value() if whole else amount} {unit}"


def _of(bucket: Bucket) -> dict[str, str]:
    return {
        "bucket": bucket.name,
        "usage": usage_type(bucket.unit),
        "left": shown(bucket.available, bucket.display_unit),
    }


def _allowances(line: Line) -> list[Bucket]:
    return [each for each in line.buckets if each.kind == "allowance" and each.alive and each.credited]


def _fullest(line: Line) -> list[Bucket]:
    """Of allowances that may stand in for each other the one with the greatest share left: the others go first."""
    found: dict[tuple[str, frozenset[str], frozenset[str]], Bucket] = {}
    for bucket in _allowances(line):
        key = (bucket.unit, bucket.services, bucket.zones)
        known = found.get(key)
        if known is None or bucket.available * known.credited > known.available * bucket.credited:
            found[key] = bucket
    return list(found.values())


def _used(rule: Rule, line: Line, _smaller: frozenset[str], _now: datetime) -> Iterator[Need]:
    """Allowances of which at least a share is used."""
    for bucket in _fullest(line):
        share = (bucket.credited - bucket.available) * WHOLE // bucket.credited
        if share >= rule.at_least:
            words = _of(bucket) | {"percent": str(share * 100 // WHOLE)}
            yield Need(rule, words, bucket.unit, bucket.services, bucket.zones, until=bucket.valid_to)


def _runs_out(rule: Rule, line: Line, _smaller: frozenset[str], now: datetime) -> Iterator[Need]:
    """Allowances that will be used up before they are renewed, at the pace of the last seven days."""
    paces: dict[str, int] = defaultdict(int)
    for use in line.uses:
        if use.bucket_id and use.days_ago < len(_PACE):
            paces[use.bucket_id] += use.quantity * _PACE[use.days_ago]
    for bucket in _fullest(line):
        pace = paces.get(bucket.id, 0)
        if not pace or bucket.valid_to is None or bucket.available <= 0:
            continue
        lasts = bucket.available * sum(_PACE) * 86400 // pace  # seconds
        left = int((bucket.valid_to - now).total_seconds())
        if lasts + 86400 <= left:
            words = _of(bucket) | {"days": str((left - lasts) // 86400)}
            yield Need(rule, words, bucket.unit, bucket.services, bucket.zones, until=bucket.valid_to)


def _spent(rule: Rule, line: Line, _smaller: frozenset[str], _now: datetime) -> Iterator[Need]:
    """Money paid for one kind of usage in one zone beyond the allowances of this period."""
    paid: dict[tuple[str, str, str], int] = defaultdict(int)
    for use in line.uses:
        if use.in_window and use.charged:
            paid[use.service, use.zone, use.unit] += use.charged
    for (service, zone, unit), charged in sorted(paid.items()):
        words = {"usage": usage_type(unit), "spent": shown(charged, line.currency)}
        yield Need(rule, words, unit, frozenset({service}), frozenset({zone}), spent=charged)


def _low_balance(rule: Rule, line: Line, _smaller: frozenset[str], _now: datetime) -> Iterator[Need]:
    for bucket in line.buckets:
        if bucket.kind == "main" and bucket.alive and bucket.available < rule.below:
            yield Need(rule, _of(bucket) | {"usage": "monetary"})


def _roaming(rule: Rule, line: Line, _smaller: frozenset[str], _now: datetime) -> Iterator[Need]:
    """Usage abroad in the last days."""
    seen = {
        (use.service, use.zone, use.unit)
        for use in line.uses
        if use.days_ago < rule.days and use.zone.startswith(_ROAMING)
    }
    for service, zone, unit in sorted(seen):
        yield Need(rule, {"usage": usage_type(unit)}, unit, frozenset({service}), frozenset({zone}))


def _outgrown(rule: Rule, line: Line, _smaller: frozenset[str], now: datetime) -> Iterator[Need]:
    """An allowance nearly used up speaks for the bigger plan too."""
    for need in _used(rule, line, frozenset(), now):
        yield msgspec.structs.replace(need, unit="", upgrade_of=line.offering_id)


def _under_used(rule: Rule, line: Line, smaller: frozenset[str], _now: datetime) -> Iterator[Need]:
    """Allowances of which little was used in each of the last periods that are over."""
    periods: dict[str, list[Bucket]] = defaultdict(list)
    for bucket in line.buckets:
        if bucket.kind == "allowance" and not bucket.alive and bucket.credited and bucket.allowance_id:
            periods[bucket.allowance_id].append(bucket)
    if not smaller or not periods:
        return
    for _, over in sorted(periods.items()):
        last = sorted(over, key=lambda each: each.valid_from)[-rule.periods :]
        if len(last) < rule.periods or any(each.used * WHOLE >= rule.below * each.credited for each in last):
            return
    bucket = next(iter(sorted(periods.items())))[1][0]
    words = _of(bucket) | {"percent": str(rule.below * 100 // WHOLE), "days": str(rule.periods)}
    yield Need(rule, words, offerings=smaller)


_SIGNALS: dict[str, Callable[[Rule, Line, frozenset[str], datetime], Iterator[Need]]] = {
    "used": _used,
    "runsOut": _runs_out,
    "spent": _spent,
    "lowBalance": _low_balance,
    "roaming": _roaming,
    "outgrown": _outgrown,
    "underUsed": _under_used,
}
