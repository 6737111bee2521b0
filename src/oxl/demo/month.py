"""What Aurora Mobile's subscribers do in a month: their calls, messages, data sessions and television, as bare records.

Lines → how often each kind of use falls on whom → when and how much → whom they reach → who is abroad meanwhile.
`traffic` hands the outcome to mediation. Each step draws from a stream of its own, seeded by name, so that a change to
one leaves the others' draws alone. Given their number, the arrivals of a Poisson process are independent draws from its
profile: that is how starts are drawn.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import accumulate, chain, islice
from random import Random
from typing import Any, NamedTuple

from oxl.demo.population import BERLIN, apportion
from oxl.values import parse_instant

DAYS, DAY = 30, 86_400
KINDS = {"voice": 35, "sms": 20, "data": 40, "tv": 5}  # per cent of the records
MIX = {  # how keen a line of the offering is on each kind, against the others
    "prepaid-s": {"voice": 0.7, "sms": 1.2, "data": 0.5},
    "prepaid-m": {"voice": 1.0, "sms": 1.0, "data": 1.0},
    "postpaid-l": {"voice": 1.4, "sms": 0.8, "data": 1.4, "tv": 1.0},
    "family-share": {"voice": 1.0, "sms": 1.2, "data": 1.2},
    "data-only": {"data": 1.6},
}
TYPICAL_GB = {"prepaid-s": 2.4, "prepaid-m": 8, "postpaid-l": 20, "family-share": 15, "data-only": 24}  # a line's month
SPREAD = 0.5  # sigma of a line's log-normal intensity
HOURS = (4, 2, 1, 1, 2, 6, 17, 36, 52, 61, 67, 70, 66, 60, 58, 61, 69, 80, 88, 90, 79, 57, 32, 13)  # local, two humps
WEEKDAYS = (1.0, 1.01, 1.02, 1.04, 1.1, 0.93, 0.8)  # Monday first
LONGEST_CALL, CAP, FLOOR = 7200, 2_000_000_000, 50_000  # seconds; bytes of one data session, most and least
GERMAN = "49151 49152 49157 49160 49170 49171 49172 49174 49176 49177 49178 49179".split()  # seven digits follow
ABROAD = {  # how a number begins, digits that follow: weight
    ("43664", 7): 18,  # Austria
    ("9053", 8): 16,  # Türkiye
    ("4850", 7): 14,  # Poland
    ("4179", 7): 11,  # Switzerland
    ("33639", 6): 9,  # France
    ("393", 9): 9,  # Italy
    ("407", 8): 7,  # Romania
    ("346", 8): 6,  # Spain
    ("3069", 8): 4,  # Greece
    ("447700900", 3): 3,  # United Kingdom
    ("316", 8): 2,  # Netherlands
    ("1202555", 4): 1,  # United States
}
NETWORKS = {  # visited networks by weight, for whoever carries the pack
    "roaming-eu-pack": {  # Italy, France, Spain, Austria, Greece, Netherlands
        "22201": 28,
        "20801": 20,
        "21407": 20,
        "23201": 16,
        "20201": 8,
        "20408": 8,
    },
    "roaming-world-pack": {  # United States, Switzerland, United Kingdom, Türkiye
        "31026": 40,
        "22801": 25,
        "23410": 20,
        "28601": 15,
    },
}
CHANNELS = ("Aurora One", "Aurora Kino", "Aurora Sport", "Nordlicht", "Hafen TV", "Kinderwelle")
INTERNATIONAL, EMERGENCY, PREMIUM = 0.02, 0.001, 0.002  # of calls and messages; of calls; of calls
ROAMING = 0.01  # of calls and data sessions


class Line(NamedTuple):
    """A subscriber's line: what sets how much traffic it makes, and where that goes."""

    number: str
    offering: str
    intensity: float
    contacts: tuple[str, ...]
    network: str  # the one it visits when abroad
    has_pack: bool


