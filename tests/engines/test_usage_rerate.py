"""Rating again: whatever came in whichever order, what is owed is then what rating in order gives; twice is once."""

from __future__ import annotations

import random
from itertools import count
from typing import Any

import pytest
from tests.conftest import OPERATOR, USAGE, client_of, usage_body
from tests.engines.books import GERMANY, USAGES, available, credit, fetch, posted, sound
from tests.engines.test_usage_changes import owed, proven

from oxl.apis.product_usage import again as jobs
from oxl.db.database import Tenant
from oxl.engines.catalog import registry
from oxl.engines.usage import again
from oxl.engines.usage.again import Selection
from oxl.kernel.background import once
from oxl.values import parse_instant
from oxl.verbs import Work

PLAN = """plan: tiered
name: Tiered
version: {version}
validFrom: "2026-0{version}-01T00:00:00+01:00"
currency: EUR
timezone: Europe/Berlin
taxIncluded: {included}
taxCategory: S
kind: {kind}
zones: {{destination: zones-destination, visited: zones-visited}}
allowances:
  - {{id: minutes, name: Minutes, usageType: voice, amount: "60", units: min, period: month, shared: true}}
usage:
  - {{id: voice, name: Calls, match: {{service: voice}}, unit: second, price: "{call}", per: 60}}
  - id: sms
    name: Messages
    match: {{service: sms}}
    unit: message
    tiers:
      mode: graduated
      steps: [{{upTo: 10, price: "{sms}"}}, {{upTo: 30, price: "0.05", flat: "1"}}, {{price: "0.01"}}]
  - id: data
    name: Data
    match: {{service: data}}
    unit: B
    tiers: {{mode: package, size: 1000, price: "0.5", free: 500}}
discounts:
  - {{id: loyal, name: Loyal, on: usage, components: [voice], percent: "10"}}
"""
_numbers = count(1)


def plan(version: int, kind: str, call: str = "0.30", sms: str = "0.09") -> str:
    text = PLAN.format(version=version, kind=kind, call=call, sms=sms, included=str(kind == "prepaid").lower())
    return text.replace("plan: tiered", f"plan: tiered-{kind}")


@pytest.fixture(scope="module")
async def tiered(tenant: Tenant) -> Tenant:
    """The tenant with two plans, and offerings of them."""
    await publish_tiers(tenant)
    return tenant


async def publish_tiers(tenant: Tenant) -> None:
    """Publish two plans, and offerings of them."""
    texts = {f"plans/tiered-{kind}.yaml": plan(1, kind) for kind in ("prepaid", "postpaid")}
    async with tenant.connection() as conn:
        offerings = await conn.fetchval("select text from catalog_file where path = 'offerings.yaml'")
    for kind in ("prepaid", "postpaid"):
        offerings += f"\n  - {{id: tiered-{kind}, name: Tiered, plan: tiered-{kind}, productSpecification: line}}\n"
    await once(tenant, lambda work: registry.publish(work, texts | {"offerings.yaml": offerings}))


async def lines_of(tenant: Tenant, kind: str, n: int = 2) -> tuple[str, list[str]]:
    """An account with some lines on a plan: its id and their numbers."""
    account, numbers = "", []
    async with client_of(tenant) as http:
        for _ in range(n):
            number = f"49155502{next(_numbers):05d}"
            body = {
                "party": {"name": "Ada"}, "logicalResource": {"value": number},
                "productOffering": {"id": f"tiered-{kind}"}, "validFor": {"startDateTime": "2026-05-01T00:00:00Z"},
            } | ({"billingAccount": {"id": account}} if account else {})  # fmt: skip
            answer = await http.post(f"{OPERATOR}/subscriber", json=body)
            assert answer.status_code == 201, answer.text
            account = answer.json()["billingAccount"]["id"]
            numbers.append(number)
    if kind == "prepaid":
        await credit(tenant, account, 500_000_000)
    return account, numbers


