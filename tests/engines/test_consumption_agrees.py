"""After each of many random charges, top-ups, reservations and transfers the live reports, the balances of TMF654 and
the ledger say the same, to the atom.

OXL_AGREE says after how many; `make torture` takes ten thousand.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from decimal import Decimal
from random import Random
from typing import Any

import httpx
import msgspec
import pytest
from tests.conftest import BALANCE, CONSUMPTION, USAGE, usage_body
from tests.engines.books import BRITAIN, GERMANY, credit, fetch, sound

from oxl.apis import APIS
from oxl.db.database import Tenant
from oxl.kernel.router import Kernel

FIGURES = """
select id, credited, used, debited, reserved, credited - used - debited - reserved as available, display_atoms as per
from bucket where account_id = $1 and valid_from <= $2 and (valid_to is null or valid_to > $2) order by id
"""
_READ = msgspec.json.Decoder(float_hook=Decimal)


class World:
    """Two lines that share what a family has, and a prepaid one; everything goes over HTTP."""

    def __init__(self, tenant: Tenant, lines: list[dict[str, Any]], seed: int) -> None:
        kernel = Kernel(APIS, tenant, "", 1000, 1 << 20)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(kernel), base_url="http://oxl.example")
        self.tenant = tenant
        self.lines = lines
        self.random = Random(seed)
        self.open: list[str] = []
        self.statuses: dict[str, int] = {}
        self.steps = 0

    async def get(self, path: str) -> Any:
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return _READ.decode(answer.content)

    async def buckets(self, account: str) -> list[dict[str, Any]]:
        return await fetch(self.tenant, FIGURES, account, self.tenant.clock.now())

    async def step(self) -> None:
        """Something happens, or is refused."""
        self.steps += 1
        actions = (
            self.charge,
            self.charge,
            self.charge,
            self.top_up,
            self.adjust,
            self.reserve,
            self.settle,
            self.transfer,
        )
        name, answer = await self.random.choice(actions)()
        told = answer.json().get("status", "") if answer.content else ""
        outcome = f"{name} {answer.status_code} {told}"
        self.statuses[outcome] = self.statuses.get(outcome, 0) + 1
        assert answer.status_code in (200, 201, 204, 409), answer.text

    async def charge(self) -> tuple[str, httpx.Response]:
        number = self.random.choice(self.lines)["logicalResource"]["value"]
        service, values = self.random.choice([
            ("data", {"volume": self.random.randint(1, 900), "volumeUnit": "MB"}),
            ("voice", {"duration": self.random.randint(1, 900), "destinationPhoneNumber": GERMANY}),
            ("voice", {"duration": self.random.randint(1, 300), "destinationPhoneNumber": BRITAIN}),
            ("sms", {"destinationPhoneNumber": self.random.choice([GERMANY, BRITAIN])}),
        ])  # fmt: skip
        body = usage_body(service, number, **values)
        body["externalIdentifier"] = [{"id": f"agree-{self.steps}"}]
        return "charge", await self.http.post(USAGE, json=body)

    async def _some(self) -> dict[str, Any]:
        """A bucket in the documents' terms."""
        account = self.random.choice(self.lines)["billingAccount"]["id"]
        return self.random.choice(await self.get(f"{BALANCE}/bucket?partyAccount.id={account}&status=active"))

    def _amount(self, bucket: dict[str, Any], most: int = 5) -> dict[str, Any]:
        return {"amount": self.random.randint(1, most), "units": bucket["remainingValue"]["units"]}

    async def top_up(self) -> tuple[str, httpx.Response]:
        bucket = await self._some()
        body = {"bucket": {"id": bucket["id"]}, "amount": self._amount(bucket)}
        return "topup", await self.http.post(f"{BALANCE}/topupBalance", json=body)

    async def adjust(self) -> tuple[str, httpx.Response]:
        bucket = await self._some()
        amount = self._amount(bucket)
        amount["amount"] *= self.random.choice([1, -1, -2])
        body = {"bucket": {"id": bucket["id"]}, "amount": amount, "reason": "random"}
        return "adjust", await self.http.post(f"{BALANCE}/adjustBalance", json=body)

    async def reserve(self) -> tuple[str, httpx.Response]:
        bucket = await self._some()
        body = {"bucket": {"id": bucket["id"]}, "amount": self._amount(bucket)}
        answer = await self.http.post(f"{BALANCE}/reserveBalance", json=body)
        self.open += [answer.json()["href"]] if answer.status_code == 201 else []
        return "reserve", answer

    async def settle(self) -> tuple[str, httpx.Response]:
        if not self.open:
            return await self.reserve()
        place = self.open.pop(self.random.randrange(len(self.open)))
        if self.random.random() < 0.3:
            return "release", await self.http.delete(place)
        return "complete", await self.http.patch(place, json={"status": "completed", "reason": "used"})

    async def transfer(self) -> tuple[str, httpx.Response]:
        one, other = await self._some(), await self._some()
        if one["id"] == other["id"] or one["remainingValue"]["units"] != other["remainingValue"]["units"]:
            return await self.top_up()
        body = {"bucket": {"id": one["id"]}, "receiverBucket": {"id": other["id"]}, "amount": self._amount(one, 2)}
        return "transfer", await self.http.post(f"{BALANCE}/transferBalance", json=body)

    async def agrees(self) -> None:
        """Every line's report, every account's, the documents of TMF654 and the ledger say the same."""
        for account in {line["billingAccount"]["id"]: None for line in self.lines}:
            rows = {row["id"]: row for row in await self.buckets(account)}
            for row in rows.values():
                assert row["credited"] == row["used"] + row["debited"] + row["reserved"] + row["available"]
            balances = await self.get(f"{BALANCE}/bucket?partyAccount.id={account}&status=active")
            assert {each["id"]: _figures(each, rows) for each in balances} == {
                key: (row["available"], row["reserved"]) for key, row in rows.items()
            }
            whole = await self.get(f"{CONSUMPTION}/usageConsumptionReport/live-{account}")
            self._told(whole, rows, rows)
            for line in (each for each in self.lines if each["billingAccount"]["id"] == account):
                told = await self.get(f"{CONSUMPTION}/usageConsumptionReport/live-{line['logicalResource']['id']}")
                self._told(told, rows, [each["id"] for each in told["bucket"]])
            await self._drawn(whole, rows)

    def _told(self, told: dict[str, Any], rows: dict[str, Any], wanted: Iterable[str]) -> None:
        assert sorted(each["id"] for each in told["bucket"]) == sorted(wanted)
        for each in told["bucket"]:
            row = rows[each["id"]]
            assert _figures(each, rows) == (row["available"], row["reserved"])
            levels = {c["counterType"]: c for c in each["bucketCounter"] if c["level"] == "global"}
            found = {kind: _atoms(counter["value"], row) for kind, counter in levels.items()}
            assert found == {"used": row["used"], "remaining": row["available"], "reserved": row["reserved"]}
            assert row["credited"] - row["debited"] == sum(found.values())

    async def _drawn(self, whole: dict[str, Any], rows: dict[str, Any]) -> None:
        """What users have drawn from what they share adds up to what was drawn, but for what nobody is told to have."""
        for each in whole["bucket"]:
            by_user = [
                c for c in each["bucketCounter"] if (c["counterType"], c["level"]) == ("used", "detailed by user")
            ]
            if by_user:
                asked = "select coalesce(sum(used), 0) as used from bucket_use where bucket_id = $1 and device_id <> ''"
                (row,) = await fetch(self.tenant, asked, each["id"])
                assert sum(_atoms(counter["value"], rows[each["id"]]) for counter in by_user) == row["used"]


