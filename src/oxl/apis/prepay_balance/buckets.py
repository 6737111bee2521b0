"""What POST /bucket means, an extension for operators: open a bucket beside those that plans grant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oxl.apis.prepay_balance.amounts import as_text, atoms_of, device_of
from oxl.apis.standard import instant_in
from oxl.engines.ledger.opening import NewBucket, open_buckets
from oxl.values import usage_type
from oxl.verbs import Done, Refused, Work, each_read, invalid

_UNITS = {"monetary": "EUR", "data": "GB", "voice": "min", "sms": "sms", "other": "points"}  # where none is stated
# What the bucket itself tells.
_COMPUTED = ("name", "usageType", "isShared", "remainingValue", "creditLimit", "validFor", "partyAccount", "@type")


def bucket_of(body: dict[str, Any], work: Work) -> NewBucket:
    """The bucket that a checked body describes; Refusal names what is wrong with it."""
    kind = body["usageType"]
    found: dict[str, int] = {}
    unit = _UNITS[kind]
    for name, field in (("creditLimit", "credit_limit"), ("remainingValue", "amount")):
        if name in body:
            ledger_unit, found[field] = atoms_of(body, name)
            if usage_type(ledger_unit) != kind:
                raise invalid(f"{name}.units", f"is no unit of {kind}")
            if found[field] < 0:
                raise invalid(f"{name}.amount", "must not be negative")
            if len(found) == 2 and atoms_of(body, "creditLimit")[0] != ledger_unit:
                raise invalid(f"{name}.units", "is another unit than the credit limit's")
            unit = body[name]["units"]
    if found.get("credit_limit") and kind != "monetary":
        raise invalid("creditLimit", "is for money only")
    start, end = (instant_in(body, "validFor", f"{edge}DateTime") for edge in ("start", "end"))
    if end is not None and end <= max(start or work.now, work.now):
        raise invalid("validFor.endDateTime", "must lie ahead, and be later than the start")
    return NewBucket(
        unit=unit,
        name=body.get("name", ""),
        body=as_text({name: value for name, value in body.items() if name not in _COMPUTED}),
        account_id=body.get("partyAccount", {}).get("id"),
        product_id=next((each["id"] for each in body.get("product", ())), None),
        device_id=device_of(body),
        valid_from=start,
        valid_to=end,
        **found,
    )


async def create_bucket(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /bucket: an empty one, or one with the `remainingValue` that it opens with."""
    return await each_read(work, bodies, lambda body: bucket_of(body, work), open_buckets)