class Record:
    """One use of the network; times are epoch seconds, the amount is in seconds, messages, bytes or tv-minutes."""

    __slots__ = (
        "amount",
        "arrival",
        "call",
        "defect",
        "kind",
        "late",
        "line",
        "number",
        "start",
        "to",
        "took",
        "visited",
    )

    def __init__(self, kind: str, line: Line, start: int, amount: int, took: int = 0, to: str = "") -> None:
        self.kind, self.line, self.start, self.amount, self.took = kind, line, start, amount, took
        self.to = to  # the number reached, or the channel watched
        self.call = "national"
        self.visited = ""  # the network, when abroad
        self.number = self.arrival = 0  # these are traffic's: the mediation's number, when it arrives and what is wrong
        self.late, self.defect = False, ""


def month_of_use(subscribers: list[dict[str, Any]], now: datetime, seed: int, count: int) -> list[Record]:
    """`count` records of the days before `now`, kind by kind; none of them ends after `now`."""
    if not count:
        return []
    lines = list(_lines(subscribers, now, Random(f"{seed}:lines")))
    if not lines:
        raise ValueError(f"no subscriber is active throughout the {DAYS} days before now")
    month = _Month(lines, int(now.timestamp()))
    able = {kind: share for kind, share in KINDS.items() if any(kind in MIX[line.offering] for line in lines)}
    records: list[Record] = []
    for kind, share in apportion(count, able).items():
        records += _MAKERS[kind](month, Random(f"{seed}:{kind}"), share)
    for record in records:
        record.start = min(record.start, month.now - record.took)
    _reach(records, Random(f"{seed}:reach"))
    _travel(records, month, Random(f"{seed}:travel"))
    return records


class _Month:
    """The days before `now`: whose they are, and how busy each of their hours is."""

    def __init__(self, lines: list[Line], now: int) -> None:
        self.lines, self.now, self.begin = lines, now, now - DAYS * DAY
        middles = (datetime.fromtimestamp(self.begin + hour * 3600 + 1800, BERLIN) for hour in range(DAYS * 24))
        self._busy = list(accumulate(HOURS[at.hour] * WEEKDAYS[at.weekday()] for at in middles))

    def starts(self, rng: Random, count: int) -> Iterator[int]:
        for hour in rng.choices(range(DAYS * 24), cum_weights=self._busy, k=count):
            yield self.begin + hour * 3600 + rng.randrange(3600)

    def users(self, rng: Random, kind: str, count: int) -> list[Line]:
        weights = [line.intensity * MIX[line.offering].get(kind, 0) for line in self.lines]
        return rng.choices(self.lines, weights, k=count)

    def uses(self, rng: Random, kind: str, count: int) -> Iterator[tuple[Line, int]]:
        return zip(self.users(rng, kind, count), self.starts(rng, count), strict=True)


def _lines(subscribers: list[dict[str, Any]], now: datetime, rng: Random) -> Iterator[Line]:
    """The lines that are somebody's through all the days before now, each with its own circle of contacts."""
    since = now - timedelta(days=DAYS)
    active = [
        body
        for body in subscribers
        if "endDateTime" not in body["validFor"] and parse_instant(body["validFor"]["startDateTime"]) <= since
    ]
    numbers = [body["logicalResource"]["value"] for body in active]
    for body, number in zip(active, numbers, strict=True):
        circle = chain((rng.choice(numbers) for _ in range(5)), (_number(rng.choice(GERMAN), 7, rng) for _ in range(3)))
        packs = [item["id"] for item in body.get("addOn", ()) if item["id"] in NETWORKS]
        networks = NETWORKS[packs[0] if packs else rng.choices(list(NETWORKS), (4, 1))[0]]
        yield Line(
            number=number,
            offering=body["productOffering"]["id"],
            intensity=rng.lognormvariate(0, SPREAD),
            contacts=tuple(f"+{contact}" for contact in circle if contact != number),
            network=_weighted(networks, rng),
            has_pack=bool(packs),
        )


def _weighted(table: dict[Any, int], rng: Random) -> Any:
    return rng.choices(list(table), list(table.values()))[0]


def _number(begin: str, digits: int, rng: Random) -> str:
    return f"{begin}{rng.randrange(10**digits):0{digits}d}"