def records(seed: int, numbers: list[str], n: int = 60) -> list[dict[str, Any]]:
    """Records of these numbers, each at an instant of its own, in the order of their start."""
    choose = random.Random(seed)
    starts = sorted(choose.sample(range(30 * 24 * 60), n))
    made = []
    for start in starts:
        at = f"2026-06-{1 + start // 1440 // 3:02}T{start // 60 % 24:02}:{start % 60:02}:{start % 59:02}Z"
        kind = choose.choice(["voice", "voice", "sms", "data"])
        values = {
            "voice": {"destinationPhoneNumber": GERMANY, "duration": choose.randrange(1, 900)},
            "sms": {"destinationPhoneNumber": GERMANY, "messageCount": choose.randrange(1, 6)},
            "data": {"volume": choose.randrange(1, 3000)},
        }[kind]
        made.append(usage_body(kind, choose.choice(numbers), at, **values))
    return sorted(
        made, key=lambda body: next(c["value"] for c in body["usageCharacteristic"] if c["name"] == "startDateTime")
    )


async def taken(tenant: Tenant, bodies: list[dict[str, Any]], seed: int) -> None:
    """Take the records in groups of any size."""
    choose, rest = random.Random(seed), list(bodies)
    while rest:
        size = choose.choice([1, 3, 20])
        for answer in await posted(tenant, USAGES, rest[:size]):
            assert answer.result.status == "rated"
        rest = rest[size:]


async def rerated(tenant: Tenant, account: str, version: int | None = None) -> dict[str, int]:
    chosen = Selection(account_id=account)
    job = await once(tenant, lambda work: again.start(work, "rerate", chosen, version))
    done = await jobs.run_to_end(tenant, job.id)
    assert sum(done.counts.values()) == done.total
    return done.counts


async def standing(tenant: Tenant, account: str) -> tuple[Any, Any, Any]:
    """What the account owes and has left, and how each of its usages is priced, by start."""
    usages = await fetch(
        tenant, "select started_at, prices from usage where account_id = $1 order by 1, prices", account
    )
    names = {row["id"]: row["name"] for row in await fetch(tenant, "select id, name from bucket")}
    prices = []
    for row in usages:
        text = row["prices"]
        for bucket, name in names.items():
            text = text.replace(bucket, name)
        prices.append((row["started_at"], text))
    return await owed(tenant, account), await available(tenant, account), prices


@pytest.mark.parametrize("kind", ["postpaid", "prepaid"])
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_any_order_and_split_comes_to_rating_in_order_once_rated_again(tiered, kind, seed) -> None:
    one, numbers = await lines_of(tiered, kind)
    other, others = await lines_of(tiered, kind)
    bodies = records(seed, numbers)
    shuffled = records(seed, others)
    random.Random(seed).shuffle(shuffled)
    await taken(tiered, bodies, seed)
    await taken(tiered, shuffled, seed)
    reference = await standing(tiered, one)
    unordered = await standing(tiered, other)
    for component in ("sms", "data"):  # of one price for the period: exact in any order
        assert unordered[0].get(component) == reference[0].get(component)
    assert await rerated(tiered, one) == {"unchanged": len(bodies)}
    assert await standing(tiered, one) == reference
    counts = await rerated(tiered, other)
    assert counts["corrected"] > 0
    assert await standing(tiered, other) == reference
    assert await rerated(tiered, other) == {"unchanged": len(bodies)}
    await proven(tiered)


@pytest.mark.parametrize("kind", ["postpaid", "prepaid"])
async def test_another_version_posts_the_difference_and_keeps_what_was(tiered, http, kind) -> None:
    account, numbers = await lines_of(tiered, kind)
    bodies = records(7, numbers)
    await taken(tiered, bodies, 7)
    before = await standing(tiered, account)
    second = {f"plans/tiered-{kind}-2.yaml": plan(2, kind, "0.36", "0.08").replace("2026-02", "2026-07")}
    await once(tiered, lambda work: registry.publish(work, second))
    counts = await rerated(tiered, account, 2)
    assert counts == {"corrected": len(bodies)}
    after = await standing(tiered, account)
    assert after[:2] != before[:2]
    assert await rerated(tiered, account, 2) == {"unchanged": len(bodies)}
    await proven(tiered)
    (usage, *_) = await fetch(tiered, "select id from usage where account_id = $1", account)
    past = (await http.get(f"{OPERATOR}/usageHistory", params={"usage.id": usage["id"], "sort": "sequence"})).json()
    assert [(each["previousStatus"], each["status"], each["actor"]) for each in past] == [
        ("initialized", "rated", "client"), ("rated", "corrected", "rerate"),
    ]  # fmt: skip
    await rerated(tiered, account, 1)
    assert (await standing(tiered, account))[0:2] == before[0:2]
    await proven(tiered)


