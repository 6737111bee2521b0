"""Claim: recommendations from live balances over HTTP in milliseconds, with hundreds of offerings and many subscribers.

Some subscribers are provisioned and use what they have; the rest are copies of their rows, with ids of their own, for
the queries of which it makes no difference. Open loop: queries are sent at a fixed rate whatever the answers do, and
timed from when they were due. Closed loop: clients that send as fast as they are answered. Sizes come from
OXL_BENCH_SUBSCRIBERS and OXL_BENCH_OFFERINGS.
"""

from __future__ import annotations

import json
import os
import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.ground import Ground, ground, http_load, machine
from oxl.apis.operator.api import OPERATOR
from oxl.apis.product_usage.api import PRODUCT_USAGE
from oxl.apis.recommendation import jobs
from oxl.cli.bulk import post_all
from oxl.engines.catalog import registry
from oxl.kernel.background import once

SUBSCRIBERS = int(os.environ.get("OXL_BENCH_SUBSCRIBERS", "100000"))
OFFERINGS = int(os.environ.get("OXL_BENCH_OFFERINGS", "500"))
PROVISIONED = 2000
RATE, SECONDS = 50, 15
PATH = "/tmf-api/recommendationManagement/v4/queryProductRecommendation"
# What makes up a subscriber, and which of the columns are ids that each copy has for itself.
_COPIED = {
    "party": ("id",),
    "account": ("id", "party_id"),
    "device": ("id", "account_id"),
    "product": ("id", "account_id", "device_id"),
    "product_plan": ("product_id",),
    "number_use": ("number", "device_id", "product_id"),
    "bucket": ("id", "account_id", "product_id", "device_id"),
    "allowance_schedule": ("product_id", "account_id"),
    "usage": ("id", "account_id", "product_id", "device_id"),
}
_USES = (
    *(("data", {"volume": volume, "volumeUnit": "MB"}) for volume in (3000, 2900, 2800)),
    ("voice", {"destinationPhoneNumber": "+447700900123", "duration": 90}),
)
_PLANS = (
    "data-pack-2gb",
    "data-pack-10gb",
    "voice-pack-100",
    "world-calls-pack",
    "roaming-eu-pack",
    "roaming-world-pack",
)


async def _prepare(place: Ground) -> list[str]:
    """The offerings, the subscribers with a few packs and some usage each, a trained model; the parties' ids."""
    await _publish(place)
    began = time.perf_counter()
    await _provision(place, min(PROVISIONED, SUBSCRIBERS))
    await _copy(place, SUBSCRIBERS // PROVISIONED - 1)
    async with place.tenant.connection() as conn:
        rows = await conn.fetch("select id from party order by id")
        uses = await conn.fetchval("select count(*) from usage")
    took = time.perf_counter() - began
    print(f"{len(rows):,} subscribers with {uses:,} records of usage made in {took:.0f} s; {machine()}", flush=True)
    began = time.perf_counter()
    kept = await jobs.train(place.tenant)
    figures = kept.metrics.get("model", {}), kept.metrics.get("popularity", {})
    print(
        f"model of {kept.metrics['items']} offerings trained in {time.perf_counter() - began:.1f} s: {figures}",
        flush=True,
    )
    return [row["id"] for row in rows]


async def _publish(place: Ground) -> None:
    texts = {}
    for n in range(OFFERINGS):
        text = json.dumps({
            "id": f"bench-{n:03d}", "name": f"Pack {n}", "plan": _PLANS[n % len(_PLANS)], "deviceCount": 0,
            "category": ["addon", f"group-{n % 40}"], "productSpecification": f"bench-{n}", "margin": "0.4",
        })  # fmt: skip
        texts[f"offerings/bench-{n:03d}.yaml"] = text
    await once(place.tenant, lambda work: registry.publish(work, texts))


async def _provision(place: Ground, count: int) -> None:
    chance = random.Random(7)
    bodies: list[tuple[dict[str, Any], str | None]] = []
    uses: list[tuple[dict[str, Any], str | None]] = []
    for n in range(count):
        group = chance.randrange(40)
        owned = {f"bench-{(group + 40 * chance.randrange(OFFERINGS // 40 or 1)) % OFFERINGS:03d}" for _ in range(3)}
        body = {
            "party": {"name": f"Bench {n}"},
            "logicalResource": {"value": f"4917{n:09d}"},
            "productOffering": {"id": chance.choice(("prepaid-m", "postpaid-l"))},
            "addOn": [{"id": each} for each in sorted(owned)],
        }
        bodies.append((body, None))
        uses += [(_usage(service, body["logicalResource"]["value"], values), None) for service, values in _USES]
    outcomes = await post_all(place.tenant, OPERATOR, "subscriber", bodies)
    outcomes += await post_all(place.tenant, PRODUCT_USAGE, "productUsage", uses)
    if wrong := [each for each in outcomes if each.why]:
        raise SystemExit(f"{len(wrong)} were refused: {wrong[0].why}")


def _usage(service: str, number: str, values: dict[str, Any]) -> dict[str, Any]:
    began = (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = {"originatingPhoneNumber": f"+{number}", "startDateTime": began} | values
    return {
        "@type": "ProductUsage",
        "usageType": service,
        "usageSpecification": {"@type": "ProductUsageSpecificationRef", "id": service},
        "usageCharacteristic": [
            {"@type": f"{'String' if isinstance(value, str) else 'Number'}Characteristic", "name": name, "value": value}
            for name, value in told.items()
        ],
    }


async def _copy(place: Ground, times: int) -> None:
    """So many copies of every subscriber. No trigger checks them: they are as sound as the first."""
    async with place.database.owner() as conn:
        await conn.execute("set search_path = oxl_default; set session_replication_role = replica")
        for table, ids in _COPIED.items() if times > 0 else ():
            own = ", ".join(f"'{name}', t.{name} || '-' || k" for name in ids)
            await conn.execute(
                f"insert into {table} select (jsonb_populate_record(t, jsonb_build_object({own}))).*"  # noqa: S608 – ours
                f" from {table} t, generate_series(1, {times}) k",
                timeout=600,
            )
        await conn.execute("vacuum analyze", timeout=600)
        await conn.execute("checkpoint", timeout=600)


def _body(party: str) -> dict[str, Any]:
    return {"instantSyncRecommendation": True, "relatedParty": {"id": party, "@referredType": "Individual"}}


async def _asked(place: Ground, parties: list[str], clients: int, rate: int = 0) -> str:
    """What a load came to: at a rate, or as fast as the clients are answered."""
    known = random.Random(13).sample(parties, min(5000, len(parties)))
    lines = [json.dumps(["POST", PATH, _body(party)]) for party in known]
    found = await http_load(place, lines, clients, SECONDS, rate)
    return (
        f"{found['rate']:.0f}/s  p50 {found['p50']:.1f} ms  p99 {found['p99']:.1f} ms"
        f"  {found['cpu']:.2f} ms CPU  {found['statuses']}"
    )


async def main() -> None:
    """Print the figures of the open and the closed loop."""
    print(machine())
    async with ground() as place:
        parties = await _prepare(place)
        print(f"warming up: {await _asked(place, parties, 2)}", flush=True)
        print(f"open loop, {RATE}/s: {await _asked(place, parties, 32, RATE)}; {machine()}", flush=True)
        for clients in (1, 8, 32):
            print(f"closed loop, {clients} clients: {await _asked(place, parties, clients)}", flush=True)
