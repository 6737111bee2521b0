"""What Aurora Mobile's network hands to mediation: the month's records in order of arrival, some faulty on purpose.

`month` → defects → order of arrival → numbers → NDJSON lines, each the body of a TMF635 ProductUsage create request
that names its number and no product: guiding finds it. The lines are made one by one, as they are taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from copy import copy
from datetime import UTC, datetime
from random import Random
from time import gmtime, strftime
from typing import Any

from oxl.demo.month import DAY, KINDS, Record, month_of_use
from oxl.demo.population import apportion

DUPLICATE, LATE, BROKEN_SHARE, UNKNOWN_NUMBER = 0.005, 0.005, 0.002, 0.001  # of all lines
LATENESS = (2 * DAY, 20 * DAY)  # from start to arrival
BROKEN = {  # what can be broken about a record: the kinds of record it is done to
    "cutJson": tuple(KINDS),
    "missingCharacteristic": tuple(KINDS),
    "negativeDuration": ("voice",),
    "unknownUnit": ("data",),
    "unparsableDate": tuple(KINDS),
    "unknownSpecification": tuple(KINDS),
}
DUPLICATES = ("duplicateSame", "duplicateReordered")  # byte for byte; the same record, its attributes in another order
SUSPENSE = ("unknownNumber", "unknownSpecification")  # well-formed, but there is nobody to charge or nothing to go by
QUANTITY = {"voice": "duration", "sms": "messageCount", "data": "volume", "tv": "viewingTime"}
ACCESS_POINTS = {"data-only": "home.aurora.example"}  # by offering; else the common one
ACCESS_POINT = "internet.aurora.example"


def usage_lines(subscribers: list[dict[str, Any]], now: datetime, seed: int, records: int = 100_000) -> Traffic:
    """`records` NDJSON lines, newline included, of the days before `now`; the bodies are those of `subscribers()`."""
    return Traffic(subscribers, now, seed, records)


class Traffic(Iterator[bytes]):
    """The lines; `written` counts those taken so far.

    Each line is exactly one of: a name in KINDS (good), in DUPLICATES, in BROKEN, or unknownNumber. A good one is also
    counted as late, roaming, international, premium or emergency where it is that.
    """

    def __init__(self, subscribers: list[dict[str, Any]], now: datetime, seed: int, records: int) -> None:
        self.written: Counter[str] = Counter()
        self._batch = f"{now.astimezone(UTC):%Y%m%dT%H%M%S}-{seed}"
        self._records = iter(_arrivals(subscribers, now, seed, records))

    def __next__(self) -> bytes:
        record = next(self._records)
        self.written.update(_counted_as(record))
        return _line(record, self._batch)

    def total(self, *names: str) -> int:
        """Lines taken so far that count as one of the names; without names, all lines."""
        return sum(self.written[name] for name in names or (*KINDS, *DUPLICATES, *BROKEN, "unknownNumber"))


def _counted_as(record: Record) -> Iterator[str]:
    if record.defect:
        yield record.defect
        return
    yield record.kind
    if record.late:
        yield "late"
    if record.visited:
        yield "roaming"
    if record.call != "national":
        yield record.call


def _arrivals(subscribers: list[dict[str, Any]], now: datetime, seed: int, count: int) -> list[Record]:
    """All records with their defects, duplicates among them, in order of arrival."""
    rng, until = Random(f"{seed}:defects"), int(now.timestamp())
    duplicates = round(count * DUPLICATE)
    records = month_of_use(subscribers, now, seed, count - duplicates)
    for record in records:
        record.arrival = min(until, record.start + record.took + rng.randint(3, 240))
    _break(records, count, rng)
    good = [record for record in records if not record.defect]
    _delay(good, round(count * LATE), until, rng)
    records.sort(key=_arrival)
    for number, record in enumerate(records, 1):
        record.number = number
    records += _again([record for record in good if not record.late], duplicates, until, rng)
    records.sort(key=_arrival)  # stable: within the same second, what is sent again stays behind
    return records


def _arrival(record: Record) -> int:
    return record.arrival


def _break(records: list[Record], count: int, rng: Random) -> None:
    """Mark records as broken, in those kinds there are records for, and others as from a number nobody owns."""
    pools = {kind: [record for record in records if record.kind in fit] for kind, fit in BROKEN.items()}
    able = {kind: 1 for kind, pool in pools.items() if pool}
    shares = apportion(round(count * BROKEN_SHARE), able) if able else {}
    for kind, share in {**shares, "unknownNumber": round(count * UNKNOWN_NUMBER)}.items():
        whole = [record for record in pools.get(kind, records) if not record.defect]
        for record in rng.sample(whole, min(share, len(whole))):
            record.defect = kind


def _delay(good: list[Record], count: int, until: int, rng: Random) -> None:
    """Let some records arrive days after they happened."""
    least, most = LATENESS
    early_enough = [record for record in good if record.start + least < until]
    for record in rng.sample(early_enough, min(count, len(early_enough))):
        record.arrival = record.start + rng.randint(least, min(most, until - record.start))
        record.late = True


def _again(good: list[Record], count: int, until: int, rng: Random) -> Iterator[Record]:
    """Copies of some records, sent again within a day: in turn the very bytes, and the attributes in another order."""
    for place, record in enumerate(rng.sample(good, min(count, len(good)))):
        second = copy(record)
        second.arrival = rng.randint(record.arrival, min(until, record.arrival + DAY))
        second.defect = DUPLICATES[place % len(DUPLICATES)]
        yield second


def _line(record: Record, batch: str) -> bytes:
    """One NDJSON line; nothing in it needs escaping."""
    specification = "telepathy" if record.defect == "unknownSpecification" else record.kind
    attributes = [
        '"@type":"ProductUsage"',
        f'"usageType":"{record.kind}"',
        f'"usageSpecification":{{"@type":"ProductUsageSpecificationRef","id":"{specification}"}}',
        '"externalIdentifier":[{"@type":"ExternalIdentifier","owner":"mediation","externalIdentifierType":"cdr",'
        f'"id":"{batch}-{record.number:07d}"}}]',
        f'"usageCharacteristic":[{",".join(_characteristics(record))}]',
    ]
    if record.defect == "duplicateReordered":
        attributes.reverse()
    text = f"{{{','.join(attributes)}}}"
    if record.defect == "cutJson":
        text = text[: len(text) // 3 + record.number % (len(text) // 2)]
    return f"{text}\n".encode()


def _characteristics(record: Record) -> Iterator[str]:
    kind, defect = record.kind, record.defect
    number = f"491559{record.number:07d}" if defect == "unknownNumber" else record.line.number
    yield _string("originatingPhoneNumber", f"+{number}")
    if kind in ("voice", "sms"):
        yield _string("destinationPhoneNumber", record.to)
    if defect != "missingCharacteristic":
        amount = -record.amount if defect == "negativeDuration" else record.amount
        yield f'{{"@type":"IntegerCharacteristic","name":"{QUANTITY[kind]}","value":{amount}}}'
    yield _instant("startDateTime", record.start, defect == "unparsableDate")
    if kind == "voice":
        yield _instant("endDateTime", record.start + record.took)
        yield _string("callType", record.call)
    elif kind == "data":
        yield _string("accessPointName", ACCESS_POINTS.get(record.line.offering, ACCESS_POINT))
    elif kind == "tv":
        yield _string("channel", record.to)
    if record.visited:
        yield _string("visitedNetwork", record.visited)
    if defect == "unknownUnit":
        yield _string("volumeUnit", "furlong")


def _string(name: str, value: str) -> str:
    return f'{{"@type":"StringCharacteristic","name":"{name}","value":"{value}"}}'


def _instant(name: str, at: int, garbled: bool = False) -> str:
    text = strftime("%d.%m.%Y %H Uhr" if garbled else "%Y-%m-%dT%H:%M:%SZ", gmtime(at))
    return f'{{"@type":"StringCharacteristic","name":"{name}","valueType":"date-time","value":"{text}"}}'