async def test_a_job_cut_short_goes_on_where_it_was(tiered, monkeypatch) -> None:
    monkeypatch.setattr(again, "STEP", 10)
    found = []
    for cut in (False, True):
        accounts = []
        for seed in (21, 22, 23):
            account, numbers = await lines_of(tiered, "postpaid")
            bodies = records(seed, numbers, 14)
            random.Random(seed).shuffle(bodies)
            await taken(tiered, bodies, seed)
            accounts.append(account)
        chosen = Selection(plan_id="tiered-postpaid", start=parse_instant("2026-06-01T00:00:00Z"))
        job = await once(tiered, lambda work, chosen=chosen: again.start(work, "rerate", chosen))
        if cut:
            first = await once(tiered, lambda work, job=job: again.step(work, job.id))
            assert first is not None
            assert (first.state, 0 < sum(first.counts.values()) < job.total) == ("inProgress", True)
            with pytest.raises(RuntimeError):
                await once(tiered, lambda work, job=job: _broken_off(work, job.id))
        done = await jobs.run_to_end(tiered, job.id)
        assert (done.state, sum(done.counts.values())) == ("done", job.total)
        again_done = await jobs.run_to_end(tiered, job.id)
        assert again_done.counts == done.counts
        found.append([await standing(tiered, account) for account in accounts])
    assert found[0] == found[1]
    await proven(tiered)


async def _broken_off(work: Work, job_id: str) -> None:
    await again.step(work, job_id)
    raise RuntimeError("a worker died before its transaction ended")


async def test_without_credit_for_the_new_price_all_of_the_account_stays(tiered) -> None:
    account, numbers = await lines_of(tiered, "prepaid", 1)
    call = usage_body("voice", numbers[0], "2026-06-03T10:00:00Z", destinationPhoneNumber=GERMANY, duration=3660)
    await taken(tiered, [call], 1)
    main = await fetch(
        tiered,
        "select id, credited - used - debited as left from bucket where account_id = $1 and kind = 'main'",
        account,
    )
    async with client_of(tiered) as http:
        take = {
            "amount": {"amount": -(main[0]["left"] // 10_000) / 100, "units": "EUR"},
            "bucket": {"id": main[0]["id"]},
        }
        answer = await http.post("/tmf-api/prepayBalanceManagement/v4/adjustBalance", json=take | {"reason": "test"})
        assert answer.status_code == 201, answer.text
    dear = {"plans/tiered-prepaid-3.yaml": plan(3, "prepaid", "9.00").replace("2026-03", "2026-08")}
    await once(tiered, lambda work: registry.publish(work, dear))
    before = await standing(tiered, account)
    assert await rerated(tiered, account, 3) == {"kept: insufficientCredit": 1}
    assert await standing(tiered, account) == before
    await proven(tiered)


@pytest.mark.parametrize("kind", ["postpaid", "prepaid"])
async def test_what_is_left_of_a_period_is_owed_whichever_goes(tiered, kind) -> None:
    account, numbers = await lines_of(tiered, kind, 1)
    texts = [
        usage_body("sms", numbers[0], f"2026-06-0{n}T10:00:00Z", destinationPhoneNumber=GERMANY, messageCount=n)
        for n in range(1, 9)
    ]
    answers = await posted(tiered, USAGES, texts)
    before = await available(tiered, account)
    async with client_of(tiered) as http:
        for place in (6, 1, 3):
            answer = await http.patch(f"{USAGE}/{answers[place].result.id}", json={"status": "superseded"})
            assert answer.status_code == 200, answer.text
    left = 36 - 7 - 2 - 4  # of graduated: ten at 0.09, then a flat 1 and thirteen at 0.05
    total = 900_000 + 1_000_000 + (left - 10) * 50_000
    if kind == "postpaid":
        assert (await owed(tiered, account))["sms"] == (left, total, 5)
    else:
        after = await available(tiered, account)
        (main,) = [name for name in after if name.startswith("Main")]
        full = 900_000 + 1_000_000 + 20 * 50_000 + 6 * 10_000
        assert after[main] - before[main] == full - total
    await sound(tiered)
    counts = await rerated(tiered, account)  # now each of those that stayed is shown with its own part of it
    assert counts["corrected"] > 0
    if kind == "postpaid":
        assert (await owed(tiered, account))["sms"] == (left, total, 5)
    await proven(tiered)