def _voice(month: _Month, rng: Random, count: int) -> Iterator[Record]:
    for line, start in month.uses(rng, "voice", count):
        seconds = min(LONGEST_CALL, max(1, round(rng.lognormvariate(math.log(90), 1.1))))
        yield Record("voice", line, start, seconds, seconds, rng.choice(line.contacts))


def _sms(month: _Month, rng: Random, count: int) -> Iterator[Record]:
    """Messages in bursts: a few to the same person, up to two minutes apart."""
    for line, at in month.uses(rng, "sms", count):
        to = rng.choice(line.contacts)
        for _ in range(rng.choices((1, 2, 3, 5), (45, 25, 20, 10))[0]):
            if not count:
                return
            yield Record("sms", line, at, rng.choices((1, 2, 3), (88, 9, 3))[0], to=to)
            count -= 1
            at += rng.randint(8, 120)


def _data(month: _Month, rng: Random, count: int) -> Iterator[Record]:
    for line, sessions in Counter(month.users(rng, "data", count)).items():
        volumes = session_volumes(sessions, TYPICAL_GB[line.offering] * 1e9 * line.intensity, rng)
        for start, volume in zip(month.starts(rng, sessions), volumes, strict=True):
            yield Record("data", line, start, volume, rng.randint(20, 3600))


def session_volumes(sessions: int, total: float, rng: Random) -> list[int]:
    """Bytes of a line's sessions: a Pareto tail of 1.3, begun at zero so that most are small, and scaled to `total`.

    No session exceeds CAP: what a large one may not carry, the smaller ones do, as far as they can.
    """
    sizes = [rng.paretovariate(1.3) - 1 for _ in range(sessions)]
    left, rest = total, sum(sizes)
    for size in sorted(sizes, reverse=True):
        if size * left <= CAP * rest:
            break
        left, rest = left - CAP, rest - size
    scale = left / rest if rest > 0 else math.inf
    return [max(FLOOR, int(min(CAP, size * scale))) for size in sizes]


def _tv(month: _Month, rng: Random, count: int) -> Iterator[Record]:
    for line, start in month.uses(rng, "tv", count):
        minutes = rng.randint(10, 180)
        yield Record("tv", line, start, minutes, minutes * 60, rng.choice(CHANNELS))


_MAKERS: dict[str, Callable[[_Month, Random, int], Iterator[Record]]] = {
    "voice": _voice,
    "sms": _sms,
    "data": _data,
    "tv": _tv,
}


def _reach(records: list[Record], rng: Random) -> None:
    """Send some of the calls and messages abroad, some calls to premium numbers, a few to the emergency number."""
    calls = [record for record in records if record.kind in ("voice", "sms")]
    for record in rng.sample(calls, round(len(calls) * INTERNATIONAL)):
        begin, digits = _weighted(ABROAD, rng)
        record.call, record.to = "international", f"+{_number(begin, digits, rng)}"
    voice = [record for record in calls if record.kind == "voice" and record.call == "national"]
    premium, emergency = round(len(voice) * PREMIUM), round(len(voice) * EMERGENCY)
    for place, record in enumerate(rng.sample(voice, premium + emergency)):
        record.call, record.to = (
            ("premium", f"+{_number('49900', 7, rng)}") if place < premium else ("emergency", "112")
        )


def _travel(records: list[Record], month: _Month, rng: Random) -> None:
    """Take lines abroad for a few days each, those with a roaming pack first, until enough use has been made there."""
    own: dict[str, list[Record]] = {line.number: [] for line in month.lines}
    for record in records:
        if record.kind in ("voice", "data"):
            own[record.line.number].append(record)
    travellers = rng.sample(month.lines, len(month.lines))
    travellers.sort(key=lambda line: not line.has_pack)
    enough = round(sum(map(len, own.values())) * ROAMING)
    for record in islice(_uses_abroad(travellers, own, month, rng), enough):
        record.visited = record.line.network


def _uses_abroad(travellers: list[Line], own: dict[str, list[Record]], month: _Month, rng: Random) -> Iterator[Record]:
    for line in travellers:
        leave = rng.randrange(month.begin, month.now - 3 * DAY)
        back = leave + rng.randint(3, 10) * DAY
        yield from (record for record in own[line.number] if leave <= record.start < back)
