"""Bills: found, read beside their PDF, explained down to the usage; runs with their control sums."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
import msgspec
from playwright.async_api import expect

from oxl.engines.billing import setup
from oxl.engines.billing.policy import Policy
from oxl.kernel.background import once
from tests.conftest import BILLS
from tests.waiting import until

__all__ = [
    "test_a_bill_is_explained_beside_its_document",
    "test_a_bill_is_validated_by_hand",
    "test_a_trial_run_is_made_and_adds_up",
]
HOME = ZoneInfo(Policy().time_zone)  # in which days begin, wherever the browser is


async def test_a_bill_is_explained_beside_its_document(opened, served) -> None:
    async with opened() as tab:
        await tab.open("/bills", "Bills")
        page = tab.page
        rows = page.locator("tbody tr")
        await expect(rows.first).to_be_visible()
        await tab.check()
        await page.get_by_label("State").select_option("settled")
        await page.get_by_role("button", name="Find").click()
        await expect(page.get_by_text("No such bills")).to_be_visible()
        await tab.open("/bills", "Bills")
        await rows.first.get_by_role("link").click()
        await expect(page.get_by_role("heading", level=1, name=re.compile("^Bill "))).to_be_visible()
        made = httpx.get(f"{served}{BILLS}/customerBill/{page.url.rpartition('/')[2]}").json()
        due = datetime.fromisoformat(made["paymentDueDate"]).astimezone(HOME)
        await expect(page.get_by_role("region", name="Bill", exact=True)).to_contain_text(
            f"{due:%b} {due.day}, {due:%Y}"
        )
        await expect(page.get_by_role("link", name="Save the PDF")).to_have_attribute("download", re.compile(r"\.pdf$"))
        await expect(page.get_by_text(re.compile("rounding .* from before ="))).to_be_visible()
        await tab.check()
        await page.get_by_role("region", name="Lines").get_by_role("button").first.click()
        await expect(page.get_by_role("dialog")).to_contain_text(re.compile("days|records"))
        await tab.check()


async def test_a_trial_run_is_made_and_adds_up(opened) -> None:
    async with opened() as tab:
        await tab.open("/bills/runs", "Bills")
        page = tab.page
        await expect(page.locator("tbody tr").first).to_be_visible()
        await page.get_by_role("button", name="Start a run").click()
        await page.get_by_role("dialog").get_by_role("button", name="Start", exact=True).click()
        newest = page.locator("tbody tr").first
        await expect(newest).to_contain_text("Trial")
        await expect(newest).to_contain_text("Succeeded")
        await expect(newest).to_contain_text("All control sums hold.")
        await tab.check()


async def test_a_bill_is_validated_by_hand(opened, demo) -> None:
    """Where the policy has somebody look at bills first."""
    async with demo.tenant() as tenant:
        policy = await once(tenant, setup.policy_of)
        looked_at = msgspec.json.encode(msgspec.structs.replace(policy, auto_validate=False)).decode()
        await once(tenant, lambda work: setup.set_policy(work, looked_at))
        try:
            async with opened() as tab:
                await _validated(tab, await _a_new_bill(demo.url))
        finally:
            await once(tenant, lambda work: setup.set_policy(work, msgspec.json.encode(policy).decode()))


async def _a_new_bill(url: str) -> str:
    """The id of a bill that nobody has looked at."""
    async with httpx.AsyncClient(base_url=url) as http:
        (owed,) = (await http.get(f"{BILLS}/appliedCustomerBillingRate?isBilled=false&limit=1")).json()
        body = {"billingAccount": {"@type": "BillingAccountRef", "id": owed["billingAccount"]["id"]}}
        asked = (await http.post(f"{BILLS}/customerBillOnDemand", json=body)).json()

        async def made() -> str | None:
            told = (await http.get(f"{BILLS}/customerBillOnDemand/{asked['id']}")).json()
            return told.get("customerBill", {}).get("id")

        return str(await until(made))


async def _validated(tab, bill: str) -> None:
    await tab.open(f"/bills/{bill}")
    await expect(tab.page.locator("h1 + .row")).to_contain_text("New")
    await tab.page.get_by_role("button", name="Validate").click()
    await expect(tab.page.get_by_text("The bill is validated and will be sent.")).to_be_visible()
    await expect(tab.page.locator("h1 + .row")).to_contain_text("Validated")
