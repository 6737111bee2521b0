"""The first walk that `oxl serve` prints: five lines of curl with ids that are there, to be pasted as they stand."""

from __future__ import annotations

import msgspec
from rich.markup import escape

from oxl.apis.operator.api import OPERATOR
from oxl.apis.prepay_balance.api import PREPAY_BALANCE
from oxl.cli.ask import ask
from oxl.cli.seed import KATE
from oxl.cli.telling import line as tell
from oxl.cli.telling import say
from oxl.db.database import Tenant
from oxl.settings import Settings
from oxl.values import instant_text


async def print_walk(tenant: Tenant, settings: Settings) -> None:
    """Where OXL listens, and the walk with the demo's first subscriber where she is there."""
    url = f"http://{settings.host}:{settings.port}"
    told = f"\n[bold]OXL serves at {url}[/]  (contracts at {url}/tmf-api/…/openapi.json, {url}/docs, Ctrl-C stops it)"
    tell(told, url=url, tenant=tenant.name)
    found = await ask(tenant, OPERATOR, "subscriber", logicalResource__value=KATE)
    if found:
        account, device = found[0]["billingAccount"]["id"], found[0]["logicalResource"]["id"]
        (main,) = await ask(tenant, PREPAY_BALANCE, "bucket", partyAccount__id=account, usageType="monetary")
        for title, line in _lines(url, device, main["id"], instant_text(tenant.clock.now())):
            say(f"\n[dim]# {title}[/]")
            say(escape(line))
    say("")


def _lines(url: str, device: str, bucket: str, now: str) -> list[tuple[str, str]]:
    topup = {"amount": {"amount": 15, "units": "EUR"}, "bucket": {"id": bucket}}
    usage = {
        "@type": "ProductUsage",
        "usageType": "voice",
        "usageSpecification": {"@type": "ProductUsageSpecificationRef", "id": "voice"},
        "usageCharacteristic": [
            {"@type": "StringCharacteristic", "name": "originatingPhoneNumber", "value": f"+{KATE}"},
            {"@type": "StringCharacteristic", "name": "destinationPhoneNumber", "value": "+493012345678"},
            {"@type": "IntegerCharacteristic", "name": "duration", "value": 300},
            {"@type": "StringCharacteristic", "name": "startDateTime", "value": now},
        ],
    }
    report = f"curl -s {url}/tmf-api/usageConsumption/v5/usageConsumptionReport/live-{device}"
    return [
        ("what Kate has used and has left, now", report),
        ("she calls Berlin for five minutes", _post(f"{url}/tmf-api/productUsageManagement/v5/productUsage", usage)),
        ("the very next report shows it", report),
        ("a top-up of 15 euros", _post(f"{url}/tmf-api/prepayBalanceManagement/v4/topupBalance", topup)),
        ("her main balance", f"curl -s {url}/tmf-api/prepayBalanceManagement/v4/bucket/{bucket}"),
    ]


def _post(url: str, body: dict) -> str:
    return f"curl -s {url} -H 'Content-Type: application/json' -d '{msgspec.json.encode(body).decode()}'"
