"""What POST means to an operator of rating: register a kind of usage, order a job, ask for an explanation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from oxl.apis.standard import instant_in
from oxl.engines.catalog.document import CatalogError
from oxl.engines.catalog.registry import catalog_of, publish
from oxl.engines.usage import again
from oxl.engines.usage.again import Selection
from oxl.engines.usage.case import record_of
from oxl.engines.usage.explanations import Asked, explained
from oxl.verbs import Done, Refusal, Refused, Work, invalid

_JSON = msgspec.json.Encoder(decimal_format="number")


async def create_specification(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /usageSpecification: it becomes a file of the catalog, and holds for the records that come from then on."""
    results: list[Done | Refused] = []
    catalog = await catalog_of(work)
    for body in bodies:
        if body["code"] in catalog.specifications:
            message = f"code: there is a usage specification {body['code']} already"
            results.append(Refused("conflict", "duplicate", message, "code", body["code"]))
            continue
        file = f"specifications/{body['code']}.yaml"
        try:
            catalog = await publish(work, {file: _JSON.encode({"specifications": [_specification(body)]}).decode()})
        except CatalogError as error:
            first = error.problems[0]
            field = first.field.removeprefix("specifications[0].").replace("characteristics[", "specCharacteristic[")
            results.append(Refused("invalid", "invalidValue", f"{field}: {first.message}", field))
        else:
            results.append(Done(body["code"], ("create",)))
    return results


def _specification(body: dict[str, Any]) -> dict[str, Any]:
    """The body as the item of a catalog document; YAML reads JSON."""
    kept = {name: body[name] for name in ("name", "description", "version", "service", "countryCode") if
            name in body}  # fmt: skip
    return kept | {
        "id": body["code"],
        "roles": body["role"],
        "characteristics": [_characteristic(each) for each in body["specCharacteristic"]],
    }


def _characteristic(each: dict[str, Any]) -> dict[str, Any]:
    made = {name: each[name] for name in ("name", "valueType", "description") if name in each}
    made["required"] = each.get("minCardinality", 0) > 0
    values = each.get("characteristicValueSpecification", ())
    units = [value["value"] for value in values if "unitOfMeasure" in value and "value" in value]
    least = [value["valueFrom"] for value in values if "valueFrom" in value]
    default = [value["value"] for value in values if value.get("isDefault") and "value" in value]
    found = {"units": units, "minimum": least[0] if least else None, "default": default[0] if default else None}
    return made | {name: value for name, value in found.items() if value}


async def create_job(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /usageJob: the job is kept for a worker to do."""
    results: list[Done | Refused] = []
    for body in bodies:
        if body["kind"] == "retry" and "planVersion" in body:
            results.append(invalid("planVersion", "goes with rerate only").refused)
            continue
        try:
            chosen = _selection(body)
        except Refusal as refusal:
            results.append(refusal.refused)
            continue
        job = await again.start(work, body["kind"], chosen, body.get("planVersion"))
        results.append(Done(job.id, ("create",), job.state))
    return results


def _selection(body: dict[str, Any]) -> Selection:
    def ref(name: str) -> str | None:
        return body[name]["id"] if name in body else None

    return Selection(
        reason=body.get("statusReason"),
        specification_id=ref("usageSpecification"),
        product_id=ref("product"),
        account_id=ref("billingAccount"),
        plan_id=ref("pricePlan"),
        start=instant_in(body, "period", "startDateTime"),
        until=instant_in(body, "period", "endDateTime"),
        late=body.get("acceptLate", False),
    )


async def create_explanation(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /ratingExplanation: of a stored usage, or of a record by a plan."""
    return [await _explained(work, body) for body in bodies]


async def _explained(work: Work, body: dict[str, Any]) -> Done | Refused:
    record = body.get("record")
    if record is not None and not isinstance(record.get("usageSpecification", {}).get("id"), str):
        return invalid("record.usageSpecification.id", "is required", "missingAttribute").refused
    asked = Asked(
        usage_id=body["usage"]["id"] if "usage" in body else None,
        record=record_of(record) if record is not None else None,
        plan_id=body["pricePlan"]["id"] if "pricePlan" in body else None,
        plan_version=body.get("planVersion"),
    )
    return (await explained(work, [asked]))[0]