def _atoms(value: dict[str, Any], row: dict[str, Any]) -> int:
    return round(Decimal(value["amount"]) * row["per"])


def _figures(doc: dict[str, Any], rows: dict[str, Any]) -> tuple[int, int]:
    return tuple(_atoms(doc[name], rows[doc["id"]]) for name in ("remainingValue", "reservedValue"))


async def walk(tenant: Tenant, subscribe: Any, steps: int, seed: int) -> World:
    family = {"externalId": f"agree-{seed}"}
    lines = [await subscribe("family-share", billingAccount=family) for _ in range(2)]
    lines.append(await subscribe("prepaid-m"))
    await credit(tenant, lines[2]["billingAccount"]["id"], 50_000_000)
    world = World(tenant, lines, seed)
    async with world.http:
        await world.agrees()
        for _ in range(steps):
            await world.step()
            await world.agrees()
    await sound(tenant)
    return world


async def test_reports_balances_and_ledger_agree_after_every_action(tenant: Tenant, subscribe: Any) -> None:
    world = await walk(tenant, subscribe, int(os.environ.get("OXL_AGREE", "120")), 6)
    done = {outcome.split()[0] for outcome in world.statuses if " 20" in outcome}
    assert done >= {"charge", "topup", "adjust", "reserve", "complete", "transfer"}, world.statuses


@pytest.mark.torture
async def test_they_agree_after_every_one_of_ten_thousand(tenant: Tenant, subscribe: Any) -> None:
    await walk(tenant, subscribe, 10_000, 7)
