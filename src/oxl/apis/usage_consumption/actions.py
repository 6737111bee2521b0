"""What POST and DELETE mean in TMF677: bodies become queries, reports and limits of the consumption engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from oxl.apis.standard import instant_in
from oxl.engines.consumption import consumption, limits
from oxl.engines.consumption.limits import THRESHOLDS, NewLimit
from oxl.engines.consumption.template import BucketTemplate, Query
from oxl.values import BadValue, to_atoms
from oxl.verbs import Done, Refused, Work, each_read, invalid

_BODY = msgspec.json.Encoder(decimal_format="number")
_ASKING = frozenset(("agent", "requester", "requestor", "seller"))  # roles of who asks, not of whom is asked about
_MOST_THRESHOLD = 1000  # percent
_KEPT_APART = ("limitValue", "threshold", "logicalResource")  # attributes of a limit that have columns


def query_of(body: dict[str, Any]) -> Query:
    """The engine's query of a checked queryUsageConsumption; Refusal names what is wrong with it."""
    criteria = body.get("searchCriteria", {})
    return _template(criteria, ("searchCriteria",), body)


def _template(report: dict[str, Any], path: tuple[str, ...], around: dict[str, Any] | None = None) -> Query:
    """What a report says as a template; party and account may also stand around it, and then must hold as well."""
    outer = around or {}
    since, until = (instant_in(report, "validPeriod", f"{edge}DateTime") for edge in ("start", "end"))
    if since and until and until < since:
        raise invalid(".".join((*path, "validPeriod", "endDateTime")), "lies before the start")
    devices = [(each.get("id"), each.get("value")) for each in report.get("logicalResource", ())]
    numbers = {value: value.lstrip("+") for _, value in devices if value}
    both = [(name, numbers[value]) for name, value in devices if name and value and name not in (value, numbers[value])]
    return Query(
        ids=tuple(name for name, value in devices if name and not value),
        numbers=tuple(numbers[value] for name, value in devices if value and name in (None, value, numbers[value])),
        pairs=tuple(f"{name} {number}" for name, number in both),
        products=_ids(report.get("product", ())),
        accounts=_both(_ids(outer.get("partyAccount", ())), _ids(report.get("partyAccount", ()))),
        parties=_both(_parties(outer.get("relatedParty", ())), _parties(report.get("relatedParty", ()))),
        buckets=tuple(_bucket(each) for each in report.get("bucket", ())),
        since=since,
        until=until,
    )


def _both(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    """Alternatives that are among both, where both are given; one that nothing meets where they have none in common."""
    if not first or not second:
        return first or second
    return tuple(each for each in first if each in second) or ("",)


def _ids(references: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(each["id"] for each in references if each.get("id"))


def _parties(related: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    parties = [each.get("partyOrPartyRole", {}) for each in related if str(each.get("role", "")).lower() not in _ASKING]
    return tuple(found for each in parties if (found := each.get("partyId") or each.get("id")))


def _bucket(wanted: dict[str, Any]) -> BucketTemplate:
    return BucketTemplate(
        id=wanted.get("id"),
        name=wanted.get("name"),
        usage_type=wanted.get("usageType"),
        shared=wanted.get("isShared"),
        status=wanted.get("status"),
        allowance=wanted.get("bucketSpecification", {}).get("id"),
        product=next(iter(_ids(wanted.get("product", ()))), None),
    )


async def create_query(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /queryUsageConsumption: answered at once where few devices are meant."""
    return await _asked(work, bodies, later=False)


async def create_query_later(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """The same for clients that prefer not to wait."""
    return await _asked(work, bodies, later=True)


async def _asked(work: Work, bodies: Sequence[dict[str, Any]], later: bool) -> list[Done | Refused]:
    return await each_read(
        work,
        bodies,
        lambda body: (query_of(body), _text(body)),
        lambda work, asked: consumption.ask(work, asked, later),
    )


def _text(body: dict[str, Any]) -> str:
    return _BODY.encode(body).decode()


async def create_report(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /usageConsumptionReport: what the device or the account that it names has used and has left now is kept."""
    return await each_read(work, bodies, lambda body: (_template(body, ()), _text(body)), consumption.report)


async def delete_query(work: Work, ids: Sequence[str]) -> list[Done | Refused]:
    """DELETE /queryUsageConsumption/{id}: the query and the reports that were kept with it."""
    return await consumption.forget_queries(work, ids)


async def delete_report(work: Work, ids: Sequence[str]) -> list[Done | Refused]:
    """DELETE /usageConsumptionReport/{id}."""
    return await consumption.forget_reports(work, ids)


def limit_of(body: dict[str, Any]) -> NewLimit:
    """The limit that a checked body describes; Refusal names what is wrong with it."""
    value, device = body["limitValue"], body["logicalResource"]
    try:
        unit, atoms = to_atoms(value["amount"], value.get("units"))
    except BadValue as error:
        field = "units" if str(error).startswith("unknown unit") else "amount"
        raise invalid(f"limitValue.{field}", str(error)) from None
    if atoms <= 0:
        raise invalid("limitValue.amount", "must be more than nothing")
    thresholds = tuple(sorted(set(body.get("threshold", THRESHOLDS))))
    if not thresholds or not all(1 <= each <= _MOST_THRESHOLD for each in thresholds):
        raise invalid("threshold", f"must be one or more percentages from 1 to {_MOST_THRESHOLD}")
    number, name = device.get("value"), device.get("id")
    return NewLimit(
        body=_text({key: text for key, text in body.items() if key not in _KEPT_APART}),
        device_id=name if name != number else None,
        number=number.lstrip("+") if number else None,
        allowance_id=body.get("bucketSpecification", {}).get("id", ""),
        unit=unit,
        amount=atoms,
        display_unit=value["units"],
        thresholds=thresholds,
    )


async def create_limit(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /usageLimit, an extension."""
    return await each_read(work, bodies, limit_of, limits.set_limits)


async def delete_limit(work: Work, ids: Sequence[str]) -> list[Done | Refused]:
    """DELETE /usageLimit/{id}."""
    return await limits.forget_limits(work, ids)
